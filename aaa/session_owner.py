"""Whose a session is, sealed: what a NAS is given as Class and hands back in accounting.

RFC 2865 section 5.25: a NAS puts the Class of an Access-Accept into the accounting of the session,
unread. So accounting finds its citizen without asking the database by name. A partner that learns
by OpenID who may be online gets the same text, for its own RADIUS server to give.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from aaa.authentication import Method
from aaa.secret import Keyring

_PURPOSE: Final = "class"
# Version, method, citizen, device (0 for none).
_LAYOUT: Final = struct.Struct(">BBQQ")
_VERSION: Final = 1
METHODS: Final = {
    Method.TICKET: 1,
    Method.DEVICE: 2,
    Method.PASSWORD: 3,
    Method.EMAIL_CODE: 4,
    Method.WIFI_SECRET: 5,
    Method.CERTIFICATE: 6,
    Method.OPENID: 7,
}
"""By which a citizen of ours comes to have a session, as the seal writes them."""
_BY_NUMBER: Final = {number: method for method, number in METHODS.items()}


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """Who a session belongs to, and how that was proven."""

    method: Method
    citizen_id: int
    device_id: int | None


def seal(keyring: Keyring, owner: SessionOwner) -> str:
    """Return a Class: 64 characters of text, since some NAS cut octets off at a NUL."""
    plain = _LAYOUT.pack(_VERSION, METHODS[owner.method], owner.citizen_id, owner.device_id or 0)
    return base64.urlsafe_b64encode(keyring.seal(plain, _PURPOSE)).decode()


def unseal(keyring: Keyring, octets: bytes | None) -> SessionOwner | None:
    """Return the owner in a Class, or None where there is no Class of ours."""
    if not octets:
        return None
    try:
        plain = keyring.open(base64.b64decode(octets, b"-_", validate=True), _PURPOSE)
    except binascii.Error:
        return None
    if plain is None or len(plain) != _LAYOUT.size:
        return None
    version, method, citizen_id, device_id = _LAYOUT.unpack(plain)
    if version != _VERSION or method not in _BY_NUMBER:
        return None
    return SessionOwner(_BY_NUMBER[method], citizen_id, device_id or None)
