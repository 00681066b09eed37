"""Partners' portals as tests play them: clients of our OpenID provider, by nobody's library."""

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import ECKey

from aaa.pki import contents
from federation import partners
from federation.model import Partner
from federation.trust import keys, membership, publishing
from federation.trust.description import Client, Description, Realm, Server
from federation.trust.key_calendar import OVERLAP
from federation.trust.statements import ALGORITHM, Jwk, Signer
from tests.portal.visitor import PUBLIC_URL, Browser, Portal
from tests.village import NOON

VERIFIER: Final = "a-verifier-of-43-signs-at-least-and-no-fewer-than-that"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STATE: Final = "the state of a visit"
NONCE: Final = "a nonce"
LOGO: Final = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v7"/></svg>'
_GOES_ON: Final = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
_SIGN_IN: Final = re.compile(r"/openid/sign-in/[A-Za-z0-9_-]{48}")


def challenge(verifier: str = VERIFIER) -> str:
    """The code challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@cache
def root() -> bytes:
    """A root of certificates, which nothing here is signed by."""
    made = contents.authority(contents.new_key(), "A root", NOON)
    return made.public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Redeemed:
    """What the token endpoint said, and what the ID token in it says."""

    response: httpx.Response
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The ID token itself."""
        return str(self.response.json()["id_token"])


