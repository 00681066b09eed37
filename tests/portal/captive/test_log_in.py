"""The way by password, from the NAS' redirect to its log-in page."""

import hashlib

import pytest

from aaa import citizens
from aaa.model import CitizenState
from aaa.secret import Secret
from tests.portal.visitor import CHALLENGE, GATEWAY, Portal, query_of, redirect
from tests.village import PHONE

PASSWORD_OF_BRUNO = Secret("basilico e limoni")


async def test_the_whole_way_ends_at_the_gateway_with_a_ticket(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    at_the_door = await browser.log_in(visit)
    assert at_the_door.status_code == 303
    location = at_the_door.headers["location"]
    assert location.startswith(f"http://{GATEWAY}:3990/logon?")
    ticket, text = await portal.newest_ticket()
    assert ticket.device_mac == PHONE
    assert ticket.citizen_id == portal.village.anna
    # CoovaChilli, redir.c: response = hex(MD5(ident 0 || password || challenge)).
    expected = hashlib.md5(b"\0" + text + bytes.fromhex(CHALLENGE)).hexdigest()
    assert query_of(location) == {"username": "anna@village.example", "response": expected}
    await portal.serve_ticket()
    await portal.start_session()
    online = await browser.get(redirect(res="success", timeleft="3600"))
    assert online.status_code == 200
    assert "You are online" in online.text
    assert "anna@village.example" in online.text
    assert "http://example.org/news" in online.text


async def test_an_identifier_is_shown_as_those_of_the_place_are(small_portal: Portal) -> None:
    browser = small_portal.browser()
    page = await browser.get(await browser.arrive())
    assert "Here, it looks like name@village.example" in page.text


@pytest.mark.parametrize(
    "identifier",
    ["anna", "ANNA", "anna@village.example", "anna@mail.example", " Anna@Mail.Example "],
)
async def test_identifier_and_address_both_serve(small_portal: Portal, identifier: str) -> None:
    browser = small_portal.browser()
    response = await browser.log_in(await browser.arrive(), identifier)
    assert response.headers["location"].startswith(f"http://{GATEWAY}")


async def test_a_visitor_from_another_town_types_the_whole_identifier(
    small_portal: Portal,
) -> None:
    village = small_portal.village
    password_hash = await village.hashing.hash(PASSWORD_OF_BRUNO)
    async with village.database.write("test") as session:
        await citizens.set_password(session, village.bruno, password_hash)
    browser = small_portal.browser()
    visit = await browser.arrive()
    password = PASSWORD_OF_BRUNO.reveal().decode()
    refused = await browser.log_in(visit, "bruno", password)
    assert refused.status_code == 422
    at_the_door = await browser.log_in(visit, "bruno@borgo.example", password)
    assert query_of(at_the_door.headers["location"])["username"] == "bruno@borgo.example"


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ("anna", "anon"),
        ("anna@village.example", "anon@village.example"),
        ("anna@mail.example", "anon@mail.example"),
    ],
)
async def test_nobody_learns_who_has_an_account(
    small_portal: Portal, known: str, unknown: str
) -> None:
    pages = []
    for identifier in (known, unknown):
        browser = small_portal.browser()
        visit = await browser.arrive()
        response = await browser.log_in(visit, identifier, "not the password")
        assert response.status_code == 422
        headers = dict(response.headers) | {"content-length": ""}
        pages.append((response.text.replace(visit, "").replace(f'"{identifier}"', ""), headers))
    assert pages[0] == pages[1]


async def test_an_unknown_realm_is_named_as_what_it_is(small_portal: Portal) -> None:
    browser = small_portal.browser()
    response = await browser.log_in(await browser.arrive(), "anna@elsewhere.example")
    assert "its town is not in our network yet" in response.text


@pytest.mark.parametrize("identifier", ["", "@", "anna@", "anna@.", "@village.example", "a@b"])
async def test_what_is_no_identifier_is_told_so(small_portal: Portal, identifier: str) -> None:
    browser = small_portal.browser()
    response = await browser.log_in(await browser.arrive(), identifier)
    assert response.status_code == 422
    assert "not complete" in response.text


async def test_ten_tries_at_an_identifier_are_enough(portal: Portal) -> None:
    for number in range(10):
        browser = portal.browser()
        visit = await browser.arrive(mac=f"02-00-5E-00-00-{number:02}")
        assert (await browser.log_in(visit, "anna", "wrong")).status_code == 422
    browser = portal.browser()
    visit = await browser.arrive(mac="02-00-5E-00-00-99")
    throttled = await browser.log_in(visit, "anna@village.example")
    assert throttled.status_code == 429
    assert 0 < int(throttled.headers["retry-after"]) <= 900
    portal.village.clock.advance(minutes=15)
    assert (await browser.log_in(visit)).status_code == 303


async def test_the_count_of_tries_does_not_tell_who_has_an_account(small_portal: Portal) -> None:
    answers: list[list[int]] = []
    for name in ("anna", "anon"):
        answers.append([])
        for number in range(24):
            browser = small_portal.browser()
            visit = await browser.arrive(mac=f"02-00-5E-00-00-{number:02}")
            realm = ("", "@village.example", "@mail.example")[number % 3]
            response = await browser.log_in(visit, f"{name}{realm}", "wrong")
            answers[-1].append(response.status_code)
    assert answers[0] == answers[1]
    assert 429 in answers[0]


async def test_changed_terms_are_asked_for_first(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    fields = {"identifier": "anna", "password": "lavender in july"}
    terms = await browser.post(f"{visit}/login", **fields)
    assert f"{visit}/terms" in terms.text
    refused = await browser.post(f"{visit}/terms")
    assert refused.status_code == 422
    accepted = await browser.post(f"{visit}/terms", accept_terms="yes")
    assert accepted.status_code == 303
    anna = await small_portal.citizen("anna@mail.example")
    assert anna is not None
    assert anna.terms_accepted == "village:1"
    assert (await browser.log_in(await browser.arrive())).status_code == 303


async def test_who_is_banned_is_told_so(portal: Portal) -> None:
    village = portal.village
    async with village.database.write("test") as session:
        await citizens.set_state(session, village.anna, CitizenState.BANNED)
    browser = portal.browser()
    denied = await browser.log_in(await browser.arrive())
    assert denied.status_code == 403
    assert "Your access is suspended" in denied.text
