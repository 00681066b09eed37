"""The steps of `portal.identification` in a visit: what they come to is kept there, and shown."""

from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from aaa.secret import Secret
from portal import throttling
from portal.answers import Answer, throttled
from portal.captive import attempts, views
from portal.captive.attempts import Attempt
from portal.captive.flow import Step, next_step
from portal.homes import choosing, identifiers
from portal.homes.identifiers import Foreign, Own, Shared
from portal.identification import accounts, steps
from portal.identification.seeker import Proof, Seeker
from portal.identification.wish import Wish
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Throttled

_UNPROVEN: Final = {
    "citizen_id": None,
    "visitor_id": None,
    "proven_email": None,
    "method": None,
    "proven_at": None,
}


async def request_code(parts: Parts, attempt: Attempt, typed: str, language: str) -> Answer:
    """Send a code to an address, and return to the visit, whether the address is known or not."""
    # "Send it again" comes with the address as it was shown.
    is_same = attempt.progress.has_code and typed in {"", views.shown_address(attempt)}
    email = (attempt.email or "") if is_same else typed

    async def keep(session: AsyncSession, code_id: int) -> None:
        is_resumed = is_same and attempt.is_resumed
        await attempts.change(
            session, attempt, email_code_id=code_id, is_resumed=is_resumed, **_UNPROVEN
        )

    outcome = await steps.send_code(parts, _seeker(attempt), email, language, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, attempt)
    if outcome is not None:
        return views.welcome(parts, attempt, outcome, email=typed)
    return views.to_visit(parts, attempt)


async def try_code(parts: Parts, attempt: Attempt, typed: str, *, remember: bool) -> Answer:
    """Log in by a code, or prove the address of a citizen to be."""
    keep = partial(_keep, attempt=attempt, remember=remember)
    outcome = await steps.try_code(parts, _seeker(attempt), typed, keep)
    if outcome is Mistake.CODE_WRONG:
        return await views.code(parts, attempt, outcome, remember=remember)
    if isinstance(outcome, Mistake):
        email = "" if attempt.is_resumed else attempt.email or ""
        return views.welcome(parts, attempt, outcome, email=email)
    return views.to_visit(parts, attempt)


async def log_in(
    parts: Parts,
    attempt: Attempt,
    typed: str,
    password: Secret,
    *,
    remember: bool,
    language: str,
) -> Answer:
    """Log in by identifier or e-mail address, with the account's password. A partner's citizen goes
    home from here: what they typed is none of ours to check."""
    match identifiers.read(typed, parts.partners.current):
        case Foreign() as home:
            return await choosing.send_home(parts, attempt, home, password, language)
        case Shared(alias):
            return choosing.show_homes(parts, attempt, alias)
        case Own(identifier):
            return await _log_in(parts, attempt, identifier, password, remember=remember)


async def _log_in(
    parts: Parts, attempt: Attempt, typed: str, password: Secret, *, remember: bool
) -> Answer:
    keep = partial(_keep, attempt=attempt, remember=remember)
    outcome = await steps.try_password(parts, _seeker(attempt), typed, password, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, attempt)
    if isinstance(outcome, Mistake):
        return views.welcome(parts, attempt, outcome, identifier=typed, remember=remember)
    return views.to_visit(parts, attempt)


async def create_account(parts: Parts, attempt: Attempt, wish: Wish) -> Answer:
    """Create the citizen of the address that the visit proved."""
    email = attempt.proven_email
    if email is None or next_step(attempt.progress, parts.clock()) is not Step.ACCOUNT:
        return views.to_visit(parts, attempt)
    keep = partial(_keep, attempt=attempt, remember=wish.remember)
    outcome = await accounts.create(parts, _seeker(attempt), email, wish, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, attempt)
    if outcome is not None:
        return await views.account(parts, attempt, outcome, wish)
    return views.to_visit(parts, attempt)


async def accept_terms(parts: Parts, attempt: Attempt, *, accepts_terms: bool) -> Answer:
    """Keep that a citizen accepts their home's terms of now."""
    citizen = attempt.citizen
    if citizen is None or next_step(attempt.progress, parts.clock()) is not Step.TERMS:
        return views.to_visit(parts, attempt)
    if not accepts_terms:
        return views.terms(parts, attempt, Mistake.TERMS_NOT_ACCEPTED)
    await accounts.accept_terms(parts, citizen)
    return views.to_visit(parts, attempt)


async def _keep(session: AsyncSession, proof: Proof, *, attempt: Attempt, remember: bool) -> None:
    await attempts.prove(session, attempt, proof, remember=remember)


def _seeker(attempt: Attempt) -> Seeker:
    device = attempt.counted_as
    return Seeker(
        place=attempt.collectivity,
        email=attempt.email,
        code_id=attempt.email_code_id,
        codes=(
            (throttling.CODES_PER_DEVICE, device),
            (throttling.CODES_PER_NAS, str(attempt.nas.id)),
        ),
        log_ins=((throttling.LOG_INS_PER_DEVICE, device),),
        accounts=((throttling.ACCOUNTS_PER_DEVICE, device),),
        whereabouts={"hotspot": attempt.hotspot.slug},
    )
