"""The ways to prove who one is: a code by e-mail, or a password.

An address or identifier that is unknown gets the same answer as a known one with a wrong proof,
after the same work: nobody learns here who has an account.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens, identifier
from aaa.authentication import Method
from aaa.citizens import CitizenRecord
from aaa.errors import Invalid, Unavailable
from aaa.policy import DenyReason
from aaa.secret import Secret
from monitoring import metrics
from portal import throttling
from portal.identification import codes, letters
from portal.identification.codes import Tried
from portal.identification.seeker import Proof, Seeker
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Throttled

KeepCode: TypeAlias = Callable[[AsyncSession, int], Awaitable[None]]
"""Stores the id of the code that was sent, in the transaction that stores the code."""
Keep: TypeAlias = Callable[[AsyncSession, Proof], Awaitable[None]]
"""Stores what was proven, in the transaction in which it was."""

_ACCEPTED: Final = "accept"
_REJECTED: Final = "reject"


async def send_code(
    parts: Parts, seeker: Seeker, typed: str, language: str, keep: KeepCode
) -> Mistake | Throttled | None:
    """Send a code to an address, known or not; return what is wrong, None where it has left."""
    if parts.mailer is None:
        return Mistake.MAIL_NOT_SENT
    try:
        email = citizens.check_email(typed)
    except Invalid:
        return Mistake.EMAIL_UNUSABLE
    now = parts.clock()
    tries = [(throttling.CODES_PER_ADDRESS, email), *seeker.codes]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return refused
    async with parts.database.write("request_code") as session:
        citizen = await citizens.by_email(session, parts.snapshot, email)
        digits, code_id = await codes.issue(
            session, parts.keyring, email=email, former_id=seeker.code_id, now=now
        )
        await keep(session, code_id)
    if citizen is None:
        count_sign_up(seeker, "requested")
    try:
        parts.mailer.send(letters.code(parts.pages, seeker.place, email, digits, citizen, language))
    except Unavailable:
        return Mistake.MAIL_NOT_SENT
    return None


async def try_code(parts: Parts, seeker: Seeker, typed: str, keep: Keep) -> Proof | Mistake:
    """Return whose a code proves somebody to be: a citizen, or the owner of an address that has no
    account yet. CODE_WRONG where there are tries left."""
    now, email, code_id = parts.clock(), seeker.email or "", seeker.code_id
    if code_id is None:
        return Mistake.CODE_EXPIRED
    proof = None
    async with parts.database.write("try_code") as session:
        tried = await codes.try_code(session, parts.keyring, code_id, typed, now)
        if tried is Tried.RIGHT:
            citizen = await citizens.by_email(session, parts.snapshot, email)
            proof = (
                Proof(Method.EMAIL_CODE, now, citizen_id=citizen.id)
                if citizen
                else Proof(Method.EMAIL_CODE, now, email=email)
            )
            await keep(session, proof)
        left = await codes.tries_left(session, code_id)
    if proof is None:
        count_log_in(seeker, Method.EMAIL_CODE, _REJECTED)
        is_over = tried is Tried.EXPIRED or not left
        return Mistake.CODE_EXPIRED if is_over else Mistake.CODE_WRONG
    if proof.citizen_id is None:
        count_sign_up(seeker, "verified")
    else:
        count_log_in(seeker, Method.EMAIL_CODE, _ACCEPTED)
    return proof


async def try_password(
    parts: Parts, seeker: Seeker, typed: str, password: Secret, keep: Keep
) -> Proof | Mistake | Throttled:
    """Return which citizen an identifier, or an e-mail address, with the account's password proves
    somebody to be."""
    nai = _nai(typed)
    if nai is None:
        return Mistake.IDENTIFIER_UNUSABLE
    async with parts.database.read("log_in") as session:
        citizen = await citizens.by_nai(session, parts.snapshot, nai, seeker.place)
        if citizen is None and nai.realm is not None:
            citizen = await citizens.by_email(session, parts.snapshot, str(nai))
    now = parts.clock()
    # Counted as it is written, not by whose it is: two ways to write one citizen would tell by a
    # shared count that there is one.
    written = f"{nai.name}@{nai.realm or seeker.place.realm}"
    tries = [
        (throttling.LOG_INS_PER_IDENTIFIER, written),
        (throttling.LOG_INS_PER_CITIZEN, str(citizen.id) if citizen else written),
        *seeker.log_ins,
    ]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return refused
    is_right = await parts.hashing.verify(citizen.password_hash if citizen else None, password)
    if citizen is None or not is_right:
        _count_wrong_password(seeker, citizen)
        is_ours = nai.realm is None or nai.realm in parts.snapshot.by_realm
        return Mistake.CREDENTIALS_WRONG if is_ours else Mistake.NOT_RECOGNISED
    count_log_in(seeker, Method.PASSWORD, _ACCEPTED)
    proof = Proof(Method.PASSWORD, now, citizen_id=citizen.id)
    async with parts.database.write("log_in") as session:
        await keep(session, proof)
    return proof


def count_sign_up(seeker: Seeker, step: str) -> None:
    """Count that somebody who is new has come this far."""
    metrics.sign_ups.labels(seeker.place.slug, step).inc()


def count_log_in(seeker: Seeker, method: Method, outcome: str) -> None:
    """Count a log-in that ended."""
    metrics.log_ins.labels(seeker.place.slug, method.value, outcome).inc()


def _count_wrong_password(seeker: Seeker, citizen: CitizenRecord | None) -> None:
    count_log_in(seeker, Method.PASSWORD, _REJECTED)
    reason = DenyReason.WRONG_PASSWORD if citizen else DenyReason.UNKNOWN_CITIZEN
    metrics.denials.labels(seeker.place.slug, reason.value, "portal").inc()


def _nai(typed: str) -> identifier.Nai | None:
    try:
        nai = identifier.parse(typed)
    except Invalid:
        return None
    return nai if nai.name else None
