"""What waits for a home: what it does not take holds up nothing else, and has an end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import select

from aaa.model import AuditEvent
from federation import accounting_retention
from federation.accounting_forwarder import AccountingForwarder, packed, session_digest, unpacked
from federation.directory import PartnerDirectory, PartnerEntry
from federation.forwarder import Forwarder
from federation.model import ForwardedAccounting
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.wire.attributes import Attributes
from tests.federation import partnering
from tests.federation.nodes import until
from tests.village import Village

MONTH = timedelta(days=30)


class Home:
    """Acknowledges what it likes; notes what it is sent, session and kind."""

    def __init__(self, takes: Callable[[str], bool] = lambda _: True) -> None:
        self.takes = takes
        self.sent: list[tuple[str, int]] = []

    async def account(self, _partner: PartnerEntry, attributes: Attributes) -> bool:
        session_id = attributes.text("Acct-Session-Id") or ""
        self.sent.append((session_id, attributes.integer("Acct-Status-Type") or 0))
        await asyncio.sleep(0)
        return self.takes(session_id)

    def revived_at(self, _partner_id: int) -> datetime | None:
        return None


@asynccontextmanager
async def forwarding(village: Village, home: Home, processes: int = 1) -> AsyncIterator[None]:
    """Have what waits sent to the home, as so many processes do."""
    running = []
    for _ in range(processes):
        known = village.keyring, village.directory, village.clock
        partners = PartnerDirectory(village.database, *known)
        await partners.refresh()
        accounts = AccountingForwarder(
            database=village.database,
            partners=partners,
            forwarder=cast(Forwarder, home),
            warnings=RepeatedWarnings(Occurrences(), structlog.get_logger()),
            clock=village.clock,
        )
        running.append(asyncio.ensure_future(accounts.run(every_seconds=0.01)))
    try:
        yield
    finally:
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def wait_for_home(village: Village, partner_id: int, *told: tuple[str, str]) -> None:
    """Have the Start, Interim-Update and so on of sessions wait."""
    now = village.clock()
    async with village.database.write("test") as session:
        for session_id, kind in told:
            attributes = Attributes.of(("Acct-Session-Id", session_id), ("Acct-Status-Type", kind))
            row: dict[str, Any] = {"partner_id": partner_id, "attributes": packed(attributes)}
            row |= {"session_digest": session_digest(attributes), "occurred_at": now}
            session.add(ForwardedAccounting(**row, next_attempt_at=now, created_at=now))


async def waiting(village: Village) -> list[str]:
    """The sessions of which anything waits, a row each."""
    async with village.database.read("test") as session:
        rows = await session.scalars(select(ForwardedAccounting).order_by(ForwardedAccounting.id))
        told = [unpacked(row.attributes) for row in rows.all()]
    return [attributes.text("Acct-Session-Id") or "" for attributes in told]


async def add_partner(village: Village) -> int:
    partner = await partnering.add(village)
    await village.directory.refresh()
    return partner.id


async def test_sessions_that_a_home_never_takes_hold_up_no_other(village: Village) -> None:
    partner_id = await add_partner(village)
    lost = [f"lost-{number}" for number in range(80)]
    await wait_for_home(village, partner_id, *[(name, "Start") for name in lost])
    home = Home(takes=lambda name: not name.startswith("lost"))

    async def are_left() -> bool:
        village.clock.advance(seconds=30)
        return await waiting(village) == lost

    async with forwarding(village, home):
        for name in ("s-1", "s-2"):
            told = [(name, kind) for kind in ("Start", "Interim-Update", "Stop")]
            await wait_for_home(village, partner_id, *told)
            await until(are_left)
    # In order, and once each.
    assert [each for each in home.sent if each[0] == "s-1"] == [("s-1", 1), ("s-1", 3), ("s-1", 2)]


async def test_what_follows_in_a_session_waits_for_what_comes_first(village: Village) -> None:
    partner_id = await add_partner(village)
    await wait_for_home(village, partner_id, ("lost", "Start"), ("lost", "Stop"))
    await wait_for_home(village, partner_id, *[(f"s-{number}", "Start") for number in range(3)])
    home = Home(takes=lambda name: name != "lost")

    async def were_tried() -> bool:
        village.clock.advance(seconds=30)
        return home.sent.count(("lost", 1)) >= 3

    async with forwarding(village, home):
        await until(were_tried)
        assert ("lost", 2) not in home.sent
        home.takes = lambda _: True

        async def is_empty() -> bool:
            village.clock.advance(seconds=300)
            return await waiting(village) == []

        await until(is_empty)
    assert home.sent[-2:] == [("lost", 1), ("lost", 2)]


async def test_of_two_processes_one_sends_each_record_and_all_of_a_session_in_order(
    village: Village,
) -> None:
    partner_id = await add_partner(village)
    kinds = ("Start", "Interim-Update", "Stop")
    names = [f"s-{number}" for number in range(90)]
    await wait_for_home(village, partner_id, *[(name, kind) for kind in kinds for name in names])
    home = Home()

    async def is_empty() -> bool:
        return await waiting(village) == []

    async with forwarding(village, home, processes=2):
        await until(is_empty)
    by_session = {name: [kind for sent, kind in home.sent if sent == name] for name in names}
    assert by_session == {name: [1, 3, 2] for name in names}


async def test_what_is_never_taken_is_given_up_and_put_on_record(village: Village) -> None:
    partner_id = await add_partner(village)
    await wait_for_home(village, partner_id, *[(f"old-{number}", "Start") for number in range(3)])
    village.clock.advance(days=30, seconds=1)
    await wait_for_home(village, partner_id, ("new", "Start"))
    for expected in (2, 1, 0):
        async with village.database.write("test") as session:
            now = village.clock()
            given_up = await accounting_retention.give_up(session, now, MONTH, most=2)
        assert given_up == {"liguria": expected}
    assert await waiting(village) == ["new"]
    async with village.database.read("test") as session:
        events = (await session.scalars(select(AuditEvent).order_by(AuditEvent.id))).all()
    told = [(event.subject, event.detail) for event in events if "accounting" in event.action]
    assert told == [("partner:liguria", {"records": count}) for count in (2, 1)]
