"""The pages outside any visit."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import update

from aaa import retention as records
from aaa.model import Collectivity
from aaa.snapshot import touch
from portal.captive.flow import STATUS_LIFETIME
from tests.federation import partnering
from tests.portal.visitor import Portal

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


async def test_the_portal_opened_by_hand_says_how_to_get_online(small_portal: Portal) -> None:
    browser = small_portal.browser()
    home = (await browser.get("/")).text
    assert "You are not behind one of our access points" in home
    assert "<title>Free Wi-Fi, one identifier everywhere · Public Wi-Fi</title>" in home
    assert "Saint-Aubin" in (await browser.get("/?at=square")).text
    assert (await browser.get("/?at=%00nowhere&at=2")).status_code == 200


async def test_what_stands_for_a_partner_is_no_place(small_portal: Portal) -> None:
    await partnering.add(small_portal.village)
    await small_portal.village.directory.refresh()
    browser = small_portal.browser()
    for path in ("/", "/notice/terms", "/secure"):
        assert "Regione Liguria" not in (await browser.get(f"{path}?at=liguria")).text
    assert (await browser.get("/at/liguria/")).status_code == 404
    assert (await browser.get("/enter/liguria")).status_code == 404


@pytest.mark.parametrize("kind", ["terms", "privacy", "accessibility"])
async def test_the_notices_are_read_in_a_visit_and_without(small_portal: Portal, kind: str) -> None:
    browser = small_portal.browser()
    assert (await browser.get(f"/notice/{kind}")).status_code == 200
    assert "Saint-Aubin" in (await browser.get(f"/notice/{kind}?at=library")).text
    visit = await browser.arrive()
    assert f'href="{visit}"' in (await browser.get(f"{visit}/notice/{kind}")).text


async def test_the_notice_of_privacy_promises_what_housekeeping_does(small_portal: Portal) -> None:
    page = (await small_portal.browser().get("/notice/privacy?at=square")).text
    assert timedelta(days=365) == records.KEPT
    assert "1 year, then all of it is deleted" in page
    assert timedelta(days=2) >= STATUS_LIFETIME + timedelta(hours=1)
    assert "two days at most" in page
    assert not re.search("5 years|3 months|does not learn", page)


async def test_there_are_no_other_notices(small_portal: Portal) -> None:
    assert (await small_portal.browser().get("/notice/cookies")).status_code == 404


async def test_a_collectivity_dresses_its_pages(small_portal: Portal) -> None:
    village, browser = small_portal.village, small_portal.browser()
    async with village.database.write("test") as session:
        await session.execute(
            update(Collectivity)
            .where(Collectivity.slug == "village")
            .values(colour="#6a3d9a", logo_svg=LOGO)
        )
        await touch(session)
    await village.directory.refresh()
    page = await browser.get("/?at=square")
    assert "/colour/6a3d9a.css" in page.text
    colour = await browser.get("/colour/6a3d9a.css")
    assert colour.headers["content-type"].startswith("text/css")
    assert "#6a3d9a" in colour.text
    assert "max-age" in colour.headers["cache-control"]
    logo = await browser.get("/logo/village.svg")
    assert logo.headers["content-type"].startswith("image/svg+xml")
    assert ElementTree.fromstring(logo.text).tag.endswith("svg")


@pytest.mark.parametrize("path", ["/colour/red.css", "/logo/borgo.svg", "/logo/none.svg"])
async def test_what_does_not_dress_is_not_there(small_portal: Portal, path: str) -> None:
    assert (await small_portal.browser().get(path)).status_code == 404
