"""Any octets on the ports: an answer, a repetition or a counted drop, and the server lives on."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import radius.clients
from monitoring import metrics
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request, encode_accounting_request
from radius.wire.dictionary import DICTIONARY
from radius.wire.packet import Code, Packet, encode
from tests.radius.served import accounting, chapped, dropped, pap, serve, status
from tests.village import NAS_SECRET, settle

SECRET = NAS_SECRET.reveal()
SEEDS = (
    encode_access_request(pap("anna", "lavender in july"), SECRET),
    encode(pap("anna@village.example", "lavender in july")),
    encode_access_request(chapped("anna", "ticket"), SECRET),
    encode_access_request(status(), SECRET),
    encode_accounting_request(accounting("Start", ("User-Name", "anna")), SECRET),
    encode_accounting_request(accounting("Accounting-On"), SECRET),
)


@dataclass
class Target:
    """A server in a thread of its own, and a socket to it."""

    auth: tuple[str, int]
    acct: tuple[str, int]
    socket: socket.socket

    def outcomes(self) -> float:
        """How many datagrams have come to an end, whichever."""
        counters = (metrics.radius_requests, metrics.radius_drops, metrics.radius_duplicates)
        return sum(
            sample.value
            for counter in counters
            for family in counter.collect()
            for sample in family.samples
        )

    def await_outcomes(self, count: float) -> None:
        deadline = time.monotonic() + 20
        while self.outcomes() < count:
            assert time.monotonic() < deadline, "a datagram has vanished"
            time.sleep(0)

    def still_answers(self) -> bool:
        """Whether both ports answer a Status-Server."""
        before = self.outcomes()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(20)
            for port in (self.auth, self.acct):
                asking.sendto(encode_access_request(status(), SECRET), port)
            answers = {asking.recv(4096)[0] for _ in range(2)}
        self.await_outcomes(before + 2)
        return answers == {Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    database = tmp_path_factory.mktemp("hostile") / "farandole.sqlite"
    running: list[Target] = []
    is_ready, is_over = threading.Event(), threading.Event()

    async def run(path: Path) -> None:
        village = await settle(f"sqlite:///{path}")
        async with serve(village) as served:
            endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            endpoint.settimeout(20)
            running.append(Target(served.auth, served.acct, endpoint))
            is_ready.set()
            await asyncio.get_running_loop().run_in_executor(None, is_over.wait)
            endpoint.close()
        village.hashing.close()
        await village.database.close()

    # Strangers are told apart by a look at the database, here without the pause between two.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(radius.clients, "_REFRESH_SECONDS", 0.0)
        thread = threading.Thread(target=lambda: asyncio.run(run(database)))
        thread.start()
        assert is_ready.wait(60)
        yield running[0]
        is_over.set()
        thread.join(60)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real packet with some octets changed, cut, put in or repeated."""
    octets = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(len(octets) - 1, 0)))
        match draw(st.sampled_from(["change", "cut", "put in", "repeat", "drop"])):
            case "change" if octets:
                octets[position] = draw(st.integers(0, 255))
            case "cut":
                del octets[position:]
            case "put in":
                octets[position:position] = draw(st.binary(max_size=40))
            case "repeat":
                octets += octets[position : position + 60]
            case "drop":
                del octets[position : position + 1]
    if draw(st.booleans()) and len(octets) >= 4:
        octets[2:4] = len(octets).to_bytes(2, "big")
    return bytes(octets)


pairs = st.lists(
    st.tuples(
        st.sampled_from(sorted({oid[0] for oid in DICTIONARY.by_oid})),
        st.binary(min_size=1, max_size=60) | st.integers(0, 20).map(lambda n: n.to_bytes(4, "big")),
    ),
    max_size=12,
)


@st.composite
def signed(draw: st.DrawFn) -> bytes:
    """A packet of the right NAS with any attributes, which gets as far as a packet can."""
    attributes = Attributes(tuple(draw(pairs)))
    code = draw(st.sampled_from([Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER]))
    packet = Packet(
        code, draw(st.integers(0, 255)), draw(st.binary(min_size=16, max_size=16)), attributes
    )
    if code is Code.ACCOUNTING_REQUEST:
        return encode_accounting_request(packet, SECRET)
    return encode_access_request(packet, SECRET)


@pytest.mark.fuzz
# Each example is up to 12 datagrams through a whole server; no test may take five minutes.
@settings(max_examples=min(settings().max_examples, 5_000))
@given(
    st.lists(
        st.tuples(st.booleans(), st.binary(max_size=4200) | mutated() | signed()),
        min_size=1,
        max_size=12,
    )
)
def test_every_datagram_comes_to_an_end(
    target: Target, datagrams: list[tuple[bool, bytes]]
) -> None:
    bugs, before = dropped("internal_error"), target.outcomes()
    for is_accounting, datagram in datagrams:
        target.socket.sendto(datagram, target.acct if is_accounting else target.auth)
    target.await_outcomes(before + len(datagrams))
    assert target.outcomes() == before + len(datagrams)
    assert dropped("internal_error") == bugs
    assert target.still_answers()
