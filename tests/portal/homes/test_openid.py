"""A partner's citizen goes home, logs in there, and comes back a visitor."""

from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwt
from sqlalchemy import select, update

from aaa.model import Visitor
from aaa.policies import Scope
from aaa.policy import DenyReason
from aaa.snapshot import touch
from federation import partners
from federation.directory import PartnerEntry
from federation.model import Membership
from federation.trust.statements import ALGORITHM
from portal import retention
from portal.app import create_app
from portal.homes.openid import LIFETIME
from portal.model import HomeVisit
from tests.federation.members import ENTITY
from tests.portal.homes import provider as providing
from tests.portal.homes.provider import CODE, REALM, Provider, refresh
from tests.portal.visitor import PUBLIC_URL, Browser, Portal, query_of

pytestmark = pytest.mark.usefixtures("liguria")


async def go_home(browser: Browser, visit: str) -> str:
    """Pick the home in the list; return where the browser is sent."""
    page = await browser.get(f"{visit}/home")
    assert f'href="{visit}/home/liguria"' in page.text
    sent = await browser.get(f"{visit}/home/liguria")
    assert sent.status_code == 303
    return sent.headers["location"]


async def visitors_of(portal: Portal) -> list[Visitor]:
    async with portal.village.database.read("test") as session:
        return list(await session.scalars(select(Visitor)))


async def test_home_and_back_online(small_portal: Portal, liguria: Provider) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    url = await go_home(browser, visit)
    answer = await browser.get(liguria.authorize(url))
    # What was asked there, by the standard.
    asked = liguria.asked
    assert asked["response_type"] == "code"
    assert asked["client_id"] == PUBLIC_URL
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert asked["ui_locales"] == "en"
    assert asked["operator_name"] == "1village.example"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    # The gateway is told a pseudonym, and a ticket of its own.
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?")
    (visitor,) = await visitors_of(small_portal)
    told = query_of(answer.headers["location"])
    assert told["username"] == visitor.user_name
    assert visitor.user_name.endswith(f"@{REALM}")
    assert (visitor.home_class, visitor.cui) == (b"a sealed class", b"a pseudonym")
    ticket, _ = await small_portal.newest_ticket()
    assert (ticket.citizen_id, ticket.visitor_id) == (None, visitor.id)


async def test_we_prove_ourselves_by_our_key(small_portal: Portal, liguria: Provider) -> None:
    browser = small_portal.browser()
    url = await go_home(browser, await browser.arrive())
    await browser.get(liguria.authorize(url))
    (form,) = liguria.redeemed
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == CODE
    assert form["client_id"] == PUBLIC_URL
    assertion = jwt.decode(
        form["client_assertion"], providing.keys_of(small_portal), algorithms=[ALGORITHM]
    ).claims
    assert (assertion["iss"], assertion["sub"], assertion["aud"]) == (
        PUBLIC_URL,
        PUBLIC_URL,
        ENTITY,
    )
    assert assertion["exp"] - assertion["iat"] == 60
    assert len(assertion["jti"]) >= 16


