"""A citizen logs in at home for a partner's portal: what they are asked, and what comes of it."""

from dataclasses import replace

import httpx
import pytest

from aaa import citizens, session_owner
from aaa.authentication import Method
from aaa.model import CitizenState
from aaa.policies import Scope
from aaa.secret import Secret
from aaa.session_owner import SessionOwner
from monitoring import metrics
from monitoring.federation_metrics import openid_requests
from portal import throttling
from portal.openid.flow import LIFETIME
from portal.openid.parameters import Error
from tests.portal.openid.relying import (
    NONCE,
    STATE,
    RelyingParty,
    log_in,
    query_of,
    sign_in_of,
    way_back,
)
from tests.portal.visitor import PUBLIC_URL, Browser

PASSWORD = "lavender in july"


async def _ban(party: RelyingParty, state: CitizenState = CitizenState.BANNED) -> None:
    village = party.portal.village
    async with village.database.write("test") as session:
        await citizens.set_state(session, village.anna, state)


async def _by_code(party: RelyingParty, browser: Browser, email: str) -> httpx.Response:
    page = await browser.get(party.url())
    page = await browser.post(f"{sign_in_of(page)}/email", email=email)
    return await browser.post(f"{sign_in_of(page)}/code", code=party.portal.code())


async def test_the_page_shows_who_asks(small_liguria: RelyingParty) -> None:
    page = await small_liguria.portal.browser().get(small_liguria.url())
    assert page.status_code == 200
    assert "Regione Liguria" in page.text
    assert 'src="data:image/svg+xml;base64,' in page.text
    assert "set-cookie" not in page.headers


async def test_a_code_by_mail_logs_in(liguria: RelyingParty) -> None:
    browser = liguria.portal.browser()
    page = await _by_code(liguria, browser, "anna@mail.example")
    page = await browser.post(f"{sign_in_of(page)}/terms", accept_terms="yes")
    page = await browser.post(f"{sign_in_of(page)}/consent")
    token = await liguria.id_token(query_of(way_back(page))["code"])
    assert token.claims["amr"] == ["otp"]


async def test_who_is_new_becomes_a_citizen_on_the_way(liguria: RelyingParty) -> None:
    browser = liguria.portal.browser()
    page = await _by_code(liguria, browser, "chiara@post.example")
    assert "@hills.example" in page.text
    page = await browser.post(f"{sign_in_of(page)}/account", name="chiara", accept_terms="yes")
    page = await browser.post(f"{sign_in_of(page)}/consent")
    token = await liguria.id_token(query_of(way_back(page))["code"])
    assert token.claims["realm"] == "hills.example"
    chiara = await liguria.portal.citizen("chiara@post.example")
    assert chiara is not None
    assert chiara.language == "en"


async def test_the_realm_that_was_typed_there_says_whose_pages_these_are(
    small_liguria: RelyingParty,
) -> None:
    browser = small_liguria.portal.browser()
    named = await browser.get(small_liguria.url(login_hint="Anna@Village.Example"))
    assert "Saint-Aubin-des-Lavandes" in named.text
    assert 'value="Anna@Village.Example"' in named.text
    bare = await browser.post(f"{sign_in_of(named)}/login", identifier="anna", password=PASSWORD)
    assert f"{sign_in_of(bare)}/terms" in bare.text
    of_a_realm = await browser.get(small_liguria.url(login_hint="@village.example"))
    assert "name@village.example" in of_a_realm.text
    assert 'value="@' not in of_a_realm.text
    elsewhere = await browser.get(small_liguria.url(login_hint="anna@elsewhere.example"))
    assert "Pays des Collines" in elsewhere.text


@pytest.mark.parametrize(("wished", "shown"), [("it-IT fr", "it"), ("de fr", "fr"), ("de", "en")])
async def test_it_speaks_as_the_partner_did(
    small_liguria: RelyingParty, wished: str, shown: str
) -> None:
    browser = small_liguria.portal.browser()
    page = await browser.get(small_liguria.url(ui_locales=wished))
    assert page.headers["content-language"] == shown
    other = await browser.get(f"{sign_in_of(page)}?lang=fr")
    assert other.headers["content-language"] == "fr"
    again = await browser.get(sign_in_of(page))
    assert again.headers["content-language"] == "fr"


