"""Packets and attributes as RFCs print them."""

import ast
from datetime import datetime

import pytest

from radius.wire import authenticator, chap, hiding
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, encode, encode_attributes, parse
from radius.wire.values import Tagged, Value
from tests.radius.wire import golden

PACKETS = golden.packets()
SIGNED = [packet for packet in PACKETS.values() if packet.secret]
REPLIES = [packet for packet in SIGNED if packet.answers]


@pytest.mark.parametrize("printed", PACKETS.values(), ids=PACKETS.keys())
def test_a_printed_packet_has_the_printed_attributes(printed: golden.GoldenPacket) -> None:
    decoded = list(parse(printed.octets).attributes.decoded())
    assert len(decoded) == len(printed.attributes)
    for (name, value), (printed_name, printed_value) in zip(
        decoded, printed.attributes, strict=True
    ):
        assert name == printed_name
        if printed_value is not None:
            assert _text(value) == printed_value


@pytest.mark.parametrize("printed", PACKETS.values(), ids=PACKETS.keys())
def test_a_printed_packet_is_encoded_as_it_was(printed: golden.GoldenPacket) -> None:
    assert encode(parse(printed.octets)) == printed.octets


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.name)
def test_a_printed_reply_belongs_to_its_request(reply: golden.GoldenPacket) -> None:
    assert reply.answers and reply.secret
    request = parse(PACKETS[reply.answers].octets)
    packet = parse(reply.octets)
    assert not authenticator.verify_reply(reply.octets, packet, request.authenticator, reply.secret)


@pytest.mark.parametrize(
    "name", [name for name in PACKETS if "Status-Server" in name and PACKETS[name].secret]
)
def test_a_printed_status_server_is_signed_and_signed_alike_by_us(name: str) -> None:
    printed = PACKETS[name]
    assert printed.secret
    packet = parse(printed.octets)
    assert packet.code is Code.STATUS_SERVER
    assert authenticator.verify_access_request(printed.octets, packet, printed.secret)
    if len(packet.attributes) == 1:
        assert authenticator.encode_access_request(packet, printed.secret) == printed.octets


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("RFC 2865 7.1 telnet request", b"arctangent"),
        ("RFC 2865 7.3 first request", b"challenge"),
        ("RFC 2865 7.3 second request", b"99101462"),
    ],
)
def test_a_printed_password_is_hidden_as_by_us(name: str, password: bytes) -> None:
    packet = parse(PACKETS[name].octets)
    hidden = packet.attributes.octets("User-Password")
    assert hidden is not None
    secret = b"xyzzy5461"
    assert hiding.unhide_password(hidden, secret, packet.authenticator) == password
    assert hiding.hide_password(password, secret, packet.authenticator) == hidden


def test_the_printed_chap_password_is_arctangent() -> None:
    packet = parse(PACKETS["RFC 2865 7.2 CHAP request"].octets)
    response = packet.attributes.octets("CHAP-Password")
    assert response is not None
    challenge = chap.challenge_of(packet)
    assert challenge == packet.authenticator
    assert chap.matches(b"arctangent", response, challenge)
    assert chap.respond(22, b"arctangent", challenge) == response


@pytest.mark.parametrize(("name", "literal", "octets"), golden.attributes())
def test_an_attribute_has_its_octets(name: str, literal: str, octets: bytes) -> None:
    value = _value(literal)
    built = Attributes.of((name, value))
    assert encode_attributes(built) == octets
    header = bytes((1, 0, *(20 + len(octets)).to_bytes(2, "big"), *bytes(16)))
    parsed = parse(header + octets).attributes
    assert parsed == built
    ((decoded_name, decoded),) = parsed.decoded()
    assert decoded_name == name
    assert Attributes.of((decoded_name, decoded)) == built


def _value(literal: str) -> Value | Tagged:
    if literal.startswith("@"):
        return datetime.fromisoformat(literal[1:])
    value = ast.literal_eval(literal)
    return Tagged(*value) if isinstance(value, tuple) else value


def _text(value: Value | Tagged) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
