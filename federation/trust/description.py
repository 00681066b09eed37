"""What a member says of itself, as values and as the metadata of its entity configuration: pure.

OpenID Federation 1.0 section 5: the types `federation_entity`, `openid_provider` and
`openid_relying_party` are the standard's; `farandole_member` is ours, for RADIUS.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from aaa.drawing import check_svg
from aaa.errors import Invalid
from aaa.identifier import check_realm, check_slug
from aaa.locality import check_country, check_language
from federation.trust.statements import Claims, Jwk, check_keys, keys_of

_MEMBER: Final = "farandole_member"
_MOST_REALMS: Final = 5000
_MOST: Final = 20
"""Servers, roots or addresses that one member can have."""
_MOST_SIGNS: Final = 300
_MOST_OF_A_NAME: Final = 200
_MOST_OF_A_HOST: Final = 253
_OF_A_ROOT: Final = range(128, 16_384)
"""Octets."""
_ENTITY: Final = re.compile(
    r"https?://([^\W_][\w.-]*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[\w~-][\w.~-]*)*", re.IGNORECASE
)
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")


@dataclass(frozen=True, slots=True)
class Realm:
    """A realm, the short name that people may type instead, and whose it is."""

    realm: str
    alias: str
    title: str


@dataclass(frozen=True, slots=True)
class Server:
    """A RadSec server; its certificate has `name`."""

    host: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A member's OpenID provider (OpenID Connect Discovery 1.0 section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str
    keys: tuple[Jwk, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """A member as a relying party: its entity identifier is its client_id, and it proves itself
    by `private_key_jwt` (OpenID Connect Core 1.0 section 9)."""

    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    keys: tuple[Jwk, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """A member. `entity` is its entity identifier, the address of its portal; `anchors` (DER) sign
    the certificates of its servers, and those that it connects with, which have `names`."""

    entity: str
    slug: str
    title: str
    country: str
    language: str
    timezone: str
    realms: tuple[Realm, ...]
    servers: tuple[Server, ...]
    anchors: tuple[bytes, ...] = field(repr=False)
    names: tuple[str, ...]
    # What it signs as a member with.
    keys: tuple[Jwk, ...]
    contact: str | None = None
    logo_svg: str | None = field(default=None, repr=False)
    provider: Provider | None = None
    client: Client | None = None

    @property
    def law_pack(self) -> str:
        """Whose law says how long what is recorded there is kept: the country's."""
        return self.country


def metadata(described: Description) -> Mapping[str, Any]:
    """Return a description as the `metadata` claim."""
    told: dict[str, Any] = {
        "federation_entity": {
            "organization_name": described.title,
            "homepage_uri": described.entity,
            **({"contacts": [described.contact]} if described.contact else {}),
        },
        _MEMBER: {
            "slug": described.slug,
            "country": described.country,
            "languages": [described.language],
            "timezone": described.timezone,
            "law_pack": described.law_pack,
            "realms": [
                {"realm": each.realm, "alias": each.alias, "title": each.title}
                for each in described.realms
            ],
            "radsec_servers": [
                {"host": each.host, "port": each.port, "name": each.name}
                for each in described.servers
            ],
            "radsec_anchors": [base64.b64encode(each).decode() for each in described.anchors],
            "radsec_client_names": list(described.names),
            **({"logo_svg": described.logo_svg} if described.logo_svg else {}),
        },
    }
    if described.provider is not None:
        told["openid_provider"] = _provider_metadata(described.provider)
    if described.client is not None:
        told["openid_relying_party"] = _client_metadata(described.client, described.title)
    return told


