"""The end of a log-in for a partner: who it is, whether they may connect there, whether they agree,
and the way back."""

from datetime import datetime

from aaa import audit, authorization
from aaa.policy import Denied
from monitoring import metrics
from portal.answers import Answer, Go
from portal.openid import consents, grants, outcomes, sign_ins, views
from portal.openid.flow import Step, next_step
from portal.openid.outcomes import Endpoint
from portal.openid.parameters import Error
from portal.openid.sign_ins import OpenSignIn
from portal.parts import Parts


async def go_on(parts: Parts, sign_in: OpenSignIn) -> Answer:
    """Return the page that a log-in needs next, the way back being the last."""
    step = next_step(sign_in.progress, parts.clock())
    match step:
        case Step.CODE:
            return await views.code(parts, sign_in)
        case Step.ACCOUNT:
            return await views.account(parts, sign_in)
        case Step.TERMS:
            return views.terms(sign_in)
        case Step.CONSENT | Step.FINISH:
            return await _known(parts, sign_in, step)
    return views.welcome(parts, sign_in)


async def agree(parts: Parts, sign_in: OpenSignIn) -> Answer:
    """Remember that a citizen lets the place know what it will know, and go on."""
    now, citizen = parts.clock(), sign_in.citizen
    if citizen is not None and next_step(sign_in.progress, now) is Step.CONSENT:
        async with parts.database.write("consent") as session:
            await consents.give(session, citizen.id, sign_in.partner.id, now)
            await sign_ins.change(session, sign_in, consented_at=now)
            audit.note(
                session,
                actor="portal",
                action="consent.give",
                subject=f"citizen:{citizen.id}",
                now=now,
                partner=sign_in.partner.name,
            )
    return Go(sign_in.way(parts.keyring))


def leave(parts: Parts, sign_in: OpenSignIn) -> Answer:
    """Return the way back for who does not go on here."""
    outcomes.count(Endpoint.AUTHORIZE, Error.ACCESS_DENIED)
    return Go(sign_in.back(parts.settings.portal.public_url, error=Error.ACCESS_DENIED))


async def _known(parts: Parts, sign_in: OpenSignIn, step: Step) -> Answer:
    """Go on with a citizen who is known: nobody agrees to what would then be refused."""
    now, citizen, partner = parts.clock(), sign_in.citizen, sign_in.partner
    issuer = parts.settings.portal.public_url
    if citizen is None:
        return views.welcome(parts, sign_in)
    if sign_in.hinted_citizen_id not in (None, citizen.id):
        outcomes.count(Endpoint.AUTHORIZE, Error.LOGIN_REQUIRED)
        return views.leaving(sign_in, sign_in.back(issuer, error=Error.LOGIN_REQUIRED))
    async with parts.database.read("authorize") as session:
        decision = await authorization.authorize(
            session,
            parts.snapshot,
            citizen=citizen,
            hotspot=partner.hotspot,
            device_mac=None,
            now=now,
        )
    if isinstance(decision, Denied):
        place = citizen.collectivity.slug
        metrics.denials.labels(place, decision.reason.value, "portal").inc()
        return views.denied(sign_in, decision.reason)
    if step is Step.CONSENT:
        return views.consent(sign_in)
    return views.leaving(
        sign_in, sign_in.back(issuer, code=await _issue_code(parts, sign_in, citizen.id, now))
    )


async def _issue_code(parts: Parts, sign_in: OpenSignIn, citizen_id: int, now: datetime) -> str:
    async with parts.database.write("issue_code") as session:
        issued = await grants.issue(session, parts.keyring, sign_in, now)
        if issued.is_new:
            audit.note(
                session,
                actor="portal",
                action="openid.log_in",
                subject=f"citizen:{citizen_id}",
                now=now,
                partner=sign_in.partner.name,
            )
    if issued.is_new:
        outcomes.count(Endpoint.AUTHORIZE, outcomes.ACCEPTED)
    return issued.code
