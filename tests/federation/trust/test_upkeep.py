"""What is known of members stays as new as they say it, and of what is not so one is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from aaa.collectivities import add_collectivity, change_collectivity, collectivity_by_slug
from aaa.model import Collectivity
from aaa.settings import EapSettings, RadiusSettings
from federation import interconnection, partners
from federation.interconnection import Link
from federation.model import LinkState, PartnerState, Transport
from federation.trust import keys, membership, statements
from federation.trust.fetching import CONNECTIONS_PATH, STATEMENT_PATH
from federation.trust.key_calendar import OVERLAP
from federation.trust.upkeep import drift_of
from monitoring import federation_metrics
from tests.federation.hands import HILLS, LAVENDER, MENTON, Net, Side, away
from tests.federation.members import new_signer, public, statement_of
from tests.village import Clock


async def drift(side: Side) -> str:
    """Where its one partner is not as it says."""
    found = drift_of(await side.only(), await side.membership(), side.village.clock())
    return "; ".join(found)


def shown(gauge: Any, **labels: str) -> float | None:
    """The value of a series, as it is scraped."""
    for family in gauge.collect():
        for sample in family.samples:
            if sample.labels == labels:
                return float(sample.value)
    return None


async def test_what_stays_is_only_newer(joined: tuple[Side, Side]) -> None:
    hills, _ = joined
    before = (await hills.membership()).refreshed_at
    revision = (await hills.partners.renew()).revision
    now = hills.village.clock.advance(days=3)
    await hills.look()
    kept = await hills.membership()
    assert (before, kept.refreshed_at, kept.failure) == (now - timedelta(days=3), now, None)
    assert statements.expiry(statements.kept(kept.statement)) == now + timedelta(days=7)
    # Nobody has to load anything anew.
    assert hills.partners.current.revision == revision
    assert await drift(hills) == ""
    assert shown(federation_metrics.drift, partner="lavender") == 0
    assert shown(federation_metrics.described, partner="lavender") == now.timestamp()


async def test_another_name_server_and_title_are_taken_over(joined: tuple[Side, Side]) -> None:
    hills, lavender = joined
    async with lavender.village.database.write("test") as session:
        entry = await collectivity_by_slug(session, "lavender")
        await change_collectivity(session, entry, name="Pays violet", contact="+33 4 92 00 00 00")
    moved = lavender.as_settings(
        eap=EapSettings(server_name="aaa.lavender.example"),
        radius=RadiusSettings(radsec_port=12083),
    )
    await moved.keep()
    await hills.look()
    partner = await hills.only()
    assert (partner.title, partner.name) == ("Pays violet", "lavender")
    assert [server.address for server in partner.servers] == ["tls://aaa.lavender.example:12083"]
    assert partner.servers[0].certificate_name == "aaa.lavender.example"
    peers = hills.village.snapshot.nas_by_id[partner.nas_id or 0].radsec_peers
    assert [peer.name for peer in peers] == ["aaa.lavender.example"]
    assert partner.described is not None
    assert partner.described.contact == "+33 4 92 00 00 00"
    assert await drift(hills) == ""


async def test_a_realm_that_is_new_waits_for_an_operator(joined: tuple[Side, Side]) -> None:
    hills, lavender = joined
    await found(lavender, "sault", "sault.example")
    await hills.look()
    assert (await hills.only()).realms == ("lavender.example",)
    assert "it claims sault.example" in await drift(hills)
    assert shown(federation_metrics.drift, partner="lavender") == 1
    await hills.change("lavender", partners.change_realms, added=["sault.example"], removed=[])
    assert await drift(hills) == ""


async def found(side: Side, slug: str, realm: str) -> None:
    """Make one more collectivity of a member's."""
    async with side.village.database.write("test") as session:
        await add_collectivity(
            session,
            slug=slug,
            name=slug,
            realm=realm,
            parent=None,
            country="FR",
            language="fr",
            timezone="Europe/Paris",
            now=side.village.clock(),
        )
    await side.partners.renew()


async def rename(side: Side, slug: str, realm: str) -> None:
    async with side.village.database.write("test") as session:
        (await collectivity_by_slug(session, slug)).realm = realm
        await change_collectivity(session, await collectivity_by_slug(session, slug))
    await side.partners.renew()


