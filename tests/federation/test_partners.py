"""Partners are added, changed, suspended and removed; what is ours stays ours."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from aaa import access_points, citizens, collectivities
from aaa.errors import Invalid
from aaa.model import Collectivity, Hotspot, Nas, Session
from aaa.secret import Secret
from aaa.snapshot import RadsecPeerEntry
from federation import partners
from federation.model import ForwardedAccounting, Partner, Transport
from federation.partners import NewServer
from federation.stand_ins import Place, Sender
from tests.federation.partnering import FROM_TLS, FROM_UDP, OVER_TLS, OVER_UDP, SHARED, add, known
from tests.village import NOON, Village

Change = Callable[..., Awaitable[Any]]


async def changed(village: Village, change: Change, *given: Any, **named: Any) -> Any:
    """Do one thing to the partner in a transaction; return what it returns."""
    async with village.database.write("test") as session:
        partner = await partners.by_name(session, "liguria")
        return await change(session, partner, *given, **named)


async def rows(village: Village, kind: type[Any]) -> list[str]:
    """The names of what there is of a kind."""
    async with village.database.read("test") as session:
        found = (await session.scalars(select(kind))).all()
    return [getattr(row, "slug", None) or row.name for row in found]


async def test_what_stands_for_a_partner_is_none_of_ours(village: Village) -> None:
    await add(village)
    snapshot = await village.directory.refresh()
    nas = snapshot.nas_by_name["liguria"]
    assert nas.hotspot.collectivity.is_partner
    assert (nas.hotspot.slug, nas.hotspot.name) == ("liguria", "Regione Liguria")
    assert nas.hotspot.collectivity.realm == "liguria.example"
    assert (nas.hotspot.collectivity.country, nas.hotspot.collectivity.language) == ("IT", "it")
    assert "liguria.example" not in snapshot.by_realm
    assert (str(nas.network), nas.secret, nas.vendor) == ("192.0.2.0/28", SHARED, "generic")


async def test_over_tls_certificates_stand_where_network_and_secret_would(
    village: Village,
) -> None:
    await add(village, servers=[OVER_TLS], sender=FROM_TLS)
    nas = (await village.directory.refresh()).nas_by_name["liguria"]
    assert nas.radsec_peers == (RadsecPeerEntry(b"a root", "radius.piemonte.example", None),)
    assert nas.network is None
    assert len(nas.secret) >= 24


async def test_who_only_is_a_home_is_no_client(village: Village) -> None:
    await add(village, sender=None)
    assert "liguria" not in (await village.directory.refresh()).nas_by_name
    assert (await known(village)).by_name["liguria"].nas_id is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"realms": ["village.example"]}, "our own collectivity “village”"),
        ({"realms": ["VILLAGE.Example"]}, "our own collectivity “village”"),
        ({"realms": ["piemonte.example"]}, "leads to partner “piemonte” already"),
        ({"realms": ["*"]}, "leads to partner “piemonte” already"),
        ({"realms": ["gmail"]}, "write a domain name"),
        ({"realms": ["a.*.example"]}, "write a domain name"),
        ({"realms": []}, "needs a realm"),
        ({"name": "village"}, "a collectivity of ours is called “village”"),
        ({"name": "townhall"}, "a hotspot of ours is called “townhall”"),
        ({"name": "piemonte"}, "exists already"),
        ({"name": "Liguria!"}, "is no short name"),
        ({"place": Place("Liguria", timezone="Europe/Genova")}, "is no time zone"),
        ({"sender": Sender("192.0.2.0/33", SHARED)}, "is no address or network"),
        ({"sender": Sender("192.0.2.0/28", Secret("short"))}, "16 to 128 octets"),
        ({"sender": Sender("198.51.100.0/24", SHARED)}, "“piemonte” has the address"),
        ({"servers": [NewServer(Transport.UDP, "192.0.2.7", 1812, 1813)]}, "by a shared secret"),
        ({"servers": [NewServer(Transport.TLS, "a.example", 2083, 2083)]}, "by its certificate"),
        (
            {"servers": [NewServer(Transport.TLS, "a.example", 2083, 2083, anchor=b"root")]},
            "the name in it",
        ),
        (
            {"servers": [NewServer(Transport.TLS, "a.example", 2083, 2083, secret=SHARED)]},
            "give no secret",
        ),
        ({"servers": [OVER_UDP, OVER_UDP]}, "already"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_remedy(
    village: Village, given: dict[str, Any], told: str
) -> None:
    async with village.database.write("test") as session:
        await collectivities.add_hotspot(
            session, slug="townhall", collectivity="village", name="x", ssid=None, now=NOON
        )
    await add(
        village,
        "piemonte",
        servers=[OVER_TLS],
        realms=["piemonte.example", "*"],
        sender=Sender("198.51.100.0/24", SHARED),
    )
    with pytest.raises(Invalid, match=told):
        await add(village, **given)
    assert await rows(village, Partner) == ["piemonte"]


async def test_realms_are_added_and_taken_away(village: Village) -> None:
    await add(village)
    await changed(
        village, partners.change_realms, added=["Genova.example"], removed=["liguria.example"]
    )
    entry = (await known(village)).by_name["liguria"]
    assert entry.realms == ("genova.example",)
    assert entry.collectivity.realm == "genova.example"
    with pytest.raises(Invalid, match=r"is no realm of partner “liguria”; it has: genova\.example"):
        await changed(village, partners.change_realms, added=[], removed=["liguria.example"])
    with pytest.raises(Invalid, match="needs a realm"):
        await changed(village, partners.change_realms, added=[], removed=["genova.example"])


async def test_a_realm_of_a_partner_cannot_become_ours(village: Village) -> None:
    await add(village, realms=["*.liguria.example", "liguria.example"])
    async with village.database.read("test") as session:
        with pytest.raises(Invalid, match="leads to partner “liguria”"):
            await partners.check_is_ours(session, "Liguria.example")
        await partners.check_is_ours(session, "genova.liguria.example")


async def test_servers_are_added_and_taken_away_but_not_the_last(village: Village) -> None:
    await add(village)
    await changed(village, add_tls_server, village)
    await changed(village, partners.remove_server, "udp://192.0.2.7:1812")
    (server,) = (await known(village)).by_name["liguria"].servers
    assert server.address == "tls://radius.piemonte.example:2083"
    with pytest.raises(Invalid, match=r"has no server udp://192\.0\.2\.7:1812; it has: tls://"):
        await changed(village, partners.remove_server, "udp://192.0.2.7:1812")
    with pytest.raises(Invalid, match="the only server"):
        await changed(village, partners.remove_server, server.address)


async def add_tls_server(session: Any, partner: Partner, village: Village) -> None:
    await partners.add_server(session, village.keyring, partner, OVER_TLS)


async def test_a_partner_moves_and_is_called_otherwise(village: Village) -> None:
    await add(village, servers=[OVER_UDP])

    async def move(session: Any, partner: Partner) -> None:
        await partners.change_place(session, partner, Place("Liguria", "IT", "it", "Europe/Rome"))
        await partners.change_sender(session, village.keyring, partner, FROM_TLS, NOON)

    await changed(village, move)
    nas = (await village.directory.refresh()).nas_by_name["liguria"]
    assert (nas.hotspot.name, nas.hotspot.collectivity.name) == ("Liguria", "Liguria")
    assert (nas.network, nas.radsec_peers) == (None, FROM_TLS.peers)


async def test_a_suspension_is_known_with_the_next_snapshot_and_ends(village: Village) -> None:
    await add(village)
    for change, is_active in ((partners.suspend, False), (partners.resume, True)):
        before = village.snapshot.revision
        await changed(village, change)
        assert (await known(village)).by_name["liguria"].is_active is is_active
        assert village.snapshot.revision != before


async def test_a_partner_that_nobody_came_from_leaves_nothing(village: Village) -> None:
    await add(village)
    assert await changed(village, partners.remove)
    assert await rows(village, Partner) == []
    for kind in (Collectivity, Hotspot, Nas):
        assert "liguria" not in await rows(village, kind)
    with pytest.raises(Invalid, match="there is no partner “liguria”; add one"):
        await changed(village, partners.suspend)


async def log_a_session(village: Village) -> None:
    nas = (await village.directory.refresh()).nas_by_name["liguria"]
    async with village.database.write("test") as session:
        session.add(
            Session(
                nas_id=nas.id,
                hotspot_id=nas.hotspot.id,
                citizen_id=village.anna,
                acct_session_id="1",
                started_at=NOON,
                updated_at=NOON,
            )
        )


async def test_a_partner_with_sessions_on_record_leaves_what_those_name_and_no_way_in(
    village: Village,
) -> None:
    await add(village)
    await log_a_session(village)
    assert not await changed(village, partners.remove)
    nas = (await village.directory.refresh()).nas_by_name["liguria"]
    assert (nas.network, nas.identifier, nas.radsec_peers) == (None, None, ())
    assert (await known(village)).by_name == {}
    # Its realm is free for whoever comes after it.
    await add(village, "savona", realms=["liguria.example"], servers=[OVER_TLS], sender=FROM_UDP)
    await add(village, realms=["new.example"], sender=FROM_TLS)
    again = (await village.directory.refresh()).nas_by_name["liguria"]
    assert (again.id, again.radsec_peers) == (nas.id, FROM_TLS.peers)


async def test_accounting_that_waits_is_not_lost_by_accident(village: Village) -> None:
    partner = await add(village)
    async with village.database.write("test") as session:
        session.add(
            ForwardedAccounting(
                partner_id=partner.id,
                session_digest="",
                attributes=b"",
                occurred_at=NOON,
                next_attempt_at=NOON,
                created_at=NOON,
            )
        )
    with pytest.raises(Invalid, match="1 accounting records wait"):
        await changed(village, partners.remove)
    assert await changed(village, partners.discard_accounting) == 1
    assert await changed(village, partners.remove)


async def test_nothing_of_ours_can_be_put_into_a_partner(village: Village) -> None:
    await add(village)
    entry = next(
        each
        for each in (await village.directory.refresh()).collectivities.values()
        if each.is_partner
    )
    async with village.database.write("test") as session:
        with pytest.raises(Invalid, match="its citizens sign up with it"):
            await citizens.add(
                session,
                name="ada",
                collectivity=entry,
                email=None,
                password_hash=None,
                language=None,
                now=NOON,
            )
        with pytest.raises(Invalid, match="“liguria” is a partner"):
            await collectivities.add_hotspot(
                session, slug="porto", collectivity="liguria", name="x", ssid=None, now=NOON
            )
        with pytest.raises(Invalid, match="farandole partner remove liguria"):
            await access_points.remove(session, await access_points.by_name(session, "liguria"))