@dataclass
class RelyingParty:
    """A partner's portal. What it asks is right, but for what a test changes."""

    portal: Portal
    name: str = "liguria"
    kid: str = "the key of the client"
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", private=True))

    @property
    def entity(self) -> str:
        return f"https://wifi.{self.name}.example"

    @property
    def redirect_uri(self) -> str:
        return f"{self.entity}/federation/callback"

    @property
    def public_key(self) -> Jwk:
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    def described(self) -> Description:
        """What it says of itself."""
        host = f"radius.{self.name}.example"
        return Description(
            entity=self.entity,
            slug=self.name,
            title=f"Regione {self.name.title()}",
            country="IT",
            language="it",
            timezone="Europe/Rome",
            realms=(Realm(f"{self.name}.example", self.name, self.name.title()),),
            servers=(Server(host, 2083, host),),
            anchors=(root(),),
            names=(host,),
            keys=(self.public_key,),
            logo_svg=LOGO,
            client=Client(
                redirect_uris=(self.redirect_uri, f"{self.entity}/other?way=2"),
                post_logout_redirect_uris=(f"{self.entity}/",),
                keys=(self.public_key,),
            ),
        )

    async def join(self) -> Partner:
        """Become a partner of the village."""
        village = self.portal.village
        described = self.described()
        async with village.database.write("test") as session:
            partner = await membership.admit(
                session,
                village.keyring,
                described=described,
                statement=publishing.publish(described, Signer(self.key, self.kid), NOON),
                name=None,
                now=NOON,
            )
        await self.portal.parts.partners.renew()
        return partner

    async def suspend(self) -> None:
        """Have the village's operator suspend it."""
        async with self.portal.village.database.write("test") as session:
            await partners.suspend(session, await partners.by_name(session, self.name))
        await self.portal.parts.partners.renew()

    async def end(self) -> None:
        """Have the village's operator remove it."""
        async with self.portal.village.database.write("test") as session:
            await partners.remove(session, await partners.by_name(session, self.name))
        await self.portal.parts.partners.renew()

    async def start_session(self, **columns: object) -> int:
        """Do what accounting from there does with a Start of anna's; return the session's id."""
        partner = self.portal.parts.partners.current.by_name[self.name]
        place = {"nas_id": partner.nas_id, "hotspot_id": partner.hotspot.id}
        return await self.portal.start_session("square", **place | columns)  # type: ignore[arg-type]

    def asks(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.entity,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": STATE,
            "nonce": NONCE,
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        }
        return _without_none(parameters | changes)

    def url(self, **changes: str | None) -> str:
        """The address of an authorization request."""
        return f"/openid/authorize?{urlencode(self.asks(**changes))}"

    def assertion(self, header: Mapping[str, Any] | None = None, **changes: object) -> str:
        """A client assertion (RFC 7523 section 3); None leaves a claim out."""
        now = self.portal.village.clock()
        claims: dict[str, object] = {
            "iss": self.entity,
            "sub": self.entity,
            "aud": PUBLIC_URL,
            "exp": int((now + timedelta(minutes=1)).timestamp()),
            "iat": int(now.timestamp()),
            "jti": secrets.token_hex(8),
        }
        said = {name: value for name, value in (claims | changes).items() if value is not None}
        head = {"alg": ALGORITHM, "kid": self.kid} | dict(header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, said, self.key, algorithms=[ALGORITHM])

    def redeems(self, code: str | None, **changes: str | None) -> dict[str, str]:
        """The form of a token request; None leaves a field out."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        }
        return _without_none(form | changes)

    async def redeem(self, code: str | None, **changes: str | None) -> httpx.Response:
        """What the token endpoint answers."""
        form = self.redeems(code, **changes)
        return await self.portal.browser().client.post("/openid/token", data=form)

    async def id_token(self, code: str, **changes: str | None) -> Redeemed:
        """What a code is redeemed for, the ID token opened by the keys that are published."""
        response = await self.redeem(code, **changes)
        assert response.status_code == 200, response.text
        published = await self.portal.browser().client.get("/openid/keys")
        return opened(response, published.json()["keys"])

    async def log_in(self, browser: Browser, **changes: str | None) -> str:
        """Have anna log in at home, and agree; return the code that comes back."""
        page = await log_in(browser, await browser.get(self.url(**changes)))
        return query_of(way_back(page))["code"]


async def log_in(
    browser: Browser,
    page: httpx.Response,
    identifier: str = "anna@village.example",
    password: str = "lavender in july",
) -> httpx.Response:
    """Take all steps from a page that asks who it is; return the last page."""
    page = await browser.post(f"{sign_in_of(page)}/login", identifier=identifier, password=password)
    for step, fields in (("terms", {"accept_terms": "yes"}), ("consent", {})):
        if f"/{step}" in page.text and f'action="{sign_in_of(page)}/{step}"' in page.text:
            page = await browser.post(f"{sign_in_of(page)}/{step}", **fields)
    return page


def sign_in_of(page: httpx.Response) -> str:
    """The path of the log-in that a page belongs to."""
    found = _SIGN_IN.search(page.text) or _SIGN_IN.search(page.url.path)
    assert found, page.text
    return found[0]


def way_back(page: httpx.Response) -> str:
    """Where a page goes on to by itself."""
    found = _GOES_ON.search(page.text)
    assert found, page.text
    return html.unescape(found[1])


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL, each of which is there once."""
    pairs = parse_qsl(urlsplit(url).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def opened(response: httpx.Response, published: list[dict[str, Any]]) -> Redeemed:
    """A token response, its ID token verified by the key that it names."""
    token = str(response.json()["id_token"])
    head = token.partition(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    (key,) = (key for key in published if key["kid"] == kid)
    found = jwt.decode(token, ECKey.import_key(key), algorithms=[ALGORITHM])
    return Redeemed(response, found.header, found.claims)


async def make_keys(portal: Portal) -> None:
    """Do what housekeeping does for our signing keys."""
    village = portal.village
    async with village.database.write("test") as session:
        await keys.keep(session, village.keyring, village.clock())
    await portal.parts.partners.renew()


async def rotate_keys(portal: Portal) -> None:
    """Have the next key of the provider sign after the overlap."""
    village = portal.village
    async with village.database.write("test") as session:
        await keys.rotate(session, village.keyring, village.clock())
    village.clock.advance(days=OVERLAP.days)
    await make_keys(portal)


def _without_none(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