async def test_a_realm_that_was_given_up_leads_there_no_more(
    small_hills: Side, lavender: Side
) -> None:
    await found(lavender, "sault", "sault.example")
    await lavender.accept(await small_hills.invite())
    # What an operator added is theirs to take away.
    await small_hills.change(
        "lavender", partners.change_realms, added=["*.lavender.example"], removed=[]
    )
    await rename(lavender, "sault", "monieux.example")
    await small_hills.look()
    assert (await small_hills.only()).realms == ("lavender.example", "*.lavender.example")
    told = await drift(small_hills)
    assert "claims monieux.example" in told
    assert "*.lavender.example leads there, and it does not claim that" in told


async def test_the_last_realm_stays_and_is_told(joined: tuple[Side, Side]) -> None:
    hills, lavender = joined
    await rename(lavender, "lavender", "violet.example")
    await hills.look()
    assert (await hills.only()).realms == ("lavender.example",)
    assert "claims violet.example" in await drift(hills)
    assert "lavender.example leads there" in await drift(hills)


async def test_a_server_that_an_operator_added_is_told(joined: tuple[Side, Side]) -> None:
    hills, _ = joined
    there = partners.NewServer(
        *(Transport.TLS, "10.0.0.7", 2083, 2083),
        anchor=b"a root",
        certificate_name="radius.lavender.example",
    )
    async with hills.village.database.write("test") as session:
        partner = await partners.by_name(session, "lavender")
        await partners.add_server(session, hills.village.keyring, partner, there)
    assert "asked at tls://10.0.0.7:2083, which it does not name" in await drift(hills)


async def test_keys_follow_each_other_by_themselves(joined: tuple[Side, Side]) -> None:
    """For a year and a half, while it is looked every ten days."""
    hills, lavender = joined
    clock, seen = hills.village.clock, set[str]()
    for _ in range(55):
        clock.advance(days=10)
        await lavender.keep()
        await hills.look()
        kept = await hills.membership()
        assert kept.failure is None
        seen.add((await lavender.us()).signer.kid)
    assert len(seen) == 4


async def test_what_a_stranger_signs_is_refused_and_told(
    joined: tuple[Side, Side], net: Net, capfd: pytest.CaptureFixture[str]
) -> None:
    hills, _ = joined
    before, signer = (await hills.only()).described, new_signer()
    assert before is not None
    forged = replace(
        before, keys=(public(signer),), names=("evil.example",), provider=None, client=None
    )
    answers = [
        statement_of(forged, signer, hills.village.clock()),
        (await hills.us()).member.statement,
        "no statement",
    ]

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(answers[-1].encode()))

    net.instead[LAVENDER] = answer
    while answers:
        await hills.look()
        assert (await hills.only()).described == before
        assert "could not be renewed: the signature is not by a key that is known" in await drift(
            hills
        )
        assert shown(federation_metrics.drift, partner="lavender") == 1
        answers.pop()
    told = capfd.readouterr().out
    assert told.count("what a member says of itself could not be renewed") == 3
    net.instead.clear()
    await hills.look()
    assert await drift(hills) == ""


async def test_an_older_statement_does_not_come_back(joined: tuple[Side, Side], net: Net) -> None:
    hills, lavender = joined
    older = (await lavender.us()).member.statement

    async def replay(request: httpx.Request) -> httpx.Response:
        if request.url.path != STATEMENT_PATH:
            return await net.carry(request)
        return httpx.Response(200, stream=httpx.ByteStream(older.encode()))

    hills.village.clock.advance(hours=1)
    lavender.as_settings(radius=RadiusSettings(radsec_port=12083))
    await hills.look()
    net.instead[LAVENDER] = replay
    await hills.look()
    assert [server.auth_port for server in (await hills.only()).servers] == [12083]
    assert "older than what is known of it" in await drift(hills)


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_clock_that_is_wrong_is_told(joined: tuple[Side, Side], minutes: int) -> None:
    hills, lavender = joined
    hills.village.clock.advance(days=1)
    theirs = Clock(hills.village.clock() + timedelta(minutes=minutes))
    lavender.net.portals[LAVENDER].state.parts = replace(lavender.parts, clock=theirs)
    await hills.look()
    is_ahead = minutes > 0
    assert ("one of the two clocks is wrong" in await drift(hills)) == is_ahead


