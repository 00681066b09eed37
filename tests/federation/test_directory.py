"""What a process knows of partners, and how soon it knows what changed."""

import math

import pytest

from aaa.errors import Invalid, Outage, Unavailable
from aaa.secret import Keyring
from aaa.snapshot import Directory
from federation import partners
from federation.directory import NONE, PartnerDirectory
from federation.model import PartnerRealm, PartnerState, Transport
from federation.realms import Local, ToPartner, Unknown
from monitoring import federation_metrics
from tests.federation.partnering import FROM_TLS, OVER_TLS, OVER_UDP, SHARED, add, known
from tests.village import Village


async def test_before_there_is_any_nothing_leads_to_a_partner(village: Village) -> None:
    found = await known(village)
    assert (dict(found.by_name), found.revision) == ({}, village.snapshot.revision)
    assert found.routes.route("anna@village.example") == Local("village.example")
    assert isinstance(found.routes.route("ada@liguria.example"), Unknown)


async def test_a_partner_is_known_whole(village: Village) -> None:
    await add(
        village, servers=[OVER_TLS, OVER_UDP], realms=["liguria.example", "*.liguria.example"]
    )
    found = await known(village)
    entry = found.by_name["liguria"]
    assert (entry.title, entry.state, entry.is_active) == (
        "Regione Liguria",
        PartnerState.ACTIVE,
        True,
    )
    assert entry.realms == ("liguria.example", "*.liguria.example")
    assert entry.collectivity == village.snapshot.collectivities[entry.collectivity.id]
    assert entry.hotspot == village.snapshot.hotspots[entry.hotspot.id]
    assert entry.nas_id == village.snapshot.nas_by_name["liguria"].id
    tls, udp = entry.servers
    assert (tls.transport, tls.secret, tls.anchor, tls.certificate_name) == (
        Transport.TLS,
        None,
        b"a root",
        "radius.piemonte.example",
    )
    assert (udp.host, udp.auth_port, udp.acct_port, udp.secret) == ("192.0.2.7", 1812, 1813, SHARED)
    assert found.by_id[entry.id] is found.by_collectivity[entry.collectivity.id] is entry
    assert "two regions" not in repr(found)


async def test_realms_lead_to_their_partner(village: Village) -> None:
    await add(village, realms=["liguria.example", "*.liguria.example"])
    await add(village, "piemonte", servers=[OVER_TLS], sender=FROM_TLS, realms=["*"])
    route = (await known(village)).routes.route
    assert route("ada@liguria.example") == ToPartner("liguria", "liguria.example")
    assert route("ada@genova.liguria.example") == ToPartner("liguria", "genova.liguria.example")
    assert route("ugo@anywhere.example") == ToPartner("piemonte", "anywhere.example")
    assert route("anna@village.example") == Local("village.example")


async def test_servers_come_in_the_order_in_which_they_are_asked(village: Village) -> None:
    later = partners.NewServer(Transport.UDP, "192.0.2.9", 1812, 1813, 5, SHARED)
    await add(village, servers=[later, OVER_UDP])
    (entry,) = (await known(village)).by_name.values()
    assert [server.address for server in entry.servers] == [
        "udp://192.0.2.7:1812",
        "udp://192.0.2.9:1812",
    ]


async def test_a_new_snapshot_brings_what_changed_and_costs_a_query_only_then(
    village: Village,
) -> None:
    directory = PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    )
    await village.directory.refresh()
    before = await directory.refresh()
    assert await directory.refresh() is before
    partner = await add(village)
    # The snapshot is the one of before: so are the partners.
    assert await directory.refresh() is before
    await village.directory.refresh()
    assert (await directory.refresh()).by_name["liguria"].is_active
    async with village.database.write("test") as session:
        await partners.suspend(session, await partners.by_name(session, partner.name))
    await village.directory.refresh()
    assert not (await directory.refresh()).by_name["liguria"].is_active


async def test_a_directory_whose_snapshots_are_not_loaded_yet_knows_nobody(
    village: Village,
) -> None:
    await add(village)
    new = Directory(village.database, village.keyring)
    directory = PartnerDirectory(village.database, village.keyring, new, village.clock)
    assert await directory.refresh() is NONE


async def test_what_cannot_be_used_is_told_once_and_the_partners_at_hand_stay(
    village: Village, capfd: pytest.CaptureFixture[str]
) -> None:
    await add(village)
    directory = PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    )
    await village.directory.refresh()
    before = await directory.refresh()
    async with village.database.write("test") as session:
        partner = await partners.by_name(session, "liguria")
        session.add(PartnerRealm(partner_id=partner.id, pattern="no realm"))
        await partners.suspend(session, partner)
    await village.directory.refresh()
    for _ in range(2):
        await directory.renewal.once()
    assert directory.current is before
    assert capfd.readouterr().out.count("what changed of partners cannot be used") == 1


async def test_a_secret_sealed_with_another_key_is_told_with_the_remedy(village: Village) -> None:
    await add(village)
    await village.directory.refresh()
    other = Keyring(b"another-test-key-of-32-octets!!!")
    directory = PartnerDirectory(village.database, other, village.directory, village.clock)
    with pytest.raises(Invalid, match="restore the key file"):
        await directory.refresh()


async def test_a_database_that_is_away_changes_nothing(
    village: Village, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    )
    await village.directory.refresh()
    before = await directory.refresh()
    await add(village)
    await village.directory.refresh()

    def away(operation: str) -> None:
        raise Unavailable("database", Outage.UNAVAILABLE, operation)

    monkeypatch.setattr(village.database, "read", away)
    await directory.renewal.once()
    assert directory.current is before
    assert "cannot be used" not in capfd.readouterr().out


async def test_nothing_waits_for_a_partner_that_is_gone(village: Village) -> None:
    directory = PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    )
    await add(village, "savona")
    await village.directory.refresh()
    await directory.refresh()
    federation_metrics.accounting_oldest_seconds.labels("savona").set(2000)
    async with village.database.write("test") as session:
        await partners.remove(session, await partners.by_name(session, "savona"))
    await village.directory.refresh()
    assert (await directory.refresh()).by_name == {}
    (family,) = federation_metrics.accounting_oldest_seconds.collect()
    (sample,) = (each for each in family.samples if each.labels == {"partner": "savona"})
    assert sample.value == 0


def up(server: str) -> float | None:
    labels = {"partner": "liguria", "server": server}
    for family in federation_metrics.server_up.collect():
        for sample in family.samples:
            if sample.labels == labels:
                return sample.value
    return None


async def test_the_state_of_a_server_nobody_asks_any_more_is_not_shown(village: Village) -> None:
    directory = PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    )
    await add(village, servers=[OVER_UDP, OVER_TLS])
    await village.directory.refresh()
    await directory.refresh()
    for address in (OVER_UDP.address, OVER_TLS.address):
        federation_metrics.server_up.labels("liguria", address).set(0)
    async with village.database.write("test") as session:
        partner = await partners.by_name(session, "liguria")
        await partners.remove_server(session, partner, OVER_TLS.address)
    await village.directory.refresh()
    await directory.refresh()
    assert up(OVER_UDP.address) == 0
    gone = up(OVER_TLS.address)
    assert gone is not None and math.isnan(gone)
