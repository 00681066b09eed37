"""The gateway's side of CoovaChilli's UAM dialect: the redirect it signs, the log-on it reads.

`aaa.nas.chilli` is the portal's side; the two share no code, so that each can catch the other's
mistakes. Source: coova-chilli 1.9, ``src/redir.c``.
"""

from collections.abc import Iterable
from hashlib import md5
from typing import Final

PASSWORD_OCTETS: Final = 128

# What redir_urlencode() leaves as it is.
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*")


def redirect_url(
    portal_url: str, answer: str, parameters: Iterable[tuple[str, str | None]], uam_secret: bytes
) -> str:
    """Return where the browser is sent: ``portal_url?res=...`` with what is known of the phone.

    ``answer`` is the value of ``res`` and may go on (``failed&reason=reject``); parameters without
    a value are left out. ``md`` comes last: MD5, in capitals, over all before it and the secret.
    """
    stated = "".join(f"&{name}={_encode(value)}" for name, value in parameters if value)
    url = f"{portal_url}?res={answer}{stated}"
    checksum = md5(url.encode() + uam_secret, usedforsecurity=False)
    return f"{url}&md={checksum.hexdigest().upper()}"


def shared_challenge(challenge: bytes, uam_secret: bytes) -> bytes:
    """Return what a log-on's response is made over: the challenge sent, hashed with the secret."""
    return md5(challenge + uam_secret, usedforsecurity=False).digest()


def unmask(password: str, challenge: bytes) -> bytes:
    """Return a PAP password from under the shared challenge; ValueError where it is not hex."""
    octets = bytes.fromhex(password)[:PASSWORD_OCTETS]
    plain = bytes(a ^ challenge[i % len(challenge)] for i, a in enumerate(octets))
    return plain.rstrip(b"\0")


def _encode(text: str) -> str:
    return "".join(chr(octet) if octet in _PLAIN else f"%{octet:02x}" for octet in text.encode())
