import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import access_points, audit, authorization, citizens, devices, sessions
from aaa.accounting import Effect, Event, Kind
from aaa.ledger import Ledger
from aaa.model import (
    AuditEvent,
    CitizenState,
    DailyUsage,
    Instruction,
    InstructionState,
    Session,
)
from aaa.policies import Scope
from aaa.policy import Denied, DenyReason, Grant
from aaa.recorder import Recorder
from tests.village import PHONE, TABLET, Village


def start(village: Village, **changed: object) -> Event:
    event = Event(
        kind=Kind.START,
        nas_id=village.square.id,
        hotspot_id=village.square.hotspot.id,
        acct_session_id="s-1",
        device_mac=PHONE,
        occurred_at=village.clock(),
        reported_at=village.clock(),
        citizen_id=village.anna,
        user_name="anna@village.example",
    )
    return replace(event, **changed)  # type: ignore[arg-type]


async def stored(village: Village) -> list[Session]:
    async with village.database.read("test") as session:
        return list((await session.scalars(select(Session).order_by(Session.id))).all())


async def test_a_session_from_start_to_stop(village: Village, recorder: Recorder) -> None:
    begun = start(village)
    assert await recorder.record(begun) is Effect.APPLIED
    interim = replace(
        begun,
        kind=Kind.INTERIM,
        occurred_at=village.clock.advance(minutes=10),
        session_seconds=600,
        upload_octets=100,
        download_octets=5000,
    )
    assert await recorder.record(interim) is Effect.APPLIED
    assert await recorder.record(interim) is Effect.REPEATED
    stop = replace(
        interim,
        kind=Kind.STOP,
        occurred_at=village.clock.advance(minutes=5),
        session_seconds=900,
        download_octets=7000,
        terminate_cause="user-request",
    )
    assert await recorder.record(stop) is Effect.APPLIED
    (row,) = await stored(village)
    assert (row.citizen_id, row.session_seconds) == (village.anna, 900)
    assert (row.upload_octets, row.download_octets) == (100, 7000)
    assert (row.started_at, row.stopped_at) == (begun.occurred_at, stop.occurred_at)
    assert row.terminate_cause == "user-request"
    async with village.database.read("test") as session:
        (usage,) = (await session.scalars(select(DailyUsage))).all()
    assert (usage.session_seconds, usage.octets) == (900, 7100)


async def test_a_group_holds_a_whole_session_in_any_order(
    village: Village, recorder: Recorder
) -> None:
    begun = start(village)
    stop = replace(
        begun,
        kind=Kind.STOP,
        occurred_at=begun.occurred_at + timedelta(seconds=60),
        session_seconds=60,
        upload_octets=7,
    )
    effects = await asyncio.gather(*(recorder.record(event) for event in (stop, begun, stop)))
    assert effects == [Effect.APPLIED, Effect.LATE, Effect.REPEATED]
    (row,) = await stored(village)
    assert (row.session_seconds, row.upload_octets) == (60, 7)
    assert row.stopped_at == stop.occurred_at


async def test_one_session_id_for_two_sessions(village: Village, recorder: Recorder) -> None:
    """hostapd gives a device that logs in again soon after a Disconnect the same id."""
    begun = start(village)
    stop = replace(
        begun,
        kind=Kind.STOP,
        occurred_at=village.clock.advance(seconds=20),
        session_seconds=20,
        upload_octets=5,
    )
    again = replace(begun, occurred_at=village.clock.advance(seconds=3))
    end = replace(
        again,
        kind=Kind.STOP,
        occurred_at=village.clock.advance(seconds=9),
        session_seconds=9,
        upload_octets=2,
    )
    for event in (begun, stop, again, end, stop):
        await recorder.record(event)
    rows = await stored(village)
    assert [(row.instance, row.session_seconds, row.upload_octets) for row in rows] == [
        (0, 20, 5),
        (1, 9, 2),
    ]


