"""Packets cut out of a stream, however it was broken up on its way."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.stream import Stream

PACKETS = st.lists(
    st.binary(max_size=4076).map(
        lambda body: bytes((1, 7)) + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body
    ),
    max_size=6,
)


def pieces(octets: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Break octets at some places."""
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(places)]


@given(packets=PACKETS, cuts=st.lists(st.integers(0, 30_000), max_size=20))
def test_packets_come_out_as_they_went_in(packets: list[bytes], cuts: list[int]) -> None:
    stream = Stream()
    cut = [packet for piece in pieces(b"".join(packets), cuts) for packet in stream.feed(piece)]
    assert cut == packets


@given(packets=PACKETS, beginning=st.integers(0, 19))
def test_a_beginning_waits_for_its_end(packets: list[bytes], beginning: int) -> None:
    last = bytes((1, 9, 0, 20)) + bytes(16)
    stream = Stream()
    assert stream.feed(b"".join(packets) + last[:beginning]) == packets
    assert stream.feed(last[beginning:]) == [last]


@pytest.mark.parametrize(
    ("length", "malformation"),
    [
        (0, Malformation.BAD_LENGTH),
        (19, Malformation.BAD_LENGTH),
        (4097, Malformation.TOO_LONG),
        (65_535, Malformation.TOO_LONG),
    ],
)
def test_a_length_that_no_packet_has(length: int, malformation: Malformation) -> None:
    stream = Stream()
    with pytest.raises(MalformedPacket) as caught:
        stream.feed(bytes((1, 7)) + length.to_bytes(2, "big"))
    assert caught.value.malformation is malformation


@given(octets=st.binary(max_size=10_000))
def test_any_octets_are_cut_or_refused(octets: bytes) -> None:
    stream = Stream()
    try:
        cut = stream.feed(octets)
    except MalformedPacket:
        return
    assert octets.startswith(b"".join(cut))
    assert all(len(packet) == int.from_bytes(packet[2:4], "big") for packet in cut)
