"""AVPs: there and back, and nothing but MalformedMethod for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.eap.diameter import Avp, encode, parse, understood
from radius.eap.methods.method import MalformedMethod

USER_NAME = (0, 1)
SUCCESS = (311, 26)

avps = st.builds(
    Avp,
    st.tuples(st.just(0) | st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    st.binary(max_size=40),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("avp", "octets"),
    [
        (Avp(USER_NAME, b"anna"), "00000001 40 00000c 616e6e61"),
        (Avp(USER_NAME, b"bob"), "00000001 40 00000b 626f62 00"),
        (Avp(USER_NAME, b""), "00000001 40 000008"),
        (Avp(USER_NAME, b"x", is_mandatory=False), "00000001 00 000009 78 000000"),
        (Avp(SUCCESS, b"\7S=1"), "0000001a c0 000010 00000137 07533d31"),
        (Avp(SUCCESS, b"ab", is_mandatory=False), "0000001a 80 00000e 00000137 6162 0000"),
    ],
)
def test_an_avp_is_written_as_the_rfc_draws_it(avp: Avp, octets: str) -> None:
    assert encode([avp]) == bytes.fromhex(octets)
    assert parse(bytes.fromhex(octets)) == [avp]


@pytest.mark.parametrize(
    "octets",
    [
        "00",
        "00000001 40 0000",
        "00000001 40 000000",
        "00000001 40 000007",
        "00000001 40 000009",
        "00000001 40 ffffff 616e6e61",
        "00000001 c0 000008 00000137",
        "00000001 c0 00000b 00000137",
        "00000001 c0 00000c 000001",
        "00000001 40 00000c 616e6e61 00",
        "00000001 40 00000b 626f62 00 00000002",
    ],
)
def test_what_is_no_sequence_of_avps_is_malformed(octets: str) -> None:
    with pytest.raises(MalformedMethod):
        parse(bytes.fromhex(octets))


def test_nothing_is_a_sequence_of_none() -> None:
    assert parse(b"") == []
    assert encode([]) == b""


@pytest.mark.parametrize("octets", ["00000001 40 00000b 626f62", "00000001 40 00000b 626f62 ff"])
def test_bad_padding_at_the_end_does_no_harm(octets: str) -> None:
    assert parse(bytes.fromhex(octets)) == [Avp(USER_NAME, b"bob")]


def test_a_vendor_of_zero_is_none() -> None:
    assert parse(bytes.fromhex("00000001 c0 00000e 00000000 6162 0000")) == [Avp(USER_NAME, b"ab")]


def test_reserved_flags_are_ignored() -> None:
    assert parse(bytes.fromhex("00000001 7f 00000c 616e6e61")) == [Avp(USER_NAME, b"anna")]


def test_what_is_known_is_kept_and_what_is_optional_left_out() -> None:
    sequence = [Avp((0, 999), b"?", is_mandatory=False), Avp(USER_NAME, b"anna")]
    assert understood(sequence, {USER_NAME}) == {USER_NAME: b"anna"}


def test_what_is_mandatory_has_to_be_known() -> None:
    with pytest.raises(MalformedMethod, match="mandatory"):
        understood([Avp(USER_NAME, b"anna"), Avp((311, 1), b"?")], {USER_NAME})


def test_the_vendor_is_part_of_what_an_avp_is() -> None:
    with pytest.raises(MalformedMethod, match="mandatory"):
        understood([Avp((311, 1), b"anna")], {USER_NAME})


def test_two_of_a_kind_are_one_too_many() -> None:
    with pytest.raises(MalformedMethod, match="twice"):
        understood([Avp(USER_NAME, b"anna"), Avp(USER_NAME, b"bob")], {USER_NAME})


def test_an_avp_has_a_longest_length() -> None:
    with pytest.raises(ValueError, match="16777216 octets"):
        encode([Avp(USER_NAME, bytes(2**24 - 8))])


def test_what_may_be_a_password_is_not_shown() -> None:
    assert "lavender" not in repr(Avp((0, 2), b"lavender"))


@given(st.lists(avps, max_size=6))
def test_what_is_written_is_read(sequence: list[Avp]) -> None:
    octets = encode(sequence)
    assert len(octets) % 4 == 0
    assert parse(octets) == sequence


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    octets = bytearray(encode(draw(st.lists(avps, min_size=1, max_size=4))))
    for _ in range(draw(st.integers(1, 3))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))])


@pytest.mark.fuzz
@given(st.binary(max_size=200) | _damaged())
def test_any_octets_are_avps_or_malformed(octets: bytes) -> None:
    try:
        sequence = parse(octets)
    except MalformedMethod:
        return
    assert parse(encode(sequence)) == sequence
    assert sum(len(avp.data) for avp in sequence) <= len(octets)