async def test_who_is_away_is_used_as_before_until_it_is_back(
    joined: tuple[Side, Side], net: Net
) -> None:
    hills, _ = joined
    before = await hills.only()
    net.instead[LAVENDER] = away
    hills.village.clock.advance(days=6)
    await hills.look()
    assert "nobody is there" in await drift(hills)
    assert "expired" not in await drift(hills)
    hills.village.clock.advance(days=2)
    await hills.look()
    assert "expired on 2026-03-10: see that its portal answers at " + LAVENDER in await drift(hills)
    assert (await hills.only()).servers == before.servers
    assert (await hills.only()).is_active
    net.instead.clear()
    await hills.look()
    assert await drift(hills) == ""


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"country": "France"}, "country"),
        ({"languages": ["*"]}, "language"),
        ({"radsec_servers": []}, "names no RadSec server"),
        ({"logo_svg": "<svg><script/></svg>"}, "drawing"),
        ({"realms": []}, "names no realm"),
    ],
)
async def test_a_member_that_says_what_cannot_be_holds_up_nobody(
    trio: tuple[Side, Side, Side], net: Net, member: dict[str, Any], why: str
) -> None:
    small_hills, lavender, _ = trio
    us = await lavender.us()
    claims = dict(statements.kept(us.member.statement))
    metadata = dict(claims["metadata"])
    metadata["farandole_member"] = {**metadata["farandole_member"], **member}
    lying = statements.sign(claims | {"metadata": metadata}, us.signer, statements.ENTITY_STATEMENT)

    async def lie(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(lying.encode()))

    net.instead[LAVENDER] = lie
    small_hills.village.clock.advance(hours=1)
    await small_hills.look()
    async with small_hills.village.database.read("test") as session:
        rows = {
            entity: await membership.by_entity(session, entity) for entity in (LAVENDER, MENTON)
        }
    wrong, right = rows[LAVENDER], rows[MENTON]
    assert wrong is not None
    assert right is not None
    assert why in (wrong.failure or "")
    assert (right.failure, right.refreshed_at) == (None, small_hills.village.clock())
    partner = small_hills.partners.current.by_entity[LAVENDER]
    assert partner.described == us.member.described


