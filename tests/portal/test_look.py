"""In a real browser, under the portal's content policy: accessible, and nothing beyond the edge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, ViewportSize, sync_playwright

from portal.protection import CONTENT_POLICY
from tests import counterparts
from tests.portal.shown import LOOKS, serve, show

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("portal-look")]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONTRAST = {"runOnly": ["color-contrast"]}
# Denials differ in words only: one of each side is looked at.
AUDITED = [
    look
    for look in LOOKS
    if not look.startswith(("denied", "redirect"))
    or look in {"denied, closed", "denied, outside_hours", "denied, too_many_devices"}
]


class Window:
    """A browser window that is served from memory; ``complaints`` is what its console says."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._html = ""
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.route("**/*", self._answer)

    def open(self, look: str, language: str) -> Page:
        """Show a look; a page that goes on by itself stays."""
        self._html = show(look, language).replace("http-equiv", "data-http-equiv")
        self.complaints.clear()
        self._page.goto("http://portal.example/")
        return self._page

    def _answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        headers = {"Content-Security-Policy": CONTENT_POLICY}
        if path == "/":
            route.fulfill(body=self._html, content_type="text/html; charset=utf-8", headers=headers)
        else:
            content, media_type = serve(path)
            route.fulfill(body=content, content_type=media_type, headers=headers)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    chromium = counterparts.require("chromium")
    directory: Path = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            directory,
            executable_path=chromium,
            args=ARGUMENTS,
            reduced_motion="reduce",
        )
        yield Window(context.pages[0])
        context.close()


@pytest.mark.parametrize("look", AUDITED)
def test_a_page_is_accessible(window: Window, look: str) -> None:
    page = window.open(look, "fr")
    page.set_viewport_size(ViewportSize(width=390, height=844))
    assert window.complaints == []
    assert _violations(page, {}) == []
    page.emulate_media(color_scheme="dark")
    found = _violations(page, CONTRAST)
    page.emulate_media(color_scheme="light")
    assert found == []


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    response: dict[str, Any] = Axe().run(page, options=options).response
    return [
        f"{violation['id']}: {node['html']} {node.get('failureSummary')}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]


# The narrowest phone, and an ordinary one at 200 % (WCAG 1.4.4 and 1.4.10).
WIDTHS = (320, 195)


@pytest.mark.parametrize("language", ["fr", "it", "en"])
def test_nothing_goes_beyond_the_edge(window: Window, language: str) -> None:
    wide = []
    for look in LOOKS:
        page = window.open(look, language)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width in WIDTHS:
            page.set_viewport_size(ViewportSize(width=width, height=640))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append((look, width))
    assert wide == []


def test_what_one_taps_is_large_enough(window: Window) -> None:
    small = []
    for look in LOOKS:
        page = window.open(look, "fr")
        page.set_viewport_size(ViewportSize(width=390, height=844))
        heights = page.evaluate(
            "[...document.querySelectorAll('button, summary, .button, nav a, .tick label,"
            " input:not([type=hidden], [type=checkbox])')]"
            ".filter(each => each.offsetParent)"
            ".map(each => [each.textContent.trim(), each.getBoundingClientRect().height])"
        )
        small += [(look, name, height) for name, height in heights if height < 48]
    assert small == []
