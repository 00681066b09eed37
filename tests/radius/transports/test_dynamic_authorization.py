"""Disconnect from the outbox, to a NAS on loopback that acknowledges, refuses or keeps silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from aaa import outbox
from aaa.model import AuditEvent, Instruction, InstructionState, Session
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.outstanding import Schedule
from radius.sightings import Sightings
from radius.transports import dynamic_authorization
from radius.transports.client import Client
from radius.transports.dynamic_authorization import DynamicAuthorization
from tests.radius.fake_nas import acknowledge, keep_silent, nas, refuse
from tests.radius.served import PHONE_AS_SENT, Named, NoCourier, sample, until
from tests.village import PHONE, Village, entered

HASTY = Schedule(0.05, maximum_transmissions=2, maximum_duration_seconds=5)
PATIENT = Schedule(60, maximum_duration_seconds=600)


@pytest.fixture
async def village(settled_url: str) -> AsyncIterator[Village]:
    async with entered(settled_url) as village:
        yield village


@asynccontextmanager
async def sending(village: Village, schedule: Schedule = HASTY) -> AsyncIterator[None]:
    """Run what sends, as one process does."""
    client = Client(schedule)
    warnings = RepeatedWarnings(Occurrences(), structlog.get_logger())
    orders = DynamicAuthorization(
        database=village.database,
        directory=village.directory,
        sightings=Sightings(warnings),
        client=client,
        courier=NoCourier(),
        warnings=warnings,
        clock=village.clock,
        coa_port=3799,
    )
    running = asyncio.ensure_future(orders.run(every_seconds=0.05))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        client.close()


async def order(village: Village, session_id: str = "s-1", to: str = "square", **more: Any) -> int:
    """Put the Disconnect of a session of Anna's phone into the outbox; return its id."""
    at = village.snapshot.nas_by_name[to]
    async with village.database.write("test") as session:
        row = Session(
            nas_id=at.id,
            hotspot_id=at.hotspot.id,
            acct_session_id=session_id,
            device_mac=PHONE,
            user_name="anna@village.example",
            framed_address="10.1.0.7",
            started_at=village.clock(),
            updated_at=village.clock(),
            **more,
        )
        session.add(row)
        await session.flush()
        await outbox.disconnect(session, [row.id], "operator", village.clock())
        query = select(Instruction.id).where(Instruction.session_id == row.id)
        return (await session.scalars(query)).one()


async def instruction(village: Village) -> Instruction:
    async with village.database.read("test") as session:
        return (await session.scalars(select(Instruction))).one()


def sent(outcome: str, vendor: str = "coovachilli") -> float:
    name = "farandole_dynamic_authorization_total"
    return sample(name, kind="disconnect", outcome=outcome, vendor=vendor)


async def test_an_acknowledged_disconnect(village: Village) -> None:
    before = sent("acknowledged")
    async with nas(village, acknowledge) as fake, sending(village):
        await order(village)
        await until(lambda: sent("acknowledged") == before + 1)
    (request,) = fake.requests
    assert fake.were_signed == [True]
    assert dict(request.attributes.decoded()) | {"Message-Authenticator": None} == {
        "Message-Authenticator": None,
        "User-Name": "anna@village.example",
        "Acct-Session-Id": "s-1",
        "Event-Timestamp": village.clock(),
    }
    row = await instruction(village)
    assert (row.state, row.attempts, row.error_cause) == (InstructionState.ACKNOWLEDGED, 1, None)
    assert row.finished_at == village.clock()
    async with village.database.read("test") as session:
        event = (await session.scalars(select(AuditEvent))).one()
    assert (event.actor, event.action, event.subject) == (
        "radius",
        "session.disconnect",
        "nas:square",
    )
    assert event.detail["outcome"] == "acknowledged"


@pytest.mark.parametrize(
    ("named", "cause"), [((("Error-Cause", "Session-Context-Not-Found"),), 503), ((), 0)]
)
async def test_a_refused_disconnect(village: Village, named: tuple[Named, ...], cause: int) -> None:
    before = sent("refused")
    async with nas(village, refuse(*named)), sending(village):
        await order(village)
        await until(lambda: sent("refused") == before + 1)
    row = await instruction(village)
    assert (row.state, row.error_cause) == (InstructionState.REFUSED, cause)


async def test_silence_is_warned_of(village: Village, capsys: pytest.CaptureFixture[str]) -> None:
    retried = sent("retried")
    async with nas(village, keep_silent), sending(village):
        await order(village)
        await until(lambda: sent("retried") == retried + 1)
    written = capsys.readouterr().out
    assert "a NAS did not answer an instruction" in written
    assert "--coa-port" in written


