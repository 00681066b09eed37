"""A partner's OpenID provider as the tests play it: right to the letter, unless told otherwise."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from federation.model import Membership
from federation.trust import description, keys, publishing
from federation.trust.description import Description, Realm
from federation.trust.statements import ALGORITHM, Signer
from tests.federation import members, partnering
from tests.federation.members import ENTITY
from tests.portal.visitor import PUBLIC_URL, Portal, query_of
from tests.village import Village

REALM: Final = "liguria.example"
REALMS: Final = (Realm(REALM, "liguria", "Liguria"), Realm("genova.example", "zena", "Genova"))
CODE: Final = "a code of the home's"
_TOKEN_PATH: Final = "/openid/token"


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": kid})


def public(key: ECKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": ALGORITHM}


@dataclass
class Provider:
    """The home: what it was asked, and what it says. ``claims`` are added to its ID tokens,
    ``respond`` answers in its place, ``sign`` makes the token of claims."""

    village: Village
    entity: str = ENTITY
    slug: str = "liguria"
    title: str = "Regione Liguria"
    realms: tuple[Realm, ...] = REALMS
    key: ECKey = field(default_factory=lambda: new_key("first"))
    claims: dict[str, Any] = field(default_factory=dict)
    respond: Callable[[httpx.Request], httpx.Response] | None = None
    sign: Callable[[Mapping[str, Any]], str] | None = None
    asked: dict[str, str] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)

    def described(self, *published: ECKey) -> Description:
        """What it says of itself."""
        provider = description.Provider(
            issuer=self.entity,
            authorization_endpoint=f"{self.entity}/openid/authorize",
            token_endpoint=self.entity + _TOKEN_PATH,
            end_session_endpoint=f"{self.entity}/openid/log-out",
            keys=tuple(public(key) for key in published or (self.key,)),
        )
        return members.liguria(
            entity=self.entity,
            slug=self.slug,
            title=self.title,
            realms=self.realms,
            servers=(),
            anchors=(),
            names=(),
            keys=(public(self.key),),
            provider=provider,
            client=None,
        )

    def statement(self, *published: ECKey) -> str:
        signer = Signer(self.key, self.key.kid or "")
        return publishing.publish(self.described(*published), signer, self.village.clock())

    def authorize(self, url: str, **changes: str) -> str:
        """Let somebody log in there; return where their browser is sent back to."""
        assert url.startswith(f"{self.entity}/openid/authorize?")
        self.asked = dict(query_of(url))
        assert self.asked["redirect_uri"] == f"{PUBLIC_URL}/federation/callback"
        answer = {"code": CODE, "state": self.asked["state"], "iss": self.entity} | changes
        return f"/federation/callback?{urlencode({k: v for k, v in answer.items() if v})}"

    def id_token(self, **changes: Any) -> str:
        now = self.village.clock()
        claims: dict[str, Any] = {
            "iss": self.entity,
            "sub": "somebody",
            "aud": PUBLIC_URL,
            "exp": stamp(now + timedelta(minutes=5)),
            "iat": stamp(now),
            "nonce": self.asked["nonce"],
            "realm": REALM,
            "radius_class": "a sealed class",
            "cui": "a pseudonym",
        }
        claims |= self.claims | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.sign(claims) if self.sign else signed(claims, self.key)

    def serve(self, request: httpx.Request) -> httpx.Response:
        """Answer at the token endpoint, to whom and what is right."""
        if self.respond is not None:
            return self.respond(request)
        assert str(request.url) == self.entity + _TOKEN_PATH
        form = dict(parse_qsl(request.content.decode()))
        self.redeemed.append(form)
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        is_right = (
            form["code"] == CODE
            and form["redirect_uri"] == self.asked["redirect_uri"]
            and base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            == self.asked["code_challenge"]
        )
        if not is_right:
            return httpx.Response(400, json={"error": "invalid_grant"})
        told = {"token_type": "Bearer", "access_token": "x", "id_token": self.id_token()}
        return httpx.Response(200, json=told)


def stamp(moment: datetime) -> int:
    return int(moment.timestamp())


def signed(claims: Mapping[str, Any], key: ECKey, **header: Any) -> str:
    protected = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid} | header
    protected = {name: value for name, value in protected.items() if value is not None}
    return jwt.encode(protected, dict(claims), key, algorithms=[ALGORITHM])


def unsigned(claims: Mapping[str, Any], key: ECKey) -> str:
    """A token that says that nobody has to sign it (RFC 8725 section 2.1)."""
    parts = ({"alg": "none", "typ": "JWT", "kid": key.kid}, claims)
    return ".".join(_encoded(part) for part in parts) + "."


def signed_by_public_key(claims: Mapping[str, Any], key: ECKey) -> str:
    """A token by HMAC, whose secret is the public key (RFC 8725 section 2.1)."""
    parts = ({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims)
    text = ".".join(_encoded(part) for part in parts)
    digest = hmac.digest(key.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def join(portal: Portal, provider: Provider) -> None:
    """Make the home a partner that has described itself, and ourselves keys."""
    village = portal.village
    realms = [each.realm for each in provider.realms]
    partner = await partnering.add(village, provider.slug, realms=realms, sender=None)
    async with village.database.write("test") as session:
        await keys.keep(session, village.keyring, village.clock())
        session.add(
            Membership(
                partner_id=partner.id,
                entity=provider.entity,
                statement=provider.statement(),
                refreshed_at=village.clock(),
            )
        )
    await refresh(portal)


async def refresh(portal: Portal) -> None:
    """Let the portal know what was changed, as it would by itself."""
    await portal.village.directory.refresh()
    await portal.parts.partners.refresh()


def keys_of(portal: Portal) -> KeySet:
    """What we publish, by which homes know us."""
    published = portal.parts.partners.current.keys.client.published
    return KeySet([ECKey.import_key(dict(key)) for key in published])


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
