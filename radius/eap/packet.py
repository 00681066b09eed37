"""EAP packets (RFC 3748 section 4)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

_HEADER: Final = struct.Struct(">BBH")
LONGEST: Final = 65_535


class Code(IntEnum):
    """What a packet is (RFC 3748 section 4)."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class Type(IntEnum):
    """Types of requests and responses (IANA, Method Types)."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    MD5_CHALLENGE = 4
    GTC = 6
    TLS = 13
    TTLS = 21
    PEAP = 25
    MSCHAPV2 = 26
    EXTENSIONS = 33
    EXPANDED = 254


class MalformedEap(Exception):
    """Octets that are no EAP packet."""


@dataclass(frozen=True, slots=True)
class EapPacket:
    """One packet; `type` and `data` only in requests and responses. `type` is an int, since a
    supplicant may send any."""

    code: Code
    identifier: int
    type: int | None = None
    data: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """Return its octets. Raises ValueError above 65,535."""
        body = b"" if self.type is None else bytes((self.type,)) + self.data
        length = _HEADER.size + len(body)
        if length > LONGEST:
            raise ValueError(f"an EAP packet of {length} octets")
        return _HEADER.pack(self.code, self.identifier, length) + body


def parse(octets: bytes) -> EapPacket:
    """Return the packet; octets beyond its Length are padding (RFC 3748 section 4.1).

    Raises MalformedEap.
    """
    if len(octets) < _HEADER.size:
        raise MalformedEap("shorter than its header")
    number, identifier, length = _HEADER.unpack_from(octets)
    try:
        code = Code(number)
    except ValueError:
        raise MalformedEap(f"code {number}") from None
    if not _HEADER.size <= length <= len(octets):
        raise MalformedEap("its length is not its own")
    if code in (Code.SUCCESS, Code.FAILURE):
        return EapPacket(code, identifier)
    if length == _HEADER.size:
        raise MalformedEap("no type")
    return EapPacket(code, identifier, octets[_HEADER.size], octets[_HEADER.size + 1 : length])


def begins(octets: bytes) -> bool:
    """Return whether a conversation begins with this: EAP-Start, which is nothing (RFC 3579 section
    2.1), or the response that tells the identity."""
    try:
        packet = parse(octets)
    except MalformedEap:
        return not octets
    return packet.code is Code.RESPONSE and packet.type == Type.IDENTITY
