"""Accounting of partners' citizens on its way home: nothing lost, nothing counted twice."""

from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import DailyUsage
from federation import partners
from federation.model import ForwardedAccounting, Partner
from radius.transports.client import Client
from radius.wire.packet import Code, Packet
from tests.federation import homes
from tests.federation.homes import Home, home
from tests.federation.line import Weather, line
from tests.federation.nodes import BASIL, LAVENDER, SHARED, Node, at, join, node, until
from tests.ports import free_port
from tests.radius.served import LOOPBACK, QUICK, Named, accounting, sample

GIULIA = "giulia@basil.example"
HERE = "127.0.0.1"


@pytest.fixture
async def visited(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path, response_seconds=1) as visited:
        yield visited


@pytest.fixture
async def basil(tmp_path: Path, visited: Node) -> AsyncIterator[Node]:
    async with node(BASIL, tmp_path) as basil:
        await join(visited, basil)
        yield basil


def told(kind: str, seconds: int = 0, session_id: str = "s-1", user_name: str = GIULIA) -> Packet:
    """An Accounting-Request; an octet is counted each second, each way."""
    counted: list[Named] = [
        ("User-Name", user_name),
        ("Acct-Session-Time", seconds),
        ("Acct-Input-Octets", seconds),
        ("Acct-Output-Octets", seconds),
    ]
    return accounting(kind, *counted, session_id=session_id)


async def tell(visited: Node, *packets: Packet) -> None:
    for packet in packets:
        assert (await visited.answer(packet)).code is Code.ACCOUNTING_RESPONSE


async def drained(visited: Node) -> None:
    """Wait until everything has gone home; time passes, as pauses are made of it."""

    async def is_sent() -> bool:
        visited.village.clock.advance(seconds=20)
        return await visited.has_sent()

    await until(is_sent)


async def used(node_: Node) -> int:
    """What the one citizen used today, by the home's own count."""
    async with node_.village.database.read("test") as session:
        return await session.scalar(select(func.sum(DailyUsage.octets))) or 0


def kinds(found: Home) -> list[int | None]:
    distinct = {request.authenticator: request for request in found.requests}
    return [each.attributes.integer("Acct-Status-Type") for each in distinct.values()]


async def test_an_outage_of_the_home_loses_nothing_and_doubles_nothing(
    visited: Node, basil: Node
) -> None:
    await tell(visited, told("Start"))
    await drained(visited)
    await basil.stop()
    await tell(visited, told("Interim-Update", 600), told("Interim-Update", 1200))
    await tell(visited, told("Stop", 1500), told("Stop", 1500))
    assert await visited.waiting() == 3
    await basil.start()
    await drained(visited)
    (session,) = await basil.sessions()
    assert (session.session_seconds, session.terminate_cause) == (1500, None)
    assert session.stopped_at is not None
    assert session.citizen_id == basil.citizen_id
    assert await used(basil) == 3000


async def test_a_restart_of_the_visited_place_loses_nothing(visited: Node, basil: Node) -> None:
    await basil.stop()
    await tell(visited, told("Start"), told("Stop", 300))
    await visited.stop()
    assert await visited.waiting() == 2
    await basil.start()
    await visited.start()
    await drained(visited)
    (session,) = await basil.sessions()
    assert (session.session_seconds, session.stopped_at is None) == (300, False)
    assert await used(basil) == 600


async def test_what_was_under_way_at_the_end_goes_on_with_the_next_start(visited: Node) -> None:
    with home() as found:
        found.answer = homes.keep_silent
        await visited.know("basil", ["basil.example"], [found.server])
        await tell(visited, told("Start"))
        await until_asked(found)
        await visited.stop()
        found.answer = homes.accept
        await visited.start()
        # At once: no time passes.
        await until(visited.has_sent)


async def until_asked(found: Home) -> None:
    async def is_asked() -> bool:
        return bool(found.requests)

    await until(is_asked)


async def test_what_the_home_took_and_did_not_say_is_counted_once(
    visited: Node, basil: Node
) -> None:
    """The answer is lost on the way, so the same is sent again."""
    await tell(visited, told("Start"), told("Stop", 300))
    await drained(visited)
    # As if the rows had not been deleted: the home has what they say.
    again = told("Stop", 300)
    for _ in range(3):
        sent = Packet(again.code, 0, bytes(16), again.attributes)
        await tell(visited, sent)
    await drained(visited)
    assert await used(basil) == 600
    assert len(await basil.sessions()) == 1


