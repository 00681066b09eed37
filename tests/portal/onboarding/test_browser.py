"""In a real browser, as a phone: from "you are online" to a profile that was downloaded."""

import asyncio
import plistlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize, async_playwright

from monitoring.server import WebServer
from tests import counterparts
from tests.portal.onboarding.visitors import ANDROID, IPHONE, IPHONE_WINDOW, browser
from tests.portal.test_look import ARGUMENTS
from tests.portal.visitor import Portal

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("portal-look")]

PHONE = ViewportSize(width=390, height=844)


@asynccontextmanager
async def served(portal: Portal) -> AsyncIterator[str]:
    """Where the portal answers while the context is open."""
    server = WebServer(portal.app, "127.0.0.1", 0, finish_seconds=1)
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        with suppress(asyncio.CancelledError):
            await serving


@asynccontextmanager
async def chromium(agent: str) -> AsyncIterator[Page]:
    """A page of a browser that calls itself ``agent``, and keeps what it downloads."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=counterparts.require("chromium"), args=ARGUMENTS
        )
        context = await opened.new_context(user_agent=agent, viewport=PHONE, locale="fr-FR")
        yield await context.new_page()
        await opened.close()


async def online(portal: Portal) -> str:
    """The status page of a visit that has logged in."""
    opened = browser(portal, ANDROID)
    visit = await opened.arrive()
    await opened.log_in(visit)
    await portal.serve_ticket()
    await portal.start_session()
    return f"{visit}/status"


async def violations(page: Page) -> list[str]:
    response = (await Axe().run(page)).response
    return [
        f"{violation['id']}: {node['html']}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]


async def test_a_phone_goes_from_online_to_a_profile_and_back(
    small_secure: Portal, tmp_path: Path
) -> None:
    status = await online(small_secure)
    async with served(small_secure) as base, chromium(IPHONE) as page:
        await page.goto(f"{base}{status}")
        await page.get_by_role("button", name="Configurer mon appareil").click()
        field = page.get_by_label("Comment appelez-vous cet appareil")
        assert await field.input_value() == "iPhone"
        assert await violations(page) == []
        await field.fill("Téléphone d’Anna")
        await page.get_by_role("button", name="Créer mon profil").click()
        heading = await page.get_by_role("heading", level=1).text_content()
        assert (
            heading
            == "Le profil de l’appareil «\N{NO-BREAK SPACE}Téléphone d’Anna\N{NO-BREAK SPACE}»"
        )
        assert await violations(page) == []
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Installer le profil").click()
        download = await downloading.value
        assert download.suggested_filename.endswith(".mobileconfig")
        saved = tmp_path / "profile"
        await download.save_as(saved)
        content = saved.read_bytes()
        start, end = content.index(b"<?xml"), content.index(b"</plist>") + len(b"</plist>")
        assert plistlib.loads(content[start:end])["PayloadType"] == "Configuration"
        await page.get_by_role("link", name="Retour à vos appareils").click()
        await page.get_by_role("link", name="Téléphone d’Anna").click()
        await page.get_by_text("Le retirer de la liste").first.click()
        assert await violations(page) == []
        await page.get_by_role("button", name="Le retirer de la liste").click()
        assert await page.get_by_text("Téléphone d’Anna").count() == 0


async def test_a_captive_window_shows_an_address_that_another_browser_takes(
    small_secure: Portal,
) -> None:
    status = await online(small_secure)
    async with served(small_secure) as base, chromium(IPHONE_WINDOW) as page:
        await page.goto(f"{base}{status}")
        await page.get_by_role("button", name="Configurer mon appareil").click()
        assert await page.get_by_role("button", name="Créer mon profil").count() == 0
        assert await violations(page) == []
        short = await page.locator("strong.short").first.text_content()
        assert short
        link = page.url
        async with chromium(IPHONE) as safari:
            await safari.goto(f"{base}{short.removeprefix('wifi.example')}")
            assert safari.url == link
            assert await safari.get_by_role("button", name="Créer mon profil").count() == 1
