"""The ways to prove who one is, and what a new citizen agrees to.

An address or identifier that is unknown gets the same answer as a known one with a wrong proof,
after the same work: nobody learns here who has an account.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, citizens, identifier
from aaa.authentication import Method
from aaa.errors import Invalid, Unavailable
from aaa.passwords import check_password
from aaa.policy import DenyReason
from aaa.secret import Secret
from monitoring import metrics
from portal import throttling
from portal.answers import Answer
from portal.captive import attempts, codes, letters, views
from portal.captive.attempts import Attempt
from portal.captive.codes import Tried
from portal.captive.flow import Step, next_step
from portal.captive.wish import Wish
from portal.pages import Mistake
from portal.parts import Parts

_UNPROVEN: Final = {"citizen_id": None, "proven_email": None, "method": None, "proven_at": None}


async def request_code(parts: Parts, attempt: Attempt, typed: str, language: str) -> Answer:
    """Send a code to an address, and return to the visit, whether the address is known or not."""
    if parts.mailer is None:
        return views.welcome(parts, attempt, Mistake.MAIL_NOT_SENT, email=typed)
    # "Send it again" comes with the address as it was shown.
    is_same = attempt.progress.has_code and typed in {"", views.shown_address(attempt)}
    try:
        email = (attempt.email or "") if is_same else citizens.check_email(typed)
    except Invalid:
        return views.welcome(parts, attempt, Mistake.EMAIL_UNUSABLE, email=typed)
    now = parts.clock()
    tries = [
        (throttling.CODES_PER_ADDRESS, email),
        (throttling.CODES_PER_DEVICE, _device(attempt)),
        (throttling.CODES_PER_NAS, str(attempt.nas.id)),
    ]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return views.throttled(attempt, refused)
    async with parts.database.write("request_code") as session:
        citizen = await citizens.by_email(session, parts.snapshot, email)
        digits, code_id = await codes.issue(
            session, parts.keyring, email=email, former_id=attempt.email_code_id, now=now
        )
        await attempts.change(
            session,
            attempt,
            email_code_id=code_id,
            is_resumed=is_same and attempt.is_resumed,
            **_UNPROVEN,
        )
    if citizen is None:
        _count_sign_up(attempt, "requested")
    try:
        parts.mailer.send(letters.code(parts.pages, attempt, email, digits, citizen, language))
    except Unavailable:
        return views.welcome(parts, attempt, Mistake.MAIL_NOT_SENT, email=typed)
    return views.to_visit(parts, attempt)


async def try_code(parts: Parts, attempt: Attempt, typed: str, *, remember: bool) -> Answer:
    """Log in by a code, or prove the address of a citizen to be."""
    now = parts.clock()
    code_id = attempt.email_code_id
    if code_id is None:
        return views.welcome(parts, attempt, Mistake.CODE_EXPIRED)
    citizen = None
    async with parts.database.write("try_code") as session:
        tried = await codes.try_code(session, parts.keyring, code_id, typed, now)
        if tried is Tried.RIGHT:
            email = attempt.email or ""
            citizen = await citizens.by_email(session, parts.snapshot, email)
            await attempts.prove(
                session,
                attempt,
                citizen_id=citizen.id if citizen else None,
                email=None if citizen else email,
                method=Method.EMAIL_CODE,
                remember=remember,
                now=now,
            )
        left = await codes.tries_left(session, code_id)
    if tried is not Tried.RIGHT:
        _count_log_in(attempt, Method.EMAIL_CODE, "reject")
        if tried is Tried.WRONG and left:
            return await views.code(parts, attempt, Mistake.CODE_WRONG, remember=remember)
        email = "" if attempt.is_resumed else attempt.email or ""
        return views.welcome(parts, attempt, Mistake.CODE_EXPIRED, email=email)
    if citizen is None:
        _count_sign_up(attempt, "verified")
    else:
        _count_log_in(attempt, Method.EMAIL_CODE, "accept")
    return views.to_visit(parts, attempt)


async def log_in(
    parts: Parts, attempt: Attempt, typed: str, password: Secret, *, remember: bool
) -> Answer:
    """Log in by identifier or e-mail address, with the account's password."""
    nai = _nai(typed)
    if nai is None:
        unusable = Mistake.IDENTIFIER_UNUSABLE
        return views.welcome(parts, attempt, unusable, identifier=typed, remember=remember)
    is_ours = nai.realm is None or nai.realm in parts.snapshot.by_realm
    place = attempt.hotspot.collectivity
    async with parts.database.read("log_in") as session:
        citizen = await citizens.by_nai(session, parts.snapshot, nai, place)
        if citizen is None and nai.realm is not None:
            citizen = await citizens.by_email(session, parts.snapshot, str(nai))
    now = parts.clock()
    # Counted as it is written, not by whose it is: two ways to write one citizen would tell by a
    # shared count that there is one.
    written = f"{nai.name}@{nai.realm or place.realm}"
    tries = [
        (throttling.LOG_INS_PER_IDENTIFIER, written),
        (throttling.LOG_INS_PER_CITIZEN, str(citizen.id) if citizen else written),
        (throttling.LOG_INS_PER_DEVICE, _device(attempt)),
    ]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return views.throttled(attempt, refused)
    is_right = await parts.hashing.verify(citizen.password_hash if citizen else None, password)
    if citizen is None or not is_right:
        _count_log_in(attempt, Method.PASSWORD, "reject")
        reason = DenyReason.WRONG_PASSWORD if citizen else DenyReason.UNKNOWN_CITIZEN
        metrics.denials.labels(place.slug, reason.value, "portal").inc()
        mistake = Mistake.CREDENTIALS_WRONG if is_ours else Mistake.NOT_RECOGNISED
        return views.welcome(parts, attempt, mistake, identifier=typed, remember=remember)
    _count_log_in(attempt, Method.PASSWORD, "accept")
    async with parts.database.write("log_in") as session:
        await attempts.prove(
            session,
            attempt,
            citizen_id=citizen.id,
            email=None,
            method=Method.PASSWORD,
            remember=remember,
            now=now,
        )
    return views.to_visit(parts, attempt)


