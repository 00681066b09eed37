"""RADIUS/1.1 against octets put together by hand from RFC 9765, never by our own encoder.

The header is the figure of section 4.1: Code, Reserved-1 (zero), Length, Token, Reserved-2 (twelve
zeros). Attributes are those of RFC 2865 section 5, RFC 2868 section 3.5 and RFC 2548 section 2.4
with the hiding left out, as RFC 9765 section 5.1 says.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.outstanding import Tokens
from radius.wire import version_1_1
from radius.wire.attributes import Attributes
from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value
from radius.wire.version_1_1 import TOKENS, encode, parse, token_of
from tests.radius.wire.generated import leaf_definitions, named_values

ZEROS = "00" * 12
HEADERLESS = ("Message-Authenticator", "Original-Packet-Code")

# What each octet is, from left to right.
VECTORS = {
    # Section 4.1 alone: Status-Server (12), 20 octets, Token 0x01020304.
    "status": (
        "0c 00 0014 01020304" + ZEROS,
        Packet(Code.STATUS_SERVER, 0x01020304, b"", Attributes()),
    ),
    # Section 5.1.1: User-Password (2) is a string: 'hello', neither padded nor hidden.
    "password": (
        "01 00 0021 ffffffff" + ZEROS + "01 06 616e6e61" + "02 07 68656c6c6f",
        Packet(
            Code.ACCESS_REQUEST,
            0xFFFFFFFF,
            b"",
            Attributes.of(("User-Name", "anna"), ("User-Password", b"hello")),
        ),
    ),
    # Section 5.1.2: CHAP-Password (3: ident 7 and 16 octets) comes with CHAP-Challenge (60).
    "chap": (
        "01 00 002f 00000000" + ZEROS + "03 13 07" + "aa" * 16 + "3c 08 636861747321",
        Packet(
            Code.ACCESS_REQUEST,
            0,
            b"",
            Attributes.of(("CHAP-Password", b"\7" + b"\xaa" * 16), ("CHAP-Challenge", b"chats!")),
        ),
    ),
    # Section 5.1.3: Tunnel-Password (69) is its tag, 1, and the password: no salt, no length.
    "tunnel": (
        "02 00 001d 80000001" + ZEROS + "45 09 01 736563726574",
        Packet(
            Code.ACCESS_ACCEPT,
            0x80000001,
            b"",
            Attributes.of(("Tunnel-Password", Tagged(1, b"secret"))),
        ),
    ),
    # Section 5.1.4: vendor 311 (0x137), MS-MPPE-Recv-Key (17) of 32 octets as they are.
    "key": (
        "02 00 003c 00000102" + ZEROS + "1a 28 00000137 11 22" + "5c" * 32,
        Packet(Code.ACCESS_ACCEPT, 0x102, b"", Attributes.of(("MS-MPPE-Recv-Key", b"\x5c" * 32))),
    ),
    # Section 6.1: Protocol-Error (52) with Error-Cause (101) 502, four octets.
    "error": (
        "34 00 001a 0000000a" + ZEROS + "65 06 000001f6",
        Packet(Code.PROTOCOL_ERROR, 10, b"", Attributes.of(("Error-Cause", 502))),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_octets_of_the_rfc(name: str) -> None:
    octets, packet = VECTORS[name]
    assert parse(bytes.fromhex(octets)) == packet
    assert encode(packet).hex() == octets.replace(" ", "")


def test_reserved_fields_are_ignored() -> None:
    """Section 4.1: set to zero when sending, ignored when receiving."""
    octets = bytearray(bytes.fromhex(VECTORS["password"][0]))
    octets[1], octets[8:20] = 7, b"\xff" * 12
    assert parse(bytes(octets)) == VECTORS["password"][1]


def test_what_means_nothing_is_left_out() -> None:
    """Sections 5.2 and 5.5: 80 is Message-Authenticator, 241.4 Original-Packet-Code."""
    useless = "50 12" + "00" * 16 + "f1 07 04 00000001"
    octets = bytes.fromhex("01 00 0033 00000001" + ZEROS + useless + "01 06 616e6e61")
    packet = parse(octets)
    assert list(packet.attributes.decoded()) == [("User-Name", "anna")]
    named: list[tuple[str, Value]] = [("User-Name", "anna"), (HEADERLESS[0], bytes(16))]
    said = Attributes.of(*named, (HEADERLESS[1], 1))
    assert encode(replace(packet, attributes=said)).hex() == (
        "0100001a00000001" + ZEROS + "0106616e6e61"
    )


@pytest.mark.parametrize(("octets", "is_sound"), [(0, False), (1, True), (128, True), (129, False)])
def test_how_long_a_password_may_be(octets: int, is_sound: bool) -> None:
    """Section 5.1.1."""
    length = (22 + octets).to_bytes(2, "big")
    request = b"\1\0" + length + bytes(16) + bytes((2, octets + 2)) + b"x" * octets
    if is_sound:
        assert parse(request).attributes.octets("User-Password") == b"x" * octets
    else:
        with pytest.raises(MalformedPacket):
            parse(request)


def test_an_empty_password_has_an_octet() -> None:
    """A NAS may hide an empty one, as nothing but padding; here it could not be."""
    packet = Packet(Code.ACCESS_REQUEST, 1, b"", Attributes(((2, b""),)))
    assert encode(packet)[20:] == b"\2\3\0"


def test_chap_needs_its_challenge() -> None:
    """Section 5.1.2: there is no Request Authenticator to stand in."""
    with pytest.raises(MalformedPacket) as caught:
        parse(bytes.fromhex("01 00 0027 00000001" + ZEROS + "03 13 07" + "aa" * 16))
    assert caught.value.malformation is Malformation.BAD_ATTRIBUTE


@pytest.mark.parametrize(("octets", "is_sound"), [(239, True), (240, False)])
def test_a_key_fits_another_hop(octets: int, is_sound: bool) -> None:
    inside = bytes((17, octets + 2)) + b"k" * octets
    length = (20 + 6 + len(inside)).to_bytes(2, "big")
    vendor = bytes((26, 6 + len(inside))) + (311).to_bytes(4, "big") + inside
    accept = b"\2\0" + length + bytes(16) + vendor
    if is_sound:
        assert parse(accept).attributes.octets("MS-MPPE-Recv-Key") == b"k" * octets
    else:
        with pytest.raises(MalformedPacket):
            parse(accept)


def test_a_packet_has_4096_octets_at_most() -> None:
    packet = Packet(Code.ACCESS_ACCEPT, 1, b"", Attributes(((24, bytes(253)),) * 16))
    with pytest.raises(ValueError, match="4096"):
        encode(packet)


def test_tokens_count_from_anywhere_and_wrap() -> None:
    """Section 4.2.1: 2**32 requests before a Token comes again, and fewer at a time."""
    tokens = Tokens(TOKENS - 2, most=3)
    assert [tokens.take() for _ in range(3)] == [TOKENS - 2, TOKENS - 1, 0]
    assert not tokens.has_one
    tokens.give_back(TOKENS - 1)
    assert tokens.has_one
    assert tokens.take() == 1


_BODIES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=6).map(
    lambda pairs: b"".join(bytes((kind, len(value) + 2)) + value for kind, value in pairs)
)
_HEADERS = st.tuples(
    st.sampled_from([*Code, 0, 99]), st.integers(0, 255), st.binary(min_size=16, max_size=16)
)


@st.composite
def _nearly_packets(draw: st.DrawFn) -> bytes:
    """Octets with the framing of a packet, and what is broken inside."""
    code, reserved, rest = draw(_HEADERS)
    body = draw(_BODIES | st.binary(max_size=60))
    length = 20 + len(body) + draw(st.sampled_from([0, 0, 0, -1, 1]))
    return bytes((code, reserved)) + max(0, length).to_bytes(2, "big") + rest + body


@pytest.mark.fuzz
@given(st.binary(max_size=80) | _nearly_packets())
def test_any_octets_are_a_packet_or_malformed(octets: bytes) -> None:
    try:
        packet = parse(octets)
    except MalformedPacket as error:
        assert error.malformation in Malformation
        return
    assert packet.identifier == token_of(octets) < TOKENS
    assert packet.authenticator == b""
    assert not packet.attributes.has("Message-Authenticator")
    assert parse(encode(packet)) == packet


@pytest.mark.fuzz
@given(
    st.sampled_from([code for code in Code if code is not Code.ACCESS_REQUEST]),
    st.integers(0, TOKENS - 1),
    named_values(leaf_definitions(lambda definition: definition.name not in HEADERLESS)),
)
def test_a_packet_survives_the_wire(
    code: Code, token: int, named: list[tuple[str, Value | Tagged]]
) -> None:
    packet = Packet(code, token, b"", Attributes.of(*named))
    octets = version_1_1.encode(packet)
    assert octets[1] == 0
    assert octets[8:20] == bytes(12)
    assert parse(octets) == packet