async def test_a_bug_in_one_member_holds_up_nobody(trio: tuple[Side, Side, Side], net: Net) -> None:
    small_hills, _, _ = trio

    async def break_down(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("what nobody thought of")

    net.instead[LAVENDER] = break_down
    small_hills.village.clock.advance(hours=1)
    # Housekeeping counts and logs it.
    with pytest.raises(RuntimeError):
        await small_hills.look()
    async with small_hills.village.database.read("test") as session:
        right = await membership.by_entity(session, MENTON)
    assert right is not None
    assert right.refreshed_at == small_hills.village.clock()


async def test_who_is_suspended_is_left_alone(joined: tuple[Side, Side], net: Net) -> None:
    hills, _ = joined
    asked: list[str] = []

    async def listen(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return await net.carry(request)

    net.instead[LAVENDER] = listen
    await hills.look()
    await hills.change("lavender", partners.suspend)
    await hills.look()
    assert asked == [STATEMENT_PATH, CONNECTIONS_PATH]
    assert (await hills.only()).state is PartnerState.SUSPENDED
    drifts = shown(federation_metrics.drift, partner="lavender")
    assert drifts is not None
    assert drifts != drifts


def link(visited: str, home: str, hills: Side, state: LinkState = LinkState.CONNECTED) -> Link:
    now = hills.village.clock()
    is_in = state is LinkState.CONNECTED
    return Link(visited, home, "?", "?", state, 12 if is_in else None, now, now if is_in else None)


async def tell(side: Side, *links: Link) -> None:
    """Have a member's canaries have found something."""
    async with side.village.database.write("test") as session:
        for each in links:
            await interconnection.record(session, each)
        homes = [each.home for each in links]
        await interconnection.forget_others(session, side.entity, homes)


async def test_what_a_member_measured_is_told_of_whom_we_know(
    hills: Side, lavender: Side, menton: Side
) -> None:
    for other in (lavender, menton):
        await other.accept(await hills.invite())
    here = link(LAVENDER, HILLS, hills, LinkState.REFUSED)
    there = link(LAVENDER, MENTON, hills)
    await tell(lavender, here, there, link(LAVENDER, "https://unknown.example", hills))
    await hills.look()
    told = [(each.visited, each.home, each.state, each.home_title) for each in await hills.links()]
    assert told == [
        (LAVENDER, MENTON, LinkState.CONNECTED, "Pays de menton"),
        (LAVENDER, HILLS, LinkState.REFUSED, "Pays des Collines"),
    ]
    # What is between others is theirs to watch.
    up = federation_metrics.link_up
    assert shown(up, visited="wifi.lavender.example", home="wifi.hills.example") == 0
    assert shown(up, visited="wifi.lavender.example", home="wifi.menton.example") is None
    await tell(lavender, link(LAVENDER, HILLS, hills))
    await hills.look()
    (left,) = await hills.links()
    assert (left.home, left.state, left.milliseconds) == (HILLS, LinkState.CONNECTED, 12)
    assert shown(up, visited="wifi.lavender.example", home="wifi.hills.example") == 1
    async with hills.village.database.write("test") as session:
        partner = await partners.by_name(session, "lavender")
        await membership.end(session, partner, hills.village.clock())
        await partners.remove(session, partner)
    await hills.partners.renew()
    assert await hills.links() == []
    gone = shown(up, visited="wifi.lavender.example", home="wifi.hills.example")
    assert gone is not None
    assert gone != gone


@pytest.mark.parametrize(
    "told",
    [
        "no JSON",
        [7],
        [{"home": HILLS}],
        [{"home": "", "home_title": "x", "state": "connected", "checked_at": 1}],
        [{"home": HILLS, "home_title": "x", "state": "fine", "checked_at": 1}],
        [{"home": HILLS, "home_title": "x", "state": "silent", "checked_at": 10**30}],
        [{"home": HILLS, "home_title": "x\x00", "state": "silent", "checked_at": 1}],
        [{"home": HILLS, "home_title": "x", "state": "silent", "checked_at": 1}] * 1001,
    ],
    ids=lambda told: str(told)[:40],
)
async def test_connections_that_cannot_be_are_refused_whole(
    joined: tuple[Side, Side], net: Net, told: object
) -> None:
    hills, lavender = joined
    us, now = await lavender.us(), hills.village.clock()
    times = statements.times(now, timedelta(days=1))
    text = statements.sign(
        {"iss": LAVENDER, **times, "connections": told}, us.signer, interconnection.CONNECTIONS
    )

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != CONNECTIONS_PATH:
            return await net.carry(request)
        return httpx.Response(200, stream=httpx.ByteStream(text.encode()))

    net.instead[LAVENDER] = answer
    await hills.look()
    assert await hills.links() == []
    assert "one of its connections" in await drift(hills) or "its connections" in await drift(hills)


async def test_nobody_has_measured_tomorrow(joined: tuple[Side, Side]) -> None:
    hills, lavender = joined
    tomorrow = hills.village.clock() + timedelta(days=1)
    early = replace(link(LAVENDER, HILLS, hills), checked_at=tomorrow, connected_at=tomorrow)
    await tell(lavender, early)
    await hills.look()
    (kept,) = await hills.links()
    assert kept.checked_at == kept.connected_at == hills.village.clock()


async def test_after_a_call_for_new_keys_nothing_has_to_be_done(joined: tuple[Side, Side]) -> None:
    hills, lavender = joined
    async with lavender.village.database.write("test") as session:
        await keys.rotate(session, lavender.village.keyring, lavender.village.clock())
    former = (await lavender.us()).signer.kid
    await hills.look()
    hills.village.clock.advance(days=OVERLAP.days)
    await lavender.keep()
    assert (await lavender.us()).signer.kid != former
    await hills.look()
    assert await drift(hills) == ""
    async with hills.village.database.read("test") as session:
        rows = await session.scalars(select(Collectivity.name).where(Collectivity.is_partner))
    assert rows.all() == ["Pays de lavender"]
