"""Browsers that come for a profile, as they call themselves, and what they do first."""

import re

import httpx

from tests.portal.visitor import Browser, Portal

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
IPHONE_WINDOW = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Mobile Safari/537.36"
)
ANDROID_WINDOW = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/138.0.0.0 Mobile Safari/537.36"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
)
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def browser(portal: Portal, agent: str, language: str = "en") -> Browser:
    """A browser that calls itself ``agent``."""
    opened = portal.browser(language=language)
    opened.client.headers["User-Agent"] = agent
    return opened


async def enrol(portal: Portal, opened: Browser) -> str:
    """Log in at the hotspot and ask for the secure network; return the path of the enrolment."""
    visit = await opened.arrive()
    await opened.log_in(visit)
    response = await opened.post(f"{visit}/secure")
    assert response.status_code == 200, response.text
    return link_in(str(response.url.path))


def link_in(text: str) -> str:
    """The path of the enrolment that a page or a mail leads to."""
    found = re.search(r"/secure/[A-Za-z0-9_-]{48}", text)
    assert found, text
    return found[0]


def short_path_in(response: httpx.Response) -> str:
    """The path of the short address that a page shows."""
    found = re.search(r"wifi\.example<wbr><span>(/s/[a-z0-9]{4}-[a-z0-9]{4})<", response.text)
    assert found, response.text
    return found[1]


def device_in(response: httpx.Response) -> str:
    """The path of the device whose page this is."""
    found = re.search(r"/secure/[A-Za-z0-9_-]{48}/devices/\d+", response.url.path)
    assert found, response.url
    return found[0]
