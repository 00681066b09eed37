"""What one member signs for others: entity statements and messages, JWS all of them, pure.

OpenID Federation 1.0 section 3. Deviation: nobody stands above two members, so that there are no
chains, no authority hints and no subordinate statements: each trusts the keys that it was given
when the two joined, and those that such a key has signed for since (section 11.2).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry

from aaa.errors import Invalid

Jwk = Mapping[str, Any]
"""A public key (RFC 7517)."""
Claims = Mapping[str, Any]

ENTITY_STATEMENT: Final = "entity-statement+jwt"
ALGORITHM: Final = "ES256"
MOST_OCTETS: Final = 1024 * 1024
"""Of a statement; a message may hold one."""
LEEWAY: Final = timedelta(minutes=5)
"""How far the clocks of two members may be apart."""
_OF_A_KEY: Final = {"kty", "crv", "x", "y", "d"}
"""RFC 7518 section 6.2."""
_NO_YEAR_OF_OURS: Final = 1 << 33
"""In seconds; what is beyond is a mistake, or no date at all."""
# What reading something that anybody may have written ends in; nested too deep is the last.
_UNREADABLE: Final = (JoseError, ValueError, KeyError, TypeError, RecursionError)


class _Registry(JWSRegistry):
    """The library's own bound is a region's thousand communes too small."""

    max_payload_length = 2 * MOST_OCTETS


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and the name that others find it by."""

    key: ECKey
    kid: str


def sign(claims: Claims, signer: Signer, kind: str) -> str:
    """Return the claims as a JWT of a type (RFC 8725 section 3.11)."""
    header = {"alg": ALGORITHM, "typ": kind, "kid": signer.kid}
    return jwt.encode(header, dict(claims), signer.key, algorithms=[ALGORITHM])


def verify(token: str, keys: Sequence[Jwk], kind: str, now: datetime) -> Claims:
    """Return the claims of a JWT of a type, signed by one of some keys and valid now.

    Raises Invalid.
    """
    header, claims = opened(token, keys)
    if header.get("typ") != kind:
        raise Invalid(f"it is signed, but is no {kind}")
    _check_times(claims, now)
    return claims


def opened(token: str, keys: Sequence[Jwk]) -> tuple[Claims, Claims]:
    """Return the header and the claims of a JWT that one of some keys has signed by ES256, of
    whatever type, valid or not. Raises Invalid."""
    if len(token) > 2 * MOST_OCTETS:
        raise Invalid(f"what was signed has more than {2 * MOST_OCTETS} octets")
    try:
        decoded = jwt.decode(token, _chosen(token, keys), registry=_REGISTRY)
    except _UNREADABLE:
        raise Invalid("the signature is not by a key that is known") from None
    return decoded.header, decoded.claims


def self_signed(token: str, now: datetime) -> tuple[Claims, str]:
    """Return the claims of an entity configuration, and the thumbprint (RFC 7638) of the key among
    its own that signed it. Whose key that is has to be known from elsewhere. Raises Invalid."""
    keys = keys_of(_unverified(token))
    claims = verify(token, keys, ENTITY_STATEMENT, now)
    if claims.get("iss") != claims.get("sub"):
        raise Invalid("the statement is about somebody else than who signed it")
    return claims, ECKey.import_key(dict(_named(token, keys))).thumbprint()


def kept(token: str) -> Claims:
    """Return the claims of a statement that was verified before it was stored."""
    return _unverified(token)


def keys_of(claims: Claims) -> tuple[Jwk, ...]:
    """Return the keys that a statement says are its subject's. Raises Invalid."""
    found = claims.get("jwks")
    keys = found.get("keys") if isinstance(found, dict) else None
    return check_keys(keys)


def check_keys(keys: object) -> tuple[Jwk, ...]:
    """Return public keys as they are read from JSON; raise Invalid where they are none."""
    if not isinstance(keys, list) or not 1 <= len(keys) <= 16:
        raise Invalid("it names no keys")
    checked = []
    for each in keys:
        if not isinstance(each, dict):
            raise Invalid("one of its keys is none")
        try:
            key = ECKey.import_key({name: each[name] for name in each.keys() & _OF_A_KEY})
        except _UNREADABLE:
            raise Invalid("one of its keys is no elliptic curve's") from None
        kid, shown = each.get("kid"), key.as_dict(private=False)
        if key.is_private or shown["crv"] != "P-256" or not isinstance(kid, str) or not kid:
            raise Invalid("one of its keys is not public, not on P-256, or has no name")
        checked.append({**shown, "kid": kid, "use": "sig", "alg": ALGORITHM})
    return tuple(checked)


def times(now: datetime, lifetime: timedelta) -> Claims:
    """Return from when until when something is valid, as claims (RFC 7519 section 4.1)."""
    return {"iat": int(now.timestamp()), "exp": int((now + lifetime).timestamp())}


def issued_at(claims: Claims) -> datetime:
    """Return when verified claims were signed, by the clock of who did."""
    return datetime.fromtimestamp(int(claims["iat"]), UTC)


def expiry(claims: Claims) -> datetime:
    """Return when verified claims expire."""
    return datetime.fromtimestamp(int(claims["exp"]), UTC)


def _check_times(claims: Claims, now: datetime) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    for each in (issued, expires):
        if not isinstance(each, int) or not 0 < each < _NO_YEAR_OF_OURS:
            raise Invalid("it does not say from when until when it is valid")
    if issued_at(claims) > now + LEEWAY:
        raise Invalid("it is from the future: one of the two clocks is wrong")
    if expiry(claims) < now - LEEWAY:
        raise Invalid(f"it expired on {expiry(claims):%Y-%m-%d %H:%M} UTC")


def _chosen(token: str, keys: Sequence[Jwk]) -> KeySet:
    return KeySet([ECKey.import_key(dict(_named(token, keys)))])


def _named(token: str, keys: Sequence[Jwk]) -> Jwk:
    """Return the key that a token names; the only one where it names none (OpenID Connect Core 1.0
    section 10.1). Raises KeyError where it names none of these."""
    kid = jws.extract_compact(token.encode(), registry=_REGISTRY).headers().get("kid")
    if kid is None and len(keys) == 1:
        return keys[0]
    found = next((key for key in keys if key.get("kid") == kid), None)
    if found is None:
        raise KeyError(kid)
    return found


def _unverified(token: str) -> Claims:
    """Return the claims of a token, to learn by which key it says that it is signed."""
    try:
        told = jws.extract_compact(token.encode(), registry=_REGISTRY)
        claims: object = json.loads(told.payload)
    except _UNREADABLE:
        claims = None
    if not isinstance(claims, dict):
        raise Invalid("it is no signed statement")
    return claims
