"""Encrypted attribute values: hidden (RFC 2865 section 5.2) and salted (RFC 2868 section 3.5).

Both are the same chain of MD5 in 16-octet blocks, salted values with a salt in its first link.
It keeps honest links honest; the transport has to be trusted otherwise (RadSec, a VPN).
"""

from hashlib import md5
from typing import Final

from radius.wire.errors import Malformation, MalformedPacket

_BLOCK_OCTETS: Final = 16
_MAXIMUM_PASSWORD_OCTETS: Final = 128
_SALT_OCTETS: Final = 2
_SALT_MARK: Final = 0x80
MAXIMUM_SALTED_OCTETS: Final = 239


def hide_password(password: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """Return the octets of a User-Password attribute: 16 to 128, in steps of 16.

    Raises ValueError above 128 octets.
    """
    if len(password) > _MAXIMUM_PASSWORD_OCTETS:
        raise ValueError(f"a password of {len(password)} octets, at most 128 can be hidden")
    padded = _padded(password) or bytes(_BLOCK_OCTETS)
    return _encrypt(padded, secret, request_authenticator)


def unhide_password(hidden: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """Return the password in a User-Password attribute, without the padding NULs.

    A wrong secret gives other octets, not an error. Raises MalformedPacket for a length that
    RFC 2865 section 5.2 rules out.
    """
    if not hidden or len(hidden) % _BLOCK_OCTETS or len(hidden) > _MAXIMUM_PASSWORD_OCTETS:
        raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
    return _decrypt(hidden, secret, request_authenticator).rstrip(b"\0")


def encrypt_salted(value: bytes, salt: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """Return salt and ciphertext of a reply's Tunnel-Password (its tag goes before them) or
    MS-MPPE key (RFC 2548 section 2.4.2).

    `salt` is 2 octets, different for each value in a packet, its first bit set. Raises
    ValueError for another, or for more than 239 octets to encrypt.
    """
    if len(salt) != _SALT_OCTETS or not salt[0] & _SALT_MARK:
        raise ValueError("a salt is 2 octets, the first bit set")
    if len(value) > MAXIMUM_SALTED_OCTETS:
        raise ValueError(f"{len(value)} octets, at most {MAXIMUM_SALTED_OCTETS} can be encrypted")
    padded = _padded(bytes((len(value),)) + value)
    return salt + _encrypt(padded, secret, request_authenticator + salt)


def decrypt_salted(octets: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """Return the value behind a salt and ciphertext, a tag already taken off.

    Raises MalformedPacket if the lengths contradict each other, as a wrong secret often makes
    them do.
    """
    salt, ciphertext = octets[:_SALT_OCTETS], octets[_SALT_OCTETS:]
    if not ciphertext or len(ciphertext) % _BLOCK_OCTETS:
        raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
    plain = _decrypt(ciphertext, secret, request_authenticator + salt)
    if plain[0] >= len(plain):
        raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
    return plain[1 : plain[0] + 1]


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % _BLOCK_OCTETS)


def _encrypt(plain: bytes, secret: bytes, vector: bytes) -> bytes:
    encrypted = b""
    for start in range(0, len(plain), _BLOCK_OCTETS):
        vector = _xor(plain[start : start + _BLOCK_OCTETS], secret, vector)
        encrypted += vector
    return encrypted


def _decrypt(encrypted: bytes, secret: bytes, vector: bytes) -> bytes:
    plain = b""
    for start in range(0, len(encrypted), _BLOCK_OCTETS):
        block = encrypted[start : start + _BLOCK_OCTETS]
        plain += _xor(block, secret, vector)
        vector = block
    return plain


def _xor(block: bytes, secret: bytes, vector: bytes) -> bytes:
    mask = int.from_bytes(md5(secret + vector).digest(), "big")  # noqa: S324
    return (int.from_bytes(block, "big") ^ mask).to_bytes(_BLOCK_OCTETS, "big")
