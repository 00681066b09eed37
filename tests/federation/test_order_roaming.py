"""Two members, each other's partner: what a home orders about its citizen reaches the access point
of the place that is visited, and nobody else's session."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens, devices, outbox, sessions
from aaa.model import (
    AuditEvent,
    CitizenState,
    Device,
    Instruction,
    InstructionState,
    Session,
)
from aaa.policy import DenyReason
from aaa.reauthorization import reauthorize
from federation import order_courier, partners, visitor_orders
from federation.model import Transport
from radius.transports.client import Client
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_dynamic_request
from radius.wire.packet import Code, Packet, parse
from radius.wire.values import Value
from tests.federation.nodes import BASIL, LAVENDER, SHARED, Cast, Node, at, join, node, until
from tests.federation.test_roaming import classes
from tests.radius.fake_nas import Behaviour, FakeNas, acknowledge, keep_silent, nas, refuse
from tests.radius.served import (
    LOOPBACK,
    PHONE_AS_SENT,
    QUICK,
    Named,
    Socket,
    accounting,
    dropped,
    duplicates,
    pap,
    sample,
)
from tests.village import NAS_SECRET, PASSWORD, PHONE

THYME = Cast("thyme", "thyme.example", "hill", "rosa", "coovachilli", "127.0.0.15")


@pytest.fixture
async def lavender(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path) as lavender:
        yield lavender


@pytest.fixture
async def basil(tmp_path: Path, lavender: Node) -> AsyncIterator[Node]:
    async with node(BASIL, tmp_path) as basil:
        await join(lavender, basil)
        yield basil


@pytest.fixture(params=Transport)
async def visit(
    request: pytest.FixtureRequest, tmp_path: Path, lavender: Node
) -> AsyncIterator[tuple[Node, Node]]:
    """The home, and the place that is visited: one way over UDP, the other over TLS."""
    async with node(BASIL, tmp_path) as basil:
        await join(lavender, basil, request.param)
        yield (lavender, basil) if request.param is Transport.UDP else (basil, lavender)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what does answer is waited for."""
    monkeypatch.setattr(visitor_orders, "_ANSWERED_WITHIN_SECONDS", 15.0)
    monkeypatch.setattr(order_courier, "_SERVER_SECONDS", 20.0)


@asynccontextmanager
async def access_point(visited: Node, behaviour: Behaviour = acknowledge) -> AsyncIterator[FakeNas]:
    """The access point of the place, as orders find it."""
    cast = visited.cast
    async with nas(visited.village, behaviour, cast.vendor, cast.hotspot) as found:
        await visited.refresh()
        yield found


async def begin(
    home: Node,
    visited: Node,
    *more: Named,
    session_id: str = "s-1",
    user_name: str | None = None,
) -> None:
    """Have the home's citizen be online at the place, and the home know."""
    named: list[Named] = [("User-Name", user_name or home.cast.nai), *more]
    known = len(await home.sessions())
    await visited.answer(accounting("Start", *named, session_id=session_id))

    async def is_known() -> bool:
        return len(await home.sessions()) > known

    await until(is_known)


async def end(home: Node, visited: Node, session_id: str = "s-1") -> None:
    """Have the access point tell that the session is over, and the home hear of it."""
    named: list[Named] = [("User-Name", home.cast.nai), ("Acct-Terminate-Cause", "Admin-Reset")]
    await visited.answer(accounting("Stop", *named, session_id=session_id))

    async def is_over() -> bool:
        return all(session.stopped_at for session in await home.sessions())

    await until(is_over)


async def ban(home: Node, session: AsyncSession) -> None:
    await citizens.set_state(session, home.citizen_id, CitizenState.BANNED)
    await disconnect(home, session, DenyReason.BANNED)


async def erase(home: Node, session: AsyncSession) -> None:
    await citizens.close(session, home.citizen_id, home.village.clock())
    await disconnect(home, session, DenyReason.CLOSED)


