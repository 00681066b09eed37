"""AVPs, as EAP-TTLS writes what is inside its tunnel (RFC 5281 section 10)."""

import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from radius.eap.methods.method import MalformedMethod

Place = tuple[int, int]
"""What an AVP is: the vendor, 0 for none, and the code in that vendor's numbers."""

_HEADER: Final = struct.Struct(">IB3s")
_VENDOR: Final = struct.Struct(">I")
_VENDOR_BIT: Final = 0x80
_MANDATORY_BIT: Final = 0x40
_BOUNDARY: Final = 4
_LONGEST: Final = 0xFF_FF_FF


@dataclass(frozen=True, slots=True)
class Avp:
    """One AVP. `data` is not shown: it may be a password."""

    place: Place
    data: bytes = field(repr=False)
    is_mandatory: bool = True
    """Whether a receiver that does not understand it has to fail."""


def parse(octets: bytes) -> list[Avp]:
    """Return the AVPs in a sequence. A vendor of 0 is the same as none; reserved flags are ignored.

    Raises MalformedMethod.

    Deviation: padding may hold any octets, and may be missing after the last AVP. Both happen, and
    neither leaves a doubt of what was meant.
    """
    avps = []
    start = 0
    while start < len(octets):
        if len(octets) - start < _HEADER.size:
            raise MalformedMethod("an AVP shorter than its header")
        code, flags, length = _HEADER.unpack_from(octets, start)
        end = start + int.from_bytes(length, "big")
        body, vendor = start + _HEADER.size, 0
        if flags & _VENDOR_BIT:
            body += _VENDOR.size
        if not body <= end <= len(octets):
            raise MalformedMethod("an AVP whose length is not its own")
        if flags & _VENDOR_BIT:
            (vendor,) = _VENDOR.unpack_from(octets, start + _HEADER.size)
        avps.append(Avp((vendor, code), octets[body:end], bool(flags & _MANDATORY_BIT)))
        start = end + -end % _BOUNDARY
    return avps


def encode(avps: Iterable[Avp]) -> bytes:
    """Return AVPs as octets, each padded with zeros to a multiple of 4.

    Raises ValueError for one longer than its Length can say.
    """
    return b"".join(_encode(avp) for avp in avps)


def understood(avps: Iterable[Avp], known: Collection[Place]) -> dict[Place, bytes]:
    """Return the data of those AVPs whose place is known, leaving out what may be left out.

    Raises MalformedMethod for a mandatory one that is not known, and for one that is there twice.
    """
    found: dict[Place, bytes] = {}
    for avp in avps:
        if avp.place in found:
            raise MalformedMethod(f"AVP {avp.place} twice")
        if avp.place in known:
            found[avp.place] = avp.data
        elif avp.is_mandatory:
            raise MalformedMethod(f"AVP {avp.place} is mandatory, and not known")
    return found


def _encode(avp: Avp) -> bytes:
    vendor, code = avp.place
    flags = _MANDATORY_BIT if avp.is_mandatory else 0
    number = b""
    if vendor:
        flags |= _VENDOR_BIT
        number = _VENDOR.pack(vendor)
    length = _HEADER.size + len(number) + len(avp.data)
    if length > _LONGEST:
        raise ValueError(f"an AVP of {length} octets")
    header = _HEADER.pack(code, flags, length.to_bytes(3, "big"))
    return header + number + avp.data + bytes(-length % _BOUNDARY)
