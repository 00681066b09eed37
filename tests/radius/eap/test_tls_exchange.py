"""Fragments both ways, acknowledgements, and whatever a supplicant does wrong with them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.eap.methods.method import Failed, MalformedMethod, Send
from radius.eap.steps import Failure
from radius.eap.tls_engine import TlsEngine, TlsServer
from radius.eap.tls_exchange import LONGEST_MESSAGE, Arrived, TlsExchange
from tests.radius.eap.certificates import Authority
from tests.radius.eap.supplicant import (
    LENGTH_INCLUDED,
    MORE_FRAGMENTS,
    START,
    Lengths,
    TlsClient,
    TlsPeer,
)

LIMIT = 1000
AUTHORITY = Authority("Exchanged Root")
CLIENT = TlsClient([AUTHORITY.root.der], "1.3")
SERVER = TlsServer.for_tunnel(AUTHORITY.server())
HELLO = TlsPeer(CLIENT, fragment_octets=100_000).respond(b"\x20")[1:]
ACKNOWLEDGEMENT = Send(b"\x00")


def exchange() -> TlsExchange:
    return TlsExchange(SERVER.engine())


def fragment(body: bytes, *, more: bool = False, length: int | None = None) -> bytes:
    flags = MORE_FRAGMENTS if more else 0
    if length is None:
        return bytes([flags]) + body
    return struct.pack(">BI", flags | LENGTH_INCLUDED, length) + body


def established(peer: TlsPeer) -> tuple[TlsEngine, TlsExchange]:
    """Return the two after a handshake of TLS 1.2 or 1.3 with a peer."""
    engine = SERVER.engine()
    ours = TlsExchange(engine)
    outcome: Send | Arrived | Failed = ours.start()
    while not engine.is_established:
        assert isinstance(outcome, Send)
        outcome = ours.receive(peer.respond(outcome.data), LIMIT)
        if isinstance(outcome, Arrived):
            outcome = ours.flush(LIMIT)
    return engine, ours


def test_it_starts_with_a_start() -> None:
    assert exchange().start() == Send(bytes([START]))


@pytest.mark.parametrize("lengths", Lengths)
@pytest.mark.parametrize("octets", [6, 100, 1400])
def test_fragments_of_the_supplicant_are_acknowledged_and_joined(
    lengths: Lengths, octets: int
) -> None:
    peer = TlsPeer(CLIENT, fragment_octets=octets, lengths=lengths)
    ours = exchange()
    outcome: Send | Arrived | Failed = ours.start()
    acknowledged = -1
    while isinstance(outcome, Send):
        outcome = ours.receive(peer.respond(outcome.data), LIMIT)
        acknowledged += 1
        assert outcome in (ACKNOWLEDGEMENT, Arrived(is_empty=False))
    assert acknowledged == (len(HELLO) - 1) // (octets - 5)


@pytest.mark.parametrize("limit", [6, 7, 100, 500, 1395])
def test_our_fragments_fit_the_limit_and_say_what_they_are(limit: int) -> None:
    engine = SERVER.engine()
    twin = SERVER.engine()
    ours = TlsExchange(engine)
    assert ours.receive(fragment(HELLO), limit) == Arrived(is_empty=False)
    twin.feed(HELLO)
    octets = len(twin.outgoing())
    assert octets > limit
    sent = [ours.flush(limit).data]
    while sent[-1][0] & MORE_FRAGMENTS:
        step = ours.receive(b"\x00", limit)
        assert isinstance(step, Send)
        sent.append(step.data)
    flags, length = struct.unpack_from(">BI", sent[0])
    assert flags == LENGTH_INCLUDED | MORE_FRAGMENTS
    assert abs(length - octets) < 16  # a signature's length varies
    assert {data[0] for data in sent[1:-1]} <= {MORE_FRAGMENTS}
    assert sent[-1][0] == 0
    assert {len(data) for data in sent[:-1]} == {limit}
    assert len(sent[-1]) <= limit
    assert len(sent[0][5:]) + sum(len(data) - 1 for data in sent[1:]) == length


def test_what_fits_goes_whole_and_without_its_length() -> None:
    ours = exchange()
    ours.receive(fragment(HELLO), 10_000)
    assert ours.flush(10_000).data[:2] == b"\x00\x16"


def test_the_limit_may_change_on_the_way() -> None:
    peer = TlsPeer(CLIENT, fragment_octets=300)
    engine = SERVER.engine()
    ours = TlsExchange(engine)
    limits = [50, 1300, 200, 77, 900]
    outcome: Send | Arrived | Failed = ours.start()
    for round in range(100):
        limit = limits[round % len(limits)]
        if isinstance(outcome, Arrived):
            if engine.is_established:
                break
            outcome = ours.flush(limit)
        assert isinstance(outcome, Send)
        assert len(outcome.data) <= max(limits)
        outcome = ours.receive(peer.respond(outcome.data), limit)
    assert engine.is_established
    assert peer.is_established


def test_nothing_to_say_is_an_empty_request() -> None:
    peer = TlsPeer(CLIENT)
    engine, ours = established(peer)
    engine.outgoing()
    assert ours.flush(LIMIT) == ACKNOWLEDGEMENT


@pytest.mark.parametrize("nothing", [b"", b"\x00", b"\x80\x00\x00\x00\x00"])
def test_nothing_may_come_once_the_tunnel_is_open(nothing: bytes) -> None:
    _, ours = established(TlsPeer(CLIENT))
    while ours.flush(LIMIT).data[0] & MORE_FRAGMENTS:
        ours.receive(b"\x00", LIMIT)
    assert ours.receive(nothing, LIMIT) == Arrived(is_empty=True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="not even flags"),
        pytest.param(b"\x00", id="an acknowledgement of nothing"),
        pytest.param(bytes([START]), id="a start"),
        pytest.param(b"\x80\x00\x00", id="a cut length"),
        pytest.param(fragment(b"", more=True), id="a fragment of nothing"),
        pytest.param(fragment(b"abc", length=4), id="cut short"),
        pytest.param(fragment(b"abc", length=2), id="too much"),
        pytest.param(fragment(b"abc", more=True, length=2), id="too much, and more to come"),
    ],
)
def test_what_no_supplicant_begins_with(data: bytes) -> None:
    with pytest.raises(MalformedMethod):
        exchange().receive(data, LIMIT)


def test_a_message_has_one_length() -> None:
    ours = exchange()
    ours.receive(fragment(b"abc", more=True, length=9), LIMIT)
    with pytest.raises(MalformedMethod):
        ours.receive(fragment(b"abc", more=True, length=10), LIMIT)


def test_a_length_that_comes_late_counts_too() -> None:
    ours = exchange()
    ours.receive(fragment(b"abc", more=True), LIMIT)
    with pytest.raises(MalformedMethod):
        ours.receive(fragment(b"abc", length=5), LIMIT)


def test_a_length_of_one_message_is_not_the_nexts() -> None:
    peer = TlsPeer(CLIENT, fragment_octets=100, lengths=Lengths.ALL)
    engine, _ = established(peer)
    assert engine.is_established


def test_a_fragment_that_comes_twice_is_too_much() -> None:
    ours = exchange()
    first = fragment(HELLO[:1000], more=True, length=len(HELLO))
    assert ours.receive(first, LIMIT) == ACKNOWLEDGEMENT
    with pytest.raises(MalformedMethod):
        ours.receive(first, LIMIT)


def test_data_while_we_send_are_out_of_turn() -> None:
    ours = exchange()
    ours.receive(fragment(HELLO), LIMIT)
    assert ours.flush(LIMIT).data[0] & MORE_FRAGMENTS
    with pytest.raises(MalformedMethod):
        ours.receive(fragment(b"abc"), LIMIT)


def test_a_message_that_says_it_is_too_long_is_not_awaited() -> None:
    data = fragment(b"abc", more=True, length=LONGEST_MESSAGE + 1)
    assert exchange().receive(data, LIMIT) == Failed(Failure.TOO_LONG)


def test_a_message_without_end_is_too_long() -> None:
    ours = exchange()
    data = fragment(bytes(1024), more=True)
    for _ in range(LONGEST_MESSAGE // 1024):
        assert ours.receive(data, LIMIT) == ACKNOWLEDGEMENT
    assert ours.receive(fragment(b"x"), LIMIT) == Failed(Failure.TOO_LONG)


@pytest.mark.parametrize("limit", [6, LIMIT])
def test_a_failure_is_told_by_an_alert_and_ends_with_the_response(limit: int) -> None:
    ours = exchange()
    outcome = ours.receive(fragment(HELLO[:5] + b"\x0b" + HELLO[6:]), limit)
    sent = b""
    while isinstance(outcome, Send):
        more = outcome.data[0] & MORE_FRAGMENTS
        sent += outcome.data[5 if outcome.data[0] & LENGTH_INCLUDED else 1 :]
        outcome = ours.receive(b"\x00", limit)
        assert isinstance(outcome, Send) == bool(more)
    assert sent[0] == 21  # a record with an alert
    assert outcome == Failed(Failure.TLS_FAILED)


def test_what_is_not_even_tls_gets_no_alert() -> None:
    data = fragment(b"GET / HTTP/1.1\r\n\r\n")
    assert exchange().receive(data, LIMIT) == Failed(Failure.TLS_FAILED)


def test_an_alert_of_the_supplicant_needs_no_answer() -> None:
    ours = exchange()
    ours.receive(fragment(HELLO), 10_000)
    ours.flush(10_000)
    alert = bytes.fromhex("15030300020230")  # fatal: unknown_ca
    assert ours.receive(fragment(alert), LIMIT) == Failed(Failure.SUPPLICANT_REFUSED)


PARTS = st.one_of(
    st.binary(max_size=60),
    st.builds(fragment, st.binary(max_size=60), more=st.booleans(), length=st.none()),
    st.builds(fragment, st.binary(max_size=60), more=st.booleans(), length=st.integers(0, 90_000)),
    st.sampled_from([HELLO[:300], HELLO[300:]]).map(lambda part: fragment(part, more=True)),
    st.just(fragment(HELLO)),
    st.just(b"\x00"),
)


@pytest.mark.fuzz
@given(st.lists(PARTS, max_size=12), st.integers(6, 1400))
def test_any_responses_end_or_go_on(responses: list[bytes], limit: int) -> None:
    ours = exchange()
    for data in responses:
        try:
            outcome = ours.receive(data, limit)
        except MalformedMethod:
            return
        if isinstance(outcome, Failed):
            return
        if isinstance(outcome, Arrived):
            outcome = ours.flush(limit)
        assert 1 <= len(outcome.data) <= limit
