"""Whether citizens of a partner could log in here is found out by logging in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from aaa.errors import Invalid
from aaa.secret import Secret
from federation import interconnection, partners
from federation.canaries import NAS_IDENTIFIER, Canaries
from federation.directory import PartnerEntry
from federation.interconnection import Link
from federation.model import LinkState
from federation.stand_ins import Place
from federation.trust import membership
from monitoring import federation_metrics
from radius.wire.packet import Code, Packet
from tests.federation.hands import HILLS, Net, Side, member
from tests.federation.homes import Answer, Home, home, keep_silent, reply
from tests.federation.nodes import until
from tests.village import entered

SECRET = Secret("thyme and rosemary")


@pytest.fixture
async def hills(settled_url: str) -> AsyncIterator[Side]:
    async with entered(settled_url) as village, member(village, HILLS, Net()) as hills:
        yield hills


@pytest.fixture
async def liguria(hills: Side) -> AsyncIterator[Home]:
    """The home server of a partner that only speaks RADIUS, with an account for canaries."""
    with home() as found:
        await add(hills, "liguria", found)
        yield found


async def add(hills: Side, name: str, found: Home) -> None:
    village = hills.village
    async with village.database.write("test") as session:
        partner = await partners.add(
            session,
            village.keyring,
            name=name,
            place=Place(name.title()),
            realms=[f"{name}.example"],
            servers=[found.server],
            sender=None,
            now=village.clock(),
        )
        identity = f"canary@{name}.example"
        await membership.keep_canary(session, village.keyring, partner, identity, SECRET)
    await hills.partners.renew()


def canaries(hills: Side) -> Canaries:
    village = hills.village
    return Canaries(
        entity=HILLS,
        every_seconds=300,
        database=village.database,
        directory=village.directory,
        partners=hills.partners,
        verifier=hills.parts.verifier,
        clock=village.clock,
    )


def refuse(request: Packet) -> Packet:
    return reply(request, Code.ACCESS_REJECT)


def know_nobody(request: Packet) -> Packet:
    return reply(request, Code.ACCESS_REJECT, ("Error-Cause", 502))


def partner(hills: Side, name: str = "liguria") -> PartnerEntry:
    return hills.partners.current.by_name[name]


async def test_a_canary_is_let_in_as_a_citizen_would(hills: Side, liguria: Home) -> None:
    link = await canaries(hills).measure(partner(hills))
    now = hills.village.clock()
    assert (link.visited, link.home, link.state) == (HILLS, "liguria", LinkState.CONNECTED)
    assert (link.checked_at, link.connected_at) == (now, now)
    assert link.milliseconds is not None
    assert await hills.links() == [link]
    (asked,) = liguria.requests
    assert asked.attributes.text("User-Name") == "canary@liguria.example"
    assert asked.attributes.text("NAS-Identifier") == NAS_IDENTIFIER
    assert asked.attributes.octets("Operator-Name") == b"1hills.example"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (refuse, LinkState.REFUSED),
        (know_nobody, LinkState.SILENT),
        (keep_silent, LinkState.SILENT),
    ],
)
async def test_why_it_was_not_let_in_is_kept(
    hills: Side, liguria: Home, answer: Answer, state: LinkState
) -> None:
    before = await canaries(hills).measure(partner(hills))
    hills.village.clock.advance(minutes=5)
    liguria.answer = answer
    link = await canaries(hills).measure(partner(hills))
    assert (link.state, link.milliseconds) == (state, None)
    (kept,) = await hills.links()
    assert (kept.state, kept.checked_at) == (state, hills.village.clock())
    # When it was last let in is not forgotten.
    assert kept.connected_at == before.connected_at


async def test_nobody_is_asked_about_who_is_suspended(hills: Side, liguria: Home) -> None:
    await hills.change("liguria", partners.suspend)
    link = await canaries(hills).measure(partner(hills))
    assert link.state is LinkState.SUSPENDED
    assert liguria.requests == []
    (sample,) = (
        sample
        for family in federation_metrics.link_up.collect()
        for sample in family.samples
        if sample.labels == {"visited": "wifi.hills.example", "home": "liguria"}
    )
    assert sample.value != sample.value


async def test_what_nobody_measures_any_more_is_forgotten(hills: Side, liguria: Home) -> None:
    with home() as other:
        await add(hills, "sospel", other)
        for name in ("liguria", "sospel"):
            await canaries(hills).measure(partner(hills, name))
        assert [link.home for link in await hills.links()] == ["liguria", "sospel"]
        async with hills.village.database.write("test") as session:
            gone = await partners.by_name(session, "liguria")
            await membership.end(session, gone, hills.village.clock())
            await partners.remove(session, gone)
        assert [link.home for link in await hills.links()] == ["sospel"]
        # Left over by whoever has just measured it.
        now = hills.village.clock()
        stale = Link(HILLS, "liguria", "a", "b", LinkState.CONNECTED, 1, now, now)
        async with hills.village.database.write("test") as session:
            await interconnection.record(session, stale)
        await hills.partners.renew()
        await canaries(hills).measure(partner(hills, "sospel"))
        assert [link.home for link in await hills.links()] == ["sospel"]


async def test_two_may_keep_the_same_at_once(hills: Side) -> None:
    now, database = hills.village.clock(), hills.village.database

    def link(milliseconds: int) -> Link:
        return Link(HILLS, "x", "a", "b", LinkState.CONNECTED, milliseconds, now, now)

    async def keep() -> None:
        async with database.write("test") as session:
            await interconnection.record(session, link(2))

    async with database.write("test") as session:
        await interconnection.record(session, link(1))
        other = asyncio.ensure_future(keep())
        # It waits for this one, where the database lets it begin at all.
        await asyncio.wait({other}, timeout=0.2)
    await other
    assert await hills.links() == [link(2)]


async def test_who_has_no_canary_is_not_tried(hills: Side) -> None:
    with home() as found:
        await add(hills, "liguria", found)
    bare = replace(partner(hills), canary=None)
    with pytest.raises(Invalid, match="`farandole partner canary` sets one"):
        await canaries(hills).measure(bare)


@asynccontextmanager
async def running(work: Canaries) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work.run(look_seconds=0.01))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_who_is_new_or_comes_back_is_tried_at_once(hills: Side) -> None:
    async def states() -> list[tuple[str, LinkState]]:
        return [(link.home, link.state) for link in await hills.links()]

    async with running(canaries(hills)):
        with home() as found:
            await add(hills, "liguria", found)

            async def is_connected() -> bool:
                return await states() == [("liguria", LinkState.CONNECTED)]

            async def is_suspended() -> bool:
                return await states() == [("liguria", LinkState.SUSPENDED)]

            await until(is_connected)
            await hills.change("liguria", partners.suspend)
            await until(is_suspended)
            await hills.change("liguria", partners.resume)
            await until(is_connected)
            assert len(found.asked) == 2


async def test_one_that_fails_keeps_no_other_from_its_turn(
    hills: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = canaries(hills)
    measure = work.measure

    async def stumble(entry: PartnerEntry) -> Link:
        if entry.name == "liguria":
            raise RuntimeError("what nobody thought of")
        return await measure(entry)

    monkeypatch.setattr(work, "measure", stumble)

    async def is_measured() -> bool:
        return [link.home for link in await hills.links()] == ["sospel"]

    with home() as first, home() as second:
        await add(hills, "liguria", first)
        await add(hills, "sospel", second)
        async with running(work):
            await until(is_measured)
    assert len(second.asked) == 1