async def create_account(parts: Parts, attempt: Attempt, wish: Wish) -> Answer:
    """Create the citizen of a proven address. Without a password they log in by code."""
    now = parts.clock()
    if next_step(attempt.progress, now) is not Step.ACCOUNT:
        return views.to_visit(parts, attempt)
    if mistake := _mistake_in(wish):
        return await views.account(parts, attempt, mistake, wish)
    tries = [(throttling.ACCOUNTS_PER_DEVICE, _device(attempt))]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return views.throttled(attempt, refused)
    password = wish.password
    password_hash = await parts.hashing.hash(check_password(password)) if password else None
    try:
        async with parts.database.write("sign_up") as session:
            await _store_account(session, attempt, wish, password_hash, now)
    except Invalid:
        async with parts.database.read("sign_up") as session:
            home = attempt.hotspot.collectivity
            is_taken = await citizens.is_taken(session, wish.name, home)
        mistake = Mistake.NAME_TAKEN if is_taken else Mistake.EMAIL_TAKEN
        return await views.account(parts, attempt, mistake, wish)
    _count_sign_up(attempt, "completed")
    _count_log_in(attempt, Method.EMAIL_CODE, "accept")
    return views.to_visit(parts, attempt)


async def _store_account(
    session: AsyncSession,
    attempt: Attempt,
    wish: Wish,
    password_hash: str | None,
    now: datetime,
) -> None:
    home = attempt.hotspot.collectivity
    citizen_id = await citizens.add(
        session,
        name=wish.name,
        collectivity=home,
        email=attempt.proven_email,
        password_hash=password_hash,
        language=wish.language,
        now=now,
    )
    await citizens.accept_terms(session, citizen_id, home, now)
    await attempts.prove(
        session,
        attempt,
        citizen_id=citizen_id,
        email=None,
        method=Method.EMAIL_CODE,
        remember=wish.remember,
        now=now,
    )
    audit.note(
        session,
        actor="portal",
        action="citizen.sign_up",
        subject=f"citizen:{citizen_id}",
        now=now,
        hotspot=attempt.hotspot.slug,
    )


async def accept_terms(parts: Parts, attempt: Attempt, *, accepts_terms: bool) -> Answer:
    """Keep that a citizen accepts their home's terms of now."""
    now, citizen = parts.clock(), attempt.citizen
    if citizen is None or next_step(attempt.progress, now) is not Step.TERMS:
        return views.to_visit(parts, attempt)
    if not accepts_terms:
        return views.terms(parts, attempt, Mistake.TERMS_NOT_ACCEPTED)
    async with parts.database.write("terms") as session:
        await citizens.accept_terms(session, citizen.id, citizen.collectivity, now)
        audit.note(
            session,
            actor="portal",
            action="citizen.accept_terms",
            subject=f"citizen:{citizen.id}",
            now=now,
            terms=citizens.terms_of(citizen.collectivity),
        )
    return views.to_visit(parts, attempt)


def _mistake_in(wish: Wish) -> Mistake | None:
    try:
        identifier.check_name(wish.name)
    except Invalid:
        return Mistake.NAME_UNUSABLE
    if wish.wants_password and not wish.password:
        return Mistake.PASSWORD_MISSING
    try:
        if wish.password:
            check_password(wish.password)
    except Invalid:
        return Mistake.PASSWORD_UNUSABLE
    return None if wish.accepts_terms else Mistake.TERMS_NOT_ACCEPTED


def _nai(typed: str) -> identifier.Nai | None:
    try:
        nai = identifier.parse(typed)
    except Invalid:
        return None
    return nai if nai.name else None


def _device(attempt: Attempt) -> str:
    return f"{attempt.nas.id} {attempt.device_mac or attempt.reference}"


def _count_sign_up(attempt: Attempt, step: str) -> None:
    metrics.sign_ups.labels(attempt.hotspot.collectivity.slug, step).inc()


def _count_log_in(attempt: Attempt, method: Method, outcome: str) -> None:
    metrics.log_ins.labels(attempt.hotspot.collectivity.slug, method.value, outcome).inc()
