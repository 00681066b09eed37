"""Which client asks: it has signed so, once, for us (OpenID Connect Core 1.0 section 9).

RFC 7523 section 3, and RFC 9700 section 2.5: `private_key_jwt` is the one way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.secret import Keyring
from federation.directory import Partners
from federation.trust import statements
from federation.trust.statements import Claims
from portal.model import SpentAssertion
from portal.openid import clients
from portal.openid.clients import KnownClient
from portal.openid.parameters import Error, Parameters, Refused

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# How far the client's clock may be from ours, and how long an assertion may be good for, since it
# is remembered for as long.
_LEEWAY: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=1)
_MOST_JTI: Final = 256
# An assertion says nothing of its kind, or one of these (RFC 8725 section 3.11).
_KINDS: Final = (None, "JWT", "client-authentication+jwt")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client's assertion that is right, as long as it was not used before."""

    client: KnownClient
    jti: str = field(repr=False)
    expires_at: datetime


def claimant(parameters: Parameters, partners: Partners) -> KnownClient | None:
    """Return which client a token request says that it is of, whether or not it proves so."""
    assertion = parameters.get("client_assertion") or ""
    return clients.find(partners, parameters.get("client_id") or _subject_of(assertion))


def read(
    parameters: Parameters, partners: Partners, audiences: Sequence[str], now: datetime
) -> Assertion | Refused:
    """Return the assertion of a token request. `audiences`: what it may be signed for, each of
    them us."""
    if parameters.get("client_assertion_type") != TYPE:
        return _refused(f"the client has to prove itself by a client_assertion of the type {TYPE}")
    token, client = parameters.get("client_assertion") or "", claimant(parameters, partners)
    if client is None:
        return _refused("the client is not known here")
    try:
        header, claims = statements.opened(token, client.metadata.keys)
    except Invalid:
        return _refused("the client_assertion is not signed by a key of the client, by ES256")
    if header.get("typ") not in _KINDS:
        return _refused("the client_assertion is a JWT of another kind")
    wrong = _wrong_in(claims, client.entity, audiences, now)
    if wrong is not None:
        return _refused(wrong)
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return Assertion(client, claims["jti"], expires_at)


async def spend(
    session: AsyncSession, keyring: Keyring, assertion: Assertion, now: datetime
) -> Refused | None:
    """Remember that an assertion was used; return why it is refused where it was before."""
    spent = SpentAssertion(
        digest=keyring.digest(f"{assertion.client.entity} {assertion.jti}", "client-assertion"),
        expires_at=max(assertion.expires_at, now) + _LEEWAY,
    )
    try:
        async with session.begin_nested():
            session.add(spent)
    except IntegrityError:
        return _refused("the client_assertion was used before: its jti is known")
    return None


def _subject_of(token: str) -> str:
    """Return whom an assertion is about, to learn by which keys it has to be signed."""
    try:
        subject = statements.kept(token).get("sub")
    except Invalid:
        subject = None
    return subject if isinstance(subject, str) else ""


def _wrong_in(claims: Claims, entity: str, audiences: Sequence[str], now: datetime) -> str | None:
    if not claims.get("iss") == claims.get("sub") == entity:
        return "iss and sub of the client_assertion have to be the client_id"
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    # For nobody else beside us, who could use it here.
    if not named or not all(each in audiences for each in named):
        return "the client_assertion is for somebody else: aud has to be the issuer"
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_JTI:
        return "the client_assertion has no jti"
    return _wrong_time(claims, now)


def _wrong_time(claims: Claims, now: datetime) -> str | None:
    at = now.timestamp()
    expires, since = claims.get("exp"), [claims.get("iat"), claims.get("nbf")]
    leeway = _LEEWAY.total_seconds()
    if not isinstance(expires, int | float) or not 0 < expires < 1 << 40:
        return "the client_assertion has no exp"
    if expires <= at - leeway:
        return "the client_assertion has expired"
    if expires > at + _LONGEST.total_seconds() + leeway:
        return "the client_assertion is good for too long: an hour is the most"
    if any(isinstance(each, int | float) and each > at + leeway for each in since):
        return "the client_assertion is from the future"
    return None


def _refused(why: str) -> Refused:
    return Refused(Error.INVALID_CLIENT, why)
