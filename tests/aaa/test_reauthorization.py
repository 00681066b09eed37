from datetime import timedelta

from sqlalchemy import select

from aaa import citizens, outbox
from aaa.model import CitizenState, InstructionKind, Session
from aaa.outbox import DueInstruction
from aaa.policies import Scope
from aaa.reauthorization import reauthorize
from tests.village import PHONE, Village


async def open_session(village: Village, **columns: object) -> int:
    """Have Anna's phone online on the square for ten minutes."""
    values = {
        "nas_id": village.square.id,
        "hotspot_id": village.square.hotspot.id,
        "acct_session_id": "s-1",
        "device_mac": PHONE,
        "citizen_id": village.anna,
        "started_at": village.clock() - timedelta(minutes=10),
        "updated_at": village.clock(),
        "session_seconds": 590,
        "upload_octets": 100,
        "download_octets": 200,
    }
    async with village.database.write("test") as session:
        row = Session(**values | columns)
        session.add(row)
        await session.flush()
        return row.id


async def ask(village: Village, session_id: int) -> dict[int, InstructionKind]:
    async with village.database.write("test") as session:
        return await reauthorize(
            session, village.snapshot, [session_id], "operator", village.clock()
        )


async def due(village: Village) -> list[DueInstruction]:
    async with village.database.read("test") as session:
        return await outbox.due(session, village.clock())


async def test_new_limits_are_sent_over_the_whole_session(village: Village) -> None:
    session_id = await open_session(village)
    await village.limit(
        Scope(citizen_id=village.anna),
        daily_seconds="3600",
        daily_octets="5000",
        download_kbps="512",
    )
    assert await ask(village, session_id) == {session_id: InstructionKind.COA}
    (instruction,) = await due(village)
    sent = dict(instruction.attributes)
    # NAS count from the session's start: ten minutes and 300 octets are in it already.
    assert sent["Session-Timeout"] == 600 + 3600
    assert sent["ChilliSpot-Max-Total-Octets"] == 300 + 5000
    assert sent["WISPr-Bandwidth-Max-Down"] == 512_000


async def test_a_session_is_not_prolonged_past_its_own_limit(village: Village) -> None:
    session_id = await open_session(village)
    await village.limit(Scope(citizen_id=village.anna), session_seconds="900")
    await ask(village, session_id)
    (instruction,) = await due(village)
    assert dict(instruction.attributes)["Session-Timeout"] == 900


async def test_a_session_that_has_authenticated_anew_is_not_cut(village: Village) -> None:
    """Older than its limit is only who has authenticated since (802.1X)."""
    session_id = await open_session(village, session_seconds=46_000)
    assert await ask(village, session_id) == {session_id: InstructionKind.COA}
    (instruction,) = await due(village)
    sent = dict(instruction.attributes)
    assert "Session-Timeout" not in sent
    assert sent["Idle-Timeout"] == 900


async def test_time_that_runs_is_not_given_once_more(village: Village) -> None:
    session_id = await open_session(village)
    await village.limit(Scope(citizen_id=village.anna), daily_seconds="3600")
    village.clock.advance(seconds=300)
    await ask(village, session_id)
    (instruction,) = await due(village)
    assert dict(instruction.attributes)["Session-Timeout"] == 600 + 3600


async def test_the_newest_change_is_the_one_that_is_sent(village: Village) -> None:
    session_id = await open_session(village)
    await ask(village, session_id)
    await village.limit(Scope(citizen_id=village.anna), idle_seconds="61")
    await ask(village, session_id)
    (instruction,) = await due(village)
    assert dict(instruction.attributes)["Idle-Timeout"] == 61


async def test_who_may_not_connect_any_more_is_disconnected(village: Village) -> None:
    session_id = await open_session(village)
    async with village.database.write("test") as session:
        await citizens.set_state(session, village.anna, CitizenState.BANNED)
    assert await ask(village, session_id) == {session_id: InstructionKind.DISCONNECT}
    (instruction,) = await due(village)
    assert (instruction.kind, instruction.reason) == (InstructionKind.DISCONNECT, "banned")


async def test_a_session_of_nobody_we_know_stays_as_it_is(village: Village) -> None:
    session_id = await open_session(village, citizen_id=None)
    assert await ask(village, session_id) == {}
    async with village.database.read("test") as session:
        assert (await session.scalars(select(Session.stopped_at))).all() == [None]
