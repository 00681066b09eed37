"""The way by e-mail: a code, a new account, or a log-in without a password."""

import re

import httpx
import pytest

from tests.portal.visitor import GATEWAY, Portal, query_of
from tests.village import PHONE

NEW = "chiara@post.example"


async def test_a_newcomer_gets_online_with_a_code(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    asked = await browser.post(f"{visit}/email", email=f" {NEW.upper()} ")
    assert NEW in asked.text
    account = await browser.post(f"{visit}/code", code=portal.code())
    assert "@village.example" in account.text
    assert 'value="chiara"' in account.text
    at_the_door = await browser.post(f"{visit}/account", name="chiara", accept_terms="yes")
    username = query_of(at_the_door.headers["location"])["username"]
    assert username == "chiara@village.example"
    chiara = await portal.citizen(NEW)
    assert chiara is not None
    assert (chiara.name, chiara.password_hash, chiara.language) == ("chiara", None, "en")
    assert chiara.terms_accepted == "village:1"
    assert f"{PHONE}" not in at_the_door.headers["location"]


async def test_a_citizen_logs_in_with_a_code_alone(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email="bruno@mail.example")
    terms = await browser.post(f"{visit}/code", code=portal.code())
    assert f"{visit}/terms" in terms.text
    at_the_door = await browser.post(f"{visit}/terms", accept_terms="yes")
    assert query_of(at_the_door.headers["location"])["username"] == "bruno@borgo.example"


async def test_a_new_password_serves_next_time(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await proven(small_portal, NEW)
    await browser.post(
        f"{visit}/account", name="chiara", password="basilico e limoni", accept_terms="yes"
    )
    again = await browser.log_in(await browser.arrive(), "chiara", "basilico e limoni")
    assert again.headers["location"].startswith(f"http://{GATEWAY}")


async def test_nobody_learns_which_address_has_an_account(portal: Portal) -> None:
    pages = []
    for email in ("anna@mail.example", "anon@mail.example"):
        browser = portal.browser()
        visit = await browser.arrive()
        await browser.post(f"{visit}/email", email=email)
        pages.append(
            [
                (
                    response.status_code,
                    response.text.replace(visit, "").replace(email, ""),
                    {
                        name: value.replace(visit, "")
                        for name, value in response.headers.items()
                        if name != "content-length"
                    },
                )
                for response in browser.responses[2:]
            ]
        )
    assert len(pages[0]) == 2
    assert pages[0] == pages[1]
    assert len(list(portal.mailbox)) == 2


@pytest.mark.parametrize("email", ["", "anna", "anna@", "@mail.example", "a b@mail.example", "a@b"])
async def test_what_is_no_address_gets_no_code(small_portal: Portal, email: str) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    response = await browser.post(f"{visit}/email", email=email)
    assert response.status_code == 422
    assert "not an e-mail address" in response.text
    assert list(small_portal.mailbox) == []


async def test_a_code_has_five_tries_and_then_none(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=NEW)
    right = portal.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for tries_left in (4, 3, 2, 1):
        refused = await browser.post(f"{visit}/code", code=wrong)
        assert refused.status_code == 422
        assert re.search(rf"You have {tries_left} tr", refused.text)
    spent = await browser.post(f"{visit}/code", code=wrong)
    assert "no longer valid" in spent.text
    assert "no longer valid" in (await browser.post(f"{visit}/code", code=right)).text


async def test_a_code_lasts_twenty_minutes(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=NEW)
    small_portal.village.clock.advance(minutes=20)
    late = await browser.post(f"{visit}/code", code=small_portal.code())
    assert "no longer valid" in late.text


async def test_a_new_code_makes_the_former_void(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=NEW)
    former = small_portal.code()
    await browser.post(f"{visit}/email", email=NEW)
    newest = small_portal.code()
    if former != newest:
        assert (await browser.post(f"{visit}/code", code=former)).status_code == 422
    assert f"{visit}/account" in (await browser.post(f"{visit}/code", code=newest)).text


@pytest.mark.parametrize("write", ["{0} {1}", "{0}-{1}", " {0}{1} "])
async def test_a_code_may_be_typed_with_spaces(small_portal: Portal, write: str) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=NEW)
    code = small_portal.code()
    response = await browser.post(f"{visit}/code", code=write.format(code[:3], code[3:]))
    assert f"{visit}/account" in response.text


async def test_a_code_still_serves_when_the_mini_browser_was_closed(portal: Portal) -> None:
    browser = portal.browser()
    former = await browser.arrive()
    await browser.post(f"{former}/email", email=NEW)
    code = portal.code()
    # The device looks for portals meanwhile, and the NAS redirects each look.
    await portal.browser().arrive()
    portal.village.clock.advance(minutes=5)
    reopened = portal.browser()
    visit = await reopened.arrive()
    assert visit != former
    page = await reopened.get(visit)
    # Anybody may imitate a device's address: they do not learn whose mail it is.
    assert NEW not in page.text
    assert "c***@post.example" in page.text
    assert f"{visit}/account" in (await reopened.post(f"{visit}/code", code=code)).text


async def test_visits_of_one_device_share_the_tries_of_a_code(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visits = [await browser.arrive()]
    await browser.post(f"{visits[0]}/email", email=NEW)
    right = small_portal.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    visits += [await browser.arrive() for _ in range(4)]
    for visit in visits:
        await browser.post(f"{visit}/code", code=wrong)
    assert "no longer valid" in (await browser.post(f"{visits[-1]}/code", code=right)).text


async def test_the_code_is_sent_again_to_a_masked_address(small_portal: Portal) -> None:
    browser = small_portal.browser()
    await browser.post(f"{await browser.arrive()}/email", email=NEW)
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email="c***@post.example")
    assert [message.recipient for message in small_portal.mailbox] == [NEW, NEW]
    response = await browser.post(f"{visit}/code", code=small_portal.code())
    assert f"{visit}/account" in response.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "a"}, "3 to 32 letters"),
        ({"name": "anna"}, "Somebody has this name already"),
        ({"name": "chiara", "password": "short"}, "too short or too easy"),
        ({"name": "chiara", "password": "aaaaaaaaaaaaaaa"}, "too short or too easy"),
        ({"name": "chiara", "accept_terms": ""}, "accept the terms"),
    ],
)
async def test_a_form_that_cannot_be_taken_says_why(
    small_portal: Portal, fields: dict[str, str], says: str
) -> None:
    visit = await proven(small_portal, NEW)
    response = await small_portal.browser().post(
        f"{visit}/account", **{"accept_terms": "yes"} | fields
    )
    assert response.status_code == 422
    assert says in response.text
    assert f'value="{fields["name"]}"' in response.text
    assert await small_portal.citizen(NEW) is None


