"""The end of a log-in: in each dialect, and where the policy says no."""

import hashlib
import re

import pytest
from sqlalchemy import func, select

from aaa.model import AuditEvent, Device, Ticket
from aaa.policies import Scope
from monitoring import metrics
from tests.portal.visitor import (
    CHALLENGE,
    FORM,
    PUBLIC_URL,
    UAM_SECRET,
    Portal,
    query_of,
    redirect,
    signed,
    visit_in,
)
from tests.village import PHONE, TABLET


def newchal() -> bytes:
    """The challenge that a gateway with a uamsecret uses (redir.c, redir_main)."""
    return hashlib.md5(bytes.fromhex(CHALLENGE) + UAM_SECRET).digest()


async def test_a_uamsecret_is_mixed_into_the_challenge(portal: Portal) -> None:
    browser = portal.browser()
    visit = visit_in(await browser.get(signed(redirect("signing"))))
    at_the_door = await browser.log_in(visit)
    _, text = await portal.newest_ticket()
    expected = hashlib.md5(b"\0" + text + newchal()).hexdigest()
    assert query_of(at_the_door.headers["location"])["response"] == expected


async def test_uspot_unmasks_the_ticket(portal: Portal) -> None:
    browser = portal.browser()
    visit = visit_in(await browser.get(signed(redirect("masking"))))
    at_the_door = await browser.log_in(visit)
    _, text = await portal.newest_ticket()
    masked = bytes.fromhex(query_of(at_the_door.headers["location"])["password"])
    unmasked = bytes(a ^ b for a, b in zip(masked, newchal(), strict=True))
    assert unmasked.rstrip(b"\0") == text


async def test_a_form_is_handed_over_that_works_without_script(portal: Portal) -> None:
    browser = portal.browser()
    visit = visit_in(await browser.get(FORM))
    page = await browser.log_in(visit)
    assert page.status_code == 200
    assert '<form method="post" action="https://192.168.1.1/login">' in page.text
    _, text = await portal.newest_ticket()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert hidden == {
        "username": "anna@village.example",
        "password": text.decode(),
        "url": f"{PUBLIC_URL}{visit}/status",
    }
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (redirect(), "http://10.1.0.1:3990"),
        (redirect(uamip="fd00::1"), "http:"),
        (FORM, "https://192.168.1.1"),
    ],
)
async def test_forms_may_lead_to_the_nas_and_nowhere_else(
    small_portal: Portal, url: str, source: str
) -> None:
    response = await small_portal.browser().get(url)
    policy = response.headers["content-security-policy"]
    assert f"form-action 'self' {source}" in policy.split(";")[-1]
    assert policy.endswith(source)


async def test_the_policy_of_the_place_is_asked_before_the_nas(portal: Portal) -> None:
    village = portal.village
    await village.limit(
        Scope(hotspot_id=village.square.hotspot.id), opening_hours="sun 08:00-09:00"
    )
    counter = metrics.denials.labels("village", "outside_hours", "portal")
    before = counter._value.get()
    denied = await portal.browser().log_in(await portal.browser().arrive())
    assert denied.status_code == 403
    assert "The Wi-Fi is closed for now" in denied.text
    assert counter._value.get() == before + 1
    async with village.database.read("test") as session:
        assert await session.scalar(select(func.count()).select_from(Ticket)) == 0
        event = await session.scalar(select(AuditEvent).where(AuditEvent.action == "login.denied"))
    assert event is not None
    assert event.detail == {"hotspot": "square", "reason": "outside_hours"}


async def test_another_device_at_the_same_time_counts(small_portal: Portal) -> None:
    village = small_portal.village
    await village.limit(Scope(citizen_id=village.anna), simultaneous_devices="1")
    await small_portal.start_session(mac=TABLET)
    denied = await small_portal.browser().log_in(await small_portal.browser().arrive())
    assert "Too many of your devices" in denied.text


async def test_a_device_is_remembered_only_where_its_citizen_wishes(portal: Portal) -> None:
    village, browser = portal.village, portal.browser()
    await browser.log_in(await browser.arrive())
    async with village.database.read("test") as session:
        assert await session.scalar(select(Device)) is None
    await browser.log_in(await browser.arrive(), remember="yes")
    async with village.database.read("test") as session:
        device = await session.scalar(select(Device))
    assert device is not None
    assert (device.citizen_id, device.mac) == (village.anna, PHONE)
    assert device.remembered_until is not None
    assert (device.remembered_until - village.clock()).days == 90


async def test_a_place_may_remember_nobody(small_portal: Portal) -> None:
    village, browser = small_portal.village, small_portal.browser()
    await village.limit(Scope(hotspot_id=village.square.hotspot.id), remember_days="0")
    visit = await browser.arrive()
    assert 'name="remember"' not in (await browser.get(visit)).text
    await browser.log_in(visit, remember="yes")
    async with village.database.read("test") as session:
        assert await session.scalar(select(Device)) is None


async def test_going_back_issues_another_ticket(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.log_in(visit)
    former, _ = await small_portal.newest_ticket()
    again = await browser.get(visit)
    ticket, _ = await small_portal.newest_ticket()
    assert again.status_code == 303
    assert ticket.id > former.id


async def test_the_password_goes_to_no_gateway(small_portal: Portal) -> None:
    browser = small_portal.browser()
    await browser.log_in(await browser.arrive())
    assert all("lavender" not in str(response.headers) for response in browser.responses)


async def test_a_closed_place_says_when_it_opens(small_portal: Portal) -> None:
    hotspot = small_portal.village.square.hotspot
    await small_portal.village.limit(Scope(hotspot_id=hotspot.id), opening_hours="thu 08:00-09:30")
    browser = small_portal.browser()
    page = await browser.log_in(await browser.arrive())
    assert page.status_code == 403
    assert "It opens again: Thursday\N{NO-BREAK SPACE}08:00." in page.text
