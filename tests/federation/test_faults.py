"""What befalls the way to a home, or the home itself, as two members in networks of their own meet
it: who is at fault is told in time, the others do not notice, and all comes back by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

import pytest

from aaa.pki import contents
from radius.wire.packet import Code, Packet
from tests.counterparts import require_network_namespaces
from tests.federation import strange_homes
from tests.federation.apart import (
    AT_THISTLE,
    BASIL,
    LAVENDER,
    MINT,
    NETTLE,
    RESPONSE_SECONDS,
    ROSEMARY,
    SAGE,
    THISTLE,
    THISTLE_NAME,
    Apart,
    Grounds,
    Way,
    apart,
    grounds,
)
from tests.federation.line import CUT, FAIR, Weather
from tests.federation.nodes import until as until_true
from tests.federation.strange_homes import (
    GARBAGE,
    Behaviour,
    saying,
    silent,
    sound,
)
from tests.interop.certificates import Holder, Issuer
from tests.radius.eap import inside
from tests.radius.eap_station import Station, ttls_station
from tests.radius.served import Named, accounting, until

pytestmark = pytest.mark.namespaces
STORM = Weather(lost=0.3, doubled=0.3, delay_seconds=0.02, jitter_seconds=0.1)
over_both = pytest.mark.parametrize("way", [BASIL, MINT], ids=["udp", "tls"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    require_network_namespaces()
    with grounds(tmp_path_factory.mktemp("apart")) as made:
        yield made


@pytest.fixture
async def both(made: Grounds, tmp_path: Path) -> AsyncIterator[Apart]:
    async with apart(made, tmp_path) as both:
        yield both


@pytest.fixture
async def patient(made: Grounds, tmp_path: Path) -> AsyncIterator[Apart]:
    """Both, and a village that waits long for the homes of others."""
    async with apart(made, tmp_path, response_seconds=30) as patient:
        yield patient


async def refuse(both: Apart, way: Way, at_once: int = 3) -> None:
    """Have citizens of a realm refused, in time, and told that it is not their fault; as many at
    once as make a home that is silent a dead one."""
    async with asyncio.timeout(3 * RESPONSE_SECONDS):
        replies = await asyncio.gather(*(both.log_in(way) for _ in range(at_once)))
    for reply in replies:
        cause = reply.attributes.integer("Error-Cause")
        assert (reply.code, cause) == (Code.ACCESS_REJECT, 505), both.village.log
        assert reply.attributes.has("Reply-Message")


def said(both: Apart, *words: str) -> bool:
    """Whether a line of the village's log has all these words."""
    return any(all(word in line for word in words) for line in both.village.log.splitlines())


async def test_a_storm_keeps_nobody_out(patient: Apart) -> None:
    for way in (BASIL, MINT):
        patient.line(way).weather = STORM
    told = await asyncio.gather(
        *(patient.log_in(way) for way in (BASIL, MINT) for _ in range(20)),
        *(patient.log_in(way, "wrong") for way in (BASIL, MINT)),
    )
    assert [reply.code for reply in told] == [Code.ACCESS_ACCEPT] * 40 + [Code.ACCESS_REJECT] * 2


@over_both
async def test_a_conversation_goes_through_a_storm(patient: Apart, way: Way) -> None:
    patient.line(way).weather = STORM
    reply = await station(patient, way).log_in()
    assert reply.code is Code.ACCESS_ACCEPT


@over_both
async def test_a_line_that_is_cut_and_mended(both: Apart, way: Way) -> None:
    assert await both.is_let_in(way)
    both.line(way).weather = CUT
    await refuse(both, way)
    assert await both.is_let_in(SAGE)
    await until(lambda: said(both, "home server changed", way.name, "dead"))
    # Known to be dead, it is not waited for.
    await refuse(both, way)
    both.line(way).weather = FAIR
    await both.until_let_in(way)
    await until(lambda: said(both, "home server changed", way.name, "alive"))


@over_both
async def test_nobody_waits_behind_those_of_a_line_that_is_cut(patient: Apart, way: Way) -> None:
    assert await patient.is_let_in(way)
    patient.line(way).weather = CUT
    await others_overtake(patient, way)


async def test_nobody_waits_behind_those_of_a_silent_home(patient: Apart) -> None:
    for way in (NETTLE, THISTLE):
        assert await patient.is_let_in(way)
    patient.nettle.behaviour = patient.thistle.behaviour = silent
    await others_overtake(patient, NETTLE, THISTLE)


async def others_overtake(patient: Apart, *ways: Way) -> None:
    """Have many wait for homes that do not answer, and others be let in before any of those is told
    anything: they waited for none of them."""
    waiting = [asyncio.ensure_future(patient.log_in(way)) for way in ways for _ in range(100)]
    try:
        for _ in range(10):
            for way in (SAGE, LAVENDER):
                assert await patient.is_let_in(way)
        assert not any(each.done() for each in waiting)
    finally:
        # In order, it would let those wait out their time.
        patient.village.pull_the_plug()
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    "behaviour",
    [
        silent,
        *(saying(*octets) for octets in GARBAGE.values()),
    ],
    ids=["silence", *GARBAGE],
)
async def test_a_home_that_answers_nothing_of_use(both: Apart, behaviour: Behaviour) -> None:
    for home in (both.nettle, both.thistle):
        home.behaviour = behaviour
    await asyncio.gather(*(refuse(both, way) for way in (NETTLE, THISTLE)))
    assert await both.is_let_in(SAGE)
    for home in (both.nettle, both.thistle):
        assert home.asked
        home.behaviour = sound
    await asyncio.gather(*(both.until_let_in(way) for way in (NETTLE, THISTLE)))
    assert "Traceback" not in both.village.log


