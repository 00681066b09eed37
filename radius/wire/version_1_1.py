"""RADIUS/1.1 (RFC 9765): packets on a connection that TLS protects. A Token takes the place of
Identifier and authenticators, nothing is signed, nothing is hidden.

A `Packet` has the Token for its `identifier`, and no authenticator.
"""

from typing import Final

from radius.wire import packet as version_1_0
from radius.wire.attributes import Attributes
from radius.wire.authenticator import MESSAGE_AUTHENTICATOR
from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.hiding import MAXIMUM_SALTED_OCTETS
from radius.wire.hop import is_salted
from radius.wire.nesting import Pair
from radius.wire.packet import Code, Packet, encode_attributes, encode_header

TOKENS: Final = 1 << 32
_TOKEN_OCTETS: Final = 4
_RESERVED: Final = bytes(12)
_USER_PASSWORD: Final = 2
_CHAP_PASSWORD: Final = 3
_CHAP_CHALLENGE: Final = 60
_EXTENDED: Final = 241
_LONGEST_PASSWORD: Final = 128


def parse(octets: bytes) -> Packet:
    """Return the packet in octets. Its reserved fields, Message-Authenticator and
    Original-Packet-Code mean nothing, and are left out (RFC 9765 sections 4.1, 5.2 and 5.5).

    Raises MalformedPacket; also where the packet says what no hop can say by RADIUS before 1.1.
    """
    whole = version_1_0.parse(octets)
    attributes = _meaningful(whole.attributes)
    if whole.code is Code.ACCESS_REQUEST:
        _check_proofs(attributes)
    elif whole.code is Code.ACCESS_ACCEPT:
        _check_keys(attributes)
    return Packet(whole.code, token_of(octets), b"", attributes)


def encode(packet: Packet) -> bytes:
    """Return the octets of a packet. Raises ValueError if they are more than 4096."""
    pairs = _meaningful(packet.attributes)
    if packet.code is Code.ACCESS_REQUEST:
        pairs = Attributes(tuple(_with_some_password(pair) for pair in pairs))
    body = encode_attributes(pairs)
    token = packet.identifier.to_bytes(_TOKEN_OCTETS, "big")
    return encode_header(packet.code, 0, len(body), token + _RESERVED) + body


def token_of(octets: bytes) -> int:
    """Return the Token of a packet of which nothing but its framing has to be sound."""
    return int.from_bytes(octets[4 : 4 + _TOKEN_OCTETS], "big")


def _meaningful(attributes: Attributes) -> Attributes:
    numbers = {number for number, _ in attributes}
    if _EXTENDED in numbers:
        return attributes.without("Message-Authenticator", "Original-Packet-Code")
    if MESSAGE_AUTHENTICATOR in numbers:
        return attributes.without("Message-Authenticator")
    return attributes


def _check_proofs(attributes: Attributes) -> None:
    """RFC 9765 sections 5.1.1 and 5.1.2."""
    numbers = {number for number, _ in attributes}
    if _CHAP_PASSWORD in numbers and _CHAP_CHALLENGE not in numbers:
        raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
    for number, octets in attributes:
        if number == _USER_PASSWORD and not 1 <= len(octets) <= _LONGEST_PASSWORD:
            raise MalformedPacket(Malformation.BAD_ATTRIBUTE)


def _check_keys(attributes: Attributes) -> None:
    """The next hop may have to encrypt them."""
    for place, octets in attributes.leaves():
        if is_salted(place) and len(octets) > MAXIMUM_SALTED_OCTETS:
            raise MalformedPacket(Malformation.BAD_ATTRIBUTE)


def _with_some_password(pair: Pair) -> Pair:
    """An empty password, which is all padding on a hop before 1.1, has to have an octet here."""
    return (_USER_PASSWORD, b"\0") if pair == (_USER_PASSWORD, b"") else pair
