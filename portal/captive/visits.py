"""The dispatcher: every step of a visit leads back here, and from here to the next."""

from dataclasses import replace

from portal.answers import Answer
from portal.captive import attempts, finish, online, views
from portal.captive.attempts import Attempt
from portal.captive.flow import Step, next_step
from portal.parts import Parts


async def go_on(parts: Parts, attempt: Attempt) -> Answer:
    """Return the page that a visit needs next, or the way to the NAS."""
    step = next_step(attempt.progress, parts.clock())
    if step is Step.STATUS and await online.is_over(parts, attempt):
        attempt = await _start_again(parts, attempt)
        step = next_step(attempt.progress, parts.clock())
    match step:
        case Step.CODE:
            return await views.code(parts, attempt)
        case Step.ACCOUNT:
            return await views.account(parts, attempt)
        case Step.TERMS:
            return views.terms(parts, attempt)
        case Step.FINISH:
            return await finish.finish(parts, attempt)
        case Step.DENIED:
            return await finish.tell_denial(parts, attempt)
        case Step.STATUS:
            return views.to_visit(parts, attempt, "/status")
    return views.welcome(parts, attempt)


async def _start_again(parts: Parts, attempt: Attempt) -> Attempt:
    """Return a visit whose session is over as one that may log in again."""
    async with parts.database.write("start_again") as session:
        await attempts.change(session, attempt, **attempts.NOT_FINISHED)
    progress = replace(attempt.progress, outcome=None, ticket_issued_at=None, confirmed_at=None)
    return replace(attempt, progress=progress)
