"""What ends is said, is renewed for the same device, and nothing is made twice by a second tap."""

import asyncio
import plistlib
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from aaa import devices
from aaa.model import AuditEvent, Citizen, Device, DeviceCertificate
from aaa.pki.contents import CLIENT_VALIDITY
from portal.languages import LANGUAGES, write_date
from tests.portal.onboarding.visitors import (
    ANDROID,
    IPHONE,
    WINDOWS,
    browser,
    device_in,
    enrol,
)
from tests.portal.visitor import Browser, Portal

_PLIST = re.compile(rb"<\?xml.*</plist>", re.DOTALL)
_SECRET = re.compile(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){4}")


def said(moment: datetime, language: str = "en") -> str:
    return write_date(moment, language, "Europe/Paris")


async def payload_names(opened: Browser, device: str) -> list[tuple[str, str]]:
    """What a system tells profiles and their parts apart by."""
    found = _PLIST.search((await opened.get(f"{device}/mobileconfig")).content)
    assert found
    whole = plistlib.loads(found[0])
    return [
        (part["PayloadIdentifier"], part["PayloadUUID"])
        for part in (whole, *whole["PayloadContent"])
    ]


async def listed(portal: Portal) -> list[devices.DeviceView]:
    async with portal.village.database.read("test") as session:
        return list(await devices.of_citizen(session, portal.village.anna))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_said_until_when_a_certificate_is_valid(
    small_secure: Portal, language: str
) -> None:
    opened = browser(small_secure, IPHONE, language)
    link = await enrol(small_secure, opened)
    made = await opened.post(f"{link}/devices", kind="ios")
    (device,) = await listed(small_secure)
    assert device.expires_at is not None
    until = said(device.expires_at, language)
    profile = await opened.get(f"{device_in(made)}/mobileconfig")
    found = _PLIST.search(profile.content)
    assert found
    for text in (
        made.text,
        (await opened.get(link)).text,
        plistlib.loads(found[0])["ConsentText"]["default"],
    ):
        assert until in text


