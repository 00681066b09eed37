"""Two members, each other's partner: citizens of one at the hotspot of the other."""

from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices, session_owner
from federation import partners, visitor_class
from federation.model import Partner, Transport
from radius.eap.packet import Type
from radius.transports.client import Client
from radius.wire.packet import Code, Packet
from tests.federation.nodes import BASIL, LAVENDER, SHARED, WIFI_SECRET, Node, join, node, until
from tests.radius.eap import inside
from tests.radius.eap_station import Station, link_key, ttls_station
from tests.radius.served import (
    LOOPBACK,
    PHONE_AS_SENT,
    QUICK,
    Named,
    accounting,
    chapped,
    pap,
    sample,
)
from tests.radius.test_mschap_log_in import Asked
from tests.village import PASSWORD, PHONE

DEVICE: Named = ("Calling-Station-Id", PHONE_AS_SENT)
_CLASS = 25


@pytest.fixture
async def lavender(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path) as lavender:
        yield lavender


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Transport:
    """How they reach each other: over UDP, unless a test says otherwise."""
    chosen: Transport = getattr(request, "param", Transport.UDP)
    return chosen


over_each = pytest.mark.parametrize("transport", Transport, indirect=True)


@pytest.fixture
async def basil(tmp_path: Path, lavender: Node, transport: Transport) -> AsyncIterator[Node]:
    async with node(BASIL, tmp_path) as basil:
        await join(lavender, basil, transport)
        yield basil


@pytest.fixture(params=["there", "back"])
def visit(request: pytest.FixtureRequest, lavender: Node, basil: Node) -> tuple[Node, Node]:
    """The home, and the place that is visited: both ways round."""
    return (lavender, basil) if request.param == "there" else (basil, lavender)


def classes(packet: Packet) -> list[bytes]:
    return [octets for number, octets in packet.attributes if number == _CLASS]


def station(home: Node, visited: Node) -> Station:
    identity = home.village.snapshot.server_identity
    assert identity is not None
    said = inside.pap(home.cast.citizen.encode(), WIFI_SECRET.encode())
    return ttls_station(visited, identity, said, outer=f"anonymous@{home.cast.realm}")


