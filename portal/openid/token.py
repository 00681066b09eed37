"""The token endpoint: a partner's portal redeems a code (OpenID Connect Core 1.0 section 3.1.3).

All that is to be known of a citizen stands in the ID token: there is no userinfo endpoint, and no
refresh token. The access token, which RFC 6749 section 5.1 wants in each answer, opens nothing, and
is not kept.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, authorization, citizens, policy
from aaa.citizens import CitizenRecord
from aaa.policy import Denied
from federation.trust import statements
from federation.trust.description import Provider
from portal.openid import assertions, claims, grants, log_out, outcomes
from portal.openid.clients import KnownClient
from portal.openid.grants import Grant, Replayed, Void
from portal.openid.outcomes import Endpoint
from portal.openid.parameters import Error, Parameters, Refused
from portal.parts import Parts

# RFC 7636 section 4.1.
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_KIND: Final = "JWT"


@dataclass(frozen=True, slots=True)
class _Granted:
    client: KnownClient
    citizen: CitizenRecord
    grant: Grant
    limits: policy.Grant


async def redeem(
    parts: Parts, provider: Provider, parameters: Parameters
) -> Mapping[str, Any] | Refused:
    """Return the token response of a token request, or why there is none."""
    now = parts.clock()
    granted = _malformed(parameters) or await _grant(parts, provider, parameters, now)
    if isinstance(granted, Refused):
        claimant = assertions.claimant(parameters, parts.partners.current)
        outcomes.refuse(parts, Endpoint.TOKEN, granted, claimant.partner.name if claimant else None)
        return granted
    access_token = secrets.token_urlsafe(32)
    said = claims.compose(
        parts.keyring,
        provider.issuer,
        granted.client,
        granted.citizen,
        granted.grant,
        granted.limits,
        access_token,
        now,
    )
    signer = parts.partners.current.keys.provider.must_sign()
    outcomes.count(Endpoint.TOKEN, outcomes.ACCEPTED)
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(claims.LIFETIME.total_seconds()),
        "scope": "openid",
        "id_token": statements.sign(said, signer, _KIND),
    }


def _malformed(parameters: Parameters) -> Refused | None:
    if parameters.repeated:
        return _invalid("a parameter is there twice")
    if "grant_type" not in parameters:
        return _invalid("grant_type is missing")
    if parameters.get("grant_type") != "authorization_code":
        return Refused(Error.UNSUPPORTED_GRANT_TYPE, "the one grant_type is authorization_code")
    if "client_secret" in parameters:
        return Refused(Error.INVALID_CLIENT, "clients have no secret: private_key_jwt is the way")
    for name in ("code", "redirect_uri", "code_verifier"):
        if name not in parameters:
            return _invalid(f"{name} is missing")
    return None


async def _grant(
    parts: Parts, provider: Provider, parameters: Parameters, now: datetime
) -> _Granted | Refused:
    audiences = (provider.issuer, provider.token_endpoint)
    assertion = assertions.read(parameters, parts.partners.current, audiences, now)
    if isinstance(assertion, Refused):
        return assertion
    client = assertion.client
    async with parts.database.write("openid_token") as session:
        if refused := await assertions.spend(session, parts.keyring, assertion, now):
            return refused
        code = parameters.get("code") or ""
        grant = await grants.redeem(session, parts.keyring, client.partner.id, code, now)
        if isinstance(grant, Replayed):
            return await _void(parts, session, client, grant, now)
        if isinstance(grant, Void):
            return Refused(Error.INVALID_GRANT, f"the code is {grant}")
        if wrong := _wrong_in(grant, parameters):
            return Refused(Error.INVALID_GRANT, wrong)
        citizen = await citizens.by_id(session, parts.snapshot, grant.citizen_id)
        if citizen is None:
            return Refused(Error.INVALID_GRANT, "the account is gone")
        limits = await authorization.authorize(
            session,
            parts.snapshot,
            citizen=citizen,
            hotspot=client.partner.hotspot,
            device_mac=None,
            now=now,
        )
    if isinstance(limits, Denied):
        return Refused(Error.INVALID_GRANT, f"the citizen may not connect: {limits.reason}")
    return _Granted(client, citizen, grant, limits)


def _wrong_in(grant: Grant, parameters: Parameters) -> str | None:
    """Return what does not fit the request that a code was issued for. The code is spent."""
    if parameters.get("redirect_uri") != grant.redirect_uri:
        return "the redirect_uri is not that of the authorization request"
    verifier = parameters.get("code_verifier") or ""
    if not _VERIFIER.fullmatch(verifier):
        return "the code_verifier is none"
    challenge = claims.s256(verifier)
    if not hmac.compare_digest(challenge, grant.code_challenge):
        return "the code_verifier is not that of the code_challenge"
    return None


async def _void(
    parts: Parts, session: AsyncSession, client: KnownClient, replayed: Replayed, now: datetime
) -> Refused:
    """End what a code led to that comes a second time: somebody else has seen it (RFC 6749 section
    4.1.2). The ID token cannot be called back; the sessions that it opened can."""
    ended = await log_out.end_sessions(
        session, replayed.citizen_id, client.partner, "code_replayed", now, replayed.redeemed_at
    )
    audit.note(
        session,
        actor="portal",
        action="openid.code_replayed",
        subject=f"citizen:{replayed.citizen_id}",
        now=now,
        partner=client.partner.name,
        sessions=ended,
    )
    return Refused(Error.INVALID_GRANT, "the code was used before", outcomes.REPLAYED)


def _invalid(why: str) -> Refused:
    return Refused(Error.INVALID_REQUEST, why)
