"""Two members join hands, or do not: whole, or nothing of it is kept on either side."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from aaa.errors import Invalid, Unavailable
from aaa.model import AuditEvent, Citizen, CitizenState
from aaa.secret import Secret
from aaa.settings import PortalSettings, RadiusSettings
from federation import partners
from federation.stand_ins import Place
from federation.trust import invitations, joining, membership, statements
from federation.trust.description import Realm
from federation.trust.fetching import JOIN_PATH
from federation.trust.invitations import Code
from tests.federation.hands import HILLS, LAVENDER, MENTON, Net, Side
from tests.federation.members import liguria, new_signer, public, statement_of
from tests.federation.partnering import OVER_UDP

DAY = timedelta(days=1)


async def accounts_of(side: Side) -> list[tuple[str, CitizenState]]:
    """Whose accounts a member has, and how they are."""
    async with side.village.database.read("test") as session:
        rows = await session.execute(select(Citizen.name, Citizen.state).order_by(Citizen.name))
        return [(name, state) for name, state in rows]


async def state_of(side: Side) -> object:
    """What joining could have left behind."""
    return [partner.name for partner in await side.known()], await accounts_of(side)


async def remove(side: Side) -> None:
    """End the one partnership that a member has, as `farandole partner remove` does."""
    name = (await side.only()).name
    async with side.village.database.write("test") as session:
        partner = await partners.by_name(session, name)
        await membership.end(session, partner, side.village.clock())
        await partners.remove(session, partner)
    await side.partners.renew()


async def test_both_know_each_other_whole(hills: Side, lavender: Side) -> None:
    code = await hills.invite()
    await lavender.accept(invitations.read(code.text))
    there, here = await lavender.only(), await hills.only()
    assert (here.name, here.title, here.key) == ("lavender", "Pays de lavender", LAVENDER)
    assert here.realms == ("lavender.example",)
    assert (there.name, there.title, there.key) == ("hills", "Pays des Collines", HILLS)
    assert set(there.realms) == {"hills.example", "village.example", "borgo.example"}
    for side, other in ((hills, there), (lavender, here)):
        assert other.described == (await side.us()).member.described
        (server,) = other.servers
        (peer,) = (
            side_of(hills, lavender, other)
            .village.snapshot.nas_by_id[other.nas_id or 0]
            .radsec_peers
        )
        shown = side.village.snapshot.radsec_identity
        assert shown is not None
        assert (server.certificate_name, peer.name) == (shown.names[0], shown.names[0])
        assert server.anchor == peer.anchor == b"".join(shown.anchors)
        assert server.address == f"tls://{shown.names[0]}:2083"


def side_of(hills: Side, lavender: Side, partner: Any) -> Side:
    """Who has this partner."""
    return hills if partner.key == LAVENDER else lavender


async def test_each_has_an_account_that_the_other_can_log_in_with(
    hills: Side, lavender: Side
) -> None:
    code = await hills.invite()
    await lavender.accept(code)
    for home, visited, realm in (
        (hills, lavender, "hills.example"),
        (lavender, hills, "lavender.example"),
    ):
        canary = (await visited.only()).canary
        assert canary is not None
        assert canary.realm == realm
        assert await home.lets_in(await home.only(), canary.identity, canary.secret)
        assert not await home.lets_in(await home.only(), canary.identity, Secret("x" * 43))
        async with home.village.database.read("test") as session:
            told = (await session.scalars(select(AuditEvent))).all()
        assert code.token.reveal().decode() not in str([event.detail for event in told])
        assert [event.action for event in told].count("partner.join") == 1


async def test_names_are_what_each_side_chose(small_hills: Side, lavender: Side) -> None:
    await lavender.accept(await small_hills.invite(name="purple"), name="green")
    assert ((await small_hills.only()).name, (await lavender.only()).name) == ("purple", "green")


async def refused(hills: Side, lavender: Side, code: Code, why: str, **given: Any) -> None:
    """See that an acceptance fails, and that nothing of it is kept on either side."""
    before = [await state_of(side) for side in (hills, lavender)]
    with pytest.raises((Invalid, Unavailable), match=why):
        await lavender.accept(code, **given)
    assert [await state_of(side) for side in (hills, lavender)] == before


async def test_the_code_has_to_be_right(hills: Side, lavender: Side) -> None:
    code = await hills.invite()
    wrong = replace(code, token=Secret("t" * 32))
    await refused(hills, lavender, wrong, f"{HILLS} says: the request does not prove")
    unknown = replace(code, reference="r" * 12)
    await refused(hills, lavender, unknown, "there is no such invitation")
    hills.village.clock.advance(days=7)
    await refused(hills, lavender, code, "expired on 2026-03-10: ask for another one")


async def test_an_invitation_that_was_taken_back_opens_nothing(
    small_hills: Side, lavender: Side
) -> None:
    code = await small_hills.invite()
    async with small_hills.village.database.write("test") as session:
        await session.delete(await small_hills.invitation())
    await refused(small_hills, lavender, code, "there is no such invitation")


async def test_a_reference_can_be_typed_after_a_command(small_hills: Side) -> None:
    references = [(await small_hills.invite()).reference for _ in range(100)]
    assert [each for each in references if not each.isalnum()] == []
    assert len(set(references)) == 100


async def test_an_invitation_serves_one(hills: Side, lavender: Side, menton: Side) -> None:
    code = await hills.invite()
    await lavender.accept(code)
    await refused(hills, menton, code, "used by somebody else")
    assert (await hills.invitation()).used_by == LAVENDER


async def test_of_two_at_once_one_is_let_in(hills: Side, lavender: Side, menton: Side) -> None:
    code = await hills.invite()
    went = await asyncio.gather(lavender.accept(code), menton.accept(code), return_exceptions=True)
    assert sorted(isinstance(each, Invalid) for each in went) == [False, True]
    assert (await hills.only()).key == (await hills.invitation()).used_by


async def test_the_same_may_ask_again_where_the_answer_was_lost(
    hills: Side, lavender: Side, net: Net
) -> None:
    async def lose(request: httpx.Request) -> httpx.Response:
        response = await net.carry(request)
        if request.url.path == JOIN_PATH:
            raise httpx.ReadError("the line is cut")
        return response

    code = await hills.invite()
    net.instead[HILLS] = lose
    with pytest.raises(Unavailable):
        await lavender.accept(code)
    assert await lavender.known() == []
    net.instead.clear()
    for _ in range(2):
        await lavender.accept(code)
    canary = (await hills.only()).canary
    assert canary is not None
    assert await lavender.lets_in(await lavender.only(), canary.identity, canary.secret)
    back = (await lavender.only()).canary
    assert back is not None
    assert await hills.lets_in(await hills.only(), back.identity, back.secret)


async def test_somebody_in_the_middle_has_another_key(
    small_hills: Side, lavender: Side, net: Net
) -> None:
    code = await small_hills.invite()
    signer = new_signer()
    us = (await small_hills.us()).member.described
    forged = statement_of(replace(us, keys=(public(signer),)), signer, small_hills.village.clock())

    async def stand_between(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(forged.encode()))

    net.instead[HILLS] = stand_between
    await refused(small_hills, lavender, code, "its key is another one")


async def test_an_answer_of_somebody_else_is_none(
    small_hills: Side, lavender: Side, menton: Side, net: Net
) -> None:
    """Whoever answers in the place of the inviting member, by whatever key, is not believed."""
    code, now = await small_hills.invite(), small_hills.village.clock()
    ours = (await small_hills.us()).signer
    times = statements.times(now, timedelta(minutes=5))
    answers = [
        "no answer at all",
        statements.sign({"iss": HILLS, "aud": LAVENDER, **times}, new_signer(), joining.ANSWER),
        statements.sign({"iss": HILLS, "aud": MENTON, **times}, ours, joining.ANSWER),
        statements.sign({"iss": MENTON, "aud": LAVENDER, **times}, ours, joining.ANSWER),
        statements.sign({"iss": HILLS, "aud": LAVENDER, **times}, ours, joining.REQUEST),
    ]

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != JOIN_PATH:
            return await net.carry(request)
        return httpx.Response(200, stream=httpx.ByteStream(answers.pop().encode()))

    net.instead[HILLS] = answer
    while answers:
        await refused(small_hills, lavender, code, "answer|signature|is no farandole")


async def test_nobody_accepts_their_own_invitation(small_hills: Side, lavender: Side) -> None:
    await refused(lavender, small_hills, await small_hills.invite(), "our own invitation")


@pytest.mark.parametrize("fits", [True, False])
async def test_an_invitation_may_be_for_some_realms_only(
    small_hills: Side, lavender: Side, fits: bool
) -> None:
    realm = "lavender.example" if fits else "piemonte.example"
    code = await small_hills.invite(realms=[realm, "other.example"])
    if fits:
        await lavender.accept(code)
        assert (await small_hills.only()).realms == ("lavender.example",)
    else:
        await refused(small_hills, lavender, code, "is for piemonte.example, .* not for lavender")


async def test_a_realm_has_one_home(hills: Side, lavender: Side) -> None:
    await has(hills, "piemonte", ["lavender.example"])
    code = await hills.invite()
    await refused(hills, lavender, code, "leads to partner “piemonte” already")
    async with hills.village.database.write("test") as session:
        await partners.remove(session, await partners.by_name(session, "piemonte"))
    # Nor is one of ours let go: this is found out before the other side is asked.
    await has(lavender, "piemonte", ["village.example"])
    code = await hills.invite()
    await refused(hills, lavender, code, "“village.example” leads to partner “piemonte” already")
    assert (await hills.invitation()).used_by is None


async def has(side: Side, name: str, realms: list[str]) -> None:
    """Add a plain partner to a member."""
    async with side.village.database.write("test") as session:
        await partners.add(
            session,
            side.village.keyring,
            name=name,
            place=Place(name),
            realms=realms,
            servers=[OVER_UDP],
            sender=None,
            now=side.village.clock(),
        )
    await side.partners.renew()


@pytest.mark.parametrize("taken", ["village", "square", "piemonte"])
async def test_a_name_that_is_taken_is_told_to_who_can_choose_another(
    hills: Side, lavender: Side, taken: str
) -> None:
    """A collectivity, a hotspot and a NAS, a partner: names that each side has of its own."""
    await has(hills, "piemonte", ["piemonte.example"])
    code = await hills.invite(name=taken)
    await refused(hills, lavender, code, f"says: .*“{taken}” here: ask for an invitation")
    await has(lavender, "piemonte", ["piemonte.example"])
    code = await hills.invite()
    taken = "lavender" if taken != "piemonte" else taken
    await refused(hills, lavender, code, f"“{taken}”: choose another name, with --name", name=taken)
    await lavender.accept(code, name="green")


async def test_who_has_no_radius_over_tls_cannot_join(small_hills: Side, lavender: Side) -> None:
    code = await small_hills.invite()
    closed = RadiusSettings(radsec=False)
    await refused(small_hills, lavender.as_settings(radius=closed), code, "names no RadSec server")
    small_hills.as_settings(radius=closed)
    await refused(small_hills, lavender, code, f"{HILLS} names no RadSec server")


async def test_an_address_that_nobody_else_reaches_is_told_with_the_setting(
    small_hills: Side, lavender: Side
) -> None:
    code = await small_hills.invite()
    for url in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]"):
        alone = lavender.as_settings(portal=PortalSettings(public_url=url))
        await refused(
            small_hills, alone, code, "says: .* only its own machine reaches.*portal.public_url"
        )


async def test_who_was_removed_does_not_come_back_by_the_same_invitation(
    hills: Side, lavender: Side
) -> None:
    code = await hills.invite()
    await lavender.accept(code)
    accounts = await accounts_of(hills)
    assert [state for _, state in accounts].count(CitizenState.ACTIVE) == 3
    await remove(hills)
    accounts = await accounts_of(hills)
    assert [state for _, state in accounts].count(CitizenState.CLOSED) == 1
    await refused(hills, lavender, code, "there is no such invitation")
    # By another one, as if nothing had been: even where the other side has not noticed.
    await lavender.accept(await hills.invite())
    for home, visited in ((hills, lavender), (lavender, hills)):
        canary = (await visited.only()).canary
        assert canary is not None
        assert await home.lets_in(await home.only(), canary.identity, canary.secret)


async def test_who_removed_the_other_may_come_back_by_the_same_invitation(
    hills: Side, lavender: Side
) -> None:
    code = await hills.invite()
    await lavender.accept(code)
    await remove(lavender)
    await lavender.accept(code)
    for home, visited in ((hills, lavender), (lavender, hills)):
        canary = (await visited.only()).canary
        assert canary is not None
        assert await home.lets_in(await home.only(), canary.identity, canary.secret)


async def test_an_invitation_does_not_make_anybody_another_member(
    hills: Side, lavender: Side, menton: Side, net: Net
) -> None:
    """Whoever has an invitation may call itself whatever is free, and nobody who is there."""
    await lavender.accept(await hills.invite())
    before = (await hills.only()).described
    code, now, signer = await hills.invite(), hills.village.clock(), new_signer()
    us = await menton.us()
    forged = replace(
        us.member.described,
        entity=LAVENDER,
        slug="lavender",
        keys=(public(signer),),
        provider=None,
        client=None,
    )
    impostor = replace(
        us,
        signer=signer,
        member=joining.Member(forged, statement_of(forged, signer, now), signer.key.thumbprint()),
    )
    request = joining.request_from(code, impostor, now)
    with pytest.raises(Invalid, match="already, and the signature is not by a key that is known"):
        await menton.fetcher.join(HILLS, request)
    assert (await hills.only()).described == before
    assert (await hills.only()).servers[0].certificate_name == "radius.wifi.lavender.example"


async def test_a_request_that_is_sent_again_brings_back_nothing(
    hills: Side, lavender: Side, net: Net
) -> None:
    """Recorded on the way, and sent once more: after a newer statement, and after the end."""
    recorded: list[bytes] = []

    async def record(request: httpx.Request) -> httpx.Response:
        if request.url.path == JOIN_PATH:
            recorded.append(request.content)
        return await net.carry(request)

    net.instead[HILLS] = record
    await lavender.accept(await hills.invite())
    hills.village.clock.advance(minutes=8)
    newer = lavender.as_settings(radius=RadiusSettings(radsec_port=2084))
    await hills.look()
    assert [server.auth_port for server in (await hills.only()).servers] == [2084]
    with pytest.raises(Invalid, match="older than what is known"):
        await newer.fetcher.join(HILLS, recorded[0].decode())
    await remove(hills)
    with pytest.raises(Invalid, match="no such invitation"):
        await newer.fetcher.join(HILLS, recorded[0].decode())
    hills.village.clock.advance(minutes=8)
    assert await hills.known() == []


async def test_invitations_that_cross_come_right_with_the_next(
    small_hills: Side, lavender: Side
) -> None:
    codes = await small_hills.invite(), await lavender.invite()
    await asyncio.gather(lavender.accept(codes[0]), small_hills.accept(codes[1]))
    await lavender.accept(await small_hills.invite())
    for home, visited in ((small_hills, lavender), (lavender, small_hills)):
        canary = (await visited.only()).canary
        assert canary is not None
        assert await home.lets_in(await home.only(), canary.identity, canary.secret)


async def test_a_region_of_a_thousand_communes_joins(small_hills: Side, lavender: Side) -> None:
    us, now = await lavender.us(), small_hills.village.clock()
    communes = (
        Realm(f"c-{number}.sud.example", f"c-{number}", f"Commune {number}")
        for number in range(1000)
    )
    region = replace(us.member.described, realms=(*us.member.described.realms, *communes))
    told = replace(us.member, described=region, statement=statement_of(region, us.signer, now))
    request = joining.request_from(await small_hills.invite(), replace(us, member=told), now)
    await lavender.fetcher.join(HILLS, request)
    assert len((await small_hills.only()).realms) == 1001


async def test_nobody_says_that_the_certificate_of_another_is_theirs(
    hills: Side, lavender: Side, menton: Side
) -> None:
    await lavender.accept(await hills.invite())
    there = (await hills.only()).described
    assert there is not None
    now, us = hills.village.clock(), await menton.us()
    liar = replace(
        us.member.described,
        names=(*us.member.described.names, there.names[0]),
        anchors=(*us.member.described.anchors, *there.anchors),
    )
    member = replace(us.member, described=liar, statement=statement_of(liar, us.signer, now))
    request = joining.request_from(await hills.invite(), replace(us, member=member), now)
    with pytest.raises(Invalid, match=f"certificate of {there.names[0]} is its own"):
        await menton.fetcher.join(HILLS, request)
    assert [partner.key for partner in await hills.known()] == [LAVENDER]


@pytest.mark.parametrize(
    "text",
    ["", "no request", "\ud800", statement_of(liguria()), "é" * 99],
    ids=["nothing", "words", "half a sign", "a statement", "accents"],
)
async def test_whoever_knocks_without_an_invitation_is_refused(
    small_hills: Side, text: str
) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(small_hills.net.portals[HILLS]), base_url=HILLS
    ) as client:
        answer = await client.post(JOIN_PATH, content=text.encode(errors="surrogatepass"))
    assert answer.status_code == 422
    assert "paste" in answer.text or "signed" in answer.text
    assert await small_hills.known() == []


async def test_without_an_invitation_nothing_is_verified(
    small_hills: Side, lavender: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever floods us has us look for a row, and no more."""
    code = replace(await small_hills.invite(), reference="r" * 12)
    request = joining.request_from(code, await lavender.us(), small_hills.village.clock())
    verified: list[str] = []

    def note(text: str, *_: object) -> None:
        verified.append(text)

    monkeypatch.setattr(joining, "read_request", note)
    with pytest.raises(Invalid, match="no such invitation"):
        await lavender.fetcher.join(HILLS, request)
    assert verified == []


@pytest.mark.parametrize("reference", ["\x00" * 12, "r" * 13, 7, None, {"a": "b"}])
async def test_a_reference_is_never_taken_for_anything_else(hills: Side, reference: object) -> None:
    signer, now = new_signer(), hills.village.clock()
    claims = {"invitation": reference, **statements.times(now, DAY)}
    request = statements.sign(claims, signer, joining.REQUEST)
    with pytest.raises(Invalid, match="no such invitation"):
        await hills.fetcher.join(HILLS, request)


async def test_a_request_of_two_megabytes_is_too_much(small_hills: Side) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(small_hills.net.portals[HILLS]), base_url=HILLS
    ) as client:
        answer = await client.post(JOIN_PATH, content=b"x" * ((2 << 20) + 1))
    assert answer.status_code == 413