async def test_a_wifi_secret_has_no_end(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    made = await opened.post(f"{link}/devices", kind="android")
    for page in (made, await opened.get(link)):
        assert "valid until" not in page.text


async def test_a_new_profile_of_an_iphone_replaces_the_old_one(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    device = device_in(await opened.post(f"{await enrol(secure, opened)}/devices", kind="ios"))
    names = await payload_names(opened, device)
    secure.village.clock.advance(days=700)
    link = await enrol(secure, opened)
    number = device.rpartition("/")[2]
    known = await opened.get(f"{link}/devices/{number}")
    assert "goes on working until its end" in known.text
    renewed = await opened.post(f"{link}/devices/{number}/renew")
    assert device_in(renewed) == f"{link}/devices/{number}"
    assert await payload_names(opened, device_in(renewed)) == names
    (view,) = await listed(secure)
    async with secure.village.database.read("test") as session:
        certificates = (await session.scalars(select(DeviceCertificate))).all()
        event = await session.scalar(select(AuditEvent).where(AuditEvent.action == "device.renew"))
    # The former goes on until the device has changed over.
    assert [each.revoked_at for each in certificates] == [None, None]
    assert view.expires_at == max(each.expires_at for each in certificates)
    assert said(view.expires_at) in renewed.text
    assert event is not None
    assert event.subject == f"device:{number}"


async def test_a_new_secret_replaces_the_former(secure: Portal) -> None:
    opened = browser(secure, WINDOWS)
    made = await opened.post(f"{await enrol(secure, opened)}/devices", kind="windows")
    former = _SECRET.search(made.text)
    secure.village.clock.advance(days=1)
    link = await enrol(secure, opened)
    number = device_in(made).rpartition("/")[2]
    assert "stops working at once" in (await opened.get(f"{link}/devices/{number}")).text
    renewed = await opened.post(f"{link}/devices/{number}/renew")
    new = _SECRET.search(renewed.text)
    assert former
    assert new
    assert new[0] != former[0]
    # The link that made the former shows it no more.
    assert former[0] not in (await opened.get(device_in(made))).text
    assert len(await listed(secure)) == 1


async def test_an_expired_device_is_listed_takes_no_place_and_is_renewed(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    device = device_in(await opened.post(f"{await enrol(secure, opened)}/devices", kind="ios"))
    number = device.rpartition("/")[2]
    secure.village.clock.advance(days=CLIENT_VALIDITY.days + 1)
    link = await enrol(secure, opened)
    assert "expired on" in (await opened.get(link)).text
    others = [
        await opened.post(f"{link}/devices", name=f"{other}", kind="android")
        for other in range(devices.MOST_ACTIVE)
    ]
    assert {made.status_code for made in others} == {200}
    full = await opened.post(f"{link}/devices/{number}/renew")
    assert full.status_code == 422
    assert "Your list of devices is full" in full.text
    await opened.post(f"{device_in(others[0])}/revoke")
    renewed = await opened.post(f"{link}/devices/{number}/renew")
    assert "It is made" in renewed.text
    assert "expired on" not in (await opened.get(link)).text


async def test_a_second_tap_makes_no_second_device(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    first = device_in(await opened.post(f"{link}/devices", name="iPhone", kind="ios"))
    # Whoever goes back is offered what they have made, until it is on the device.
    assert 'value="iPhone"' in (await opened.get(link)).text
    assert device_in(await opened.post(f"{link}/devices", name="iPhone", kind="ios")) == first
    for name, kind in (("iPhone", "android"), ("Anna’s", "ios")):
        other = await opened.post(f"{link}/devices", name=name, kind=kind)
        assert device_in(other) != first
    await opened.get(f"{first}/mobileconfig")
    assert 'value="iPhone 2"' in (await opened.get(link)).text
    second = await opened.post(f"{link}/devices", name="iPhone", kind="ios")
    assert "<bdi>iPhone 2</bdi>" in second.text
    assert len(await listed(secure)) == 4


async def test_two_taps_at_the_same_time_make_one_device(secure: Portal) -> None:
    link = await enrol(secure, browser(secure, IPHONE))
    taps = [browser(secure, IPHONE).post(f"{link}/devices", kind="ios") for _ in range(5)]
    assert len({device_in(made) for made in await asyncio.gather(*taps)}) == 1
    device = device_in(await browser(secure, IPHONE).post(f"{link}/devices", kind="ios"))
    await browser(secure, IPHONE).get(f"{device}/mobileconfig")
    taps = [browser(secure, IPHONE).post(f"{device}/renew") for _ in range(5)]
    assert {made.status_code for made in await asyncio.gather(*taps)} == {200}
    async with secure.village.database.read("test") as session:
        assert len((await session.scalars(select(DeviceCertificate))).all()) == 2


async def test_a_second_tap_renews_once(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    device = device_in(await opened.post(f"{link}/devices", kind="ios"))
    await opened.get(f"{device}/mobileconfig")
    for _ in range(2):
        assert device_in(await opened.post(f"{device}/renew")) == device
    async with secure.village.database.read("test") as session:
        assert len((await session.scalars(select(DeviceCertificate))).all()) == 2


async def test_a_page_weighs_little_however_many_devices_there_are(small_secure: Portal) -> None:
    village = small_secure.village
    async with village.database.write("test") as session:
        for number in range(300):
            await devices.remember(
                session,
                citizen_id=village.anna,
                mac=f"02:00:5e:00:{number // 256:02x}:{number % 256:02x}",
                name="<é>" * 33,
                days=30,
                now=village.clock(),
            )
    opened = browser(small_secure, IPHONE)
    link = await enrol(small_secure, opened)
    for number in range(devices.MOST_ACTIVE):
        name = f"{number:02}" + "\N{FERRIS WHEEL}" * 98
        await opened.post(f"{link}/devices", name=name, kind="ios")
    page = await opened.get(link)
    assert len(page.content) < 20_000
    assert "more are not shown" in page.text
    # Those with a profile come first.
    assert page.text.count("\N{FERRIS WHEEL}…") == devices.MOST_ACTIVE


async def test_who_has_no_address_logs_in_once_more(small_secure: Portal) -> None:
    village = small_secure.village
    opened = browser(small_secure, ANDROID)
    visit = await opened.arrive()
    async with village.database.write("test") as session:
        await session.execute(update(Citizen).where(Citizen.id == village.anna).values(email=None))
    await opened.log_in(visit)
    village.clock.advance(minutes=16)
    page = await opened.post(f"{visit}/secure")
    assert "Log in once more" in page.text
    wrong = await opened.post(f"{visit}/secure", password="not this one at all")
    assert wrong.status_code == 422
    right = await opened.post(f"{visit}/secure", password="lavender in july")
    assert right.url.path.startswith("/secure/")
    assert "Your devices" in right.text


async def test_a_mac_address_is_no_device_to_renew(small_secure: Portal) -> None:
    village = small_secure.village
    async with village.database.write("test") as session:
        await devices.remember(
            session,
            citizen_id=village.anna,
            mac="02:00:5e:00:53:99",
            name="Old phone",
            days=30,
            now=village.clock() - timedelta(days=1),
        )
        device_id = await session.scalar(select(Device.id))
    opened = browser(small_secure, ANDROID)
    device = f"{await enrol(small_secure, opened)}/devices/{device_id}"
    page = await opened.get(device)
    assert "valid until" in page.text
    assert "Make a new profile" not in page.text
    assert (await opened.post(f"{device}/renew")).status_code == 404
