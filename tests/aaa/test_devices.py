import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from aaa import devices
from aaa.model import Device
from tests.village import NOON, PHONE, Village


async def remember(village: Village, citizen_id: int, *, seconds: int = 0) -> None:
    await _remember(village, citizen_id, seconds, asyncio.Barrier(1))


async def remember_at_once(village: Village, *citizen_ids: int) -> None:
    """Remember the phone for each, none before all are in their transaction; SQLite has but one
    that writes."""
    all_in = asyncio.Barrier(1 if village.database.dialect == "sqlite" else len(citizen_ids))
    await asyncio.gather(*(_remember(village, each, 0, all_in) for each in citizen_ids))


async def _remember(
    village: Village, citizen_id: int, seconds: int, all_in: asyncio.Barrier
) -> None:
    now = NOON + timedelta(seconds=seconds)
    async with village.database.write("test") as session:
        await session.execute(select(Device.id))
        await all_in.wait()
        await devices.remember(
            session, citizen_id=citizen_id, mac=PHONE, name="phone", days=9, now=now
        )


async def on_record(village: Village) -> list[tuple[int, bool]]:
    """Return whose the phone was on record, and whether it still is."""
    async with village.database.read("test") as session:
        rows = await session.scalars(select(Device).order_by(Device.citizen_id))
        return [(row.citizen_id, row.revoked_at is None) for row in rows]


async def test_a_double_tap_remembers_once(village: Village) -> None:
    await remember_at_once(village, *[village.anna] * 4)
    assert await on_record(village) == [(village.anna, True)]


async def test_of_two_at_once_one_has_the_device(village: Village) -> None:
    await remember_at_once(village, *[village.anna, village.bruno] * 2)
    record = await on_record(village)
    assert [citizen for citizen, _ in record] == [village.anna, village.bruno]
    assert sorted(is_theirs for _, is_theirs in record) == [False, True]


async def test_of_two_new_ones_at_once_one_has_the_device(village: Village) -> None:
    await remember_at_once(village, village.anna, village.bruno)
    assert sorted(is_theirs for _, is_theirs in await on_record(village)) == [False, True]


async def test_a_device_changes_hands_and_back(village: Village) -> None:
    for seconds, citizen_id in enumerate((village.anna, village.bruno, village.anna)):
        await remember(village, citizen_id, seconds=seconds)
    assert await on_record(village) == [(village.anna, True), (village.bruno, False)]


async def test_no_two_citizens_can_have_one_device(village: Village) -> None:
    await remember(village, village.anna)
    with pytest.raises(IntegrityError):
        async with village.database.write("test") as session:
            await session.execute(
                insert(Device).values(
                    citizen_id=village.bruno, mac=PHONE, name="phone", created_at=NOON
                )
            )