async def revoke(home: Node, session: AsyncSession) -> None:
    device = (await session.scalars(select(Device.id))).one()
    await session.execute(update(Session).values(device_id=device))
    now = home.village.clock()
    await devices.revoke(session, citizen_id=home.citizen_id, device_id=device, now=now)


async def disconnect(home: Node, session: AsyncSession, reason: str = "operator") -> None:
    """Put what ends the citizen's sessions into the outbox, as the commands do."""
    query = select(Session.id).where(Session.stopped_at.is_(None), Session.citizen_id.is_not(None))
    found = (await session.scalars(query)).all()
    assert await outbox.disconnect(session, found, reason, home.village.clock()) == len(found) > 0


async def decide(home: Node, decision: Callable[[Node, AsyncSession], Awaitable[None]]) -> None:
    async with home.village.database.write("test") as session:
        await decision(home, session)


async def instructions(node_: Node) -> list[Instruction]:
    async with node_.village.database.read("test") as session:
        return list((await session.scalars(select(Instruction).order_by(Instruction.id))).all())


async def settled(node_: Node) -> Instruction:
    """Return the member's newest instruction, once it is settled."""

    async def is_settled() -> bool:
        return (await instructions(node_))[-1].state is not InstructionState.PENDING

    await until(is_settled)
    return (await instructions(node_))[-1]


def orders(member: str, direction: str, outcome: str) -> float:
    labels = {"partner": member, "direction": direction, "outcome": outcome}
    return sample("farandole_federation_orders_total", **labels)


