import asyncio
from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from aaa import devices
from aaa.errors import Invalid
from aaa.model import Authority, Device, DeviceCertificate, Instruction, Session
from tests.village import NOON, PHONE, TABLET, Village


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


async def test_a_device_that_changes_hands_ends_the_sessions_of_its_former_owner(
    village: Village,
) -> None:
    await remember(village, village.anna)
    opened = {
        name: Session(
            nas_id=village.square.id,
            hotspot_id=village.square.hotspot.id,
            acct_session_id=name,
            device_mac=mac,
            citizen_id=citizen_id,
            started_at=NOON,
            updated_at=NOON,
            stopped_at=stopped_at,
        )
        for name, mac, citizen_id, stopped_at in (
            ("online", PHONE, village.anna, None),
            ("over", PHONE, village.anna, NOON),
            ("her tablet", TABLET, village.anna, None),
            ("his", PHONE, village.bruno, None),
        )
    }
    async with village.database.write("test") as session:
        session.add_all(opened.values())
    await remember(village, village.anna)
    for _ in range(2):
        await remember(village, village.bruno)
    async with village.database.read("test") as session:
        query = select(Session.acct_session_id, Instruction.reason).join(Instruction)
        asked = [tuple(row) for row in await session.execute(query)]
    assert asked == [("online", "device_revoked")]


async def test_no_two_citizens_can_have_one_device(village: Village) -> None:
    await remember(village, village.anna)
    with pytest.raises(IntegrityError):
        async with village.database.write("test") as session:
            await session.execute(
                insert(Device).values(
                    citizen_id=village.bruno, mac=PHONE, name="phone", created_at=NOON
                )
            )


async def add_certified(village: Village, *, expires_at: datetime) -> int:
    """Add a device of Anna's with a certificate, of which only the end matters here."""
    async with village.database.write("test") as session:
        device = await devices.add(session, citizen_id=village.anna, name="phone", now=NOON)
        authority = Authority(certificate=b"", sealed_key=b"", valid_from=NOON, expires_at=NOON)
        session.add(authority)
        await session.flush()
        session.add(
            DeviceCertificate(
                device_id=device.id,
                authority_id=authority.id,
                serial=f"{device.id:x}",
                fingerprint=f"{device.id:x}",
                valid_from=NOON,
                expires_at=expires_at,
            )
        )
        return device.id


async def test_a_device_whose_certificate_has_expired_takes_no_place(village: Village) -> None:
    end = NOON + timedelta(days=1)
    first, *_ = [await add_certified(village, expires_at=end) for _ in range(devices.MOST_ACTIVE)]
    for now, is_full in ((NOON, True), (end, False)):
        async with village.database.write("test") as session:
            listed = await devices.of_citizen(session, village.anna)
            assert {each.is_over(now) for each in listed} == {not is_full}
        with pytest.raises(devices.ListFull) if is_full else nullcontext():
            async with village.database.write("test") as session:
                await devices.add(session, citizen_id=village.anna, name="one more", now=now)
    async with village.database.write("test") as session:
        for _ in range(devices.MOST_ACTIVE - 1):
            await devices.add(session, citizen_id=village.anna, name="another", now=end)
    # Others have taken its place.
    async with village.database.write("test") as session:
        with pytest.raises(devices.ListFull):
            await devices.to_renew(session, citizen_id=village.anna, device_id=first, now=end)


async def test_only_a_device_of_ones_own_with_a_credential_is_renewed(village: Village) -> None:
    await remember(village, village.anna)
    mine = await add_certified(village, expires_at=NOON + timedelta(days=1))
    async with village.database.write("test") as session:
        (remembered,) = await session.scalars(select(Device.id).where(Device.mac == PHONE))
        renewed = await devices.to_renew(session, citizen_id=village.anna, device_id=mine, now=NOON)
        assert renewed.id == mine
        for citizen_id, device_id in ((village.bruno, mine), (village.anna, remembered)):
            with pytest.raises(Invalid):
                await devices.to_renew(
                    session, citizen_id=citizen_id, device_id=device_id, now=NOON
                )
        await devices.revoke(session, citizen_id=village.anna, device_id=mine, now=NOON)
        with pytest.raises(Invalid):
            await devices.to_renew(session, citizen_id=village.anna, device_id=mine, now=NOON)
