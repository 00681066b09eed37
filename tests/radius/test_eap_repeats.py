"""EAP that comes twice, out of turn, or begins anew in the middle: NAS, proxies and phones do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from aaa.authentication import Authenticator
from aaa.errors import Outage, Unavailable
from aaa.pki.identity import ServerIdentity
from radius.eap.packet import Type
from radius.handlers.access import AccessHandler
from radius.request import Reply, Request, Unanswered
from radius.wire.packet import Code, Packet
from tests.radius.eap.inside import mschapped, pap
from tests.radius.eap_station import Station, certify, give_secret, ttls_station
from tests.radius.served import Served, dropped, sample, serve, until
from tests.village import Village


@pytest.fixture
async def identity(village: Village) -> ServerIdentity:
    return await certify(village)


@pytest.fixture
async def served(village: Village, identity: ServerIdentity) -> AsyncIterator[Served]:
    async with serve(village) as served:
        yield served


@pytest.fixture
async def station(served: Served, identity: ServerIdentity) -> Station:
    """Anna's phone."""
    secret, _ = await give_secret(served.village)
    return ttls_station(served, identity, pap(b"anna", secret.encode()))


@dataclass
class Asked:
    """A packet of the phone's, and what it answers: as often as a NAS likes to send it."""

    station: Station
    eap: bytes
    state: bytes | None

    def packet(self) -> Packet:
        """Return a request of its own, with a Request Authenticator of its own."""
        return self.station.request(self.eap, self.state)


def answer_to(station: Station, challenge: Packet) -> Asked:
    eap = station.supplicant.feed(challenge.attributes.octets("EAP-Message") or b"")
    assert eap is not None
    return Asked(station, eap, challenge.attributes.octets("State"))


async def goes_on(station: Station, challenge: Packet) -> bool:
    """Return whether the phone gets online from here."""
    reply = challenge
    while reply.code is Code.ACCESS_CHALLENGE:
        reply = await station.served.answer(answer_to(station, reply).packet())
    return reply.code is Code.ACCESS_ACCEPT


async def test_the_same_packet_in_a_new_request_is_answered_the_same(station: Station) -> None:
    reply = await station.served.answer(station.request(station.hello(), None))
    while reply.code is Code.ACCESS_CHALLENGE:
        asked = answer_to(station, reply)
        reply = await station.served.answer(asked.packet())
        if reply.code is Code.ACCESS_CHALLENGE:
            again = await station.served.answer(asked.packet())
            assert again.code is Code.ACCESS_CHALLENGE
            for name in ("EAP-Message", "State"):
                assert again.attributes.octets(name) == reply.attributes.octets(name)
    assert reply.code is Code.ACCESS_ACCEPT


async def test_another_packet_under_a_state_that_was_answered_is_refused(station: Station) -> None:
    first = await station.served.answer(station.request(station.hello(), None))
    asked = answer_to(station, first)
    reply = await station.served.answer(asked.packet())
    asked.eap = asked.eap[:-1] + bytes((asked.eap[-1] ^ 1,))
    assert (await station.served.answer(asked.packet())).code is Code.ACCESS_REJECT
    # Whoever that was has not ended what is under way.
    assert await goes_on(station, reply)


async def test_what_is_being_worked_on_is_left_alone(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = station.served
    real = Authenticator.by_typed
    may_answer, is_asked = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: object) -> object:
        is_asked.set()
        await may_answer.wait()
        return await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Authenticator, "by_typed", slow)
    before = dropped(Unanswered.EAP_IN_PROGRESS.value)
    reply = await served.answer(station.request(station.hello(), None))
    while True:
        asked = answer_to(station, reply)
        first = asyncio.ensure_future(served.answer(asked.packet()))
        await until(lambda: first.done() or is_asked.is_set())  # noqa: B023
        if is_asked.is_set():
            break
        reply = first.result()
    second = asyncio.ensure_future(served.ask(asked.packet()))
    await until(lambda: dropped(Unanswered.EAP_IN_PROGRESS.value) == before + 1)
    assert not first.done()
    may_answer.set()
    assert (await first).code is Code.ACCESS_ACCEPT
    second.cancel()


