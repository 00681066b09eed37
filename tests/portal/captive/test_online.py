"""The status page, logging out, and forgetting the device."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from aaa import devices, outbox
from aaa.model import DailyUsage, Instruction
from aaa.policies import Scope
from tests.portal.visitor import FORM, GATEWAY, Browser, Portal, redirect, visit_in
from tests.village import PHONE

CAPTIVE_APPLE = "http://captive.apple.com/hotspot-detect.html"


async def log_in(portal: Portal, url: str | None = None, **more: str) -> tuple[Browser, str]:
    """A browser that has logged in, and its visit."""
    browser = portal.browser()
    visit = visit_in(await browser.get(url or redirect()))
    await browser.log_in(visit, **more)
    await portal.serve_ticket()
    return browser, visit


async def test_the_page_waits_until_accounting_has_the_session(portal: Portal) -> None:
    browser, visit = await log_in(portal)
    connecting = await browser.get(redirect(res="success"))
    assert '<meta http-equiv="refresh" content="2">' in connecting.text
    await portal.start_session()
    assert "You are online" in (await browser.get(f"{visit}/status")).text


async def test_the_word_of_the_nas_is_shown_where_accounting_has_none(portal: Portal) -> None:
    browser, visit = await log_in(portal)
    await browser.get(redirect(res="success", timeleft="3600"))
    portal.village.clock.advance(minutes=10)
    status = await browser.get(f"{visit}/status")
    assert "You are online" in status.text
    assert "50\N{NO-BREAK SPACE}min" in status.text


async def test_a_nas_that_never_asked_is_not_online(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = visit_in(await browser.get(FORM))
    await browser.log_in(visit)
    small_portal.village.clock.advance(seconds=15)
    status = await browser.get(f"{visit}/status")
    assert status.status_code == 422
    assert "did not get our answer" in status.text
    # The proof still stands: the same visit tries again.
    assert (await browser.get(visit)).status_code == 200


async def test_time_and_volume_left_are_shown(portal: Portal) -> None:
    village = portal.village
    await village.limit(
        Scope(hotspot_id=village.square.hotspot.id), session_seconds="7200", daily_octets="5000000"
    )
    browser, visit = await log_in(portal)
    await portal.start_session(download_octets=1_500_000)
    async with village.database.write("test") as session:
        today = village.clock().date()
        session.add(DailyUsage(citizen_id=village.anna, day=today, octets=2_000_000))
    village.clock.advance(minutes=15)
    status = await browser.get(f"{visit}/status")
    assert "1 h 45 min".replace(" ", "\N{NO-BREAK SPACE}") in status.text
    assert "3\N{NO-BREAK SPACE}MB" in status.text


async def test_the_session_of_a_former_owner_is_not_shown(portal: Portal) -> None:
    browser, visit = await log_in(portal)
    await portal.start_session(citizen_id=portal.village.bruno)
    portal.village.clock.advance(seconds=3)
    assert "http-equiv" in (await browser.get(f"{visit}/status")).text


async def test_the_gateway_logs_out(portal: Portal) -> None:
    browser, visit = await log_in(portal)
    await portal.start_session()
    status = await browser.get(f"{visit}/status")
    assert f"http://{GATEWAY}:3990/logoff" in status.text
    gone = await browser.post(f"{visit}/log-out")
    assert gone.headers["location"] == f"http://{GATEWAY}:3990/logoff"


async def test_a_nas_without_a_log_off_is_told_to_disconnect(portal: Portal) -> None:
    browser, visit = await log_in(portal, FORM)
    session_id = await portal.start_session("posting", session_seconds=120)
    status = await browser.get(f"{visit}/status")
    assert f'action="{visit}/log-out"' in status.text
    goodbye = await browser.post(f"{visit}/log-out")
    assert "See you soon" in goodbye.text
    async with portal.village.database.read("test") as session:
        orders = (await session.scalars(select(Instruction))).all()
    assert [(order.session_id, order.reason) for order in orders] == [(session_id, "citizen")]


async def test_logging_out_twice_does_no_harm(small_portal: Portal) -> None:
    browser, visit = await log_in(small_portal, FORM)
    response = await browser.post(f"{visit}/log-out")
    assert response.status_code == 200


async def test_after_the_session_one_may_connect_again_from_the_same_page(portal: Portal) -> None:
    browser, visit = await log_in(portal)
    session_id = await portal.start_session()
    await browser.get(redirect(res="success"))
    portal.village.clock.advance(minutes=2)
    await portal.stop_session(session_id, session_seconds=120, terminate_cause="user-request")
    for _ in range(2):
        assert "See you soon" in (await browser.get(f"{visit}/status")).text
    assert (await browser.get(visit)).headers["location"].startswith(f"http://{GATEWAY}")
    # Later, who one is must be proven anew.
    portal.village.clock.advance(minutes=20)
    assert f"{visit}/login" in (await browser.get(visit)).text


async def test_a_session_of_a_nas_whose_clock_lags_ends_too(small_portal: Portal) -> None:
    clock = small_portal.village.clock
    browser, visit = await log_in(small_portal)
    session_id = await small_portal.start_session(started_at=clock() - timedelta(seconds=2))
    clock.advance(minutes=2)
    await small_portal.stop_session(session_id, stopped_at=clock() - timedelta(seconds=2))
    assert "The session has ended." in (await browser.get(f"{visit}/status")).text


@pytest.mark.parametrize(
    ("cause", "reason", "says"),
    [
        ("user-request", None, "See you soon"),
        ("admin-reset", "citizen", "See you soon"),
        ("session-timeout", None, "the time or the data that it had is used up"),
        ("idle-timeout", None, "your device was quiet for a while"),
        ("admin-reset", "operator", "the service, or the place, closed it"),
        ("admin-reset", None, "the service, or the place, closed it"),
        ("user-request", "banned", "the service, or the place, closed it"),
        ("admin-reset", "daily_time_spent", "your time for today is used up"),
        ("admin-reset", "daily_volume_spent", "your data for today is used up"),
        ("lost-carrier", None, "The session has ended."),
    ],
)
async def test_who_was_cut_off_reads_why(
    small_portal: Portal, cause: str, reason: str | None, says: str
) -> None:
    browser, visit = await log_in(small_portal)
    session_id = await small_portal.start_session()
    small_portal.village.clock.advance(minutes=2)
    if reason is not None:
        async with small_portal.village.database.write("test") as session:
            await outbox.disconnect(session, [session_id], reason, small_portal.village.clock())
    await small_portal.stop_session(session_id, terminate_cause=cause)
    goodbye = await browser.get(f"{visit}/status")
    assert says in goodbye.text
    assert ("See you soon" in goodbye.text) == (says == "See you soon")
    assert f'href="{visit}"' in goodbye.text


async def test_a_remembered_device_can_be_forgotten(portal: Portal) -> None:
    village = portal.village
    browser, visit = await log_in(portal, remember="yes")
    await portal.start_session()
    status = await browser.get(f"{visit}/status")
    assert "This device is remembered until 1\N{NO-BREAK SPACE}June" in status.text
    forgotten = await browser.post(f"{visit}/forget")
    assert forgotten.url.path == f"{visit}/status"
    assert "is remembered" not in forgotten.text
    async with village.database.read("test") as session:
        found = await devices.by_mac(session, PHONE, village.clock())
    assert not isinstance(found, devices.RememberedDevice)


async def test_a_device_that_somebody_else_had_remembered_is_not_ours_to_forget(
    small_portal: Portal,
) -> None:
    village = small_portal.village
    async with village.database.write("test") as session:
        await devices.remember(
            session,
            citizen_id=village.bruno,
            mac=PHONE,
            name="a phone",
            days=10,
            now=village.clock(),
        )
    browser, visit = await log_in(small_portal)
    await browser.post(f"{visit}/forget")
    async with village.database.read("test") as session:
        found = await devices.by_mac(session, PHONE, village.clock())
    assert isinstance(found, devices.RememberedDevice)


async def test_the_page_that_a_device_looks_for_portals_by_is_not_offered(
    small_portal: Portal,
) -> None:
    browser, visit = await log_in(small_portal, redirect(userurl=CAPTIVE_APPLE))
    await small_portal.start_session()
    status = await browser.get(f"{visit}/status")
    assert "You are online" in status.text
    assert CAPTIVE_APPLE not in status.text


async def test_the_status_page_answers_for_a_day(small_portal: Portal) -> None:
    browser, visit = await log_in(small_portal)
    small_portal.village.clock.advance(hours=23)
    assert (await browser.get(f"{visit}/status")).status_code == 200
    small_portal.village.clock.advance(hours=1)
    assert (await browser.get(f"{visit}/status")).status_code == 410
