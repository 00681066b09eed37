"""Where an enrolment comes from: a visit that proved who comes, an e-mail address, a short code."""

from collections.abc import Sequence
from typing import Final

from aaa import citizens
from aaa.citizens import CitizenRecord
from aaa.errors import Invalid, Unavailable
from aaa.model import CitizenState
from aaa.secret import Secret
from portal import throttling
from portal.answers import CORRECT_IT, Answer, Go, Show, throttled
from portal.captive.attempts import Attempt
from portal.onboarding import credentials, enrolments, letters, views
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.views import Asking
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Rule, Throttled

SENT: Final = "sent"


async def from_visit(
    parts: Parts, attempt: Attempt, password: Secret | None, language: str
) -> Answer:
    """Begin an enrolment for who has just logged in. The page of a visit may lie open for a day, on
    a phone that is lent: an old proof does not count, and anybody but who has just logged in is
    asked for their address, or for their ``password`` where they have none."""
    now, citizen = parts.clock(), attempt.citizen
    if citizen is None or citizen.state is not CitizenState.ACTIVE:
        return Go(f"/secure?at={attempt.hotspot.slug}")
    if not attempt.progress.is_proven(now):
        if citizen.email is not None or citizen.password_hash is None:
            return Go(f"/secure?at={attempt.hotspot.slug}")
        if refused := await _ask_again(parts, attempt, citizen, password):
            return refused
    async with parts.database.write("begin_enrolment") as session:
        reference = await enrolments.begin(
            session, citizen_id=citizen.id, language=language, now=now
        )
    return Go(enrolments.way_to(parts.keyring, reference))


async def _ask_again(
    parts: Parts, attempt: Attempt, citizen: CitizenRecord, password: Secret | None
) -> Show | None:
    """Return the page that asks for the password of a visit's citizen; None where it is right."""
    if password is None:
        return Show("secure_again.html", attempt, context={"nai": citizen.nai})
    tries = [(throttling.LOG_INS_PER_CITIZEN, str(citizen.id))]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, parts.clock()):
        return throttled(refused, attempt)
    if await parts.hashing.verify(citizen.password_hash, password):
        return None
    return Show(
        "secure_again.html",
        attempt,
        status=CORRECT_IT,
        error=Mistake.CREDENTIALS_WRONG,
        context={"nai": citizen.nai},
    )


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
    network = throttling.network_of(source)
    own = [(throttling.LINKS_PER_ADDRESS, email), (throttling.LINKS_PER_SOURCE, network)]
    if refused := await _admit(parts, own, throttling.LINKS_TOGETHER):
        return throttled(refused)
    async with parts.database.write("begin_enrolment") as session:
        citizen = await citizens.by_email(session, parts.snapshot, email)
        if citizen is not None and citizen.state is not CitizenState.ACTIVE:
            citizen = None
        reference = await enrolments.begin(
            session, citizen_id=citizen.id if citizen else None, language=language, now=now
        )
    if citizen is not None:
        try:
            parts.mailer.send(letters.link(parts, email, reference, citizen, language))
        except Unavailable:
            return views.ask(parts, at, Mistake.MAIL_NOT_SENT, email=typed)
    return Go(f"/secure?{SENT}=yes{f'&at={at}' if views.place(parts, at) else ''}")


async def mail_again(parts: Parts, enrolment: OpenEnrolment, asking: Asking) -> Answer:
    """Send the link of an enrolment to its citizen's own address: the way out of a mini-browser."""
    email = enrolment.citizen.email
    if parts.mailer is None or email is None:
        return await views.start(parts, enrolment, asking, Mistake.MAIL_NOT_SENT)
    tries = [(throttling.LINKS_PER_ADDRESS, email)]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, parts.clock()):
        return throttled(refused, enrolment)
    try:
        letter = letters.link(parts, email, enrolment.reference, enrolment.citizen, asking.language)
        parts.mailer.send(letter)
    except Unavailable:
        return await views.start(parts, enrolment, asking, Mistake.MAIL_NOT_SENT)
    return Go(f"{enrolments.way_to(parts.keyring, enrolment.reference)}?{SENT}=yes")


async def by_code(parts: Parts, typed: str, source: str) -> Answer:
    """Return the way to the enrolment of a short code; to its newest device, where one was made.

    A code stands on a screen that others may see: it leads there a few times, and then no more.
    """
    now = parts.clock()
    own = [(throttling.SHORT_CODES_PER_SOURCE, throttling.network_of(source))]
    if refused := await _admit(parts, own, throttling.SHORT_CODES_TOGETHER):
        return throttled(refused)
    async with parts.database.read("short_code") as session:
        found = await enrolments.by_short_code(session, parts.keyring, typed, now)
        made = await credentials.made_in(session, found[0]) if found else []
    if found is None:
        return Show("short_code_wrong.html", status=404)
    uses = [(throttling.USES_OF_SHORT_CODE, found[2])]
    if await throttling.admit(parts.database, parts.keyring, uses, now):
        async with parts.database.write("short_code") as session:
            await enrolments.withdraw_short_code(session, found[0])
        return Show("short_code_wrong.html", status=404)
    way = enrolments.way_to(parts.keyring, found[1])
    return Go(f"{way}/devices/{made[0]}" if made else way)


async def _admit(parts: Parts, own: Sequence[tuple[Rule, str]], together: Rule) -> Throttled | None:
    """Count a try for who makes it, then for all together: who is turned away by themselves does
    not use up what all share. That all are turned away is worth a warning."""
    now = parts.clock()
    if refused := await throttling.admit(parts.database, parts.keyring, own, now):
        return refused
    refused = await throttling.admit(parts.database, parts.keyring, [(together, "")], now)
    if refused is not None:
        parts.warnings.warn(
            "everybody is turned away: too many tries together",
            "portal",
            now,
            what=together.what,
            remedy="find in the front's log which sources ask so often, and refuse them there",
        )
    return refused