async def test_a_device_that_was_to_be_remembered_beside_the_code_is_offered_so(
    small_portal: Portal,
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=NEW)
    wrong = f"{(int(small_portal.code()) + 1) % 1_000_000:06}"
    assert ticks(await browser.get(visit)) == []
    assert ticks(await browser.post(f"{visit}/code", code=wrong, remember="yes")) == ["remember"]
    code = small_portal.code()
    assert ticks(await browser.post(f"{visit}/code", code=code, remember="yes")) == ["remember"]


@pytest.mark.parametrize(
    "ticked", [[], ["remember"], ["accept_terms"], ["remember", "accept_terms"]]
)
async def test_a_form_that_cannot_be_taken_keeps_its_ticks(
    small_portal: Portal, ticked: list[str]
) -> None:
    visit = await proven(small_portal, NEW)
    fields = {"name": "anna"} | dict.fromkeys(ticked, "yes")
    assert ticks(await small_portal.browser().post(f"{visit}/account", **fields)) == ticked


async def test_correcting_a_name_does_not_lose_the_password(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await proven(small_portal, NEW)
    fields = {"password": "basilico e limoni", "accept_terms": "yes"}
    taken = await browser.post(f"{visit}/account", name="anna", **fields)
    assert "type your password again" in taken.text
    assert fields["password"] not in taken.text
    assert re.search(r'<input id="password"[^>]* required', taken.text)
    again = {"name": "chiara", "accept_terms": "yes", "wants_password": "yes"}
    assert 'name="wants_password" value="yes"' in taken.text
    missing = await browser.post(f"{visit}/account", **again)
    assert missing.status_code == 422
    assert await small_portal.citizen(NEW) is None
    await browser.post(f"{visit}/account", **again | fields)
    chiara = await small_portal.citizen(NEW)
    assert chiara is not None
    assert chiara.password_hash is not None


async def test_who_wants_no_password_after_all_begins_the_page_anew(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await proven(small_portal, NEW)
    await browser.post(f"{visit}/account", name="chiara", password="short", accept_terms="yes")
    page = await browser.get(visit)
    assert 'name="wants_password"' not in page.text
    assert not re.search(r'<input id="password"[^>]* required', page.text)


async def test_a_taken_name_is_not_suggested(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await proven(small_portal, "anna@post.example")
    assert 'value="anna2"' in (await browser.get(visit)).text


async def test_an_account_needs_a_proven_address(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    response = await browser.post(f"{visit}/account", name="chiara", accept_terms="yes")
    assert f"{visit}/email" in response.text
    assert response.status_code == 200


async def test_reload_and_back_find_the_step_again(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await proven(small_portal, NEW)
    for _ in range(2):
        assert f"{visit}/account" in (await browser.get(visit)).text
    small_portal.village.clock.advance(minutes=16)
    assert f"{visit}/email" in (await browser.get(visit)).text


@pytest.mark.parametrize(
    "step", ["email", "code", "login", "account", "terms", "log-out", "forget"]
)
async def test_the_address_of_a_form_that_is_opened_again_leads_to_the_visit(
    small_portal: Portal, step: str
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.get(f"{visit}/{step}")
    assert [response.status_code for response in browser.responses[-2:]] == [303, 200]
    assert page.url.path == visit


async def test_below_a_visit_there_is_nothing_else(small_portal: Portal) -> None:
    browser = small_portal.browser()
    assert (await browser.get(f"{await browser.arrive()}/anything")).status_code == 404


async def test_five_codes_an_hour_for_one_address(portal: Portal) -> None:
    browser = portal.browser()
    visits = [await browser.arrive(mac=f"02-00-5E-00-00-{number:02}") for number in range(6)]
    for visit in visits[:5]:
        assert (await browser.post(f"{visit}/email", email=NEW)).status_code == 200
    visit = visits[5]
    throttled = await browser.post(f"{visit}/email", email=NEW)
    assert throttled.status_code == 429
    assert "retry-after" in throttled.headers
    assert len(list(portal.mailbox)) == 5


async def test_ten_codes_an_hour_for_one_device(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    answers = [
        (await browser.post(f"{visit}/email", email=f"chiara{number}@post.example")).status_code
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]


async def test_without_a_mail_server_nobody_is_offered_mail(small_portal: Portal) -> None:
    browser = small_portal.browser(small_portal.without_mail())
    visit = await browser.arrive()
    assert f"{visit}/email" not in (await browser.get(visit)).text
    assert (await browser.post(f"{visit}/email", email=NEW)).status_code == 422


def ticks(page: httpx.Response) -> list[str]:
    """The names of the boxes that a page shows ticked."""
    return re.findall(r'<input type="checkbox" id="(\w+)"[^>]* checked', page.text)


async def proven(portal: Portal, email: str) -> str:
    """A visit whose address is proven."""
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email=email)
    await browser.post(f"{visit}/code", code=portal.code())
    return visit