async def test_on_closes_what_was_open_and_nothing_newer(
    village: Village, recorder: Recorder
) -> None:
    await recorder.record(start(village))
    elsewhere = start(village, nas_id=village.library.id, hotspot_id=village.library.hotspot.id)
    await recorder.record(elsewhere)
    rebooted_at = village.clock.advance(minutes=1)
    await recorder.record(
        start(village, acct_session_id="s-2", occurred_at=rebooted_at + timedelta(seconds=5))
    )
    on = Event(
        Kind.ON, village.square.id, village.square.hotspot.id, "", "", rebooted_at, rebooted_at
    )
    assert await recorder.record(on) is Effect.APPLIED
    assert await recorder.record(on) is Effect.REPEATED
    async with village.database.read("test") as session:
        still_open = await sessions.listed(session, Session.stopped_at.is_(None))
        (closed,) = await sessions.listed(session, Session.stopped_at.is_not(None))
    assert {(view.nas, view.started_at) for view in still_open} == {
        ("library", elsewhere.occurred_at),
        ("square", rebooted_at + timedelta(seconds=5)),
    }
    assert closed.terminate_cause == "nas-restarted"


async def test_a_used_up_day_disconnects_once_and_denies(
    village: Village, recorder: Recorder
) -> None:
    await village.limit(Scope(citizen_id=village.anna), daily_octets="1000")
    begun = start(village)
    await recorder.record(begun)
    for octets in (999, 1500, 1600):
        await recorder.record(
            replace(
                begun,
                kind=Kind.INTERIM,
                occurred_at=village.clock.advance(minutes=1),
                session_seconds=octets,
                download_octets=octets,
            )
        )
    async with village.database.read("test") as session:
        instructions = (await session.scalars(select(Instruction))).all()
        citizen = await citizens.by_id(session, village.snapshot, village.anna)
        assert citizen is not None
        decision = await authorization.authorize(
            session,
            village.snapshot,
            citizen=citizen,
            hotspot=village.square.hotspot,
            device_mac=PHONE,
            now=village.clock(),
        )
    assert [(row.state, row.reason) for row in instructions] == [
        (InstructionState.PENDING, "daily_volume_spent")
    ]
    assert decision == Denied(DenyReason.DAILY_VOLUME_SPENT)


async def test_other_devices_count_until_they_fall_silent(
    village: Village, recorder: Recorder
) -> None:
    await village.limit(Scope(citizen_id=village.anna), simultaneous_devices="1")
    await recorder.record(start(village, device_mac=TABLET))

    async def decision() -> Grant | Denied:
        async with village.database.read("test") as session:
            citizen = await citizens.by_id(session, village.snapshot, village.anna)
            assert citizen is not None
            return await authorization.authorize(
                session,
                village.snapshot,
                citizen=citizen,
                hotspot=village.square.hotspot,
                device_mac=PHONE,
                now=village.clock(),
            )

    assert await decision() == Denied(DenyReason.TOO_MANY_DEVICES)
    # A power cut: no Stop ever comes, and three interim intervals later the place is free again.
    village.clock.advance(seconds=600 * authorization.STALE_INTERVALS)
    assert isinstance(await decision(), Grant)


async def test_a_thousand_waiting_are_stored_in_few_transactions(
    village: Village, recorder: Recorder
) -> None:
    events = [start(village, acct_session_id=f"s-{number}") for number in range(1000)]
    effects = await asyncio.gather(*(recorder.record(event) for event in events))
    assert set(effects) == {Effect.APPLIED}
    assert len(await stored(village)) == 1000


async def test_an_event_that_cannot_be_stored_takes_no_other_with_it(
    village: Village, recorder: Recorder
) -> None:
    unknown = start(village, nas_id=9_999)
    outcomes = await asyncio.gather(
        *(recorder.record(event) for event in (start(village), unknown)), return_exceptions=True
    )
    assert outcomes[0] is Effect.APPLIED
    assert isinstance(outcomes[1], IntegrityError)
    assert len(await stored(village)) == 1


async def test_text_that_a_database_cannot_hold(village: Village, recorder: Recorder) -> None:
    hostile = start(village, acct_session_id="s\0-1", user_name="an\0na", cui="\0")
    assert await recorder.record(hostile) is Effect.APPLIED
    assert await recorder.record(hostile) is Effect.REPEATED
    (row,) = await stored(village)
    assert (row.acct_session_id, row.user_name, row.cui) == ("s-1", "anna", "")


