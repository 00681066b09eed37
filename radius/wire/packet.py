"""One RADIUS packet, to and from the octets of a datagram (RFC 2865 section 3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from radius.wire.attributes import Attributes
from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.nesting import Pair

HEADER_OCTETS: Final = 20
MAXIMUM_OCTETS: Final = 4096


class Code(IntEnum):
    """What a packet is."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    STATUS_CLIENT = 13
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45
    PROTOCOL_ERROR = 52

    @property
    def rfc_name(self) -> str:
        """The name as the RFCs write it: Access-Request, CoA-ACK."""
        return _RFC_NAMES[self]


_ACRONYMS: Final = {"COA": "CoA", "ACK": "ACK", "NAK": "NAK"}
_RFC_NAMES: Final = {
    code: "-".join(_ACRONYMS.get(word, word.capitalize()) for word in code.name.split("_"))
    for code in Code
}
_CODES: Final[dict[int, Code]] = {code.value: code for code in Code}
ANSWERS: Final = {
    Code.ACCESS_REQUEST: {Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE},
    Code.STATUS_SERVER: {Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE},
    Code.ACCOUNTING_REQUEST: {Code.ACCOUNTING_RESPONSE},
    Code.DISCONNECT_REQUEST: {Code.DISCONNECT_ACK, Code.DISCONNECT_NAK},
    Code.COA_REQUEST: {Code.COA_ACK, Code.COA_NAK},
}
"""What each request may be answered by."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as it is on the wire: nothing verified, nothing decrypted."""

    code: Code
    identifier: int
    """What an answer is matched by: the Identifier, in RADIUS/1.1 the Token."""
    authenticator: bytes
    """16 octets: the Request Authenticator, or in a reply the Response Authenticator. RADIUS/1.1
    has none."""
    attributes: Attributes


def parse(datagram: bytes) -> Packet:
    """Return the packet in a datagram; octets beyond its Length are padding, and ignored.

    RFC 2865 section 3. Raises MalformedPacket.
    """
    if len(datagram) < HEADER_OCTETS:
        raise MalformedPacket(Malformation.TOO_SHORT)
    length = datagram[2] << 8 | datagram[3]
    if not HEADER_OCTETS <= length <= len(datagram):
        raise MalformedPacket(Malformation.BAD_LENGTH)
    if length > MAXIMUM_OCTETS:
        raise MalformedPacket(Malformation.TOO_LONG)
    code = _CODES.get(datagram[0])
    if code is None:
        raise MalformedPacket(Malformation.UNKNOWN_CODE)
    attributes = Attributes(_pairs(datagram, length))
    return Packet(code, datagram[1], datagram[4:HEADER_OCTETS], attributes)


def encode(packet: Packet) -> bytes:
    """Return the datagram of a packet, its authenticator as it stands.

    Raises ValueError if that is longer than 4096 octets.
    """
    body = encode_attributes(packet.attributes)
    return encode_header(packet.code, packet.identifier, len(body), packet.authenticator) + body


def encode_header(code: Code, identifier: int, body_octets: int, authenticator: bytes) -> bytes:
    """Return the 20 octets before `body_octets` octets of attributes.

    Raises ValueError if the packet would be longer than 4096 octets.
    """
    length = HEADER_OCTETS + body_octets
    if length > MAXIMUM_OCTETS:
        raise ValueError(f"{length} octets, a packet has at most {MAXIMUM_OCTETS}")
    return bytes((code, identifier, length >> 8, length & 0xFF)) + authenticator


def encode_attributes(attributes: Attributes) -> bytes:
    """Return the octets of attributes, each with its type and length in front."""
    body = bytearray()
    for number, value in attributes:
        body.append(number)
        body.append(len(value) + 2)
        body += value
    return bytes(body)


def _pairs(datagram: bytes, length: int) -> tuple[Pair, ...]:
    pairs: list[Pair] = []
    position = HEADER_OCTETS
    while position < length:
        value_starts = position + 2
        end = position + datagram[position + 1] if value_starts <= length else 0
        if not value_starts <= end <= length:
            raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
        pairs.append((datagram[position], datagram[value_starts:end]))
        position = end
    return tuple(pairs)
