"""What becomes of a home's order here: the instruction, and the answer by what comes of that."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from sqlalchemy import select

from aaa import outbox
from aaa.model import Instruction, InstructionKind, InstructionState, Session
from aaa.policies import Scope
from federation import visitor_orders
from federation.directory import PartnerEntry
from federation.visitor_orders import VisitorOrders
from radius.request import Reply, Request, Service
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from radius.wire.values import Value
from tests.federation import partnering
from tests.federation.nodes import until
from tests.radius.served import PHONE_AS_SENT
from tests.village import PHONE, Village

MINUTE = timedelta(minutes=1)


class Place:
    """The village, which a citizen of a partner visits."""

    def __init__(self, village: Village, home: PartnerEntry) -> None:
        self.village = village
        self.home = home
        self.orders = VisitorOrders(
            database=village.database, directory=village.directory, clock=village.clock
        )

    async def visit(self, **changed: Any) -> int:
        """Have a session of theirs on record; return its id."""
        at, now = self.village.square, self.village.clock()
        told: dict[str, Any] = {
            "nas_id": at.id,
            "hotspot_id": at.hotspot.id,
            "acct_session_id": "s-1",
            "device_mac": PHONE,
            "home_collectivity_id": self.home.collectivity.id,
            "user_name": "bea@liguria.example",
            "started_at": now - MINUTE,
            "updated_at": now,
        }
        async with self.village.database.write("test") as session:
            row = Session(**(told | changed))
            session.add(row)
            await session.flush()
            return row.id

    async def order(self, code: Code = Code.DISCONNECT_REQUEST, **changed: Value) -> int:
        """Order as the home does; return the Error-Cause, 0 for an ACK."""
        now = self.village.clock()
        told: dict[str, Value] = {"Acct-Session-Id": "s-1", "Event-Timestamp": now}
        told |= {name.replace("_", "-"): value for name, value in changed.items()}
        assert self.home.nas_id is not None
        request = Request(
            packet=Packet(code, 1, bytes(16), Attributes.of(*told.items())),
            service=Service.DYNAMIC_AUTHORIZATION,
            nas=self.village.snapshot.nas_by_id[self.home.nas_id],
            address=ip_address("192.0.2.1"),
            received_at=now,
            is_authentic=True,
        )
        reply = await self.orders.obey(request, self.home)
        assert isinstance(reply, Reply)
        return reply.packet.attributes.integer("Error-Cause") or 0

    async def instructions(self) -> list[Instruction]:
        async with self.village.database.read("test") as session:
            rows = await session.scalars(select(Instruction).order_by(Instruction.id))
            return list(rows.all())

    async def answered(
        self, order: Coroutine[Any, Any, int], state: InstructionState, cause: int | None = None
    ) -> int:
        """Return the answer to an order whose instruction the NAS answers so."""
        known = len(await self.instructions())
        asked = asyncio.ensure_future(order)

        async def is_written() -> bool:
            return len(await self.instructions()) > known

        await until(is_written)
        await self.settle(state, cause)
        return await asked

    async def settle(self, state: InstructionState, cause: int | None = None) -> None:
        """Have the NAS answer the newest instruction."""
        newest, now = (await self.instructions())[-1], self.village.clock()
        async with self.village.database.write("test") as session:
            assert await outbox.answered(
                session, newest.id, state=state, error_cause=cause, now=now
            )


@pytest.fixture
async def place(village: Village) -> Place:
    await partnering.add(village)
    partners = await partnering.known(village)
    return Place(village, partners.by_name["liguria"])


@pytest.mark.parametrize(
    ("code", "state", "cause", "told"),
    [
        (Code.DISCONNECT_REQUEST, InstructionState.ACKNOWLEDGED, None, 0),
        (Code.DISCONNECT_REQUEST, InstructionState.REFUSED, 503, 503),
        # It ended by itself.
        (Code.DISCONNECT_REQUEST, InstructionState.NEEDLESS, None, 0),
        (Code.COA_REQUEST, InstructionState.ACKNOWLEDGED, None, 0),
        (Code.COA_REQUEST, InstructionState.REFUSED, 401, 401),
        (Code.COA_REQUEST, InstructionState.NEEDLESS, None, 503),
    ],
)
async def test_the_home_hears_what_the_nas_said(
    place: Place, code: Code, state: InstructionState, cause: int | None, told: int
) -> None:
    visit = await place.visit()
    changed: dict[str, Value] = {"Session_Timeout": 600} if code is Code.COA_REQUEST else {}
    assert await place.answered(place.order(code, **changed), state, cause) == told
    (written,) = await place.instructions()
    assert (written.session_id, written.reason) == (visit, "home")
    is_change = written.kind is InstructionKind.COA
    assert written.attributes == ([["Session-Timeout", 600]] if is_change else [])


async def test_a_second_disconnect_waits_for_the_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.visit()
    with monkeypatch.context() as impatient:
        impatient.setattr(visitor_orders, "_ANSWERED_WITHIN_SECONDS", 0.0)
        assert [await place.order(), await place.order()] == [505, 505]
    assert len(await place.instructions()) == 1
    await place.settle(InstructionState.ACKNOWLEDGED)
    # Its NAS has said so, and nothing else since.
    assert await place.order() == 0
    assert len(await place.instructions()) == 1
    async with place.village.database.write("test") as session:
        row = (await session.scalars(select(Session))).one()
        row.updated_at = place.village.clock.advance(minutes=1)
    # It goes on all the same.
    assert await place.answered(place.order(), InstructionState.ACKNOWLEDGED) == 0
    assert len(await place.instructions()) == 2


async def test_a_change_takes_the_place_of_one_that_waits(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.visit()
    monkeypatch.setattr(visitor_orders, "_ANSWERED_WITHIN_SECONDS", 0.0)
    for seconds in (600, 300):
        assert await place.order(Code.COA_REQUEST, Session_Timeout=seconds) == 505
    (written,) = await place.instructions()
    assert written.attributes == [["Session-Timeout", 300]]


async def test_what_is_no_open_visit_of_theirs_is_not_found(place: Place) -> None:
    await place.visit(home_collectivity_id=None)
    await place.visit(stopped_at=place.village.clock(), instance=1)
    await place.visit(acct_session_id="S-1", device_mac="")
    assert await place.order() == 503
    assert await place.order(Calling_Station_Id=PHONE_AS_SENT) == 503
    assert await place.instructions() == []


async def test_one_that_may_be_of_two_sessions_is_of_none(place: Place) -> None:
    await place.visit()
    library = place.village.library
    await place.visit(nas_id=library.id, hotspot_id=library.hotspot.id)
    assert await place.order() == 508
    named = place.order(NAS_Identifier="library")
    assert await place.answered(named, InstructionState.ACKNOWLEDGED) == 0


async def test_a_session_that_authenticated_anew_is_bounded_from_then(place: Place) -> None:
    """Older than our own limit, which counts from its start, it got as much again (802.1X)."""
    here = Scope(hotspot_id=place.village.square.hotspot.id)
    await place.village.limit(here, session_seconds="3600")
    now = place.village.clock()
    await place.visit(started_at=now - timedelta(seconds=5000))
    changed = place.order(Code.COA_REQUEST, Session_Timeout=99_999)
    assert await place.answered(changed, InstructionState.ACKNOWLEDGED) == 0
    (written,) = await place.instructions()
    assert written.attributes == [["Session-Timeout", 8600]]


async def test_of_one_partner_only_so_many_are_under_way(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_orders, "_AT_ONCE", 1)
    await place.visit()
    asked = asyncio.ensure_future(place.order())
    await until(place.instructions)
    assert await place.order() == 506
    await place.settle(InstructionState.ACKNOWLEDGED)
    assert await asked == 0
