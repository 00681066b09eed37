"""A home that errs or lies, and others in its place: each is refused, with a page that says whose
side it is and a line in the log, neither of which names anybody."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from aaa import session_owner
from aaa.authentication import Method
from aaa.model import Visitor
from aaa.session_owner import SessionOwner
from federation import partners, visitor_class
from tests.federation import partnering
from tests.federation.members import ENTITY
from tests.portal.homes import provider as providing
from tests.portal.homes.provider import CODE, Provider, signed, stamp
from tests.portal.visitor import PUBLIC_URL, Browser, Portal

UNUSABLE = '<strong class="help-code">307</strong>'
UNREACHABLE = '<strong class="help-code">304</strong>'


async def come_back(portal: Portal, provider: Provider, **changes: str) -> httpx.Response:
    """Go to the home and back; return the page."""
    browser = portal.browser()
    visit = await browser.arrive()
    sent = await browser.get(f"{visit}/home/liguria")
    return await browser.get(provider.authorize(sent.headers["location"], **changes))


async def visitors_of(portal: Portal) -> int:
    async with portal.village.database.read("test") as session:
        return await session.scalar(select(func.count()).select_from(Visitor)) or 0


async def refused(portal: Portal, provider: Provider, flaw: str, **changes: str) -> None:
    """Go there and back; see that nobody came in, and that the log says why."""
    with structlog.testing.capture_logs() as log:
        answer = await come_back(portal, provider, **changes)
    assert answer.status_code == 403
    assert UNUSABLE in answer.text
    assert await visitors_of(portal) == 0
    (line,) = [each for each in log if each["event"] == "what a home answered is of no use"]
    assert line["flaw"] == flaw
    for secret in (CODE, provider.asked["state"], provider.asked["nonce"], "somebody"):
        assert secret not in str(log)


MALLORY = providing.new_key("first")
Sign = Callable[[Mapping[str, Any], ECKey], str]
SIGNATURES: dict[str, tuple[str, Sign]] = {
    "nobody has to sign": ("wrong_algorithm", providing.unsigned),
    "the public key as a secret": ("wrong_algorithm", providing.signed_by_public_key),
    "another's key under its name": ("bad_signature", lambda claims, _: signed(claims, MALLORY)),
    "a key that it never published": (
        "unknown_key",
        lambda claims, _: signed(claims, providing.new_key("stray")),
    ),
    "a key that comes along": (
        "bad_signature",
        lambda claims, _: signed(claims, MALLORY, jwk=providing.public(MALLORY)),
    ),
    "no key named": ("unknown_key", lambda claims, key: signed(claims, key, kid=None)),
    "a statement of a member": (
        "wrong_type",
        lambda claims, key: signed(claims, key, typ="entity-statement+jwt"),
    ),
    "what must be understood": (
        "wrong_algorithm",
        lambda claims, key: _with_header(signed(claims, key), b'"crit":["b64"],'),
    ),
    "no token": ("no_token", lambda *_: "eyJhbGciOiJFUzI1NiJ9"),
    "cut off": ("bad_signature", lambda claims, key: signed(claims, key)[:-8]),
    "far too long": ("too_large", lambda claims, key: signed({**claims, "x": "y" * 9000}, key)),
}


def _with_header(token: str, more: bytes) -> str:
    header, rest = token.split(".", 1)
    plain = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
    changed = base64.urlsafe_b64encode(plain.replace(b"{", b"{" + more, 1)).rstrip(b"=").decode()
    return f"{changed}.{rest}"


@pytest.mark.parametrize("how", SIGNATURES)
async def test_who_signed_it(small_portal: Portal, liguria: Provider, how: str) -> None:
    flaw, sign = SIGNATURES[how]
    liguria.sign = lambda claims: sign(claims, liguria.key)
    await refused(small_portal, liguria, flaw)


CLAIMS: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("wrong_issuer", {"iss": "https://wifi.piemonte.example"}),
    "no issuer": ("wrong_issuer", {"iss": None}),
    "for another": ("wrong_audience", {"aud": "https://wifi.piemonte.example"}),
    "for nobody": ("wrong_audience", {"aud": None}),
    "for us among others": ("wrong_audience", {"aud": [PUBLIC_URL, "https://other.example"]}),
    "given to another": ("wrong_audience", {"azp": "https://wifi.piemonte.example"}),
    "of another log-in": ("wrong_nonce", {"nonce": "x" * 64}),
    "of any log-in": ("wrong_nonce", {"nonce": None}),
    "a nonce that is none": ("wrong_nonce", {"nonce": ["x"]}),
    "never expires": ("from_another_time", {"exp": None}),
    "expires as text": ("from_another_time", {"exp": "tomorrow"}),
    "expires beyond all time": ("from_another_time", {"exp": 1 << 39}),
    "of nobody": ("no_subject", {"sub": None}),
    "of nobody in particular": ("no_subject", {"sub": ""}),
    "of another's realm": ("foreign_realm", {"realm": "basil.example"}),
    "of our realm": ("foreign_realm", {"realm": "village.example"}),
    "of no realm": ("bad_claim", {"realm": None}),
    "of a realm that is none": ("foreign_realm", {"realm": "liguria"}),
    "a class that no attribute holds": ("bad_claim", {"radius_class": "x" * 254}),
    "a class that is no text": ("bad_claim", {"radius_class": 7}),
    "a class that cannot be seen": ("bad_claim", {"radius_class": "a\0b"}),
    "a pseudonym that is too long": ("bad_claim", {"cui": "é" * 127}),
    "no time at all": ("bad_claim", {"session_timeout": 0}),
    "a time that is none": ("bad_claim", {"session_timeout": True}),
    "a time in words": ("bad_claim", {"idle_timeout": "600"}),
    "more time than there is": ("bad_claim", {"session_timeout": 1 << 40}),
}


@pytest.mark.parametrize("what", CLAIMS)
async def test_what_it_says(small_portal: Portal, liguria: Provider, what: str) -> None:
    await partnering.add(small_portal.village, "basil", sender=partnering.FROM_TLS)
    await providing.refresh(small_portal)
    flaw, liguria.claims = CLAIMS[what]
    await refused(small_portal, liguria, flaw)


async def test_when_it_was_said(small_portal: Portal, liguria: Provider) -> None:
    now = small_portal.village.clock()
    for flaw, issued, expires in (
        ("expired", timedelta(minutes=-20), timedelta(minutes=-10)),
        ("from_another_time", timedelta(minutes=10), timedelta(minutes=20)),
        ("from_another_time", timedelta(days=-2), timedelta(days=2)),
    ):
        small_portal.parts.warnings.summarise(small_portal.village.clock.advance(seconds=60))
        liguria.claims = {"iat": stamp(now + issued), "exp": stamp(now + expires)}
        await refused(small_portal, liguria, flaw)


async def test_a_class_of_ours_would_make_it_one_of_us(
    small_portal: Portal, liguria: Provider
) -> None:
    keyring = small_portal.village.keyring
    owner = SessionOwner(Method.PASSWORD, small_portal.village.anna, None)
    visitor = visitor_class.Visitor(1, "basil.example")
    for ours in (session_owner.seal(keyring, owner), visitor_class.seal(keyring, visitor).decode()):
        small_portal.parts.warnings.summarise(small_portal.village.clock.advance(seconds=60))
        liguria.claims = {"radius_class": ours}
        await refused(small_portal, liguria, "bad_claim")


@pytest.mark.parametrize("issuer", ["", "https://wifi.piemonte.example", f"{ENTITY}/"])
async def test_the_answer_of_somebody_else_redeems_nothing(
    small_portal: Portal, liguria: Provider, issuer: str
) -> None:
    await refused(small_portal, liguria, "wrong_sender", iss=issuer)
    await_error = await come_back(small_portal, liguria, iss=issuer, error="access_denied")
    assert UNUSABLE in await_error.text
    assert liguria.redeemed == []


@pytest.mark.parametrize(("twice", "flaw"), [("code", "no_code"), ("iss", "wrong_sender")])
async def test_what_is_there_twice_is_not_there(
    small_portal: Portal, liguria: Provider, twice: str, flaw: str
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    sent = await browser.get(f"{visit}/home/liguria")
    back = liguria.authorize(sent.headers["location"])
    state = f"&state={liguria.asked['state']}"
    assert (await browser.get(back + state)).status_code == 410
    with structlog.testing.capture_logs() as log:
        answer = await browser.get(f"{back}&{twice}=other")
    assert UNUSABLE in answer.text
    assert [line["flaw"] for line in log if "flaw" in line] == [flaw]
    assert liguria.redeemed == []


async def test_a_code_of_another_log_in(small_portal: Portal, liguria: Provider) -> None:
    await refused(small_portal, liguria, "code_refused", code="somebody's")
    small_portal.parts.warnings.summarise(small_portal.village.clock.advance(seconds=60))
    await refused(small_portal, liguria, "no_code", code="")


def _redirect(request: httpx.Request) -> httpx.Response:
    return httpx.Response(307, headers={"Location": "https://elsewhere.example/token"})


ANSWERS: dict[str, tuple[str, Callable[[httpx.Request], httpx.Response]]] = {
    "elsewhere": ("redirected", _redirect),
    "huge": ("too_large", lambda _: httpx.Response(200, content=b"{" + b" " * 40_000)),
    "no JSON": ("no_token", lambda _: httpx.Response(200, content=b"<!doctype html>")),
    "no token": ("no_token", lambda _: httpx.Response(200, json={"access_token": "x"})),
    "a list": ("no_token", lambda _: httpx.Response(200, json=["id_token"])),
    "a token that is none": ("no_token", lambda _: httpx.Response(200, json={"id_token": 7})),
    "deep": ("no_token", lambda _: httpx.Response(200, content=b"[" * 30_000)),
    "not us": (
        "client_refused",
        lambda _: httpx.Response(401, json={"error": "invalid_client"}),
    ),
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_what_its_token_endpoint_answers(
    small_portal: Portal, liguria: Provider, what: str
) -> None:
    flaw, liguria.respond = ANSWERS[what]
    await refused(small_portal, liguria, flaw)


class Slow(httpx.AsyncByteStream):
    """An answer that begins, and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()


def _gone(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route", request=request)


@pytest.mark.parametrize(
    "respond",
    [
        _gone,
        lambda _: httpx.Response(200, stream=Slow()),
        lambda _: httpx.Response(503, text="closed for lunch"),
    ],
)
async def test_a_home_that_cannot_be_asked(
    small_portal: Portal, liguria: Provider, respond: Callable[[httpx.Request], httpx.Response]
) -> None:
    liguria.respond = respond
    answer = await come_back(small_portal, liguria)
    assert answer.status_code == 403
    assert UNREACHABLE in answer.text
    assert await visitors_of(small_portal) == 0


async def test_a_home_that_is_no_partner_any_more(small_portal: Portal, liguria: Provider) -> None:
    browser: Browser = small_portal.browser()
    visit = await browser.arrive()
    sent = await browser.get(f"{visit}/home/liguria")
    back = liguria.authorize(sent.headers["location"])
    async with small_portal.village.database.write("test") as session:
        await partners.remove(session, await partners.by_name(session, "liguria"))
    await providing.refresh(small_portal)
    answer = await browser.get(back)
    assert answer.status_code == 403
    assert liguria.redeemed == []
