"""A power cut must not keep people online for ever, nor end what only seemed to be over."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from aaa import sessions
from aaa.accounting import Effect, Event, Kind
from aaa.model import Session
from aaa.policies import Scope
from aaa.recorder import Recorder
from tests.village import PHONE, Village


async def record(village: Village, kind: Kind, seconds: int = 0) -> Effect:
    """Have one event of Anna's phone on the square recorded."""
    recorder = Recorder(village.database, lambda: village.snapshot, village.clock)
    running = asyncio.ensure_future(recorder.run())
    try:
        return await recorder.record(
            Event(
                kind=kind,
                nas_id=village.square.id,
                hotspot_id=village.square.hotspot.id,
                acct_session_id="s-1",
                device_mac=PHONE,
                occurred_at=village.clock(),
                reported_at=village.clock(),
                citizen_id=village.anna,
                session_seconds=seconds,
            )
        )
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def close_stale(village: Village) -> int:
    async with village.database.write("test") as session:
        return await sessions.close_stale(session, village.snapshot, village.clock())


async def only_session(village: Village) -> sessions.SessionView:
    async with village.database.read("test") as session:
        (found,) = await sessions.listed(session)
    return found


async def test_a_session_that_its_nas_stopped_reporting_ends_at_its_last_report(
    village: Village,
) -> None:
    await record(village, Kind.START)
    village.clock.advance(minutes=10)
    await record(village, Kind.INTERIM, seconds=600)
    last_report_at = village.clock()
    village.clock.advance(minutes=60)
    assert await close_stale(village) == 0
    village.clock.advance(seconds=1)
    assert await close_stale(village) == 1
    ended = await only_session(village)
    assert (ended.stopped_at, ended.terminate_cause) == (last_report_at, "stale")
    assert ended.session_seconds == 600


async def test_long_interim_intervals_are_waited_for(village: Village) -> None:
    hotspot_id = village.square.hotspot.id
    await village.limit(Scope(hotspot_id=hotspot_id), interim_seconds="3600")
    await record(village, Kind.START)
    village.clock.advance(hours=1)
    await record(village, Kind.INTERIM, seconds=3600)
    village.clock.advance(hours=3)
    assert await close_stale(village) == 0
    village.clock.advance(seconds=1)
    assert await close_stale(village) == 1


async def test_a_nas_that_sends_no_interims_is_given_the_longest_session(village: Village) -> None:
    await record(village, Kind.START)
    village.clock.advance(hours=24)
    assert await close_stale(village) == 0
    village.clock.advance(seconds=1)
    assert await close_stale(village) == 1


async def test_a_session_whose_nas_reports_again_goes_on(village: Village) -> None:
    await record(village, Kind.START)
    village.clock.advance(minutes=10)
    await record(village, Kind.INTERIM, seconds=600)
    village.clock.advance(hours=2)
    assert await close_stale(village) == 1
    assert await record(village, Kind.INTERIM, seconds=7800) is Effect.APPLIED
    assert (await only_session(village)).stopped_at is None
    village.clock.advance(minutes=5)
    assert await record(village, Kind.STOP, seconds=8100) is Effect.APPLIED
    ended = await only_session(village)
    assert ended.stopped_at == village.clock()
    assert ended.session_seconds == 8100


async def test_open_sessions_are_counted_by_place_while_they_are_fresh(village: Village) -> None:
    await record(village, Kind.START)
    async with village.database.read("test") as session:
        now = village.clock()
        places = await sessions.open_by_hotspot(session, now - timedelta(minutes=30))
        assert places == {village.square.hotspot.id: 1}
        assert await sessions.open_by_hotspot(session, now) == {}
        row = await session.get_one(Session, 1)
        assert row.citizen_id == village.anna


async def test_a_visitor_is_shown_by_their_home_and_by_no_name(village: Village) -> None:
    home = village.snapshot.by_realm["borgo.example"]
    rows = {
        "giulia@Basil.example": ("borgo", "basil.example"),
        "somebody": ("borgo", None),
    }
    async with village.database.write("test") as session:
        for name in rows:
            session.add(
                Session(
                    nas_id=village.square.id,
                    hotspot_id=village.square.hotspot.id,
                    acct_session_id=name,
                    home_collectivity_id=home.id,
                    user_name=name,
                    started_at=village.clock(),
                    updated_at=village.clock(),
                )
            )
    async with village.database.read("test") as session:
        found = await sessions.listed(session)
    assert {(each.home, each.realm) for each in found} == set(rows.values())
    assert "giulia" not in repr(found)
    assert "somebody" not in repr(found)