def provider_metadata_of(provider: Provider) -> dict[str, Any]:
    """Return what discovery says of a provider (OpenID Connect Discovery 1.0 section 3)."""
    return {
        "issuer": provider.issuer,
        "authorization_endpoint": provider.authorization_endpoint,
        "token_endpoint": provider.token_endpoint,
        "end_session_endpoint": provider.end_session_endpoint,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _provider_metadata(provider: Provider) -> dict[str, Any]:
    return {**provider_metadata_of(provider), "jwks": {"keys": list(provider.keys)}}


def _client_metadata(client: Client, title: str) -> dict[str, Any]:
    return {
        "client_name": title,
        "application_type": "web",
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "token_endpoint_auth_method": "private_key_jwt",
        "subject_type": "pairwise",
        "client_registration_types": ["automatic"],
        "jwks": {"keys": list(client.keys)},
    }


def read(claims: Claims) -> Description:
    """Return the description that verified claims hold; raise Invalid, naming what is wrong."""
    told = _table(claims, "metadata")
    member, organisation = _table(told, _MEMBER), _table(told, "federation_entity")
    provider, client = told.get("openid_provider"), told.get("openid_relying_party")
    entity = check_entity(_text(claims, "sub"))
    return Description(
        entity=entity,
        slug=check_slug(_text(member, "slug")),
        title=_text(organisation, "organization_name", _MOST_OF_A_NAME),
        country=check_country(_text(member, "country")),
        language=check_language(_text({"language": _first(member, "languages")}, "language")),
        timezone=_text(member, "timezone", 64),
        realms=tuple(_realm(each) for each in _list(member, "realms", _MOST_REALMS)),
        servers=_servers(_list(member, "radsec_servers")),
        anchors=tuple(_anchor(each) for each in _list(member, "radsec_anchors")),
        names=tuple(_host(each) for each in _list(member, "radsec_client_names")),
        keys=keys_of(claims),
        contact=_contact(organisation),
        logo_svg=check_svg(str(member["logo_svg"])) if member.get("logo_svg") else None,
        provider=_provider(provider, entity) if isinstance(provider, dict) else None,
        client=_client(client, entity) if isinstance(client, dict) else None,
    )


def check_entity(text: str) -> str:
    """Return an entity identifier (OpenID Federation 1.0 section 1.2): a site's address without
    query, fragment or slash at its end. Raises Invalid."""
    if len(text) > _MOST_SIGNS or not _ENTITY.fullmatch(text):
        shown = "".join(filter(str.isprintable, text[:80]))
        raise Invalid(f"“{shown}” is no address of a member: write https://wifi.example.org")
    return text


def _contact(organisation: Claims) -> str | None:
    if not organisation.get("contacts"):
        return None
    return _text({"contact": _first(organisation, "contacts")}, "contact", _MOST_OF_A_NAME)


def _first(table: Claims, name: str) -> object:
    return next(iter(_list(table, name)), None)


def _realm(value: object) -> Realm:
    if not isinstance(value, dict):
        raise Invalid("its realms are no list of realms")
    realm = check_realm(_text(value, "realm", _MOST_OF_A_HOST))
    alias = check_slug(_text(value, "alias").casefold())
    return Realm(realm, alias, _text(value, "title", _MOST_OF_A_NAME))


def _servers(values: Sequence[Any]) -> tuple[Server, ...]:
    servers = tuple(_server(each) for each in values)
    if len({(each.host, each.port) for each in servers}) < len(servers):
        raise Invalid("it names one of its servers twice")
    return servers


def _server(value: object) -> Server:
    port = value.get("port") if isinstance(value, dict) else None
    if not isinstance(value, dict) or type(port) is not int or not 0 < port < 1 << 16:
        raise Invalid("its servers are no list of hosts and ports")
    return Server(_host(value.get("host")), port, _host(value.get("name")))


def _anchor(value: object) -> bytes:
    try:
        octets = base64.b64decode(str(value), validate=True)
        # The rest of it is only read where it is asked for.
        x509.load_der_x509_certificate(octets).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        octets = b""
    if len(octets) not in _OF_A_ROOT:
        raise Invalid("one of its roots is no certificate")
    return octets


def _provider(value: Claims, entity: str) -> Provider:
    """The issuer is the entity itself (OpenID Federation 1.0 section 5.1.2): none can speak for
    another one's citizens."""
    if value.get("issuer") != entity:
        raise Invalid("its OpenID issuer is somebody else")
    return Provider(
        issuer=entity,
        authorization_endpoint=_url(value, "authorization_endpoint", within=entity),
        token_endpoint=_url(value, "token_endpoint", within=entity),
        end_session_endpoint=_url(value, "end_session_endpoint", within=entity),
        keys=check_keys(_table(value, "jwks").get("keys")),
    )


def _client(value: Claims, entity: str) -> Client:
    """Browsers are sent back to the entity itself, and nowhere else."""
    return Client(
        redirect_uris=_urls(value, "redirect_uris", entity),
        post_logout_redirect_uris=_urls(value, "post_logout_redirect_uris", entity),
        keys=check_keys(_table(value, "jwks").get("keys")),
    )


def _urls(table: Claims, name: str, within: str) -> tuple[str, ...]:
    return tuple(_url({name: each}, name, within) for each in _list(table, name))


def _url(table: Claims, name: str, within: str) -> str:
    text = _text(table, name)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Invalid(f"its {name} is no address") from None
    if parts.scheme not in ("http", "https") or parts.fragment or " " in text or "\\" in text:
        raise Invalid(f"its {name} is no address")
    if urlsplit(within)[:2] != parts[:2]:
        raise Invalid(f"its {name} is another site's")
    return text


def _host(value: object) -> str:
    text = value.casefold() if isinstance(value, str) else ""
    if len(text) > _MOST_OF_A_HOST or not _HOST.fullmatch(text):
        raise Invalid("one of its hosts is none")
    return text


def _text(table: Claims, name: str, most: int = _MOST_SIGNS) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Invalid(f"it does not say its {name}")
    if len(value) > most:
        raise Invalid(f"its {name} is longer than {most} signs")
    return value.strip()


def _table(table: Claims, name: str) -> Claims:
    value = table.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"it says nothing of {name}")
    return value


def _list(table: Claims, name: str, most: int = _MOST) -> Sequence[Any]:
    value = table.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise Invalid(f"its {name} are no list, or too long a one")
    return value