async def test_consent_is_asked_for_once(liguria: RelyingParty) -> None:
    browser = liguria.portal.browser()
    page = await log_in(browser, await browser.get(liguria.url()))
    assert query_of(way_back(page))["code"]
    again = await browser.get(liguria.url())
    again = await browser.post(
        f"{sign_in_of(again)}/login", identifier="anna@village.example", password=PASSWORD
    )
    assert query_of(way_back(again))["code"]
    asked = await browser.get(liguria.url(prompt="consent"))
    asked = await browser.post(
        f"{sign_in_of(asked)}/login", identifier="anna@village.example", password=PASSWORD
    )
    assert f"{sign_in_of(asked)}/consent" in asked.text
    agreed = await browser.post(f"{sign_in_of(asked)}/consent")
    assert query_of(way_back(agreed))["code"]


async def test_no_consent_no_code(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    page = await browser.get(small_liguria.url())
    page = await browser.post(
        f"{sign_in_of(page)}/login", identifier="anna@village.example", password=PASSWORD
    )
    page = await browser.post(f"{sign_in_of(page)}/terms", accept_terms="yes")
    assert "never tell" in page.text
    back = await browser.client.get(f"{sign_in_of(page)}/leave")
    assert query_of(back.headers["location"]) == {
        "error": "access_denied",
        "state": STATE,
        "iss": PUBLIC_URL,
    }


async def test_who_may_not_connect_is_told_here_first(liguria: RelyingParty) -> None:
    await _ban(liguria)
    browser = liguria.portal.browser()
    counter = openid_requests.labels("authorize", "access_denied")
    denials = metrics.denials.labels("village", "banned", "portal")
    before, refused = counter._value.get(), denials._value.get()
    denied = await log_in(browser, await browser.get(liguria.url()))
    assert denied.status_code == 403
    assert "Your access is suspended" in denied.text
    assert denials._value.get() == refused + 1
    back = await browser.client.get(f"{sign_in_of(denied)}/leave")
    assert query_of(back.headers["location"])["error"] == "access_denied"
    assert counter._value.get() == before + 1


async def test_the_policy_for_the_partners_places_holds(liguria: RelyingParty) -> None:
    village = liguria.portal.village
    partner = liguria.portal.parts.partners.current.by_name["liguria"]
    scope = Scope(hotspot_id=partner.hotspot.id)
    await village.limit(scope, session_seconds="600", idle_seconds="120")
    await liguria.portal.parts.partners.renew()
    token = await liguria.id_token(await liguria.log_in(liguria.portal.browser()))
    assert token.claims["session_timeout"] == 600
    assert token.claims["idle_timeout"] == 120


async def test_who_is_banned_meanwhile_gets_no_token(liguria: RelyingParty) -> None:
    code = await liguria.log_in(liguria.portal.browser())
    await _ban(liguria)
    refused = await liguria.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_the_class_leads_accounting_to_the_citizen(small_liguria: RelyingParty) -> None:
    village = small_liguria.portal.village
    token = await small_liguria.id_token(await small_liguria.log_in(small_liguria.portal.browser()))
    sealed = token.claims["radius_class"].encode()
    owner = session_owner.unseal(village.keyring, sealed)
    assert owner == SessionOwner(Method.OPENID, village.anna, None)


async def test_whoever_had_somebody_else_log_in_gets_nothing(liguria: RelyingParty) -> None:
    """The address that they know leads nowhere once the citizen is proven."""
    browser, watcher = liguria.portal.browser(), liguria.portal.browser()
    begun = await watcher.get(liguria.url())
    page = await browser.post(
        f"{sign_in_of(begun)}/login", identifier="anna@village.example", password=PASSWORD
    )
    assert sign_in_of(page) != sign_in_of(begun)
    assert (await watcher.get(sign_in_of(begun))).status_code == 410


async def test_a_log_in_is_over_after_its_time_and_its_code(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    begun = await browser.get(small_liguria.url())
    page = await log_in(browser, await browser.get(small_liguria.url()))
    code = query_of(way_back(page))["code"]
    same = await browser.get(sign_in_of(page))
    assert query_of(way_back(same))["code"] == code
    small_liguria.portal.village.clock.advance(seconds=61)
    newer = query_of(way_back(await browser.get(sign_in_of(page))))["code"]
    assert newer != code
    assert (await small_liguria.redeem(code)).status_code == 400
    assert (await small_liguria.redeem(newer)).status_code == 200
    assert (await browser.get(sign_in_of(page))).status_code == 410
    small_liguria.portal.village.clock.advance(seconds=LIFETIME.total_seconds())
    assert (await browser.get(sign_in_of(begun))).status_code == 410


async def test_nobody_elses_log_in_is_of_use_where_one_was_named(liguria: RelyingParty) -> None:
    """Core section 3.1.2.1: id_token_hint."""
    portal = liguria.portal
    token = (await liguria.id_token(await liguria.log_in(portal.browser()))).token
    portal.village.clock.advance(days=1)
    code = await liguria.log_in(portal.browser(), id_token_hint=token)
    assert (await liguria.redeem(code)).status_code == 200
    village = portal.village
    async with village.database.write("test") as session:
        await citizens.set_password(
            session, village.bruno, await village.hashing.hash(Secret(PASSWORD))
        )
    browser = portal.browser()
    page = await browser.get(liguria.url(id_token_hint=token))
    other = await log_in(browser, page, "bruno@borgo.example")
    assert query_of(way_back(other))["error"] == Error.LOGIN_REQUIRED
    elsewhere = RelyingParty(portal, "piemonte")
    await elsewhere.join()
    refused = await browser.client.get(elsewhere.url(id_token_hint=token))
    assert query_of(refused.headers["location"])["error"] == Error.INVALID_REQUEST


async def test_an_address_is_not_flooded(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    for _ in range(5):
        page = await browser.get(small_liguria.url())
        sent = await browser.post(f"{sign_in_of(page)}/email", email="anna@mail.example")
        assert sent.status_code == 200
    page = await browser.get(small_liguria.url())
    refused = await browser.post(f"{sign_in_of(page)}/email", email="anna@mail.example")
    assert refused.status_code == 429
    assert f'href="{sign_in_of(page)}"' in refused.text


async def test_one_source_begins_no_more_than_its_share(
    small_liguria: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each beginning costs a row."""
    few = replace(throttling.SIGN_INS_PER_SOURCE, most=1)
    monkeypatch.setattr(throttling, "SIGN_INS_PER_SOURCE", few)
    client = small_liguria.portal.browser().client
    assert (await client.get(small_liguria.url())).status_code == 303
    refused = await client.get(small_liguria.url())
    assert (refused.status_code, refused.headers.get("location")) == (429, None)


async def test_mistakes_are_shown_where_they_were_made(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    here = sign_in_of(await browser.get(small_liguria.url()))
    for path, fields, told in (
        ("email", {"email": "anna@"}, "not an e-mail address"),
        ("login", {"identifier": "anna@village.example", "password": "no"}, "is not right"),
        ("login", {"identifier": "anna@borgo.elsewhere", "password": "no"}, "not in our network"),
        ("code", {"code": "123456"}, "no longer valid"),
    ):
        page = await browser.post(f"{here}/{path}", **fields)
        assert page.status_code == 422
        assert told in page.text
        assert "Regione Liguria" in page.text
    await browser.post(f"{here}/email", email="anna@mail.example")
    wrong = await browser.post(f"{here}/code", code="no code")
    assert (wrong.status_code, "4 tries" in wrong.text) == (422, True)
    for step in ("email", "code", "login", "account", "terms", "consent"):
        assert (await browser.get(f"{here}/{step}")).status_code == 200
    assert (await browser.get(f"{here}/elsewhere")).status_code == 404


async def test_steps_that_are_not_due_change_nothing(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    here = sign_in_of(await browser.get(small_liguria.url()))
    for step in ("account", "terms", "consent"):
        page = await browser.post(f"{here}/{step}", name="eva", accept_terms="yes")
        assert sign_in_of(page) == here
        assert f'action="{here}/email"' in page.text


async def test_another_address_unproves_who_it_was(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    page = await log_in(browser, await browser.get(small_liguria.url()))
    asked = await browser.post(f"{sign_in_of(page)}/email", email="bruno@mail.example")
    assert f'action="{sign_in_of(page)}/code"' in asked.text
    assert "http-equiv" not in asked.text


async def test_without_mail_the_password_remains(small_liguria: RelyingParty) -> None:
    portal = small_liguria.portal
    page = await portal.browser(portal.without_mail()).get(small_liguria.url())
    assert "cannot send any e-mail" in page.text
    assert '<details class="card" open>' in page.text


async def test_a_notice_leads_back(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    here = sign_in_of(await browser.get(small_liguria.url()))
    notice = await browser.get(f"{here}/notice/privacy")
    assert f'<a href="{here}">Back to the log-in</a>' in notice.text


async def test_the_log_holds_neither_names_nor_what_is_secret(
    small_liguria: RelyingParty, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await small_liguria.log_in(
        small_liguria.portal.browser(), login_hint="anna@village.example"
    )
    await small_liguria.redeem(code)
    await small_liguria.redeem(code)
    written = capsys.readouterr().out
    assert "openid request refused" in written
    for secret in (code, STATE, NONCE, "anna", PASSWORD):
        assert secret not in written
