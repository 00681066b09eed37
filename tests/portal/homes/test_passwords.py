"""A home without pages of its own is asked about the password, by RADIUS."""

import pytest
import structlog
from sqlalchemy import select

from aaa.model import Visitor
from aaa.policies import Scope
from radius.wire.hiding import unhide_password
from radius.wire.packet import Code, Packet
from tests.federation import homes
from tests.federation.homes import Home
from tests.federation.nodes import SHARED
from tests.portal.homes.provider import Provider
from tests.portal.visitor import Portal, query_of
from tests.village import PHONE

PASSWORD = "basil and pine nuts"


def vouch(request: Packet) -> Packet:
    """Say yes, as a home says it that has something to say."""
    return homes.reply(
        request,
        Code.ACCESS_ACCEPT,
        ("Class", b"of basil"),
        ("Chargeable-User-Identity", b"someone"),
        ("Session-Timeout", 1800),
        ("Tunnel-Private-Group-ID", "99"),
        ("Reply-Message", "Welcome, Giulia"),
    )


def refuse(request: Packet) -> Packet:
    return homes.reply(request, Code.ACCESS_REJECT)


def misroute(request: Packet) -> Packet:
    return homes.reply(request, Code.ACCESS_REJECT, ("Error-Cause", 502))


async def visitors_of(portal: Portal) -> list[Visitor]:
    async with portal.village.database.read("test") as session:
        return list(await session.scalars(select(Visitor)))


@pytest.mark.parametrize("typed", ["giulia", "giulia@basil.example", "giulia@Basil"])
async def test_a_password_is_the_homes_to_check(
    small_portal: Portal, basil: Home, typed: str
) -> None:
    basil.answer = vouch
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.get(f"{visit}/home/basil")
    assert "@basil.example" in page.text
    answer = await browser.post(f"{visit}/home/basil", identifier=typed, password=PASSWORD)
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?")
    (asked,) = basil.requests
    attributes = asked.attributes
    assert attributes.text("User-Name") == "giulia@basil.example"
    hidden = attributes.octets("User-Password") or b""
    assert unhide_password(hidden, SHARED.reveal(), asked.authenticator) == PASSWORD.encode()
    assert attributes.text("Operator-Name") == "1village.example"
    assert attributes.text("NAS-Identifier") == "square"
    assert attributes.text("Calling-Station-Id") == PHONE.replace(":", "-").upper()
    (visitor,) = await visitors_of(small_portal)
    assert (visitor.home_class, visitor.cui) == (b"of basil", b"someone")
    assert visitor.session_seconds == 1800
    assert query_of(answer.headers["location"])["username"] == visitor.user_name
    assert "giulia" not in visitor.user_name


async def test_typed_among_ours_it_goes_home_too(
    small_portal: Portal, basil: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        raise AssertionError("a partner's password was checked here")

    monkeypatch.setattr(small_portal.parts.hashing, "verify", never)
    browser = small_portal.browser()
    visit = await browser.arrive()
    with structlog.testing.capture_logs() as log:
        answer = await browser.post(
            f"{visit}/login", identifier="Giulia@basil", password=PASSWORD, remember="yes"
        )
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?")
    # Homes differ in what they fold of a name.
    assert basil.users() == ["Giulia@basil.example"]
    assert "iulia" not in str(log)
    assert PASSWORD not in str(log)


async def test_a_home_that_says_no_is_asked_again(small_portal: Portal, basil: Home) -> None:
    basil.answer = refuse
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.post(f"{visit}/home/basil", identifier="giulia", password="wrong")
    assert page.status_code == 422
    assert "Your home says no" in page.text
    assert 'value="giulia"' in page.text
    assert "wrong" not in page.text
    basil.answer = vouch
    answer = await browser.post(f"{visit}/home/basil", identifier="giulia", password=PASSWORD)
    assert answer.status_code == 303


@pytest.mark.parametrize("answer", [misroute, homes.challenge])
async def test_a_home_that_cannot_say(
    small_portal: Portal, basil: Home, answer: homes.Answer
) -> None:
    basil.answer = answer
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.post(f"{visit}/home/basil", identifier="giulia", password=PASSWORD)
    assert page.status_code == 403
    assert "Your home does not answer" in page.text
    assert await visitors_of(small_portal) == []


async def test_what_no_home_is_asked(small_portal: Portal, basil: Home, liguria: Provider) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    for typed, said in (
        ("giulia@liguria.example", "is of another home"),
        ("anna@village.example", "is of another home"),
        ("@basil.example", "not complete"),
        ("g" * 250, "not complete"),
    ):
        page = await browser.post(f"{visit}/home/basil", identifier=typed, password=PASSWORD)
        assert page.status_code == 422
        assert said in page.text
    # Nor is the form of one that has pages of its own there.
    answer = await browser.post(f"{visit}/home/liguria", identifier="giulia", password=PASSWORD)
    assert answer.status_code == 404
    assert (await browser.get(f"{visit}/home/nobody")).status_code == 404
    here = Scope(hotspot_id=small_portal.village.square.hotspot.id)
    await small_portal.village.limit(here, opening_hours="sun 08:00-09:00")
    closed = await browser.post(f"{visit}/home/basil", identifier="giulia", password=PASSWORD)
    assert "The Wi-Fi is closed for now" in closed.text
    assert basil.requests == []


async def test_passwords_are_not_guessed_by_way_of_us(small_portal: Portal, basil: Home) -> None:
    basil.answer = refuse
    browser = small_portal.browser()
    visit = await browser.arrive()
    codes = [
        (
            await browser.post(
                f"{visit}/home/basil", identifier="giulia", password=f"guess {number}"
            )
        ).status_code
        for number in range(11)
    ]
    assert codes == [422] * 10 + [429]
    assert len(basil.asked) == 10


async def test_a_ticket_that_was_lost_on_the_way_is_replaced(
    small_portal: Portal, basil: Home
) -> None:
    basil.answer = vouch
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/home/basil", identifier="giulia", password=PASSWORD)
    again = await browser.get(
        "/at/square/?res=failed&uamip=10.1.0.1&uamport=3990&mac=02-00-5E-00-53-01&challenge=aa"
    )
    assert again.headers["location"].startswith("http://10.1.0.1:3990/logon?")
    assert len(basil.asked) == 1
