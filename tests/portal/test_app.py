"""Whatever is asked, a page: with its headers, within its weight, counted, and logged without
tokens."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aaa.database import Database
from aaa.errors import Invalid, Outage, Unavailable
from monitoring import metrics
from portal.app import create_app
from portal.protection import MOST_OCTETS
from tests.portal.visitor import FORM, Portal, redirect, visit_in

MOST_OCTETS_OF_A_PAGE = 30_000
URL_ENCODED = "application/x-www-form-urlencoded"


async def walk(portal: Portal, language: str = "en") -> list[httpx.Response]:
    """The responses that one citizen sees from sign-up to goodbye, and some mishaps."""
    browser = portal.browser(language=language)
    visit = await browser.arrive()
    await browser.post(f"{visit}/login", identifier="anna", password="wrong")
    await browser.post(f"{visit}/email", email="chiara@post.example")
    await browser.post(f"{visit}/code", code="x")
    await browser.post(f"{visit}/code", code=portal.code())
    await browser.post(f"{visit}/account", name="a")
    await browser.post(f"{visit}/account", name="chiara", accept_terms="yes")
    await portal.serve_ticket()
    await browser.get(redirect(res="success"))
    chiara = await portal.citizen("chiara@post.example")
    assert chiara
    session_id = await portal.start_session(citizen_id=chiara.id)
    await browser.get(f"{visit}/status")
    await portal.stop_session(session_id)
    await browser.get(redirect(res="logoff"))
    await browser.log_in(visit_in(await browser.get(FORM)))
    for path in ("/", "/nothing", "/notice/privacy", "/at/square/", "/visit/none"):
        await browser.get(path)
    return browser.responses


async def test_no_response_sets_a_cookie_or_leaves_a_header_out(small_portal: Portal) -> None:
    responses = await walk(small_portal)
    assert {response.status_code for response in responses} >= {200, 303, 400, 404, 410, 422}
    for response in responses:
        assert "set-cookie" not in response.headers
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize("language", ["fr", "it", "en"])
async def test_every_page_with_all_it_loads_is_light_and_from_here(
    small_portal: Portal, language: str
) -> None:
    browser = small_portal.browser()
    sizes: dict[str, int] = {}
    for response in await walk(small_portal, language):
        if response.status_code == 303:
            continue
        assert f'<html lang="{language}">' in response.text
        assert "<script" not in response.text
        loaded = re.findall(r'<(?:link|img)[^>]*(?:href|src)="([^"]+)"', response.text)
        assert loaded
        weight = len(response.content)
        for url in loaded:
            assert re.match(r"^(/(?!/)|data:)", url)
            if url not in sizes:
                sizes[url] = len((await browser.get(url)).content)
            weight += sizes[url]
        style = (await browser.get("/static/farandole.css")).text
        for url in re.findall(r"url\(\"?([^)\"]+)", style):
            assert not re.match(r"^(\w+:)?//", url)
            weight += (
                0
                if url.startswith("data:")
                else len((await browser.get(str(httpx.URL("/static/").join(url)))).content)
            )
        assert weight < MOST_OCTETS_OF_A_PAGE, response.url


ANYTHING = st.text(max_size=60)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        ["res", "uamip", "uamport", "challenge", "mac", "called", "userurl", "timeleft", "md"]
    )
    | st.sampled_from(["login_url", "logout_url", "url", "error", "lang", "at"])
    | ANYTHING,
    st.sampled_from(["notyet", "success", "failed", "already", "logoff", "10.0.0.1", "3990"])
    | st.sampled_from(["http://10.0.0.1:99999/", "http://[::1", "http://10.0.0.1/\x00", "fr", "%"])
    | ANYTHING,
    max_size=8,
)
# One store for all examples of a test, so that what one leaves behind meets the next.
EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.fuzz
@EXAMPLES
@given(nas=st.sampled_from(["square", "signing", "masking", "posting"]), parameters=PARAMETERS)
async def test_any_redirect_gives_a_page(
    portal: Portal, nas: str, parameters: dict[str, str]
) -> None:
    browser = portal.browser()
    response = await browser.get(redirect(nas, **parameters))
    assert_is_answer(response)
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters.items())
    assert_is_answer(await browser.get(f"/at/{nas}/?{query}"))


@pytest.mark.fuzz
@EXAMPLES
@given(path=ANYTHING, query=st.binary(max_size=40))
async def test_any_address_gives_a_page(small_portal: Portal, path: str, query: bytes) -> None:
    browser = small_portal.browser()
    address = quote(path)
    for place in (
        "/",
        "/visit/",
        "/at/",
        "/static/",
        "/logo/",
        "/colour/",
        "/api/captive/x/",
        "/secure/",
        "/s/",
    ):
        assert_is_answer(await browser.get(f"{place}{address}?{quote(query)}"))


@pytest.mark.fuzz
@EXAMPLES
@given(
    step=st.sampled_from(["email", "code", "login", "account", "terms", "log-out", "forget"]),
    fields=st.dictionaries(
        st.sampled_from(["identifier", "password", "email", "code", "name", "accept_terms"])
        | ANYTHING,
        ANYTHING
        | st.sampled_from(["anna", "anna@mail.example", "\x00", "\ud7ff", "١٢٣٤٥٦", "İ@x.y"]),
        max_size=6,
    ),
)
async def test_any_form_gives_a_page(portal: Portal, step: str, fields: dict[str, str]) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email="anna@mail.example")
    assert_is_answer(await browser.post(f"{visit}/{step}", **fields))


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x" * (MOST_OCTETS + 1), URL_ENCODED, 413),
        (b"%ff%00=%ff&&&==&a", URL_ENCODED, 422),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"no boundary", "multipart/form-data", 400),
        (
            b"&".join(b"a%d=1" % number for number in range(50)),
            URL_ENCODED,
            400,
        ),
        (b"{}", "application/json", 422),
        (b"", "", 422),
    ],
)
async def test_a_body_that_is_no_form_of_ours(
    small_portal: Portal, content: bytes, kind: str, status: int
) -> None:
    visit = await small_portal.browser().arrive()
    transport = httpx.ASGITransport(small_portal.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://wifi.example") as client:
        response = await client.post(
            f"{visit}/email", content=content, headers={"Content-Type": kind}
        )
        assert response.status_code == status
        assert "<html" in response.text

        async def pieces():  # type: ignore[no-untyped-def]
            for start in range(0, len(content), 1000):
                yield content[start : start + 1000]

        streamed = await client.post(
            f"{visit}/email", content=pieces(), headers={"Content-Type": kind}
        )
        assert streamed.status_code == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
async def test_no_other_method_is_served(small_portal: Portal, method: str) -> None:
    transport = httpx.ASGITransport(small_portal.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://wifi.example") as client:
        response = await client.request(method, "/at/square/")
    assert response.status_code == 405
    assert "allow" in response.headers


async def test_head_is_answered_like_get_without_content(small_portal: Portal) -> None:
    visit = await small_portal.browser().arrive()
    transport = httpx.ASGITransport(small_portal.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://wifi.example") as client:
        for path in ("/", "/nothing", visit, f"{visit}/email", "/static/farandole.css"):
            full, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.headers) == (full.status_code, full.headers)
            assert head.content == b""


async def test_the_application_does_not_describe_itself(small_portal: Portal) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await small_portal.browser().get(path)).status_code == 404


async def test_a_database_that_is_away_is_said_to_be(small_portal: Portal) -> None:
    visit = await small_portal.browser().arrive()
    gone = replace(small_portal.parts, database=Database("sqlite:////nowhere/at/all.db"))
    browser = small_portal.browser(create_app(gone))
    for response in (
        await browser.get(visit),
        await browser.get(redirect()),
        await browser.post(f"{visit}/login", identifier="anna", password="x"),
    ):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "30"
        assert "Our service is taking a break" in response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("a bug"), 500),
        (Invalid("“trapeze” is no vendor"), 500),
        (Unavailable("mail", Outage.TIMEOUT), 503),
    ],
)
async def test_what_goes_wrong_inside_is_a_page_too(
    small_portal: Portal, error: Exception, status: int
) -> None:
    def fail() -> Any:
        raise error

    browser = small_portal.browser(create_app(replace(small_portal.parts, clock=fail)))
    with structlog.testing.capture_logs() as logs:
        response = await browser.get(redirect())
    assert response.status_code == status
    assert "<html" in response.text
    assert "content-security-policy" in response.headers
    assert [line["log_level"] for line in logs] == [
        "warning" if status == 503 else "error",
        "info",
    ]


async def test_requests_are_counted_and_logged_by_the_template_of_their_route(
    small_portal: Portal,
) -> None:
    def count(route: str, status: str) -> Callable[[], float]:
        return metrics.portal_requests.labels(route, status)._value.get

    counters = [count("/visit/{token}", "200"), count("none", "404"), count("/static", "200")]
    before = [counter() for counter in counters]
    browser = small_portal.browser()
    with structlog.testing.capture_logs() as logs:
        visit = await browser.arrive()
        await browser.get("/no/such/page")
        await browser.get("/static/farandole.css")
    assert [counter() for counter in counters] == [each + 1 for each in before]
    assert [line["event"] for line in logs] == ["request"] * 4
    assert [line["nas"] for line in logs] == ["square", "square", None, None]
    written = repr(logs)
    assert visit.removeprefix("/visit/") not in written
    assert "02-00" not in written
    assert "/no/such" not in written


async def test_static_files_may_be_kept(small_portal: Portal) -> None:
    response = await small_portal.browser().get("/static/farandole.css")
    assert "max-age" in response.headers["cache-control"]
    assert (await small_portal.browser().get("/static/none.css")).headers["cache-control"] == (
        "no-store"
    )


def assert_is_answer(response: httpx.Response) -> None:
    """A page in our own words, the API's JSON, a file of ours, or the way to a gateway."""
    assert response.status_code < 500, response.text
    kind = response.headers.get("content-type", "")
    if response.status_code == 303:
        assert re.match(r"^https?://", response.headers["location"])
    elif kind.startswith("text/html"):
        assert "</html>" in response.text
    else:
        assert kind.startswith(("application/captive+json", "text/css", "image/svg+xml"))