async def test_a_bad_line_loses_nothing_and_doubles_nothing(visited: Node, basil: Node) -> None:
    port = free_port()
    async with line(1) as bad:
        bad.open_udp((HERE, port), (HERE, basil.radius.acct_port), visited.cast.source)
        bad.weather = Weather(lost=0.4, doubled=1.0, jitter_seconds=0.05)

        async def go_by_the_line(session: AsyncSession, partner: Partner) -> None:
            keyring = visited.village.keyring
            await partners.add_server(session, keyring, partner, at(port, port))
            former = f"udp://127.0.0.1:{basil.radius.auth_port}"
            await partners.remove_server(session, partner, former)

        await visited.change("basil", go_by_the_line)
        for number in range(6):
            session_id = f"s-{number}"
            await tell(visited, told("Start", 0, session_id), told("Stop", 100, session_id))
        await drained(visited)
    found = await basil.sessions()
    assert [session.session_seconds for session in found] == [100] * 6
    assert await used(basil) == 6 * 200


async def test_one_that_is_repeated_is_sent_once(visited: Node) -> None:
    with home() as found:
        await visited.know("basil", ["basil.example"], [found.server])
        await tell(visited, told("Start"), told("Start"), told("Interim-Update", 60))
        await tell(visited, told("Interim-Update", 60), told("Stop", 90), told("Stop", 90))
        await drained(visited)
        # An interim update that counts nothing new says that the session lives.
        assert sorted(filter(None, kinds(found))) == [1, 2, 3, 3]


async def test_packets_of_a_session_go_in_order_and_say_how_long_they_waited(
    visited: Node,
) -> None:
    with home() as found:
        found.answer = homes.keep_silent
        await visited.know("basil", ["basil.example"], [found.server])
        await tell(visited, told("Start"), told("Interim-Update", 60), told("Stop", 90))

        async def was_tried() -> bool:
            async with visited.village.database.read("test") as session:
                return bool(await session.scalar(select(func.max(ForwardedAccounting.attempts))))

        await until(was_tried)
        assert set(kinds(found)) == {1}
        found.requests.clear()
        found.answer = homes.accept
        visited.village.clock.advance(minutes=20)
        await drained(visited)
        assert kinds(found)[-3:] == [1, 3, 2]
        for request in found.requests[-3:]:
            assert (request.attributes.integer("Acct-Delay-Time") or 0) >= 1200
            assert request.attributes.date("Event-Timestamp") is not None


async def test_what_waits_is_shown(visited: Node) -> None:
    await visited.know("basil", ["basil.example"], [at(1, 1)])
    await tell(visited, told("Start"), told("Start", session_id="s-2"))
    visited.village.clock.advance(minutes=2)

    async def is_shown() -> bool:
        waiting = sample("farandole_federation_accounting_waiting", partner="basil")
        oldest = sample("farandole_federation_accounting_oldest_seconds", partner="basil")
        return (waiting, oldest) == (2, 120)

    await until(is_shown)


async def test_nothing_is_sent_to_who_is_suspended_until_they_are_back(visited: Node) -> None:
    with home() as found:
        await visited.know("basil", ["basil.example"], [found.server])
        await visited.change("basil", partners.suspend)
        await tell(visited, told("Start"))
        assert (await visited.waiting(), found.requests) == (1, [])
        await visited.change("basil", partners.resume)
        await drained(visited)
        assert kinds(found) == [1]


async def test_a_partner_that_is_suspended_keeps_its_accounting(visited: Node, basil: Node) -> None:
    await basil.change("lavender", partners.suspend)
    await tell(visited, told("Start"))
    assert await basil.sessions() == []
    assert await visited.waiting() == 1
    await basil.change("lavender", partners.resume)
    await drained(visited)
    assert len(await basil.sessions()) == 1


async def test_a_nas_of_a_partner_that_restarts_ends_no_session_here(
    visited: Node, basil: Node
) -> None:
    await tell(visited, told("Start"))
    await until(basil.sessions)
    partner = Client(QUICK, source=ip_address(visited.cast.source))
    try:
        port = basil.radius.acct_port
        restarted = accounting("Accounting-On", session_id=None)
        reply = await partner.exchange(restarted, LOOPBACK, port, SHARED)
    finally:
        partner.close()
    assert reply is not None
    assert reply.code is Code.ACCOUNTING_RESPONSE
    (session,) = await basil.sessions()
    assert session.stopped_at is None