@pytest.mark.parametrize(
    "typed", ["giulia@liguria.example", "giulia@Liguria", "giulia@zena", "giulia＠liguria.example"]
)
async def test_an_identifier_typed_among_ours_leads_home_without_its_password(
    small_portal: Portal, liguria: Provider, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        raise AssertionError("a partner's password was checked here")

    monkeypatch.setattr(small_portal.parts.hashing, "verify", never)
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.post(f"{visit}/login", identifier=typed, password="basil and pine nuts")
    assert page.status_code == 200
    assert "Regione Liguria" in page.text
    assert "basil and pine nuts" not in page.text
    # A link, since a form may lead to the portal and the gateway alone.
    link = page.text.split(f'href="{ENTITY}', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    hint = "genova.example" if "zena" in typed else "liguria.example"
    assert query_of(ENTITY + link)["login_hint"] == f"giulia@{hint}"
    answer = await browser.get(liguria.authorize(ENTITY + link))
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?")


async def test_another_browser_may_come_back(small_portal: Portal, liguria: Provider) -> None:
    mini, other = small_portal.browser(), small_portal.browser()
    visit = await mini.arrive()
    url = await go_home(mini, visit)
    answer = await other.get(liguria.authorize(url))
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?")
    # It takes the visit with it: who began it may have sent somebody else home.
    assert (await mini.get(visit)).status_code == 410
    moved = str(other.responses[-1].url.path)
    assert moved.startswith("/visit/")
    assert moved != visit


async def test_a_ticket_that_fails_is_not_replaced_for_whoever_asks(
    small_portal: Portal, liguria: Provider
) -> None:
    mini, other = small_portal.browser(), small_portal.browser()
    url = await go_home(mini, await mini.arrive())
    await other.get(liguria.authorize(url))
    failed = await mini.get(
        "/at/square/?res=failed&uamip=10.1.0.1&uamport=3990&mac=02-00-5E-00-53-01&challenge=aa"
    )
    assert failed.status_code == 422
    assert "/logon" not in failed.text


async def test_a_state_serves_once_and_in_time(small_portal: Portal, liguria: Provider) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    late = await go_home(browser, visit)
    back = liguria.authorize(await go_home(browser, visit))
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 410
    small_portal.village.clock.advance(seconds=LIFETIME.total_seconds())
    assert (await browser.get(liguria.authorize(late))).status_code == 410
    assert (await browser.get("/federation/callback?code=x&iss=y")).status_code == 410
    assert (await browser.get(f"/federation/callback?state={'x' * 5000}")).status_code == 410
    assert len(liguria.redeemed) == 1
    # What is late is forgotten.
    small_portal.village.clock.advance(seconds=1)
    async with small_portal.village.database.write("test") as session:
        await retention.purge(session, small_portal.village.clock())
        assert list(await session.scalars(select(HomeVisit))) == []


async def test_the_place_decides_first(small_portal: Portal, liguria: Provider) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    back = liguria.authorize(await go_home(browser, visit))
    here = Scope(hotspot_id=small_portal.village.square.hotspot.id)
    await small_portal.village.limit(here, opening_hours="sun 08:00-09:00")
    refused = await browser.get(f"{visit}/home/liguria")
    assert refused.status_code == 403
    assert "The Wi-Fi is closed for now" in refused.text
    # Also to whom it closed while they were at home.
    refused = await browser.get(back)
    assert "The Wi-Fi is closed for now" in refused.text


async def test_a_suspended_partner_is_no_home(small_portal: Portal, liguria: Provider) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    back = liguria.authorize(await go_home(browser, visit))
    async with small_portal.village.database.write("test") as session:
        await partners.suspend(session, await partners.by_name(session, "liguria"))
    await refresh(small_portal)
    assert f"{visit}/home/liguria" not in (await browser.get(f"{visit}/home")).text
    for answer in (
        await browser.get(f"{visit}/home/liguria"),
        await browser.get(back),
        await browser.log_in(visit, "giulia@liguria.example"),
    ):
        assert answer.status_code == 403
        assert "are not connected at the moment" in answer.text
    assert liguria.redeemed == []


async def test_new_keys_are_looked_at_once(small_portal: Portal, liguria: Provider) -> None:
    """The provider has begun to sign by a key that we have not seen yet."""
    former, renewals = liguria.key, []

    async def renew(partner: PartnerEntry) -> bool:
        renewals.append(partner.name)
        async with small_portal.village.database.write("test") as session:
            statement = liguria.statement(former, liguria.key)
            await session.execute(update(Membership).values(statement=statement))
            await touch(session)
        return True

    small_portal.app = create_app(replace(small_portal.parts, renew_partner=renew))
    browser = small_portal.browser()
    liguria.key = providing.new_key("second")
    back = liguria.authorize(await go_home(browser, await browser.arrive()))
    assert (await browser.get(back)).headers["location"].startswith("http://10.1.0.1")
    assert renewals == ["liguria"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("access_denied", DenyReason.HOME_REFUSED),
        ("temporarily_unavailable", DenyReason.HOME_UNREACHABLE),
        ("unsupported_response_type", DenyReason.HOME_ANSWER_UNUSABLE),
    ],
)
async def test_a_home_that_says_no(
    small_portal: Portal, liguria: Provider, error: str, reason: DenyReason
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    back = liguria.authorize(await go_home(browser, visit), error=error, code="")
    answer = await browser.get(back)
    assert answer.status_code == 403
    codes = {
        DenyReason.HOME_REFUSED: "306",
        DenyReason.HOME_UNREACHABLE: "304",
        DenyReason.HOME_ANSWER_UNUSABLE: "307",
    }
    assert f'<strong class="help-code">{codes[reason]}</strong>' in answer.text
    # From there one may try again, in the same visit.
    assert f'href="{visit}"' in answer.text
    assert (await browser.get(visit)).status_code == 200
    assert liguria.redeemed == []


async def test_bounds_of_the_home_are_kept(small_portal: Portal, liguria: Provider) -> None:
    liguria.claims = {"session_timeout": 1200, "idle_timeout": 60, "cui": None}
    browser = small_portal.browser()
    await browser.get(liguria.authorize(await go_home(browser, await browser.arrive())))
    (visitor,) = await visitors_of(small_portal)
    assert (visitor.session_seconds, visitor.idle_seconds, visitor.cui) == (1200, 60, None)
    assert visitor.expires_at - visitor.created_at == timedelta(hours=24)
