"""MS-CHAPv2 (RFC 2759), the keys it makes (RFC 3079), and how RADIUS carries both (RFC 2548).

Whoever reads an exchange finds the hash of the password by trying DES keys, at most 2**56 of them:
it belongs into TLS, or to secrets that are worth little after it.
"""

import hmac
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final

from Crypto.Cipher import DES
from Crypto.Hash import MD4

from radius.wire.errors import Malformation, MalformedPacket

CHALLENGE_OCTETS: Final = 16
NT_RESPONSE_OCTETS: Final = 24
RESPONSE_OCTETS: Final = 50
"""Of an MS-CHAP2-Response: identifier, flags, peer's challenge, 8 reserved octets, response."""
_KEY_OCTETS: Final = 16
_DES_KEY_OCTETS: Final = 7

# RFC 2759 section 8.7
_SIGNING: Final = b"Magic server to client signing constant"
_ITERATION: Final = b"Pad to make it do more than one iteration"
# RFC 3079 section 3.4
_MASTER_KEY: Final = b"This is the MPPE Master Key"
_FROM_CLIENT: Final = (
    b"On the client side, this is the send key; on the server side, it is the receive key."
)
_FROM_SERVER: Final = (
    b"On the client side, this is the receive key; on the server side, it is the send key."
)
_BEFORE: Final = bytes(40)
_AFTER: Final = b"\xf2" * 40


@dataclass(frozen=True, slots=True)
class Response:
    """What a peer answers to a challenge: its own challenge, 16 octets, and 24 octets of proof.

    `identifier` is that of the CHAP or EAP exchange.
    """

    identifier: int
    peer_challenge: bytes
    nt_response: bytes


@dataclass(frozen=True, slots=True)
class MppeKeys:
    """The 128-bit start keys, 16 octets each, named as the server and its NAS see them: `recv`
    is MS-MPPE-Recv-Key, and `recv + send` the MSK of EAP-MSCHAPv2."""

    send: bytes = field(repr=False)
    recv: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proven:
    """What follows from a response that a password explains: the server's own proof, "S=" and 40
    hexadecimal digits, and the keys."""

    authenticator_response: bytes
    keys: MppeKeys


def parse_response(octets: bytes) -> Response:
    """Return the content of an MS-CHAP2-Response (RFC 2548 section 2.3.2).

    Raises MalformedPacket unless it has 50 octets. Its flags and reserved octets, which a peer
    shall leave zero, are not looked at.
    """
    if len(octets) != RESPONSE_OCTETS:
        raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
    return Response(octets[0], octets[2:18], octets[26:])


def verify(
    password: bytes, response: Response, authenticator_challenge: bytes, user_name: bytes
) -> Proven | None:
    """Return what follows if `password`, UTF-8, explains the response, else None.

    `user_name` is what the peer calls itself. RFC 2759 section 4 counts it without a leading
    `DOMAIN\\`; some peers count it as it stands, so that both are tried.
    Raises ValueError if the password is no UTF-8.
    """
    hashed = nt_hash(password)
    _, backslash, bare = user_name.partition(b"\\")
    for name in (bare, user_name) if backslash else (user_name,):
        challenges = (authenticator_challenge, response.peer_challenge, name)
        if hmac.compare_digest(nt_response(*challenges, hashed), response.nt_response):
            proof = authenticator_response(hashed, response.nt_response, *challenges)
            return Proven(proof, mppe_keys(hashed, response.nt_response))
    return None


def respond(
    identifier: int,
    password: bytes,
    authenticator_challenge: bytes,
    peer_challenge: bytes,
    user_name: bytes,
) -> bytes:
    """Return the 50 octets of an MS-CHAP2-Response; `user_name` without `DOMAIN\\`."""
    proof = nt_response(authenticator_challenge, peer_challenge, user_name, nt_hash(password))
    return bytes((identifier, 0)) + peer_challenge + bytes(8) + proof


def refusal(message: str) -> bytes:
    """Return what a peer is told that did not prove itself: authentication failure, no retry, and
    a sentence for the person (RFC 2759 section 6). The challenge in it is for a retry only."""
    return f"E=691 R=0 C={'0' * 2 * CHALLENGE_OCTETS} V=3 M={message}".encode()


def nt_hash(password: bytes) -> bytes:
    """Return the NtPasswordHash of a password in UTF-8: MD4 of its UTF-16, 16 octets (RFC 2759
    section 8.3). Raises ValueError if it is no UTF-8."""
    return _md4(password.decode("utf-8").encode("utf-16-le"))


def nt_response(
    authenticator_challenge: bytes, peer_challenge: bytes, user_name: bytes, nt_hash: bytes
) -> bytes:
    """Return the 24 octets by which a peer proves that it knows the password (RFC 2759 8.1)."""
    challenge = _challenge(authenticator_challenge, peer_challenge, user_name)
    padded = nt_hash.ljust(3 * _DES_KEY_OCTETS, b"\0")
    return b"".join(
        _des(padded[start : start + _DES_KEY_OCTETS], challenge)
        for start in range(0, len(padded), _DES_KEY_OCTETS)
    )


def authenticator_response(
    nt_hash: bytes,
    nt_response: bytes,
    authenticator_challenge: bytes,
    peer_challenge: bytes,
    user_name: bytes,
) -> bytes:
    """Return the server's proof that it knows the password too: "S=" and 40 digits (RFC 2759
    section 8.7)."""
    digest = _sha1(_md4(nt_hash) + nt_response + _SIGNING)
    challenge = _challenge(authenticator_challenge, peer_challenge, user_name)
    return b"S=" + _sha1(digest + challenge + _ITERATION).hex().upper().encode()


def mppe_keys(nt_hash: bytes, nt_response: bytes) -> MppeKeys:
    """Return the start keys of 128-bit MPPE (RFC 3079 sections 3.3 and 3.4)."""
    master = _sha1(_md4(nt_hash) + nt_response + _MASTER_KEY)[:_KEY_OCTETS]
    return MppeKeys(send=_start_key(master, _FROM_SERVER), recv=_start_key(master, _FROM_CLIENT))


def _start_key(master: bytes, direction: bytes) -> bytes:
    return _sha1(master + _BEFORE + direction + _AFTER)[:_KEY_OCTETS]


def _challenge(authenticator_challenge: bytes, peer_challenge: bytes, user_name: bytes) -> bytes:
    """The 8 octets that both challenges and the name come down to (RFC 2759 section 8.2)."""
    return _sha1(peer_challenge + authenticator_challenge + user_name)[:8]


def _des(key: bytes, block: bytes) -> bytes:
    """One block by a key of 56 bits; DES wants 64, the lowest bit of each octet for parity, which
    nobody looks at."""
    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    return DES.new(spread, DES.MODE_ECB).encrypt(block)  # noqa: S304


def _sha1(octets: bytes) -> bytes:
    return sha1(octets).digest()  # noqa: S324


def _md4(octets: bytes) -> bytes:
    return MD4.new(octets).digest()  # noqa: S303
