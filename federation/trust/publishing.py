"""What we say of ourselves to other members, put together and signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aaa.errors import Invalid
from aaa.pki.identity import ServerIdentity
from aaa.settings import Settings
from aaa.snapshot import CollectivityEntry, Snapshot
from federation.trust import statements
from federation.trust.description import Client, Description, Provider, Realm, Server, metadata
from federation.trust.keys import NO_KEYS, Keys
from federation.trust.statements import Signer

LIFETIME: Final = timedelta(days=7)
"""How long a description of ours is valid: members that cannot reach us go on with it so long."""
CALLBACK: Final = "/federation/callback"
"""Where partners' OpenID providers send browsers back to; part of our portal."""
_RADSEC_PORT: Final = 2083


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Our keys, by what they sign."""

    member: Keys = NO_KEYS
    provider: Keys = NO_KEYS
    client: Keys = NO_KEYS


NO_KEYS_OF_OURS: Final = OwnKeys()


def organisation(snapshot: Snapshot) -> CollectivityEntry:
    """Return the collectivity that speaks for all of this service: the first that stands in no
    other. Raises Invalid before there is one."""
    ours = [each for each in snapshot.collectivities.values() if not each.is_partner]
    roots = sorted((each for each in ours if len(each.lineage) == 1), key=lambda each: each.id)
    if not roots:
        raise Invalid("there is no collectivity yet: `farandole collectivity add` makes the first")
    return roots[0]


def describe(settings: Settings, snapshot: Snapshot, keys: OwnKeys) -> Description:
    """Return our description. Raises Invalid before there is a collectivity or a certificate."""
    first, shown = organisation(snapshot), snapshot.radsec_identity
    if shown is None:
        raise Invalid("there is no certificate to show to partners yet: start the service once")
    ours = sorted(snapshot.by_realm.values(), key=lambda each: (each.id != first.id, each.id))
    entity = settings.portal.public_url
    return Description(
        entity=entity,
        slug=first.slug,
        title=first.name,
        country=first.country,
        language=first.language,
        timezone=first.timezone,
        realms=tuple(Realm(each.realm, each.slug, each.name) for each in ours),
        servers=_servers(settings),
        anchors=_anchors(settings, shown),
        names=shown.names[:1],
        keys=keys.member.published,
        contact=first.contact,
        logo_svg=first.logo_svg,
        provider=provider(settings, keys.provider),
        client=_client(entity, keys.client),
    )


def publish(described: Description, signer: Signer, now: datetime) -> str:
    """Return the entity configuration (OpenID Federation 1.0 section 3): a JWT about us, by us."""
    claims = {
        "iss": described.entity,
        "sub": described.entity,
        **statements.times(now, LIFETIME),
        "jwks": {"keys": list(described.keys)},
        "metadata": metadata(described),
    }
    return statements.sign(claims, signer, statements.ENTITY_STATEMENT)


def _anchors(settings: Settings, shown: ServerIdentity) -> tuple[bytes, ...]:
    """Return what vouches for our certificate: our own roots, and before them, where an operator
    brought a certificate, the last of what came with it."""
    brought = shown.chain[-1:] if settings.radius.radsec_certificate_file else ()
    return tuple(dict.fromkeys((*brought, *shown.anchors)))


def _servers(settings: Settings) -> tuple[Server, ...]:
    if not settings.radius.radsec:
        return ()
    name, port = settings.radsec_name, settings.radius.radsec_port
    stated: Sequence[str] = settings.federation.server_list or (f"{name}:{port}",)
    return tuple(_server(each, name) for each in stated)


def _server(text: str, name: str) -> Server:
    parts = urlsplit(f"//{text}")
    return Server(parts.hostname or name, parts.port or _RADSEC_PORT, name)


def provider(settings: Settings, keys: Keys) -> Provider | None:
    """Return our OpenID provider; None where it is switched off, or has no key yet."""
    if not settings.federation.openid or not keys.published:
        return None
    entity = settings.portal.public_url
    return Provider(
        issuer=entity,
        authorization_endpoint=f"{entity}/openid/authorize",
        token_endpoint=f"{entity}/openid/token",
        end_session_endpoint=f"{entity}/openid/log-out",
        keys=keys.published,
    )


def _client(entity: str, keys: Keys) -> Client | None:
    if not keys.published:
        return None
    return Client((f"{entity}{CALLBACK}",), (f"{entity}/",), keys.published)