async def test_silence_is_tried_again_later_and_in_the_end_given_up(village: Village) -> None:
    retried, unanswered = sent("retried"), sent("unanswered")
    async with nas(village, keep_silent) as fake, sending(village):
        await order(village)
        for attempt in range(1, 6):
            await until(lambda: sent("retried") == retried + attempt)  # noqa: B023
            row = await instruction(village)
            assert (row.state, row.attempts) == (InstructionState.PENDING, attempt)
            assert row.next_attempt_at > village.clock()
            village.clock.now = row.next_attempt_at
        await until(lambda: sent("unanswered") == unanswered + 1)
    assert len(fake.requests) == 12
    row = await instruction(village)
    assert (row.state, row.attempts) == (InstructionState.UNANSWERED, 6)


@pytest.mark.parametrize(
    ("vendor", "names", "is_signed"),
    [
        ("uspot", ["User-Name", "Acct-Session-Id"], False),
        (
            "hostapd",
            [
                "Message-Authenticator",
                "User-Name",
                "Acct-Session-Id",
                "Calling-Station-Id",
                "Event-Timestamp",
            ],
            True,
        ),
    ],
)
async def test_each_nas_gets_what_it_takes(
    village: Village, vendor: str, names: list[str], is_signed: bool
) -> None:
    before = sent("acknowledged", vendor)
    async with nas(village, acknowledge, vendor) as fake, sending(village):
        await order(village)
        await until(lambda: sent("acknowledged", vendor) == before + 1)
    (request,) = fake.requests
    assert [name for name, _ in request.attributes.decoded()] == names
    assert fake.were_signed == [is_signed]
    if vendor == "hostapd":
        assert request.attributes.text("Calling-Station-Id") == PHONE_AS_SENT


async def test_of_two_processes_one_sends(village: Village) -> None:
    before = sent("acknowledged")
    async with nas(village, acknowledge) as fake, sending(village), sending(village):
        for number in range(8):
            await order(village, f"s-{number}")
        await until(lambda: sent("acknowledged") == before + 8)
    asked = [request.attributes.text("Acct-Session-Id") for request in fake.requests]
    assert sorted(filter(None, asked)) == [f"s-{number}" for number in range(8)]
    async with village.database.read("test") as session:
        rows = (await session.scalars(select(Instruction))).all()
    assert {(row.state, row.attempts) for row in rows} == {(InstructionState.ACKNOWLEDGED, 1)}


async def test_what_is_claimed_is_due_again_if_nothing_comes_of_it(village: Village) -> None:
    identity, now = await order(village), village.clock()
    async with village.database.write("test") as session:
        assert await outbox.claim(session, identity, now)
        assert not await outbox.claim(session, identity, now)
        assert await outbox.due(session, now) == []
        later = village.clock.advance(seconds=40)
        assert [each.id for each in await outbox.due(session, later)] == [identity]


async def test_a_late_record_does_not_undo_an_earlier(village: Village) -> None:
    identity, now = await order(village), village.clock()
    acknowledged = InstructionState.ACKNOWLEDGED
    async with village.database.write("test") as session:
        assert await outbox.answered(
            session, identity, state=acknowledged, error_cause=None, now=now
        )
        assert await outbox.unanswered(session, identity, 0, now) is None
        assert not await outbox.answered(
            session, identity, state=InstructionState.REFUSED, error_cause=503, now=now
        )
        assert not await outbox.needless(session, identity, now)
        assert not await outbox.claim(session, identity, now)
    row = await instruction(village)
    assert (row.state, row.attempts, row.error_cause) == (acknowledged, 1, None)


async def test_a_session_that_has_ended_is_not_cut(village: Village) -> None:
    before = sent("needless")
    async with nas(village, acknowledge) as fake, sending(village):
        await order(village, stopped_at=village.clock())
        await until(lambda: sent("needless") == before + 1)
    assert fake.requests == []
    row = await instruction(village)
    assert (row.state, row.attempts) == (InstructionState.NEEDLESS, 0)
    assert row.finished_at == village.clock()


async def test_a_nas_that_is_away_does_not_hold_up_another(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamic_authorization, "_AT_ONCE", 6)
    for number in range(8):
        await order(village, f"s-{number}")
    await order(village, to="library")
    before = sent("acknowledged")
    async with (
        nas(village, keep_silent) as away,
        nas(village, acknowledge, name="library", address="127.0.0.2"),
        sending(village, PATIENT),
    ):
        await until(lambda: sent("acknowledged") == before + 1)
        await until(lambda: len(away.requests) >= 4)
    assert len(away.requests) == 4
