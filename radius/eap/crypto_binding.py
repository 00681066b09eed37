"""PEAP's cryptobinding: one TLV each way by which both ends show that the tunnel and the proof
inside it end at the same two machines ([MS-PEAP] sections 2.2.8.1.1 and 3.1.5.5)."""

import hmac
import struct
from dataclasses import dataclass, field
from typing import Final, Self

from radius.eap.packet import Type

TLV: Final = 12
NONCE_OCTETS: Final = 32
_HEADER: Final = struct.Struct(">HHBBBB")
_MAC_OCTETS: Final = 20
_LENGTH: Final = _HEADER.size - 4 + NONCE_OCTETS + _MAC_OCTETS
_REQUEST: Final = 0
_RESPONSE: Final = 1

_TEMPORARY_KEY_OCTETS: Final = 40
_IPMK_OCTETS: Final = 40
_CMK_OCTETS: Final = 20
_ISK_OCTETS: Final = 32
_MSK_OCTETS: Final = 64
_CSK_OCTETS: Final = 128
_COMPOUND_KEYS: Final = b"Inner Methods Compound Keys"
_SESSION_KEY: Final = b"Session Key Generating Function\0"


@dataclass(frozen=True, slots=True)
class CryptoBinding:
    """The keys that come of a tunnel and of the method inside it: IPMK, 40 octets, for the MSK,
    and CMK, 20 octets, for the compound MAC."""

    ipmk: bytes = field(repr=False)
    cmk: bytes = field(repr=False)

    @classmethod
    def derive(cls, key_material: bytes, inner_msk: bytes) -> Self:
        """Return them for the tunnel's key material and the MSK of the method inside, which is
        empty where it has none."""
        isk = inner_msk[:_ISK_OCTETS].ljust(_ISK_OCTETS, b"\0")
        temporary_key = key_material[:_TEMPORARY_KEY_OCTETS]
        keys = _prf_plus(temporary_key, _COMPOUND_KEYS + isk, _IPMK_OCTETS + _CMK_OCTETS)
        return cls(keys[:_IPMK_OCTETS], keys[_IPMK_OCTETS:])

    def request(self, nonce: bytes) -> bytes:
        """Return the TLV that the server sends, with a nonce of 32 octets."""
        return self._signed(_REQUEST, nonce)

    def proves(self, value: bytes) -> bool:
        """Whether the value of the TLV that a supplicant sent is made with the same keys."""
        nonce = value[_HEADER.size - 4 : -_MAC_OCTETS]
        if len(value) != _LENGTH:
            return False
        return hmac.compare_digest(self._signed(_RESPONSE, nonce)[4:], value)

    def msk(self) -> bytes:
        """Return the MSK that a supplicant derives that has bound: not the tunnel's own."""
        return _prf_plus(self.ipmk, _SESSION_KEY, _CSK_OCTETS)[:_MSK_OCTETS]

    def _signed(self, subtype: int, nonce: bytes) -> bytes:
        """A TLV of version 0. Its MAC is made over it, with zeros for the MAC, and PEAP's type."""
        unsigned = _HEADER.pack(TLV, _LENGTH, 0, 0, 0, subtype) + nonce
        signed = unsigned + bytes(_MAC_OCTETS) + bytes((Type.PEAP,))
        return unsigned + hmac.digest(self.cmk, signed, "sha1")


def _prf_plus(key: bytes, seed: bytes, octets: int) -> bytes:
    """HMAC-SHA1 iterated, a counter and two zeros after the seed ([MS-PEAP] 3.1.5.5.2.2)."""
    output = block = b""
    counter = 0
    while len(output) < octets:
        counter += 1
        block = hmac.digest(key, block + seed + bytes((counter, 0, 0)), "sha1")
        output += block
    return output[:octets]