@over_each
async def test_a_password_is_checked_at_home(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    reply = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    assert reply.code is Code.ACCESS_ACCEPT
    assert reply.attributes.text("User-Name") == home.cast.nai
    wrong = await visited.answer(pap(home.cast.nai, "lavender in june", DEVICE))
    assert wrong.code is Code.ACCESS_REJECT
    assert wrong.attributes.has("Reply-Message")


async def test_chap_goes_home_with_its_challenge(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    for secret, code in ((WIFI_SECRET, Code.ACCESS_ACCEPT), ("wrong", Code.ACCESS_REJECT)):
        assert (await visited.answer(chapped(home.cast.nai, secret, DEVICE))).code is code


@over_each
async def test_mschapv2_comes_back_with_its_proof_and_keys(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    asked = Asked(home.cast.nai, WIFI_SECRET, DEVICE)
    reply = await visited.answer(asked.packet)
    assert reply.code is Code.ACCESS_ACCEPT
    success = reply.attributes.octets("MS-CHAP2-Success")
    assert success is not None
    assert success[1:] == asked.proven.authenticator_response
    assert asked.key(reply, "MS-MPPE-Send-Key") == asked.proven.keys.send
    assert asked.key(reply, "MS-MPPE-Recv-Key") == asked.proven.keys.recv


@over_each
async def test_eap_opens_the_link_with_the_supplicants_own_keys(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    device = station(home, visited)
    reply = await device.log_in()
    assert reply.code is Code.ACCESS_ACCEPT
    msk = device.peer.msk(Type.TTLS)
    assert link_key(reply, device.asked, "MS-MPPE-Recv-Key") == msk[:32]
    assert link_key(reply, device.asked, "MS-MPPE-Send-Key") == msk[32:]
    # Who they are stays at home.
    assert reply.attributes.text("User-Name") == f"anonymous@{home.cast.realm}"
    assert reply.attributes.integer("Termination-Action") == 1
    # The conversation was one with one server.
    assert len(device.replies) > 3


async def test_the_smaller_limits_hold_and_only_our_vlan(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    request = pap(home.cast.nai, PASSWORD.reveal(), DEVICE)
    await home.limit(home.place(visited.cast.slug), vlan="77", session_seconds="3000")
    await visited.limit(visited.here, session_seconds="4000", idle_seconds="120")
    reply = await visited.answer(request)
    assert reply.attributes.integer("Session-Timeout") == 3000
    assert reply.attributes.integer("Idle-Timeout") == 120
    assert not any(name.startswith("Tunnel-") for name, _ in reply.attributes.decoded())
    await visited.limit(visited.here, session_seconds="2000", vlan="12")
    reply = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    assert reply.attributes.integer("Session-Timeout") == 2000
    # CoovaChilli has no use for one.
    takes_vlan = visited.cast.vendor == "hostapd"
    assert reply.attributes.octets("Tunnel-Private-Group-ID") == (b"12" if takes_vlan else None)


async def test_a_closed_place_asks_nobody(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    day_after = (visited.village.clock().weekday() + 3) % 7
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    await visited.limit(visited.here, opening_hours=f"{days[day_after]} 08:00-09:00")
    before = asked(home, visited)
    reply = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    assert reply.code is Code.ACCESS_REJECT
    assert reply.attributes.text("Reply-Message") == "This hotspot is closed at this hour."
    assert asked(home, visited) == before


async def test_both_classes_come_back_and_only_theirs_goes_home(
    visit: tuple[Node, Node],
) -> None:
    home, visited = visit
    reply = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    theirs, ours = classes(reply)
    owner = session_owner.unseal(home.village.keyring, theirs)
    assert owner is not None
    assert owner.citizen_id == home.citizen_id
    visitor = visitor_class.unseal(visited.village.keyring, ours)
    assert visitor is not None
    assert visitor.realm == home.cast.realm
    # The NAS may name the citizen as it likes.
    started = accounting("Start", ("User-Name", "somebody"), ("Class", theirs), ("Class", ours))
    assert (await visited.answer(started)).code is Code.ACCOUNTING_RESPONSE
    await until(home.sessions)
    (session,) = await home.sessions()
    assert session.citizen_id == home.citizen_id


@over_each
async def test_accounting_is_equal_at_both_ends(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    reply = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    named: list[Named] = [("User-Name", home.cast.nai)]
    named += [("Class", octets) for octets in classes(reply)]
    await visited.answer(accounting("Start", *named))
    counted: list[Named] = [
        ("Acct-Session-Time", 600),
        ("Acct-Input-Octets", 1_000),
        ("Acct-Output-Octets", 70_000),
        ("Acct-Input-Gigawords", 0),
        ("Acct-Output-Gigawords", 3),
    ]
    await visited.answer(accounting("Interim-Update", *named, *counted))
    ended: Named = ("Acct-Terminate-Cause", "User-Request")
    counted[0] = ("Acct-Session-Time", 900)
    await visited.answer(accounting("Stop", *named, *counted, ended))

    async def is_over() -> bool:
        found = await home.sessions()
        return bool(found) and found[0].stopped_at is not None

    await until(is_over)
    (here,), (there,) = await visited.sessions(), await home.sessions()
    same = (
        *("acct_session_id", "device_mac", "started_at", "stopped_at", "terminate_cause"),
        *("session_seconds", "upload_octets", "download_octets"),
    )
    assert [getattr(here, name) for name in same] == [getattr(there, name) for name in same]
    assert there.session_seconds == 900
    assert {there.upload_octets, there.download_octets} == {1_000, (3 << 32) + 70_000}
    assert (here.citizen_id, there.citizen_id) == (None, home.citizen_id)
    assert here.user_name == home.cast.nai
    await until(visited.has_sent)


@over_each
async def test_who_is_suspended_is_refused_and_asked_nothing(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    request = pap(home.cast.nai, PASSWORD.reveal(), DEVICE)
    assert (await visited.answer(request)).code is Code.ACCESS_ACCEPT
    # The home suspends the place that is visited ...
    await home.change(visited.cast.slug, partners.suspend)
    refused = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    assert (refused.code, refused.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, 502)
    await home.change(visited.cast.slug, partners.resume)
    # ... then the place its home.
    await visited.change(home.cast.slug, partners.suspend)
    before = asked(home, visited)
    refused = await visited.answer(pap(home.cast.nai, PASSWORD.reveal(), DEVICE))
    assert (refused.code, refused.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, 502)
    assert asked(home, visited) == before
    await visited.change(home.cast.slug, partners.resume)
    request = pap(home.cast.nai, PASSWORD.reveal(), DEVICE)
    assert (await visited.answer(request)).code is Code.ACCESS_ACCEPT


async def test_a_device_is_not_let_in_elsewhere_by_its_address(lavender: Node, basil: Node) -> None:
    async with lavender.village.database.write("test") as session:
        await devices.remember(
            session,
            citizen_id=lavender.citizen_id,
            mac=PHONE,
            name="phone",
            days=1,
            now=lavender.village.clock(),
        )
    asked = pap(f"{PHONE_AS_SENT}@{lavender.cast.realm}", "any", DEVICE)
    assert (await lavender.answer(asked)).code is Code.ACCESS_ACCEPT
    partner = Client(QUICK, source=ip_address(basil.cast.source))
    try:
        port = lavender.radius.auth_port
        reply = await partner.exchange(asked, LOOPBACK, port, SHARED)
    finally:
        partner.close()
    assert reply is not None
    assert reply.code is Code.ACCESS_REJECT


async def test_nobody_crosses_a_member_and_nothing_goes_in_circles(
    lavender: Node, basil: Node
) -> None:
    async def add_realm(session: AsyncSession, partner: Partner) -> None:
        added = ["elsewhere.example"]
        await partners.change_realms(session, partner, added=added, removed=())

    elsewhere = "piero@elsewhere.example"
    before = denied("basil", "unknown_realm")
    await basil.change("lavender", add_realm)
    refused = await basil.answer(pap(elsewhere, "whatever", DEVICE))
    assert (refused.code, refused.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, 502)
    assert denied("basil", "unknown_realm") == before + 1
    loops = denied("basil", "routing_loop"), denied("lavender", "routing_loop")
    # Each holds the realm for the other's.
    await lavender.change("basil", add_realm)
    for node_ in (lavender, basil):
        refused = await node_.answer(pap(elsewhere, "whatever", DEVICE))
        cause = refused.attributes.integer("Error-Cause")
        assert (refused.code, cause) == (Code.ACCESS_REJECT, 502)
    after = denied("basil", "routing_loop"), denied("lavender", "routing_loop")
    # Whoever was asked by the other said so, and asked nobody.
    assert after == (loops[0] + 1, loops[1] + 1)


def denied(collectivity: str, reason: str) -> float:
    """How many were refused for a reason; a partner is a collectivity too."""
    labels = {"collectivity": collectivity, "reason": reason, "where": "radius"}
    return sample("farandole_denials_total", **labels)


def asked(home: Node, visited: Node) -> float:
    """How many requests of a place its home has answered or refused."""
    outcomes = ("accept", "reject", "challenge", "suspended")
    return sum(
        sample(
            "farandole_federation_requests_total",
            partner=visited.cast.slug,
            direction="in",
            outcome=outcome,
        )
        for outcome in outcomes
    )