async def test_a_home_that_answers_too_late(both: Apart) -> None:
    """What it said to one is told to nobody else."""
    for home in (both.nettle, both.thistle):
        home.behaviour = strange_homes.late(RESPONSE_SECONDS + 0.5)
    await asyncio.gather(*(refuse(both, way, at_once=2) for way in (NETTLE, THISTLE)))
    for home in (both.nettle, both.thistle):
        home.behaviour = strange_homes.no
    for _ in range(5):
        for way in (NETTLE, THISTLE):
            reply = await both.log_in(way)
            assert reply.code is Code.ACCESS_REJECT
            assert not reply.attributes.has("Error-Cause"), both.village.log
    for home in (both.nettle, both.thistle):
        home.behaviour = sound
    assert await both.is_let_in(NETTLE)
    assert await both.is_let_in(THISTLE)


async def test_a_home_where_nobody_listens_or_something_else(both: Apart, made: Grounds) -> None:
    await both.show(None)
    await refuse(both, THISTLE)
    async with strange_homes.no_tls(AT_THISTLE):
        await refuse(both, THISTLE)
        assert await both.is_let_in(SAGE)
    await both.show(made.thistle)
    await both.until_let_in(THISTLE)


@pytest.mark.parametrize("flaw", ["expired", "untrusted", "wrong name"])
async def test_a_certificate_that_is_not_right_any_more(
    both: Apart, made: Grounds, tmp_path: Path, flaw: str
) -> None:
    assert await both.is_let_in(THISTLE)
    make = {
        "expired": lambda: made.root.expired_server(tmp_path / "wrong", THISTLE_NAME),
        "untrusted": lambda: Issuer.create("Another Root").server(tmp_path / "wrong", THISTLE_NAME),
        "wrong name": lambda: made.root.server(tmp_path / "wrong", "radius.nettle.example"),
    }
    wrong = make[flaw]()
    both.thistle.asked.clear()
    await both.show(wrong)
    await refuse(both, THISTLE)
    assert both.thistle.asked == []
    assert await both.is_let_in(SAGE)
    event = f"radsec server not used: {flaw}"
    await until(lambda: said(both, event, "remedy", fingerprint(wrong)))
    await both.show(made.thistle)
    await both.until_let_in(THISTLE)


async def test_of_two_servers_one_is_dead(both: Apart) -> None:
    first, second = (both.line(ROSEMARY, number) for number in (0, 1))
    assert await both.is_let_in(ROSEMARY)
    first.weather = CUT
    async with asyncio.timeout(60):
        while not said(both, "home server changed", f":{ROSEMARY.ports[0]}", "dead"):
            assert await both.is_let_in(ROSEMARY)
    asked = first.taken[ROSEMARY.ports[0]]
    for _ in range(10):
        assert await both.is_let_in(ROSEMARY)
    # Beside a Status-Server now and then, it is left alone.
    assert first.taken[ROSEMARY.ports[0]] < asked + 10
    second.weather, first.weather = CUT, FAIR
    await both.until_let_in(ROSEMARY)


@over_both
async def test_accounting_arrives_once_whatever_befalls_it(both: Apart, way: Way) -> None:
    sessions = [f"visit-{number}" for number in range(6)]

    async def tell(kind: str, seconds: int) -> None:
        """Have all sessions tell how far they are; each second counts an octet each way."""
        replies = await asyncio.gather(
            *(both.answer(told(way, each, kind, seconds)) for each in sessions)
        )
        assert {reply.code for reply in replies} == {Code.ACCOUNTING_RESPONSE}

    line = both.line(way)
    line.weather = STORM
    await tell("Start", 0)
    await tell("Interim-Update", 60)
    line.weather = CUT
    await tell("Interim-Update", 120)
    await until_true(both.village.sends_none)
    both.village.pull_the_plug()
    both.village.start()
    await tell("Interim-Update", 180)
    line.weather = STORM
    both.home.pull_the_plug()
    both.home.start()
    await tell("Stop", 240)
    both.village.stop()
    both.village.start()
    line.weather = FAIR

    async def is_home() -> bool:
        return await both.village.waiting() == 0

    await until_true(is_home, seconds=120)
    for member in (both.village, both.home):
        found = await member.sessions()
        assert sorted(each.acct_session_id for each in found) == sessions
        assert {each.session_seconds for each in found} == {240}
        assert all(each.stopped_at for each in found)
    assert await both.home.used_octets() == len(sessions) * 2 * 240


def told(way: Way, session: str, kind: str, seconds: int) -> Packet:
    """What an access point counts of a session."""
    counted: list[Named] = [
        ("User-Name", way.citizen),
        ("Acct-Session-Time", seconds),
        ("Acct-Input-Octets", seconds),
        ("Acct-Output-Octets", seconds),
    ]
    return accounting(kind, *counted, session_id=session)


def fingerprint(holder: Holder) -> str:
    """Return how a certificate is told in a log."""
    return contents.fingerprint(PEM_cert_to_DER_cert(holder.certificate.read_text()))


def station(both: Apart, way: Way) -> Station:
    """A phone of a realm's citizen."""
    said_inside = inside.pap(b"anna", way.secret.encode())
    return ttls_station(both, both.identity, said_inside, outer=f"anonymous@{way.realm}")
