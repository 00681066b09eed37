"""Packets: there and back, and nothing but MalformedPacket for what is none."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY
from radius.wire.dump import dump
from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.packet import Code, Packet, encode, parse
from tests.radius.wire import generated, golden

PRINTED = [packet.octets for packet in golden.packets().values()]
HEADER = bytes((1, 7, 0, 20)) + bytes(range(16))


def _datagram(*attributes: bytes, code: int = 1) -> bytes:
    body = b"".join(attributes)
    return bytes((code, 7)) + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body


@pytest.mark.parametrize(
    ("datagram", "malformation"),
    [
        (b"", Malformation.TOO_SHORT),
        (HEADER[:19], Malformation.TOO_SHORT),
        (HEADER[:3] + b"\x13" + HEADER[4:], Malformation.BAD_LENGTH),
        (HEADER[:3] + b"\x15" + HEADER[4:], Malformation.BAD_LENGTH),
        (b"\1\0\xff\xff" + bytes(16), Malformation.BAD_LENGTH),
        (b"\1\0\x10\x01" + bytes(4093), Malformation.TOO_LONG),
        (_datagram(code=0), Malformation.UNKNOWN_CODE),
        (_datagram(code=6), Malformation.UNKNOWN_CODE),
        (_datagram(b"\x01"), Malformation.BAD_ATTRIBUTE),
        (_datagram(b"\x01\x00"), Malformation.BAD_ATTRIBUTE),
        (_datagram(b"\x01\x01"), Malformation.BAD_ATTRIBUTE),
        (_datagram(b"\x01\x04x"), Malformation.BAD_ATTRIBUTE),
        (_datagram(b"\x01\x03x", b"\x02"), Malformation.BAD_ATTRIBUTE),
        (_datagram(b"\x01\x03x", b"\x02") + b"\x02\0\0\0", Malformation.BAD_ATTRIBUTE),
    ],
)
def test_each_malformation_has_its_name(datagram: bytes, malformation: Malformation) -> None:
    with pytest.raises(MalformedPacket) as caught:
        parse(datagram)
    assert caught.value.malformation is malformation
    assert str(caught.value) == malformation


def test_octets_beyond_the_length_are_ignored() -> None:
    datagram = _datagram(b"\x01\x03x")
    assert parse(datagram + b"\x05\x06\0\0") == parse(datagram)


def test_an_empty_value_is_parsed() -> None:
    attributes = parse(_datagram(b"\x01\x02", b"\x59\x02")).attributes
    assert attributes.text("User-Name") == ""
    assert attributes.octets("Chargeable-User-Identity") == b""


def test_a_packet_of_4096_octets_is_parsed_and_one_more_not_encoded() -> None:
    full = Attributes.of(*[("Class", bytes(253))] * 15, ("Class", bytes(249)))
    longest = Packet(Code.ACCESS_REQUEST, 1, bytes(16), full)
    datagram = encode(longest)
    assert len(datagram) == 4096
    assert parse(datagram) == longest
    longer = Packet(Code.ACCESS_REQUEST, 1, bytes(16), full + Attributes.of(("Class", b"x")))
    with pytest.raises(ValueError, match="4096"):
        encode(longer)


def test_codes_are_named_as_the_rfcs_do() -> None:
    assert Code.ACCESS_REQUEST.rfc_name == "Access-Request"
    assert Code.COA_NAK.rfc_name == "CoA-NAK"
    assert Code.DISCONNECT_ACK.rfc_name == "Disconnect-ACK"


@pytest.mark.fuzz
@given(generated.packets())
def test_a_packet_survives_the_wire(packet: Packet) -> None:
    assert parse(encode(packet)) == packet


@pytest.mark.fuzz
@given(st.binary(max_size=4200))
@example(b"\1\0\0\x16" + bytes(16) + b"\x1a\x02")
def test_any_octets_are_a_packet_or_malformed(datagram: bytes) -> None:
    packet = _parse_and_read_everything(datagram)
    assert packet is None or datagram.startswith(encode(packet))


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=15))
def test_any_attributes_can_be_read(pairs: list[tuple[int, bytes]]) -> None:
    body = b"".join(bytes((number, len(value) + 2)) + value for number, value in pairs)
    packet = _parse_and_read_everything(_datagram(body))
    assert packet is not None
    assert tuple(packet.attributes) == tuple(pairs)


@pytest.mark.fuzz
@given(
    st.sampled_from([number for number in (26, *range(241, 247))]),
    st.sampled_from([oid for oid in DICTIONARY.by_oid if len(oid) > 1]),
    st.binary(max_size=60),
)
def test_any_octets_inside_an_attribute_can_be_read(
    number: int, oid: tuple[int, ...], octets: bytes
) -> None:
    start = b"".join(n.to_bytes(4 if n > 255 else 1, "big") for n in oid[1:])
    body = b"".join(bytes((number, len(v) + 2)) + v for v in (start + octets, octets))
    assert _parse_and_read_everything(_datagram(body)) is not None


@pytest.mark.fuzz
@given(st.sampled_from(PRINTED), st.randoms(use_true_random=False))
def test_mutated_packets_are_packets_or_malformed(datagram: bytes, chance: random.Random) -> None:
    octets = bytearray(datagram)
    for _ in range(chance.randint(1, 6)):
        position = chance.randrange(len(octets))
        match chance.randrange(3):
            case 0:
                octets[position] = chance.randrange(256)
            case 1:
                octets[position:position] = chance.randbytes(chance.randint(1, 8))
            case _ if len(octets) > 1:
                del octets[position]
    packet = _parse_and_read_everything(bytes(octets))
    assert packet is None or octets.startswith(encode(packet))


def _parse_and_read_everything(datagram: bytes) -> Packet | None:
    try:
        packet = parse(datagram)
    except MalformedPacket:
        return None
    attributes = packet.attributes
    for name, _ in attributes.decoded():
        assert attributes.has(name)
        assert attributes.octets(name) is not None
        assert attributes.text(name) is not None
        assert attributes.all(name)
        attributes.integer(name)
        attributes.address(name)
        attributes.date(name)
        assert not attributes.without(name).has(name)
    assert dump(packet)
    assert packet.code.rfc_name in dump(packet)
    return packet
