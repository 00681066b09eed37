"""A visitor who is online: what is left, whose guest they are, and the way out."""

import pytest
from sqlalchemy import select

from aaa import devices
from aaa.model import Instruction, Session, Visitor
from tests.federation.homes import Home
from tests.portal.homes.test_passwords import PASSWORD, vouch
from tests.portal.visitor import FORM, Browser, Portal, visit_in
from tests.village import PHONE


@pytest.fixture
async def guest(small_portal: Portal, basil: Home) -> tuple[Browser, str, str]:
    """A browser at a NAS without a log-off page of its own, its visit, and the visitor's name."""
    basil.answer = vouch
    browser = small_portal.browser()
    visit = visit_in(await browser.get(FORM))
    await browser.post(f"{visit}/home/basil", identifier="giulia", password=PASSWORD)
    moved = visit_in(browser.responses[-1])
    await small_portal.serve_ticket()
    async with small_portal.village.database.read("test") as session:
        visitor = await session.scalar(select(Visitor))
    assert visitor is not None
    return browser, moved, visitor.user_name


async def test_what_is_left_is_the_smaller_of_two(
    small_portal: Portal, guest: tuple[Browser, str, str]
) -> None:
    browser, visit, user_name = guest
    await small_portal.start_session("posting", citizen_id=None, user_name=user_name)
    small_portal.village.clock.advance(minutes=10)
    status = await browser.get(f"{visit}/status")
    assert "You are online" in status.text
    # Of the 30 minutes of the home's, where the place would give twelve hours.
    assert "20\N{NO-BREAK SPACE}min" in status.text
    assert "Regione Liguria" in status.text
    assert user_name not in status.text
    # Their devices are set up by their home.
    assert "/secure" not in status.text
    told = (await browser.client.get(f"/api/captive/posting/{PHONE}")).json()
    assert told["seconds-remaining"] == 1200


async def test_the_session_of_somebody_else_on_the_device_is_not_shown(
    small_portal: Portal, guest: tuple[Browser, str, str]
) -> None:
    browser, visit, _ = guest
    for columns in (
        {"citizen_id": small_portal.village.anna},
        {"citizen_id": None, "user_name": "v-somebody@basil.example"},
    ):
        await small_portal.start_session("posting", acct_session_id=str(columns), **columns)
    async with small_portal.village.database.write("test") as session:
        await devices.remember(
            session,
            citizen_id=small_portal.village.anna,
            mac=PHONE,
            name="phone",
            days=9,
            now=small_portal.village.clock(),
        )
    small_portal.village.clock.advance(minutes=1)
    status = await browser.get(f"{visit}/status")
    assert "Log out" not in status.text
    assert "is remembered" not in status.text


async def test_a_visitor_logs_out_by_disconnect(
    small_portal: Portal, guest: tuple[Browser, str, str]
) -> None:
    browser, visit, user_name = guest
    running = await small_portal.start_session("posting", citizen_id=None, user_name=user_name)
    goodbye = await browser.post(f"{visit}/log-out")
    assert "See you soon" in goodbye.text
    async with small_portal.village.database.read("test") as session:
        (order,) = await session.scalars(select(Instruction))
        assert (order.session_id, order.reason) == (running, "citizen")
        assert (await session.get_one(Session, running)).user_name == user_name
