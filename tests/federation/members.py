"""What members say of themselves, as tests make it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from federation.trust import statements
from federation.trust.description import Client, Description, Provider, Realm, Server, metadata
from federation.trust.statements import ENTITY_STATEMENT, Jwk, Signer
from tests.radius.eap.certificates import Authority
from tests.village import NOON

ENTITY: Final = "https://wifi.liguria.example"
ROOT: Final = Authority("Radice Ligure").root.der
LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z" /></svg>'
)


def new_signer() -> Signer:
    """A signing key of somebody, named as ours are."""
    key = ECKey.generate_key("P-256")
    return Signer(key, key.thumbprint())


LIGURIA: Final = new_signer()


def public(signer: Signer) -> Jwk:
    """The public half of a signing key, as it is published."""
    shown = signer.key.as_dict(private=False)
    return {**shown, "kid": signer.kid, "use": "sig", "alg": statements.ALGORITHM}


def liguria(signer: Signer = LIGURIA, **changes: Any) -> Description:
    """A member that has everything."""
    keys = (public(signer),)
    given: dict[str, Any] = {
        "entity": ENTITY,
        "slug": "liguria",
        "title": "Regione Liguria",
        "country": "IT",
        "language": "it",
        "timezone": "Europe/Rome",
        "realms": (
            Realm("liguria.example", "liguria", "Regione Liguria"),
            Realm("genova.example", "genova", "Genova"),
        ),
        "servers": (Server("radius.liguria.example", 2083, "radius.liguria.example"),),
        "anchors": (ROOT,),
        "names": ("radius.liguria.example",),
        "keys": keys,
        "contact": "wifi@liguria.example",
        "logo_svg": LOGO,
        "provider": Provider(
            ENTITY, f"{ENTITY}/authorize", f"{ENTITY}/token", f"{ENTITY}/log-out", keys
        ),
        "client": Client((f"{ENTITY}/callback",), (f"{ENTITY}/",), keys),
    }
    return Description(**given | changes)


def claims_of(
    described: Description, now: datetime = NOON, lifetime: timedelta = timedelta(days=7)
) -> dict[str, Any]:
    """What a member says of itself, before it is signed."""
    return {
        "iss": described.entity,
        "sub": described.entity,
        **statements.times(now, lifetime),
        "jwks": {"keys": list(described.keys)},
        "metadata": metadata(described),
    }


def statement_of(
    described: Description, signer: Signer = LIGURIA, now: datetime = NOON, **claims: Any
) -> str:
    """What a member says of itself, signed."""
    return statements.sign(claims_of(described, now) | claims, signer, ENTITY_STATEMENT)


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: Any = LIGURIA.key) -> str:
    """A JWT with any header, as nobody honest makes it."""
    return jwt.encode(dict(header), dict(claims), key, algorithms=[header["alg"]])
