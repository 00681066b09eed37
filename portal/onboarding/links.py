"""Where an enrolment comes from: a visit that proved who comes, an e-mail address, a short code."""

from typing import Final

from aaa import citizens
from aaa.errors import Invalid, Unavailable
from aaa.model import CitizenState
from portal import throttling
from portal.answers import Answer, Go, Show
from portal.captive.attempts import Attempt
from portal.captive.flow import PROOF_LIFETIME
from portal.onboarding import credentials, enrolments, letters, views
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.views import Asking
from portal.pages import Mistake
from portal.parts import Parts

SENT: Final = "sent"


async def from_visit(parts: Parts, attempt: Attempt, language: str) -> Answer:
    """Begin an enrolment for who has just logged in; anybody else is asked for their address. The
    page of a visit may lie open for a day, on a phone that is lent: an old proof does not count."""
    now, citizen = parts.clock(), attempt.citizen
    proven_at = attempt.progress.proven_at
    is_fresh = proven_at is not None and now < proven_at + PROOF_LIFETIME
    if citizen is None or citizen.state is not CitizenState.ACTIVE or not is_fresh:
        return Go(f"/secure?at={attempt.hotspot.slug}")
    async with parts.database.write("begin_enrolment") as session:
        reference = await enrolments.begin(
            session, citizen_id=citizen.id, language=language, now=now
        )
    return Go(f"/secure/{enrolments.token_of(parts.keyring, reference)}")


async def by_mail(parts: Parts, typed: str, source: str, language: str, at: str) -> Answer:
    """Send a link to an address that has an account. Who has none gets the same answer after the
    same work, and no mail: otherwise anybody could have us write to anybody."""
    if parts.snapshot.server_identity is None:
        return views.not_ready(None)
    if parts.mailer is None:
        return views.ask(parts, at, Mistake.MAIL_NOT_SENT, email=typed)
    try:
        email = citizens.check_email(typed)
    except Invalid:
        return views.ask(parts, at, Mistake.EMAIL_UNUSABLE, email=typed)
    now = parts.clock()
    own = [(throttling.LINKS_PER_ADDRESS, email), (throttling.LINKS_PER_SOURCE, source)]
    # Who is turned away by themselves does not use up what all share.
    for tries in (own, [(throttling.LINKS_TOGETHER, "")]):
        if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
            return views.throttled(refused)
    async with parts.database.write("begin_enrolment") as session:
        citizen = await citizens.by_email(session, parts.snapshot, email)
        if citizen is not None and citizen.state is not CitizenState.ACTIVE:
            citizen = None
        reference = await enrolments.begin(
            session, citizen_id=citizen.id if citizen else None, language=language, now=now
        )
    if citizen is not None:
        token = enrolments.token_of(parts.keyring, reference)
        try:
            parts.mailer.send(letters.link(parts, email, token, citizen, language))
        except Unavailable:
            return views.ask(parts, at, Mistake.MAIL_NOT_SENT, email=typed)
    return Go(f"/secure?{SENT}=yes{f'&at={at}' if views.place(parts, at) else ''}")


async def mail_again(parts: Parts, enrolment: OpenEnrolment, asking: Asking) -> Answer:
    """Send the link of an enrolment to its citizen's own address: the way out of a mini-browser."""
    email = enrolment.citizen.email
    token = enrolments.token_of(parts.keyring, enrolment.reference)
    if parts.mailer is None or email is None:
        return await views.start(parts, enrolment, asking, Mistake.MAIL_NOT_SENT)
    tries = [(throttling.LINKS_PER_ADDRESS, email)]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, parts.clock()):
        return views.throttled(refused, enrolment)
    try:
        parts.mailer.send(letters.link(parts, email, token, enrolment.citizen, asking.language))
    except Unavailable:
        return await views.start(parts, enrolment, asking, Mistake.MAIL_NOT_SENT)
    return Go(f"/secure/{token}?{SENT}=yes")


async def by_code(parts: Parts, typed: str, source: str) -> Answer:
    """Return the way to the enrolment of a short code; to its newest device, where one was made."""
    now = parts.clock()
    for rule, who in (
        (throttling.SHORT_CODES_PER_SOURCE, source),
        (throttling.SHORT_CODES_TOGETHER, ""),
    ):
        tries = [(rule, who)]
        if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
            return views.throttled(refused)
    async with parts.database.read("short_code") as session:
        found = await enrolments.by_short_code(session, parts.keyring, typed, now)
        made = await credentials.made_in(session, found[0]) if found else []
    if found is None:
        return Show("short_code_wrong.html", status=404)
    way = f"/secure/{enrolments.token_of(parts.keyring, found[1])}"
    return Go(f"{way}/devices/{made[0]}" if made else way)
