"""What a citizen's devices are called, how many there may be, and what revoking one ends."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from aaa import citizens, devices
from aaa.devices import MOST_ACTIVE, DeviceKind
from aaa.errors import Invalid
from aaa.model import Authority, Device, DeviceCertificate, Instruction, Session
from aaa.wifi_secrets import WifiSecrets
from tests.village import NOON, PHONE, TABLET, Village

YEAR = timedelta(days=365)


async def issue(village: Village, citizen_id: int, name: str = "phone") -> int:
    async with village.database.write("test") as session:
        _, device_id = await WifiSecrets(village.keyring, keeps_text=True).issue(
            session, citizen_id=citizen_id, name=name, now=NOON
        )
    return device_id


async def certify(village: Village, device_id: int, *serials: str) -> None:
    """Put certificates of a device on record, each valid a year longer than the one before."""
    async with village.database.write("test") as session:
        authority = Authority(
            certificate=b"", sealed_key=b"", valid_from=NOON, expires_at=NOON + 9 * YEAR
        )
        session.add(authority)
        await session.flush()
        session.add_all(
            DeviceCertificate(
                device_id=device_id,
                authority_id=authority.id,
                serial=serial,
                fingerprint=serial,
                valid_from=NOON,
                expires_at=NOON + years * YEAR,
            )
            for years, serial in enumerate(serials, start=1)
        )


async def open_session(
    village: Village,
    name: str,
    *,
    citizen_id: int,
    device_id: int | None,
    mac: str = PHONE,
    stopped_at: datetime | None = None,
) -> int:
    async with village.database.write("test") as session:
        opened = Session(
            nas_id=village.square.id,
            hotspot_id=village.square.hotspot.id,
            acct_session_id=name,
            device_mac=mac,
            citizen_id=citizen_id,
            device_id=device_id,
            started_at=NOON,
            updated_at=NOON,
            stopped_at=stopped_at,
        )
        session.add(opened)
        await session.flush()
        return opened.id


async def revoke(village: Village, device_id: int) -> int:
    async with village.database.write("test") as session:
        return await devices.revoke(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )


async def asked_to_end(village: Village) -> list[tuple[int, str]]:
    async with village.database.read("test") as session:
        rows = await session.scalars(select(Instruction).order_by(Instruction.session_id))
        return [(row.session_id, row.reason) for row in rows]


async def test_revoking_a_device_ends_its_sessions_and_no_other(village: Village) -> None:
    phone, tablet = [await issue(village, village.anna, name) for name in ("phone", "tablet")]
    anna = village.anna
    ending = await open_session(village, "1", citizen_id=anna, device_id=phone)
    await open_session(village, "2", citizen_id=anna, device_id=tablet, mac=TABLET)
    await open_session(village, "3", citizen_id=anna, device_id=None)
    await open_session(village, "4", citizen_id=anna, device_id=phone, stopped_at=NOON)
    assert await revoke(village, phone) == 1
    assert await asked_to_end(village) == [(ending, "device_revoked")]
    async with village.database.read("test") as session:
        listed = await devices.of_citizen(session, anna)
    assert {(device.name, device.revoked_at) for device in listed} == {
        ("phone", NOON),
        ("tablet", None),
    }


async def test_revoking_once_more_changes_nothing(village: Village) -> None:
    phone = await issue(village, village.anna)
    await open_session(village, "1", citizen_id=village.anna, device_id=phone)
    await revoke(village, phone)
    village.clock.advance(minutes=5)
    assert await revoke(village, phone) == 0
    assert len(await asked_to_end(village)) == 1
    async with village.database.read("test") as session:
        assert (await session.get_one(Device, phone)).revoked_at == NOON


async def test_revoking_a_device_takes_its_certificates(village: Village) -> None:
    phone, tablet = [await issue(village, village.anna, name) for name in ("phone", "tablet")]
    await certify(village, phone, "01", "02")
    await certify(village, tablet, "03")
    await revoke(village, phone)
    async with village.database.read("test") as session:
        rows = await session.scalars(select(DeviceCertificate).order_by(DeviceCertificate.serial))
        assert [(row.serial, row.revoked_at) for row in rows] == [
            ("01", NOON),
            ("02", NOON),
            ("03", None),
        ]


async def test_a_remembered_device_takes_sessions_from_before_along(village: Village) -> None:
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=9, now=NOON
        )
        device_id = (await devices.of_citizen(session, village.anna))[0].id
    ending = await open_session(village, "1", citizen_id=village.anna, device_id=None)
    await open_session(village, "2", citizen_id=village.anna, device_id=None, mac=TABLET)
    await open_session(village, "3", citizen_id=village.bruno, device_id=None)
    assert await revoke(village, device_id) == 1
    assert await asked_to_end(village) == [(ending, "device_revoked")]


async def test_nobody_revokes_or_renames_anothers_device(village: Village) -> None:
    brunos = await issue(village, village.bruno)
    await certify(village, brunos, "01")
    await open_session(village, "1", citizen_id=village.bruno, device_id=brunos)
    for device_id in (brunos, 999):
        with pytest.raises(Invalid, match=f"no device {device_id}"):
            await revoke(village, device_id)
        async with village.database.write("test") as session:
            with pytest.raises(Invalid, match=f"no device {device_id}"):
                await devices.rename(
                    session, citizen_id=village.anna, device_id=device_id, name="mine"
                )
    assert await asked_to_end(village) == []
    async with village.database.read("test") as session:
        (device,) = await devices.of_citizen(session, village.bruno)
        (certificate,) = await session.scalars(select(DeviceCertificate))
    assert (device.name, device.revoked_at, certificate.revoked_at) == ("phone", None, None)


async def test_a_device_is_renamed(village: Village) -> None:
    device_id = await issue(village, village.anna)
    async with village.database.write("test") as session:
        await devices.rename(
            session, citizen_id=village.anna, device_id=device_id, name="  Anna’s  old phone "
        )
    async with village.database.read("test") as session:
        assert (await devices.of_citizen(session, village.anna))[0].name == "Anna’s old phone"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x1b[31mb"])
async def test_a_name_that_is_none_is_refused(village: Village, name: str) -> None:
    with pytest.raises(Invalid, match="a device is called by"):
        await issue(village, village.anna, name)


async def test_each_kind_of_device_is_listed_as_what_it_is(village: Village) -> None:
    secret = await issue(village, village.anna, "laptop")
    async with village.database.write("test") as session:
        certified = await devices.add(session, citizen_id=village.anna, name="phone", now=NOON)
        await devices.remember(
            session, citizen_id=village.anna, mac=TABLET, name="tablet", days=9, now=NOON
        )
    await certify(village, certified.id, "01", "02")
    async with village.database.read("test") as session:
        listed = await devices.of_citizen(session, village.anna)
    assert [(device.name, device.kind, device.mac, device.expires_at) for device in listed] == [
        ("tablet", DeviceKind.REMEMBERED, TABLET, NOON + timedelta(days=9)),
        ("phone", DeviceKind.CERTIFICATE, None, NOON + 2 * YEAR),
        ("laptop", DeviceKind.WIFI_SECRET, None, None),
    ]
    assert listed[-1].id == secret


async def test_there_are_no_more_devices_than_anybody_carries(village: Village) -> None:
    outcomes = await asyncio.gather(
        *(issue(village, village.anna, f"device {n}") for n in range(MOST_ACTIVE + 2)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Invalid)]
    assert [str(each) for each in refused] == [
        f"there are {MOST_ACTIVE} devices already: revoke one that is not used any more"
    ] * 2
    await issue(village, village.bruno)
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=9, now=NOON
        )
    await revoke(village, next(each for each in outcomes if isinstance(each, int)))
    await issue(village, village.anna, "another")


async def test_closing_an_account_deletes_its_devices_and_keeps_its_sessions(
    village: Village,
) -> None:
    phone, brunos = await issue(village, village.anna), await issue(village, village.bruno)
    await certify(village, phone, "01")
    await certify(village, brunos, "02")
    for citizen_id, device_id in ((village.anna, phone), (village.bruno, brunos)):
        await open_session(village, str(device_id), citizen_id=citizen_id, device_id=device_id)
    async with village.database.write("test") as session:
        await citizens.close(session, village.anna, village.clock())
    async with village.database.read("test") as session:
        sessions = await session.scalars(select(Session).order_by(Session.citizen_id))
        assert [(row.citizen_id, row.device_id) for row in sessions] == [
            (village.anna, None),
            (village.bruno, brunos),
        ]
        assert (await session.scalars(select(Device.id))).all() == [brunos]
        query = select(DeviceCertificate).order_by(DeviceCertificate.serial)
        assert [
            (each.serial, each.device_id, each.revoked_at) for each in await session.scalars(query)
        ] == [("01", None, village.clock()), ("02", brunos, None)]
