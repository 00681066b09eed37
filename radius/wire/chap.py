"""CHAP with MD5 (RFC 1994) as RADIUS carries it (RFC 2865 sections 2.2 and 5.3)."""

import hmac
from hashlib import md5
from typing import Final

from radius.wire.packet import Packet

_CHAP_PASSWORD_OCTETS: Final = 17


def challenge_of(packet: Packet) -> bytes:
    """Return what an Access-Request's CHAP-Password answers: its CHAP-Challenge, or in place of
    that its Request Authenticator."""
    return packet.attributes.octets("CHAP-Challenge") or packet.authenticator


def respond(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """Return the 17 octets of a CHAP-Password: the CHAP identifier and the response."""
    prefix = bytes((identifier,))
    return prefix + md5(prefix + password + challenge).digest()  # noqa: S324


def matches(password: bytes, chap_password: bytes, challenge: bytes) -> bool:
    """Whether a CHAP-Password was made from `password`; never for one of the wrong length."""
    if len(chap_password) != _CHAP_PASSWORD_OCTETS:
        return False
    return hmac.compare_digest(respond(chap_password[0], password, challenge), chap_password)
