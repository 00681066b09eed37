"""The way to the log-in for a phone that the Captive Portal API has told it."""

from urllib.parse import urlsplit

import pytest
from sqlalchemy import update

from aaa.model import Nas
from aaa.snapshot import touch
from tests.portal.visitor import PUBLIC_URL, Portal, redirect, signed, visit_in
from tests.village import PHONE

NEXT_GATEWAY = "10.2.0.1"


async def refreshed(portal: Portal) -> str:
    """Let the portal see what has changed; return the revision."""
    return (await portal.village.directory.refresh()).revision


async def test_the_captive_portal_api_leads_to_the_log_in(portal: Portal) -> None:
    await portal.browser().get(signed(redirect("signing")))
    await refreshed(portal)
    portal.village.clock.advance(days=5)
    browser = portal.browser()
    state = (await browser.get(f"/api/captive/signing/{PHONE}")).json()
    assert (state["captive"], state["user-portal-url"]) == (True, f"{PUBLIC_URL}/enter/signing")
    to_the_gateway = await browser.get(urlsplit(state["user-portal-url"]).path)
    assert to_the_gateway.status_code == 303
    assert to_the_gateway.headers["location"] == "http://10.1.0.1:3990/prelogin"
    assert visit_in(await browser.get(signed(redirect("signing"))))


async def test_who_is_online_comes_to_the_status_page_by_the_gateway(portal: Portal) -> None:
    browser = portal.browser()
    visit = visit_in(await browser.get(signed(redirect("signing"))))
    await browser.log_in(visit)
    await portal.serve_ticket()
    await portal.start_session("signing")
    state = (await browser.get(f"/api/captive/signing/{PHONE}")).json()
    assert state["captive"] is False
    # Whoever has seen the phone's address may ask, and must not be given its visit.
    assert state["user-portal-url"] == f"{PUBLIC_URL}/enter/signing"
    online = await browser.get(signed(redirect("signing", res="already")))
    assert online.url.path == f"{visit}/status"


async def test_the_entry_is_written_only_when_it_changes(portal: Portal) -> None:
    browser = portal.browser()
    before = await refreshed(portal)
    await browser.get(signed(redirect("signing")))
    outdated, learned = portal.village.snapshot, await refreshed(portal)
    assert learned != before
    await browser.get(signed(redirect("signing", res="success", challenge="ff" * 16)))
    # Nor by a process that has not seen the change yet.
    portal.village.directory.current = outdated
    await browser.get(signed(redirect("signing")))
    assert await refreshed(portal) == learned
    await browser.get(signed(redirect("signing", uamip=NEXT_GATEWAY, uamport="3991")))
    assert await refreshed(portal) != learned
    entered = await browser.get("/enter/signing")
    assert entered.headers["location"] == f"http://{NEXT_GATEWAY}:3991/prelogin"


@pytest.mark.parametrize(
    "url",
    [
        redirect("square"),
        redirect("signing"),
        f"{redirect('signing')}&md={'0' * 32}",
        signed(redirect("signing", uamip="8.8.8.8")),
        signed(redirect("masking")),
    ],
)
async def test_an_entry_is_learned_from_nothing_else(small_portal: Portal, url: str) -> None:
    before = await refreshed(small_portal)
    browser = small_portal.browser()
    await browser.get(url)
    assert await refreshed(small_portal) == before
    for nas in ("square", "signing", "masking"):
        assert (await browser.get(f"/enter/{nas}")).status_code == 200


@pytest.mark.parametrize("nas", ["square", "posting"])
async def test_without_an_entry_a_page_says_how_to_be_redirected(
    small_portal: Portal, nas: str
) -> None:
    browser = small_portal.browser()
    page = await browser.get(f"/enter/{nas}")
    assert page.status_code == 200
    assert 'href="http://example.com/"' in page.text
    assert "join it again" in page.text
    assert "Saint-Aubin" in page.text
    assert "Ouvrir la page de connexion" in (await browser.get(f"/enter/{nas}?lang=fr")).text


async def test_an_entry_beyond_the_log_in_host_is_not_used(small_portal: Portal) -> None:
    browser = small_portal.browser()
    await browser.get(signed(redirect("signing")))
    async with small_portal.village.database.write("test") as session:
        narrowed = update(Nas).where(Nas.name == "signing").values(login_host="gateway.example")
        await session.execute(narrowed)
        await touch(session)
    await refreshed(small_portal)
    assert "example.com" in (await browser.get("/enter/signing")).text


async def test_a_nas_that_is_unknown_has_no_entry(small_portal: Portal) -> None:
    assert (await small_portal.browser().get("/enter/nowhere")).status_code == 404