async def test_a_citizen_who_is_banned_is_put_off_elsewhere(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    async with access_point(visited) as found:
        await begin(home, visited)
        await decide(home, ban)
        assert (await settled(home)).state is InstructionState.ACKNOWLEDGED
        # It was answered when the access point had obeyed.
        (there,) = await instructions(visited)
        assert (there.state, there.reason) == (InstructionState.ACKNOWLEDGED, "home")
    (told,) = found.requests
    assert (told.code, told.attributes.text("Acct-Session-Id")) == (Code.DISCONNECT_REQUEST, "s-1")
    assert told.attributes.text("User-Name") == home.cast.nai
    await end(home, visited)
    (here,), (there_,) = await home.sessions(), await visited.sessions()
    assert here.stopped_at == there_.stopped_at is not None
    async with home.village.database.read("test") as session:
        (seen,) = await sessions.listed(session)
    where = (f"1{visited.cast.realm}", visited.cast.hotspot)
    assert (seen.operator_name, seen.nas_identifier) == where
    async with visited.village.database.read("test") as session:
        actors = (await session.scalars(select(AuditEvent.actor))).all()
    assert f"partner:{home.cast.slug}" in actors


async def test_whatever_ends_a_session_ends_it_elsewhere(lavender: Node, basil: Node) -> None:
    async with access_point(basil) as found:
        for number, decision in enumerate((disconnect, revoke, erase)):
            await begin(lavender, basil, session_id=f"s-{number}")
            await decide(lavender, decision)
            assert (await settled(lavender)).state is InstructionState.ACKNOWLEDGED
            await end(lavender, basil, f"s-{number}")
    asked = [told.attributes.text("Acct-Session-Id") for told in found.requests]
    assert asked == ["s-0", "s-1", "s-2"]


async def test_a_day_that_is_used_up_elsewhere_ends_there(lavender: Node, basil: Node) -> None:
    await lavender.limit(lavender.place(basil.cast.slug), daily_octets="5000")
    async with access_point(basil, refuse(("Error-Cause", 504))) as found:
        await begin(lavender, basil)
        counted: list[Named] = [
            ("User-Name", lavender.cast.nai),
            ("Acct-Session-Time", 60),
            ("Acct-Input-Octets", 6000),
        ]
        await basil.answer(accounting("Interim-Update", *counted))
        await until(lambda: instructions(lavender))
        ended = await settled(lavender)
    assert ended.reason == "daily_volume_spent"
    assert len(found.requests) == 1
    # What the access point says is what the home hears.
    assert (ended.state, ended.error_cause) == (InstructionState.REFUSED, 504)


async def test_who_is_banned_between_log_in_and_session_is_put_off_by_no_other_name(
    lavender: Node, basil: Node
) -> None:
    reply = await basil.answer(pap(lavender.cast.nai, PASSWORD.reveal()))
    async with lavender.village.database.write("test") as session:
        await citizens.set_state(session, lavender.citizen_id, CitizenState.BANNED)
    hidden = f"anonymous@{lavender.cast.realm}"
    async with access_point(basil) as found:
        named: list[Named] = [("Class", octets) for octets in classes(reply)]
        await begin(lavender, basil, *named, user_name=hidden)
        assert (await settled(lavender)).state is InstructionState.ACKNOWLEDGED
    (told,) = found.requests
    assert told.attributes.text("User-Name") == hidden
    assert lavender.cast.citizen.encode() not in b"".join(octets for _, octets in told.attributes)


async def test_an_order_outlives_a_restart_of_the_home(lavender: Node, basil: Node) -> None:
    async with access_point(basil) as found:
        await begin(lavender, basil)
        await lavender.stop()
        await decide(lavender, ban)
        assert found.requests == []
        await lavender.start()
        assert (await settled(lavender)).state is InstructionState.ACKNOWLEDGED
    assert len(found.requests) == 1


async def test_a_silent_access_point_is_asked_on_and_the_home_hears_of_it(
    lavender: Node, basil: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_orders, "_ANSWERED_WITHIN_SECONDS", 0.2)
    before = orders("basil", "out", "unanswered"), orders("lavender", "in", "unanswered")
    async with access_point(basil, keep_silent) as found:
        await begin(lavender, basil)
        await decide(lavender, ban)

        async def is_told() -> bool:
            return (await instructions(lavender))[0].attempts == 1

        await until(is_told)
        after = orders("basil", "out", "unanswered"), orders("lavender", "in", "unanswered")
        assert after == (before[0] + 1, before[1] + 1)
        (waiting,), (there,) = await instructions(lavender), await instructions(basil)
        assert (waiting.state, there.state) == (InstructionState.PENDING,) * 2
        # Before the home asks again, the order has been obeyed, being still in the outbox there.
        found.behaviour = acknowledge
        assert (await settled(basil)).state is InstructionState.ACKNOWLEDGED
        asked = len(found.requests)
        lavender.village.clock.now = waiting.next_attempt_at
        assert (await settled(lavender)).state is InstructionState.ACKNOWLEDGED
        assert len(found.requests) == asked
        assert len(await instructions(basil)) == 1


async def test_a_change_holds_elsewhere_within_the_limits_there(visit: tuple[Node, Node]) -> None:
    home, visited = visit
    place = home.place(visited.cast.slug)
    await visited.limit(visited.here, session_seconds="4000", idle_seconds="120", vlan="12")
    async with access_point(visited) as found:
        await begin(home, visited)
        for seconds in ("9000", "600"):
            await home.limit(place, session_seconds=seconds, vlan="77", upload_kbps="500")
            await refresh(home)
            assert (await settled(home)).state is InstructionState.ACKNOWLEDGED
        # At a place that is closed by now nobody stays for longer.
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        later = (visited.village.clock().weekday() + 3) % 7
        await visited.limit(visited.here, opening_hours=f"{days[later]} 08:00-09:00")
        await refresh(home)
        refused = await settled(home)
    assert (refused.state, refused.error_cause) == (InstructionState.REFUSED, 501)
    assert [told.code for told in found.requests] == [Code.COA_REQUEST] * 2
    first, second = (told.attributes for told in found.requests)
    assert first.integer("Session-Timeout") == 4000
    assert second.integer("Session-Timeout") == 600
    changed = {name for told in (first, second) for name, _ in told.decoded()}
    assert changed <= {
        *("User-Name", "Acct-Session-Id", "Calling-Station-Id", "Event-Timestamp"),
        *("Message-Authenticator", "Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"),
    }


async def refresh(home: Node) -> None:
    async with home.village.database.write("test") as session:
        ids = (await session.scalars(select(Session.id))).all()
        snapshot, now = home.village.snapshot, home.village.clock()
        assert await reauthorize(session, snapshot, ids, "operator", now)


@dataclass
class Partner:
    """Somebody who orders by hand, from the address that a place knows a partner by."""

    visited: Node
    client: Client

    async def order(self, code: Code = Code.DISCONNECT_REQUEST, /, **changed: Value | None) -> int:
        """Return 0 for an ACK, or the Error-Cause of the NAK."""
        port = self.visited.radius.dynamic_authorization_port
        assert port is not None
        packet = Packet(code, 0, bytes(16), named(self.visited, **changed))
        reply = await self.client.exchange(packet, LOOPBACK, port, SHARED)
        assert reply is not None, "no answer came"
        return reply.attributes.integer("Error-Cause") or 0


def named(visited: Node, **changed: Value | None) -> Attributes:
    """A session of the phone, as a partner names it, but for what is changed."""
    told: dict[str, Value | None] = {
        "Acct-Session-Id": "s-1",
        "Calling-Station-Id": PHONE_AS_SENT,
        "Event-Timestamp": visited.village.clock(),
    }
    told |= {name.replace("_", "-"): value for name, value in changed.items()}
    return Attributes.of(*[(name, value) for name, value in told.items() if value is not None])


@asynccontextmanager
async def partner(visited: Node, cast: Cast) -> AsyncIterator[Partner]:
    client = Client(QUICK, source=ip_address(cast.source))
    try:
        yield Partner(visited, client)
    finally:
        client.close()


@pytest.fixture
async def third(tmp_path: Path, basil: Node) -> AsyncIterator[Partner]:
    """One more partner of Basil's, who has a citizen there and would have others'."""
    async with node(THYME, tmp_path) as thyme:
        server, sender = at(1, 1), thyme.sender(Transport.UDP)
        await basil.know("thyme", [THYME.realm], [server], sender)
        async with partner(basil, THYME) as found:
            yield found


async def test_nobody_ends_or_changes_the_session_of_anothers_citizen(
    lavender: Node, basil: Node, third: Partner
) -> None:
    async with access_point(basil) as found, partner(basil, LAVENDER) as home:
        await begin(lavender, basil)
        await basil.answer(
            accounting("Start", ("User-Name", basil.cast.nai), session_id="of-basil")
        )
        for session_id in ("s-1", "of-basil"):
            assert await third.order(Acct_Session_Id=session_id) == 503
            change: dict[str, Value | None] = {"Session_Timeout": 60}
            change["Acct_Session_Id"] = session_id
            assert await third.order(Code.COA_REQUEST, **change) == 503
        # Nor by the device, nor by another name of the session.
        assert await third.order(Acct_Session_Id=None) == 503
        assert await third.order(User_Name=f"rosa@{THYME.realm}") == 503
        # The home itself does not end sessions of the place's own citizens.
        assert await home.order(Acct_Session_Id="of-basil") == 503
        assert found.requests == []
        # One that changes hands (802.1X: a device authenticates anew, the id stays) is ended by us.
        told: list[Named] = [("User-Name", f"rosa@{THYME.realm}"), ("Acct-Session-Time", 60)]
        await basil.answer(accounting("Interim-Update", *told))
        assert (await settled(basil)).reason == "anothers"
        assert await third.order() == 503
        assert len(found.requests) == 1


async def test_what_is_no_order_of_a_partners(lavender: Node, basil: Node) -> None:
    async with access_point(basil) as found, partner(basil, LAVENDER) as home:
        await begin(lavender, basil)
        await begin(lavender, basil, session_id="s-2")
        wrong: dict[int, dict[str, Value | None]] = {
            401: {"Session_Timeout": 60},
            402: {"Event_Timestamp": None},
            407: {"Calling_Station_Id": "a telephone"},
            403: {"NAS_Identifier": "elsewhere"},
            502: {"Operator_Name": f"1{THYME.realm}"},
            503: {"Acct_Session_Id": "s-3"},
            508: {"Acct_Session_Id": None},
        }
        for cause, changed in wrong.items():
            assert await home.order(Code.DISCONNECT_REQUEST, **changed) == cause
        assert found.requests == []
        # By every name that it has.
        assert (
            await home.order(
                Operator_Name=f"1{basil.cast.realm}",
                NAS_Identifier=basil.cast.hotspot,
                User_Name=lavender.cast.nai,
            )
            == 0
        )
    # An access point of the place is no partner.
    client = Client(QUICK)
    try:
        port = basil.radius.dynamic_authorization_port
        assert port is not None
        packet = Packet(Code.DISCONNECT_REQUEST, 0, bytes(16), named(basil))
        reply = await client.exchange(packet, LOOPBACK, port, NAS_SECRET)
    finally:
        client.close()
    assert reply is not None
    assert (reply.code, reply.attributes.integer("Error-Cause")) == (Code.DISCONNECT_NAK, 406)


async def test_what_was_recorded_is_obeyed_once(lavender: Node, basil: Node) -> None:
    """RFC 5176 section 6.3: from any port, and for as long as an order counts as current."""
    port = basil.radius.dynamic_authorization_port
    assert port is not None
    where = ("127.0.0.1", port)
    one, other = Socket(lavender.cast.source), Socket(lavender.cast.source)
    attributes = named(basil) + Attributes.of(("Proxy-State", b"one"), ("Proxy-State", b"two"))
    packet = Packet(Code.DISCONNECT_REQUEST, 9, bytes(16), attributes)
    recorded = encode_dynamic_request(packet, SHARED.reveal())
    async with access_point(basil) as found:
        await begin(lavender, basil)
        one.send(recorded, where)
        answer = await one.receive()
        assert parse(answer).code is Code.DISCONNECT_ACK
        assert parse(answer).attributes.all("Proxy-State") == (b"one", b"two")
        before = duplicates("resent")
        other.send(recorded, where)
        assert await other.receive() == answer
        assert duplicates("resent") == before + 1
        assert len(found.requests) == 1
    before = dropped("order_not_current")
    for seconds in (301, -602):
        basil.village.clock.advance(seconds=seconds)
        again = Packet(packet.code, 10, bytes(16), attributes.with_("User-Name", str(seconds)))
        other.send(encode_dynamic_request(again, SHARED.reveal()), where)

    async def are_ignored() -> bool:
        return dropped("order_not_current") == before + 2

    await until(are_ignored)
    assert other.has_nothing()
    for socket in (one, other):
        socket.close()


async def test_who_is_suspended_orders_nothing_and_is_ordered_nothing(
    lavender: Node, basil: Node
) -> None:
    async with access_point(basil) as found, partner(basil, LAVENDER) as home:
        await begin(lavender, basil)
        await basil.change("lavender", partners.suspend)
        assert await home.order() == 501
        await basil.change("lavender", partners.resume)
        await lavender.change("basil", partners.suspend)
        await decide(lavender, ban)

        async def was_tried() -> bool:
            return (await instructions(lavender))[0].attempts == 1

        await until(was_tried)
        assert found.requests == []
        await lavender.change("basil", partners.resume)
        lavender.village.clock.advance(seconds=5)
        assert (await settled(lavender)).state is InstructionState.ACKNOWLEDGED
        assert PHONE in [session.device_mac for session in await basil.sessions()]
