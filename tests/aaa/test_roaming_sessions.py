"""Sessions of our citizens at partners' places, and of partners' citizens at ours."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from aaa.accounting import Effect, Event, Kind, Origin
from aaa.model import Collectivity, DailyUsage, Instruction
from aaa.recorder import Recorder
from tests.aaa.test_recorder import start, stored
from tests.village import Village

MILL = Origin("1lavender.example", "mill", b"\0opaque")
HARBOUR = Origin("1lavender.example", "harbour")
COUNTED: dict[str, Any] = {"kind": Kind.INTERIM, "session_seconds": 60, "upload_octets": 100}


async def partner(village: Village) -> int:
    """Another organisation's collectivity; return its id."""
    async with village.database.write("test") as session:
        row = Collectivity(
            slug="liguria",
            name="Liguria",
            realm="liguria.example",
            is_partner=True,
            created_at=village.clock(),
        )
        session.add(row)
        await session.flush()
        return row.id


def visitor(village: Village, home: int, **changed: Any) -> Event:
    """The Start of a partner's citizen."""
    told: dict[str, Any] = {
        "citizen_id": None,
        "home_collectivity_id": home,
        "user_name": "bea@liguria.example",
    }
    return start(village, **(told | changed))


async def octets(village: Village) -> int:
    async with village.database.read("test") as session:
        return sum((await session.scalars(select(DailyUsage.octets))).all())


@pytest.mark.parametrize("other", [HARBOUR, replace(MILL, operator_name="1mint.example")])
async def test_two_nas_of_a_partner_may_choose_the_same_id(
    village: Village, recorder: Recorder, other: Origin
) -> None:
    """Even for one device: it may be at both, and each counts by itself."""
    for origin in (MILL, other):
        begun = start(village, origin=origin)
        assert await recorder.record(begun) is Effect.APPLIED
        await recorder.record(replace(begun, **COUNTED))
    rows = await stored(village)
    assert [(row.operator_name, row.nas_identifier) for row in rows] == [
        (origin.operator_name, origin.nas_identifier) for origin in (MILL, other)
    ]
    assert [row.operator_nas_identifier for row in rows] == [
        MILL.operator_nas_identifier,
        other.operator_nas_identifier,
    ]
    assert [row.upload_octets for row in rows] == [100, 100]
    assert await octets(village) == 200
    await recorder.record(replace(start(village, origin=other), kind=Kind.STOP))
    assert [row.stopped_at is None for row in await stored(village)] == [True, False]


async def test_a_session_that_was_recorded_without_names_gets_them(
    village: Village, recorder: Recorder
) -> None:
    """As those that were open when this version was installed: nothing is counted twice."""
    begun = start(village)
    await recorder.record(replace(begun, **COUNTED))
    named = replace(begun, **(COUNTED | {"origin": MILL, "upload_octets": 150}))
    assert await recorder.record(named) is Effect.APPLIED
    (row,) = await stored(village)
    assert (row.nas_identifier, row.upload_octets) == ("mill", 150)
    assert await octets(village) == 150
    # The next that says another name is another's.
    await recorder.record(replace(named, origin=HARBOUR))
    assert len(await stored(village)) == 2


async def test_a_visitors_session_is_their_homes(village: Village, recorder: Recorder) -> None:
    home = await partner(village)
    begun = visitor(village, home)
    await recorder.record(replace(begun, home_collectivity_id=None))
    await recorder.record(replace(begun, **COUNTED))
    (row,) = await stored(village)
    assert (row.home_collectivity_id, row.citizen_id) == (home, None)
    assert await octets(village) == 0


@pytest.mark.parametrize("is_theirs_first", [True, False])
async def test_a_session_that_goes_on_as_a_visitors_or_as_ours_is_ended(
    village: Village, recorder: Recorder, is_theirs_first: bool
) -> None:
    home = await partner(village)
    theirs, ours = visitor(village, home), start(village)
    first, second = (theirs, ours) if is_theirs_first else (ours, theirs)
    await recorder.record(first)
    await recorder.record(replace(second, **COUNTED))
    (row,) = await stored(village)
    assert (row.citizen_id, row.home_collectivity_id) == (
        first.citizen_id,
        first.home_collectivity_id,
    )
    async with village.database.read("test") as session:
        (ended,) = (await session.scalars(select(Instruction))).all()
    assert (ended.session_id, ended.reason) == (row.id, "anothers")


async def test_a_session_whose_home_is_gone_is_kept(village: Village, recorder: Recorder) -> None:
    await recorder.record(visitor(village, 999))
    (row,) = await stored(village)
    assert row.home_collectivity_id is None
