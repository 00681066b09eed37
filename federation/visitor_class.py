"""Our own Class for a partner's citizen: whose citizen it is, sealed, for the NAS to hand back.

RFC 2865 section 5.25. It stands beside the Class of the home, which alone goes home. By it the
session's accounting finds the way even where the NAS names the citizen otherwise.
"""

import base64
import binascii
import struct
from typing import Final

from aaa.secret import Keyring
from radius.wire.attributes import Attributes

_PURPOSE: Final = "visitor-class"
# Version, partner.
_LAYOUT: Final = struct.Struct(">BQ")
_VERSION: Final = 1
_CLASS: Final = 25


def seal(keyring: Keyring, partner_id: int) -> bytes:
    """Return a Class: text, since some NAS cut octets off at a NUL."""
    plain = _LAYOUT.pack(_VERSION, partner_id)
    return base64.urlsafe_b64encode(keyring.seal(plain, _PURPOSE))


def take(keyring: Keyring, attributes: Attributes) -> tuple[int | None, Attributes]:
    """Return the partner's id in the Class that is ours, None where there is none; and the
    attributes without it."""
    found = None
    kept = []
    for number, octets in attributes:
        partner_id = _unseal(keyring, octets) if number == _CLASS else None
        if partner_id is None:
            kept.append((number, octets))
        else:
            found = partner_id
    return found, Attributes(tuple(kept))


def _unseal(keyring: Keyring, octets: bytes) -> int | None:
    try:
        plain = keyring.open(base64.b64decode(octets, b"-_", validate=True), _PURPOSE)
    except binascii.Error:
        return None
    if plain is None or len(plain) != _LAYOUT.size:
        return None
    version, partner_id = _LAYOUT.unpack(plain)
    return int(partner_id) if version == _VERSION else None