async def test_a_session_of_a_citizen_who_is_gone_is_kept_without_one(
    village: Village, recorder: Recorder
) -> None:
    outcomes = await asyncio.gather(
        recorder.record(start(village, citizen_id=9_999)),
        recorder.record(start(village, acct_session_id="s-2")),
    )
    assert outcomes == [Effect.APPLIED, Effect.APPLIED]
    assert {row.acct_session_id: row.citizen_id for row in await stored(village)} == {
        "s-1": None,
        "s-2": village.anna,
    }


async def test_what_was_used_before_the_owner_was_known_is_the_owners(
    village: Village, recorder: Recorder
) -> None:
    begun = start(village, citizen_id=None)
    interim = replace(begun, kind=Kind.INTERIM, session_seconds=600, upload_octets=500)
    stop = replace(interim, kind=Kind.STOP, session_seconds=1200, upload_octets=900)
    for event in (begun, interim, replace(stop, citizen_id=village.anna)):
        await recorder.record(event)
    async with village.database.read("test") as session:
        (usage,) = (await session.scalars(select(DailyUsage))).all()
    assert (usage.citizen_id, usage.session_seconds, usage.octets) == (village.anna, 1200, 900)
    (row,) = await stored(village)
    assert row.citizen_id == village.anna


async def test_another_access_point_that_restarts_ends_nobody_for_good(
    village: Village, recorder: Recorder
) -> None:
    await village.limit(Scope(citizen_id=village.anna), daily_octets="1000")
    begun = start(village)
    on = Event(Kind.ON, begun.nas_id, begun.hotspot_id, "", "", village.clock(), village.clock())
    later = village.clock.advance(minutes=5)
    more = replace(
        begun,
        kind=Kind.INTERIM,
        occurred_at=later,
        reported_at=later,
        session_seconds=300,
        upload_octets=9000,
    )
    for event in (begun, on, more):
        assert await recorder.record(event) is Effect.APPLIED
    (row,) = await stored(village)
    assert row.stopped_at is None
    async with village.database.read("test") as session:
        assert len((await session.scalars(select(Instruction))).all()) == 1


async def test_an_access_point_that_restarts_speaks_for_its_own_place(
    village: Village, recorder: Recorder
) -> None:
    async with village.database.write("test") as session:
        await access_points.add_access_point(
            session,
            nas="square",
            hotspot="library",
            name="reading room",
            address="00-11-22-AA-BB-CC",
            now=village.clock(),
        )
    await village.directory.refresh()
    begun = start(village)
    elsewhere = replace(begun, hotspot_id=village.library.hotspot.id, acct_session_id="s-2")
    on = Event(Kind.ON, begun.nas_id, begun.hotspot_id, "", "", village.clock(), village.clock())
    for event in (begun, elsewhere, on):
        await recorder.record(event)
    stopped = {row.acct_session_id: row.stopped_at is not None for row in await stored(village)}
    assert stopped == {"s-1": True, "s-2": False}


async def test_the_day_is_the_one_of_our_clock(village: Village, recorder: Recorder) -> None:
    await village.limit(Scope(citizen_id=village.anna), daily_octets="1000")
    behind = village.clock() - timedelta(hours=23)
    begun = start(village, occurred_at=behind)
    interim = replace(begun, kind=Kind.INTERIM, session_seconds=60, upload_octets=5000)
    await recorder.record(begun)
    await recorder.record(interim)
    async with village.database.read("test") as session:
        (usage,) = (await session.scalars(select(DailyUsage))).all()
        assert len((await session.scalars(select(Instruction))).all()) == 1
    assert usage.day == village.clock().date()


async def add_device(village: Village, citizen_id: int) -> int:
    async with village.database.write("test") as session:
        device = await devices.add(
            session, citizen_id=citizen_id, name="phone", now=village.clock()
        )
        return device.id


