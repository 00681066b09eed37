"""The steps of `portal.identification` in a log-in for a partner: what they come to is kept there,
and shown."""

from sqlalchemy.ext.asyncio import AsyncSession

from aaa.secret import Secret
from portal import throttling, tokens
from portal.answers import Answer, Go, throttled
from portal.identification import accounts, steps
from portal.identification.seeker import Proof, Seeker
from portal.identification.steps import Keep
from portal.identification.wish import Wish
from portal.openid import sign_ins, views
from portal.openid.flow import Step, next_step
from portal.openid.sign_ins import OpenSignIn
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Throttled


async def request_code(
    parts: Parts, sign_in: OpenSignIn, typed: str, source: str, language: str
) -> Answer:
    """Send a code to an address, and return to the log-in, whether the address is known or not."""

    async def keep(session: AsyncSession, code_id: int) -> None:
        await sign_ins.await_code(session, sign_in, code_id)

    outcome = await steps.send_code(parts, _seeker(sign_in, source), typed, language, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, sign_in)
    if outcome is not None:
        return views.welcome(parts, sign_in, outcome, email=typed)
    return Go(sign_in.way(parts.keyring))


async def try_code(parts: Parts, sign_in: OpenSignIn, typed: str, source: str) -> Answer:
    """Log in by a code, or prove the address of a citizen to be."""
    way, keep = _onward(parts, sign_in)
    outcome = await steps.try_code(parts, _seeker(sign_in, source), typed, keep)
    if outcome is Mistake.CODE_WRONG:
        return await views.code(parts, sign_in, outcome)
    if isinstance(outcome, Mistake):
        return views.welcome(parts, sign_in, outcome, email=sign_in.email or "")
    return way


async def log_in(
    parts: Parts, sign_in: OpenSignIn, typed: str, password: Secret, source: str
) -> Answer:
    """Log in by identifier or e-mail address, with the account's password."""
    way, keep = _onward(parts, sign_in)
    seeker = _seeker(sign_in, source)
    outcome = await steps.try_password(parts, seeker, typed, password, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, sign_in)
    if isinstance(outcome, Mistake):
        return views.welcome(parts, sign_in, outcome, identifier=typed)
    return way


async def create_account(parts: Parts, sign_in: OpenSignIn, wish: Wish, source: str) -> Answer:
    """Create the citizen of the address that the log-in proved."""
    email = sign_in.proven_email
    if email is None or next_step(sign_in.progress, parts.clock()) is not Step.ACCOUNT:
        return Go(sign_in.way(parts.keyring))
    way, keep = _onward(parts, sign_in)
    outcome = await accounts.create(parts, _seeker(sign_in, source), email, wish, keep)
    if isinstance(outcome, Throttled):
        return throttled(outcome, sign_in)
    if outcome is not None:
        return await views.account(parts, sign_in, outcome, wish)
    return way


async def accept_terms(parts: Parts, sign_in: OpenSignIn, *, accepts_terms: bool) -> Answer:
    """Keep that a citizen accepts their home's terms of now."""
    citizen = sign_in.citizen
    if citizen is not None and next_step(sign_in.progress, parts.clock()) is Step.TERMS:
        if not accepts_terms:
            return views.terms(sign_in, Mistake.TERMS_NOT_ACCEPTED)
        await accounts.accept_terms(parts, citizen)
    return Go(sign_in.way(parts.keyring))


def _onward(parts: Parts, sign_in: OpenSignIn) -> tuple[Go, Keep]:
    """Return the way on after a proof, and what keeps it: under another reference."""
    reference = tokens.new_reference()

    async def keep(session: AsyncSession, proof: Proof) -> None:
        await sign_ins.prove(session, sign_in, proof, reference)

    return Go(sign_ins.way_to(parts.keyring, reference)), keep


def _seeker(sign_in: OpenSignIn, source: str) -> Seeker:
    network = throttling.network_of(source)
    return Seeker(
        place=sign_in.place,
        email=sign_in.email,
        code_id=sign_in.email_code_id,
        codes=(
            (throttling.CODES_PER_SOURCE, network),
            (throttling.CODES_PER_PARTNER, sign_in.partner.name),
        ),
        log_ins=((throttling.LOG_INS_PER_SOURCE, network),),
        accounts=((throttling.ACCOUNTS_PER_SOURCE, network),),
        whereabouts={"partner": sign_in.partner.name},
    )
