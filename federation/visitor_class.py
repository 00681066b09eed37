"""Our own Class for a partner's citizen: whose citizen it is, sealed, for the NAS to hand back.

RFC 2865 section 5.25. It stands beside the Class of the home, which alone goes home. By it the
session's accounting finds the way even where the NAS names the citizen otherwise.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from aaa import session_owner
from aaa.secret import Keyring
from radius.wire.attributes import Attributes

_PURPOSE: Final = "visitor-class"
# Version, partner; the realm follows.
_LAYOUT: Final = struct.Struct(">BQ")
_VERSION: Final = 1
_CLASS: Final = 25
# Of an attribute's 253 octets of text, what base64, nonce and tag leave.
_MOST_OCTETS: Final = 189 - 28


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose citizen somebody is: the partner, and the realm that led there."""

    partner_id: int
    realm: str


def seal(keyring: Keyring, visitor: Visitor) -> bytes:
    """Return a Class: text, since some NAS cut octets off at a NUL. A realm that does not fit is
    left out."""
    plain = _LAYOUT.pack(_VERSION, visitor.partner_id) + visitor.realm.encode()
    if len(plain) > _MOST_OCTETS:
        plain = plain[: _LAYOUT.size]
    return base64.urlsafe_b64encode(keyring.seal(plain, _PURPOSE))


def unseal(keyring: Keyring, octets: bytes) -> Visitor | None:
    """Return what a Class says, or None where it is none of these."""
    try:
        plain = keyring.open(base64.b64decode(octets, b"-_", validate=True), _PURPOSE)
    except binascii.Error:
        return None
    if plain is None or len(plain) < _LAYOUT.size:
        return None
    version, partner_id = _LAYOUT.unpack_from(plain)
    if version != _VERSION:
        return None
    return Visitor(partner_id, plain[_LAYOUT.size :].decode())


def find(keyring: Keyring, attributes: Attributes) -> Visitor | None:
    """Return what the first such Class says, wherever it stands among others."""
    every = (octets for number, octets in attributes if number == _CLASS)
    return next(filter(None, (unseal(keyring, octets) for octets in every)), None)


def is_ours(keyring: Keyring, octets: bytes) -> bool:
    """Return whether a Class was sealed by us, for a visitor or for a citizen of ours."""
    is_visitors = unseal(keyring, octets) is not None
    return is_visitors or session_owner.unseal(keyring, octets) is not None
