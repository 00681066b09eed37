"""A visitor's ticket at the NAS: answered here, and their accounting finds home all the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from aaa import tickets, visitors
from aaa.model import Ticket
from aaa.tickets import OfVisitor
from aaa.visitors import VisitorRecord
from aaa.vouched import Vouched
from federation import partners, visitor_class
from radius.wire.packet import Code, Packet
from tests.federation.homes import Home, home
from tests.federation.nodes import LAVENDER, Node, node, until
from tests.radius.served import PHONE_AS_SENT, Named, accounting, chapped, pap
from tests.village import PHONE

DEVICE: Named = ("Calling-Station-Id", PHONE_AS_SENT)
ASKED: Named = ("Chargeable-User-Identity", b"\0")
VOUCHED = Vouched(b"of basil", b"someone", session_seconds=3000, idle_seconds=90)
_CLASS = 25


@dataclass
class Visit:
    """The place, the home that has vouched, and whom it has vouched for."""

    place: Node
    home: Home
    who: VisitorRecord

    async def ticket(self, nas: str | None = None) -> str:
        """Issue a ticket, as the portal does."""
        village = self.place.village
        async with village.database.write("test") as session:
            value, _ = await tickets.issue(
                session,
                village.keyring,
                bearer=OfVisitor(self.who.id),
                nas_id=village.snapshot.nas_by_name[nas or self.place.cast.hotspot].id,
                device_mac=PHONE,
                now=village.clock(),
            )
        return value.reveal().decode()

    async def use(self, ticket: str, *named: Named) -> Packet:
        """Log in as the NAS does."""
        return await self.place.answer(pap(self.who.user_name, ticket, *(named or (DEVICE,))))

    async def outcomes(self) -> list[str | None]:
        async with self.place.village.database.read("test") as session:
            rows = await session.scalars(select(Ticket).order_by(Ticket.id))
            return [row.outcome for row in rows]


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    async with node(LAVENDER, tmp_path) as place:
        with home() as found:
            await place.know("basil", ["basil.example"], [found.server])
            village = place.village
            basil = place.place("basil").hotspot_id
            async with village.database.write("test") as session:
                visitor_id = await visitors.add(
                    session,
                    home_collectivity_id=village.snapshot.hotspots[basil or 0].collectivity.id,
                    realm="basil.example",
                    vouched=VOUCHED,
                    now=village.clock(),
                )
                who = await visitors.by_id(session, visitor_id)
            assert who is not None
            yield Visit(place, found, who)


def classes(packet: Packet) -> list[bytes]:
    return [octets for number, octets in packet.attributes if number == _CLASS]


async def test_a_ticket_opens_the_door_and_nobody_is_asked(visit: Visit) -> None:
    await visit.place.limit(visit.place.here, session_seconds="2000", idle_seconds="600")
    reply = await visit.use(await visit.ticket(), DEVICE, ASKED)
    assert reply.code is Code.ACCESS_ACCEPT
    theirs, ours = classes(reply)
    assert theirs == b"of basil"
    told = visitor_class.unseal(visit.place.village.keyring, ours)
    assert told is not None
    assert told.realm == "basil.example"
    assert reply.attributes.text("User-Name") == visit.who.user_name
    assert reply.attributes.octets("Chargeable-User-Identity") == b"someone"
    # Ours is the shorter session, the home's the shorter rest.
    assert reply.attributes.integer("Session-Timeout") == 2000
    assert reply.attributes.integer("Idle-Timeout") == 90
    assert visit.home.requests == []


async def test_the_home_counts_from_when_it_vouched(visit: Visit) -> None:
    visit.place.village.clock.advance(minutes=10)
    reply = await visit.use(await visit.ticket())
    assert reply.attributes.integer("Session-Timeout") == 2400
    assert not reply.attributes.has("Chargeable-User-Identity")


async def test_chap_serves_too(visit: Visit) -> None:
    ticket = await visit.ticket()
    answered = await visit.place.answer(chapped(visit.who.user_name, ticket, DEVICE))
    assert answered.code is Code.ACCESS_ACCEPT


async def test_a_ticket_serves_once_in_time_and_in_its_place(visit: Visit) -> None:
    used, late = await visit.ticket(), await visit.ticket()
    other = await visit.use(await visit.ticket(), ("Calling-Station-Id", "02-00-5E-00-53-09"))
    assert other.code is Code.ACCESS_REJECT
    assert (await visit.use("abcdefghjkmnpq")).code is Code.ACCESS_REJECT
    assert (await visit.use(used)).code is Code.ACCESS_ACCEPT
    assert (await visit.use(used)).code is Code.ACCESS_REJECT
    visit.place.village.clock.advance(minutes=2)
    assert (await visit.use(late)).code is Code.ACCESS_REJECT
    assert await visit.outcomes() == ["granted", None, None]
    # Nor was the home bothered with any of it.
    assert visit.home.requests == []


async def test_our_own_policy_stands_above_what_the_home_says(visit: Visit) -> None:
    day_after = (visit.place.village.clock().weekday() + 3) % 7
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    await visit.place.limit(visit.place.here, opening_hours=f"{days[day_after]} 08:00-09:00")
    refused = await visit.use(await visit.ticket())
    assert refused.attributes.text("Reply-Message") == "This hotspot is closed at this hour."
    # The page that the browser comes back to knows why.
    assert await visit.outcomes() == ["outside_hours"]
    await visit.place.limit(visit.place.here, opening_hours="always")
    await visit.place.change("basil", partners.suspend)
    refused = await visit.use(await visit.ticket())
    assert refused.attributes.integer("Error-Cause") == 502


async def test_who_is_no_visitor_is_asked_about_at_home(visit: Visit) -> None:
    name = "v-abcdefghjkmnpqrs@basil.example"
    assert (await visit.place.answer(pap(name, "thyme", DEVICE))).code is Code.ACCESS_ACCEPT
    assert visit.home.users() == [name]
    # Nor is a visitor known any more when their day is over.
    visit.place.village.clock.advance(hours=24)
    await visit.use("abcdefghjkmnpq")
    assert visit.home.users() == [name, visit.who.user_name]


@pytest.mark.parametrize("brings_classes", [True, False])
async def test_accounting_goes_home_with_the_class_of_the_home(
    visit: Visit, brings_classes: bool
) -> None:
    reply = await visit.use(await visit.ticket())
    named: list[Named] = [("User-Name", visit.who.user_name)]
    if brings_classes:
        named += [("Class", octets) for octets in classes(reply)]
    await visit.place.answer(accounting("Start", *named))
    await until(visit.place.has_sent)
    (told,) = visit.home.requests
    assert told.code is Code.ACCOUNTING_REQUEST
    assert classes(told) == [b"of basil"]
    assert told.attributes.text("User-Name") == visit.who.user_name
    (session,) = await visit.place.sessions()
    assert session.citizen_id is None
    assert session.user_name == visit.who.user_name