async def test_a_session_is_tied_to_the_device_that_was_proven(
    village: Village, recorder: Recorder
) -> None:
    device_id = await add_device(village, village.anna)
    begun = start(village, device_id=device_id)
    await recorder.record(begun)
    await recorder.record(replace(begun, kind=Kind.INTERIM, session_seconds=60))
    # The first that is heard may be an interim update.
    await recorder.record(
        replace(begun, kind=Kind.INTERIM, acct_session_id="s-2", session_seconds=60)
    )
    assert [row.device_id for row in await stored(village)] == [device_id] * 2
    async with village.database.read("test") as session:
        listed = await sessions.listed(session)
    assert [(each.device, each.device_id) for each in listed] == [("phone", device_id)] * 2


async def test_a_device_is_told_late_and_of_the_next_session_too(
    village: Village, recorder: Recorder
) -> None:
    """As of a session that was open while the database learned of devices."""
    device_id = await add_device(village, village.anna)
    begun = start(village)
    interim = replace(begun, kind=Kind.INTERIM, session_seconds=60, device_id=device_id)
    stop = replace(interim, kind=Kind.STOP, occurred_at=village.clock.advance(seconds=90))
    again = replace(
        begun,
        device_id=device_id,
        occurred_at=village.clock.advance(seconds=9),
        reported_at=village.clock(),
    )
    for event in (begun, interim, stop, again):
        await recorder.record(event)
    assert [(row.instance, row.device_id) for row in await stored(village)] == [
        (0, device_id),
        (1, device_id),
    ]


async def test_no_accounting_is_lost_for_a_device_that_is_gone(
    village: Village, recorder: Recorder
) -> None:
    """Deleted with its citizen's account, or another's after an older backup was put back."""
    brunos, gone = await add_device(village, village.bruno), 999
    events = [
        start(village, acct_session_id="gone", device_id=gone),
        start(village, acct_session_id="bruno's", device_id=brunos),
        start(village, acct_session_id="both gone", device_id=gone, citizen_id=998),
        start(village, acct_session_id="nobody's", device_id=brunos, citizen_id=None),
        start(village, acct_session_id="neighbour's"),
    ]
    effects = await asyncio.gather(*(recorder.record(event) for event in events))
    assert effects == [Effect.APPLIED] * len(events)
    stop = replace(events[0], kind=Kind.STOP, session_seconds=60, upload_octets=7)
    assert await recorder.record(stop) is Effect.APPLIED
    owners = {row.acct_session_id: (row.citizen_id, row.device_id) for row in await stored(village)}
    assert owners == {
        "gone": (village.anna, None),
        "bruno's": (village.anna, None),
        "both gone": (None, None),
        "nobody's": (None, None),
        "neighbour's": (village.anna, None),
    }


async def test_a_session_that_begins_on_a_revoked_device_is_ended(
    village: Village, recorder: Recorder
) -> None:
    device_id = await add_device(village, village.anna)
    begun = start(village, device_id=device_id)
    async with village.database.write("test") as session:
        assert (
            await devices.revoke(
                session, citizen_id=village.anna, device_id=device_id, now=village.clock()
            )
            == 0
        )
    over = replace(begun, acct_session_id="s-2", kind=Kind.STOP, session_seconds=60)
    await recorder.record(over)
    await recorder.record(begun)
    await recorder.record(replace(begun, kind=Kind.INTERIM, session_seconds=60))
    async with village.database.read("test") as session:
        (asked,) = await session.scalars(select(Instruction))
        ending = await session.get_one(Session, asked.session_id)
    assert (ending.acct_session_id, asked.reason) == ("s-1", "device_revoked")