async def until_away(station: Station, monkeypatch: pytest.MonkeyPatch, step: str) -> Asked:
    """Go on until the database, away, is asked once; return the packet that has no answer yet."""
    real: Callable[..., object] = getattr(Authenticator, step)
    is_asked = asyncio.Event()

    async def away_once(*arguments: object) -> object:
        if not is_asked.is_set():
            is_asked.set()
            raise Unavailable("database", Outage.UNAVAILABLE, "test")
        return await real(*arguments)  # type: ignore[misc]

    monkeypatch.setattr(Authenticator, step, away_once)
    before = dropped(Unanswered.DATABASE_UNAVAILABLE.value)
    reply: Packet | None = await station.served.answer(station.request(station.hello(), None))
    while True:
        assert reply is not None
        asked = answer_to(station, reply)
        answered = asyncio.ensure_future(station.served.ask(asked.packet()))
        await until(lambda: answered.done() or is_asked.is_set())  # noqa: B023
        if is_asked.is_set():
            await until(lambda: dropped(Unanswered.DATABASE_UNAVAILABLE.value) > before)
            answered.cancel()
            return asked
        reply = answered.result()


@pytest.mark.parametrize("step", ["by_typed", "authorize"])
async def test_another_packet_after_the_database_was_away_is_ignored(
    station: Station, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    served = station.served
    asked = await until_away(station, monkeypatch, step)
    before = sample("farandole_eap_ignored_total", reason="out_of_turn")
    stray = bytes((2, asked.eap[1], 0, 6, Type.TTLS, 0))
    reply = await served.answer(station.request(stray, asked.state))
    assert reply.code is Code.ACCESS_CHALLENGE
    assert reply.attributes.integer("Error-Cause") == 202
    asked_again = reply.attributes.octets("EAP-Message")
    assert asked_again is not None
    assert asked_again[1] == asked.eap[1]
    assert sample("farandole_eap_ignored_total", reason="out_of_turn") == before + 1
    # The phone repeats what it has said already.
    asked.state = reply.attributes.octets("State")
    assert (await served.answer(asked.packet())).code is Code.ACCESS_ACCEPT


@pytest.mark.parametrize("step", [None, "by_typed", "authorize"])
@pytest.mark.parametrize("begins_by", ["identity", "start"])
async def test_who_begins_anew_may_though_the_nas_sends_the_old_state(
    served: Served,
    identity: ServerIdentity,
    station: Station,
    monkeypatch: pytest.MonkeyPatch,
    step: str | None,
    begins_by: str,
) -> None:
    if step is None:
        first = await served.answer(station.request(station.hello(), None))
        asked = answer_to(station, first)
    else:
        asked = await until_away(station, monkeypatch, step)
    secret, _ = await give_secret(served.village, "the same phone, out and in again")
    anew = ttls_station(served, identity, pap(b"anna", secret.encode()))
    hello = bytearray(anew.hello())
    hello[1] = 200
    reply = await served.answer(
        anew.request(bytes(hello) if begins_by == "identity" else b"", asked.state)
    )
    eap = reply.attributes.octets("EAP-Message")
    assert eap is not None
    assert eap[4] == (Type.TTLS if begins_by == "identity" else Type.IDENTITY)
    assert await goes_on(anew, reply)
    # What was under way before is not any more.
    assert (await served.answer(asked.packet())).code is Code.ACCESS_REJECT


@pytest.mark.parametrize(
    ("name", "is_right", "code"),
    [
        (b"anna", True, Code.ACCESS_ACCEPT),
        (b"anna", False, Code.ACCESS_REJECT),
        (b"nobody", False, Code.ACCESS_REJECT),
    ],
)
async def test_how_long_secrets_were_tried_is_not_told(
    served: Served,
    identity: ServerIdentity,
    monkeypatch: pytest.MonkeyPatch,
    name: bytes,
    is_right: bool,
    code: Code,
) -> None:
    """The answer to a response to a challenge is held back at random, whoever has none or many."""
    answers: list[tuple[Code, float]] = []
    real = AccessHandler.__call__

    async def noted(self: AccessHandler, request: Request) -> Reply | Unanswered:
        reply = await real(self, request)
        assert isinstance(reply, Reply)
        answers.append((reply.packet.code, reply.held_back_seconds))
        return reply

    monkeypatch.setattr(AccessHandler, "__call__", noted)
    monkeypatch.setattr(AccessHandler, "_jitter", lambda self: 0.001)
    secret, _ = await give_secret(served.village)
    said = secret.encode() if is_right else b"another"
    station = ttls_station(served, identity, mschapped(name, said))
    assert (await station.log_in()).code is code
    challenges = [seconds for code, seconds in answers if code is Code.ACCESS_CHALLENGE]
    assert challenges[-1] == 0.001
    assert not any(challenges[:-1])
