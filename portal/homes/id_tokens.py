"""What a home says of its citizen: an ID token, checked (OpenID Connect Core 1.0 section 3.1.3.7,
RFC 8725). Pure."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from aaa.vouched import Vouched
from federation.trust.statements import ALGORITHM, Jwk

# What an attribute of RADIUS holds (RFC 2865 section 5).
_MOST_OCTETS: Final = 253
_LONGEST_TOKEN: Final = 8192
_LONGEST_SECONDS: Final = (1 << 31) - 1
# How far the clocks of two members may be apart.
_LEEWAY: Final = timedelta(minutes=5)
# Longer than anybody has a token made for, who waits to redeem it.
_OLDEST: Final = timedelta(hours=1)
_TYPES: Final = (None, "JWT")


class Flaw(StrEnum):
    """Why what a home answered is of no use; a log field."""

    WRONG_SENDER = "wrong_sender"
    """Somebody else answers than who was asked (RFC 9207), or does not say who it is."""
    NO_CODE = "no_code"
    UNKNOWN_ERROR = "unknown_error"
    CODE_REFUSED = "code_refused"
    """The home has not given this code, or not to us."""
    CLIENT_REFUSED = "client_refused"
    """The home does not know us by our key."""
    REDIRECTED = "redirected"
    TOO_LARGE = "too_large"
    NO_TOKEN = "no_token"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    FROM_ANOTHER_TIME = "from_another_time"
    WRONG_NONCE = "wrong_nonce"
    NO_SUBJECT = "no_subject"
    BAD_CLAIM = "bad_claim"
    FOREIGN_REALM = "foreign_realm"
    """It speaks for a realm that does not lead to it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to hold. `keys` are the partner's, as it published them; `is_our_class`
    tells a Class that we sealed."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    keys: Sequence[Jwk]
    is_our_class: Callable[[bytes], bool]
    now: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a home says: the realm of its citizen, not looked at yet, and the rest."""

    realm: str
    vouched: Vouched


class _Refused(Exception):
    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw


def read(token: str, expected: Expected) -> Told | Flaw:
    """Return what a token says, or what is wrong with it."""
    if len(token) > _LONGEST_TOKEN:
        return Flaw.TOO_LARGE
    try:
        claims = _verified(token, expected.keys)
        _check(claims, expected)
        return _told(claims, expected.is_our_class)
    except _Refused as refused:
        return refused.flaw


def _verified(token: str, keys: Sequence[Jwk]) -> Mapping[str, Any]:
    """Return the claims that one of the keys has signed, by the one algorithm that there is: what a
    header says of keys and algorithms chooses among what we know, and no more."""
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, KeyError, TypeError):
        raise _Refused(Flaw.NO_TOKEN) from None
    if header.get("alg") != ALGORITHM or "crit" in header:
        raise _Refused(Flaw.WRONG_ALGORITHM)
    if header.get("typ") not in _TYPES:
        raise _Refused(Flaw.WRONG_TYPE)
    key = next((each for each in keys if each.get("kid") == header.get("kid")), None)
    if key is None:
        raise _Refused(Flaw.UNKNOWN_KEY)
    try:
        return jwt.decode(token, ECKey.import_key(dict(key)), algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, KeyError, TypeError):
        raise _Refused(Flaw.BAD_SIGNATURE) from None


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise _Refused(Flaw.WRONG_ISSUER)
    audience, presenter = claims.get("aud"), claims.get("azp", expected.client_id)
    audiences = audience if isinstance(audience, list) else [audience]
    is_alone = len(audiences) == 1 or "azp" in claims
    if expected.client_id not in audiences or presenter != expected.client_id or not is_alone:
        raise _Refused(Flaw.WRONG_AUDIENCE)
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if expires + _LEEWAY <= expected.now:
        raise _Refused(Flaw.EXPIRED)
    if not expected.now - _OLDEST <= issued <= expected.now + _LEEWAY:
        raise _Refused(Flaw.FROM_ANOTHER_TIME)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise _Refused(Flaw.WRONG_NONCE)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MOST_OCTETS + 2:
        raise _Refused(Flaw.NO_SUBJECT)


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 40:
        raise _Refused(Flaw.FROM_ANOTHER_TIME)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError):
        raise _Refused(Flaw.FROM_ANOTHER_TIME) from None


def _told(claims: Mapping[str, Any], is_our_class: Callable[[bytes], bool]) -> Told:
    realm = claims.get("realm")
    if not isinstance(realm, str) or not 0 < len(realm) <= _MOST_OCTETS:
        raise _Refused(Flaw.BAD_CLAIM)
    home_class = _octets(claims, "radius_class")
    if home_class is not None and is_our_class(home_class):
        raise _Refused(Flaw.BAD_CLAIM)
    vouched = Vouched(
        home_class=home_class,
        cui=_octets(claims, "cui"),
        session_seconds=_seconds(claims, "session_timeout"),
        idle_seconds=_seconds(claims, "idle_timeout"),
    )
    return Told(realm, vouched)


def _octets(claims: Mapping[str, Any], name: str) -> bytes | None:
    """Return a claim that is to be an attribute of RADIUS."""
    if name not in claims:
        return None
    value = claims[name]
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else b""
    if not 0 < len(octets) <= _MOST_OCTETS or not str(value).isprintable():
        raise _Refused(Flaw.BAD_CLAIM)
    return octets


def _seconds(claims: Mapping[str, Any], name: str) -> int | None:
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 < value <= _LONGEST_SECONDS:
        raise _Refused(Flaw.BAD_CLAIM)
    return value