async def test_a_device_that_is_deleted_meanwhile_costs_no_accounting(
    village: Village, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process deletes it between the look at it and the session's row."""
    load_devices, loads = Ledger._load_devices, []

    async def load_the_deleted(
        ledger: Ledger, session: AsyncSession, events: Sequence[Event]
    ) -> None:
        await load_devices(ledger, session, events)
        loads.append(len(events))
        if len(loads) == 1:
            ledger._devices[999] = village.anna

    monkeypatch.setattr(Ledger, "_load_devices", load_the_deleted)
    assert await recorder.record(start(village, device_id=999)) is Effect.APPLIED
    (row,) = await stored(village)
    assert (row.citizen_id, row.device_id) == (village.anna, None)
    assert loads == [1, 1]


async def reasons(village: Village) -> list[str]:
    async with village.database.read("test") as session:
        return list(await session.scalars(select(Instruction.reason).order_by(Instruction.id)))


async def bar(session: AsyncSession, village: Village, state: CitizenState) -> None:
    if state is CitizenState.CLOSED:
        await citizens.close(session, village.anna, village.clock())
    else:
        await citizens.set_state(session, village.anna, state)


BARRED = [CitizenState.BANNED, CitizenState.CLOSED]


@pytest.mark.parametrize("state", BARRED)
async def test_a_session_that_begins_of_a_citizen_who_is_barred_is_ended(
    village: Village, recorder: Recorder, state: CitizenState
) -> None:
    device_id = await add_device(village, village.anna)
    async with village.database.write("test") as session:
        await bar(session, village, state)
    begun = start(village, device_id=device_id)
    await recorder.record(replace(begun, acct_session_id="s-2", kind=Kind.STOP, session_seconds=60))
    assert await reasons(village) == []
    await recorder.record(begun)
    await recorder.record(replace(begun, kind=Kind.INTERIM, session_seconds=60))
    assert await reasons(village) == [state]


async def test_a_session_whose_owner_is_told_late_is_looked_at_then(
    village: Village, recorder: Recorder
) -> None:
    async with village.database.write("test") as session:
        await bar(session, village, CitizenState.BANNED)
    begun = start(village, citizen_id=None)
    await recorder.record(begun)
    assert await reasons(village) == []
    later = replace(begun, kind=Kind.INTERIM, citizen_id=village.anna, session_seconds=60)
    await recorder.record(later)
    assert await reasons(village) == ["banned"]


@pytest.mark.parametrize("state", BARRED)
async def test_a_session_that_begins_while_its_citizen_is_barred_is_ended(
    village: Village,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    state: CitizenState,
) -> None:
    has_looked, store = asyncio.Event(), Ledger.store

    async def tell_and_store(ledger: Ledger, session: AsyncSession, now: datetime) -> None:
        has_looked.set()
        await store(ledger, session, now)

    monkeypatch.setattr(Ledger, "store", tell_and_store)
    async with village.database.write("test") as session:
        await bar(session, village, state)
        recording = asyncio.ensure_future(recorder.record(start(village)))
        # SQLite lets nobody look while another writes.
        if village.database.dialect == "postgresql":
            await has_looked.wait()
    assert await recording is Effect.APPLIED
    assert await reasons(village) == [state]


async def test_a_session_that_goes_on_as_anothers_is_ended(
    village: Village, recorder: Recorder
) -> None:
    """A NAS keeps the id of a session that authenticates anew (802.1X)."""
    first, second = await add_device(village, village.anna), await add_device(village, village.anna)
    begun = start(village, device_id=first)

    def interim(seconds: int, **changed: object) -> Event:
        at = begun.occurred_at + timedelta(seconds=seconds)
        changed |= {"occurred_at": at, "reported_at": at}
        return replace(begun, kind=Kind.INTERIM, session_seconds=seconds, **changed)  # type: ignore[arg-type]

    await recorder.record(begun)
    await recorder.record(interim(60, device_id=None))
    await recorder.record(interim(120))
    assert await reasons(village) == []
    other_device = interim(180, device_id=second)
    await recorder.record(other_device)
    assert await reasons(village) == ["anothers"]
    await recorder.record(interim(240, citizen_id=village.bruno, device_id=None))
    # It is asked for already.
    assert await reasons(village) == ["anothers"]
    (row,) = await stored(village)
    assert (row.citizen_id, row.device_id, row.session_seconds) == (village.anna, first, 240)
    async with village.database.read("test") as session:
        (usage,) = (await session.scalars(select(DailyUsage))).all()
    assert (usage.citizen_id, usage.session_seconds) == (village.anna, 240)


async def test_late_reports_of_an_earlier_owner_end_nothing(
    village: Village, recorder: Recorder
) -> None:
    """Of a session that was Anna's until it became Bruno's, his report was heard first."""
    begun = start(village)
    at = village.clock.advance(minutes=10)
    brunos = replace(
        begun,
        kind=Kind.INTERIM,
        citizen_id=village.bruno,
        session_seconds=600,
        occurred_at=at,
        reported_at=at,
    )
    annas = replace(begun, kind=Kind.INTERIM, session_seconds=300)
    over = replace(brunos, kind=Kind.STOP, session_seconds=660)
    for event in (brunos, annas, begun, over, annas):
        await recorder.record(event)
    assert await reasons(village) == []
    (row,) = await stored(village)
    assert (row.citizen_id, row.session_seconds) == (village.bruno, 660)


async def test_time_that_runs_counts_before_it_is_reported(
    village: Village, recorder: Recorder
) -> None:
    """Who authenticates anew amid a session is not granted its last minutes once more."""
    await village.limit(Scope(citizen_id=village.anna), daily_seconds="3600")
    begun = start(village)
    await recorder.record(begun)

    async def left(citizen_id: int = village.anna) -> int | None:
        async with village.database.read("test") as session:
            citizen = await citizens.by_id(session, village.snapshot, citizen_id)
            assert citizen is not None
            decision = await authorization.authorize(
                session,
                village.snapshot,
                citizen=citizen,
                hotspot=village.square.hotspot,
                device_mac=PHONE,
                now=village.clock(),
            )
        assert isinstance(decision, Grant), decision
        return decision.session_seconds

    assert await left() == 3600
    at = village.clock.advance(seconds=500)
    assert await left() == 3100
    interim = replace(begun, kind=Kind.INTERIM, occurred_at=at, reported_at=at)
    await recorder.record(replace(interim, session_seconds=500))
    assert await left() == 3100
    # Come to another access point, it left the former one without a Stop.
    village.clock.advance(seconds=100)
    await recorder.record(start(village, nas_id=village.library.id, acct_session_id="s-2"))
    village.clock.advance(seconds=60)
    assert await left() == 3600 - 500 - 60
    # A NAS that has fallen silent costs one interval, and in the end nothing.
    village.clock.advance(seconds=1200)
    assert await left() == 3600 - 500 - 600
    village.clock.advance(seconds=600)
    assert await left() == 3100
    assert await left(village.bruno) != 3100


async def test_a_session_that_begins_while_its_device_is_revoked_is_ended(
    village: Village, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    device_id = await add_device(village, village.anna)
    has_looked, store = asyncio.Event(), Ledger.store

    async def tell_and_store(ledger: Ledger, session: AsyncSession, now: datetime) -> None:
        has_looked.set()
        await store(ledger, session, now)

    monkeypatch.setattr(Ledger, "store", tell_and_store)
    async with village.database.write("test") as session:
        revoked = await devices.revoke(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )
        recording = asyncio.ensure_future(recorder.record(start(village, device_id=device_id)))
        # SQLite lets nobody look while another writes.
        if village.database.dialect == "postgresql":
            await has_looked.wait()
    assert (revoked, await recording) == (0, Effect.APPLIED)
    async with village.database.read("test") as session:
        (asked,) = await session.scalars(select(Instruction))
    assert asked.reason == "device_revoked"


async def test_what_goes_with_an_event_is_stored_with_it_or_neither_is(
    village: Village, recorder: Recorder
) -> None:
    told: list[Effect] = []

    def note(session: AsyncSession, effect: Effect) -> None:
        told.append(effect)
        audit.note(session, actor="test", action="with", subject="event", now=village.clock())

    def fail(session: AsyncSession, effect: Effect) -> None:
        note(session, effect)
        raise ValueError("this cannot be stored")

    good, bad = start(village), start(village, acct_session_id="s-2")
    outcomes = await asyncio.gather(
        recorder.record(good, note),
        recorder.record(bad, fail),
        recorder.record(good, note),
        return_exceptions=True,
    )
    assert outcomes[::2] == [Effect.APPLIED, Effect.REPEATED]
    assert isinstance(outcomes[1], ValueError)
    assert [row.acct_session_id for row in await stored(village)] == ["s-1"]
    async with village.database.read("test") as session:
        notes = await session.scalars(select(AuditEvent).where(AuditEvent.action == "with"))
        assert len(notes.all()) == 2
    # The three came as one group, which was parted to save the two.
    assert told.count(Effect.APPLIED) > 2
