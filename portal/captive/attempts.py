"""Visits in the store: begin one, find it by its token, keep what it proved."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens, visitors
from aaa.authentication import Method
from aaa.citizens import CitizenRecord
from aaa.model import Ticket
from aaa.nas.adapter import Redirect
from aaa.secret import Keyring
from aaa.snapshot import CollectivityEntry, HotspotEntry, NasEntry, Snapshot
from aaa.visitors import VisitorRecord
from portal import tokens
from portal.captive.flow import VISIT_LIFETIME, Progress
from portal.identification import codes
from portal.identification.seeker import Proof
from portal.model import EmailCode, LoginAttempt

_PURPOSE: Final = "visit"
_LANGUAGE: Final = re.compile(r"^[a-z]{2}$")
# Nobody typed anything in it, so that it may be anybody's.
IS_UNTOUCHED: Final = and_(
    LoginAttempt.email_code_id.is_(None),
    LoginAttempt.proven_at.is_(None),
    LoginAttempt.ticket_issued_at.is_(None),
    LoginAttempt.confirmed_at.is_(None),
)
# The columns of a visit that has not been to the NAS.
NOT_FINISHED: Final = {"ticket_id": None, "ticket_issued_at": None, "confirmed_at": None}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A visit as it is stored, with the entries and records that it names.

    ``email``: where a code that is still good was sent to, or the address that it proved.
    ``person``: who proved themselves in it, a citizen of ours or of a partner's.
    """

    id: int
    reference: str
    nas: NasEntry
    hotspot: HotspotEntry
    device_mac: str | None
    parameters: dict[str, str]
    original_url: str | None
    language: str | None
    email: str | None
    email_code_id: int | None
    is_resumed: bool
    proven_email: str | None
    person: CitizenRecord | VisitorRecord | None
    wants_remembering: bool
    confirmed_seconds: int | None
    created_at: datetime
    progress: Progress

    @property
    def citizen(self) -> CitizenRecord | None:
        """The citizen of ours who proved themselves in it."""
        return self.person if isinstance(self.person, CitizenRecord) else None

    @property
    def collectivity(self) -> CollectivityEntry:
        """Whose pages its are."""
        return self.hotspot.collectivity

    @property
    def counted_as(self) -> str:
        """What is tried from its device is counted under."""
        return f"{self.nas.id} {self.device_mac or self.reference}"

    def way(self, keyring: Keyring) -> str:
        """Return the path of its own page, which all others stand below."""
        return way_of(keyring, self.reference)


def token_of(keyring: Keyring, reference: str) -> str:
    """Return the token of the visit with this reference."""
    return tokens.token_of(keyring, reference, _PURPOSE)


def way_of(keyring: Keyring, reference: str) -> str:
    """Return the path of the visit with this reference."""
    return f"/visit/{token_of(keyring, reference)}"


async def begin(
    session: AsyncSession,
    snapshot: Snapshot,
    nas: NasEntry,
    redirect: Redirect,
    now: datetime,
    *,
    resumed_code_id: int | None = None,
) -> Attempt:
    """Store a new visit, and return it."""
    language = (redirect.language or "").lower()[:2]
    row = LoginAttempt(
        reference=tokens.new_reference(),
        nas_id=nas.id,
        hotspot_id=nas.hotspot_of(redirect.called_station_mac).id,
        device_mac=redirect.device_mac,
        parameters=redirect.parameters or {},
        original_url=redirect.original_url,
        language=language if _LANGUAGE.match(language) else None,
        email_code_id=resumed_code_id,
        is_resumed=resumed_code_id is not None,
        created_at=now,
        expires_at=now + VISIT_LIFETIME,
    )
    session.add(row)
    await session.flush()
    begun = await _one(session, snapshot, _SELECT.where(LoginAttempt.id == row.id), now)
    if begun is None:
        raise LookupError("a hotspot was removed while its visitor arrived")
    return begun


async def by_token(
    session: AsyncSession, keyring: Keyring, snapshot: Snapshot, token: str, now: datetime
) -> Attempt | None:
    """Return the visit of a token, or None where there is none or it is too old."""
    reference = tokens.reference_in(keyring, token, _PURPOSE)
    if reference is None:
        return None
    query = _SELECT.where(LoginAttempt.reference == reference, LoginAttempt.expires_at > now)
    return await _one(session, snapshot, query, now)


async def by_id(
    session: AsyncSession, snapshot: Snapshot, attempt_id: int, now: datetime
) -> Attempt | None:
    """Return a visit by number, or None where it is too old."""
    query = _SELECT.where(LoginAttempt.id == attempt_id, LoginAttempt.expires_at > now)
    return await _one(session, snapshot, query, now)


async def latest(
    session: AsyncSession,
    snapshot: Snapshot,
    nas: NasEntry,
    device_mac: str | None,
    now: datetime,
    condition: ColumnElement[bool],
) -> Attempt | None:
    """Return the newest visit of a device at a NAS that is not too old and meets a condition:
    devices probe all the time, and each probe may begin a visit that nobody looks at."""
    if device_mac is None:
        return None
    query = (
        _SELECT.where(
            LoginAttempt.nas_id == nas.id,
            LoginAttempt.device_mac == device_mac,
            LoginAttempt.expires_at > now,
            condition,
        )
        .order_by(LoginAttempt.id.desc())
        .limit(1)
    )
    return await _one(session, snapshot, query, now)


async def renew(session: AsyncSession, attempt: Attempt, redirect: Redirect, now: datetime) -> None:
    """Have a visit go on from a new redirect: the gateway's challenge is another one now."""
    await change(
        session,
        attempt,
        hotspot_id=attempt.nas.hotspot_of(redirect.called_station_mac).id,
        parameters=redirect.parameters or {},
        original_url=redirect.original_url,
        expires_at=now + VISIT_LIFETIME,
    )


async def change(session: AsyncSession, attempt: Attempt, **values: object) -> None:
    """Store new values of a visit's columns."""
    await session.execute(
        update(LoginAttempt).where(LoginAttempt.id == attempt.id).values(**values)
    )


async def prove(session: AsyncSession, attempt: Attempt, proof: Proof, *, remember: bool) -> None:
    """Keep who a visit's reader proved to be: a citizen, or the owner of an address without one.
    What the visit led to before is over with that."""
    await change(
        session,
        attempt,
        citizen_id=proof.citizen_id,
        visitor_id=None,
        proven_email=proof.email,
        method=proof.method,
        proven_at=proof.at,
        wants_remembering=remember,
        **NOT_FINISHED,
    )


async def vouch(
    session: AsyncSession, attempt: Attempt, visitor_id: int, method: Method, now: datetime
) -> str:
    """Keep that a visit's reader is a visitor, whose home has vouched for them; return the visit's
    new reference. Under the former nobody finds it: whoever began it may have had somebody else
    go to their home."""
    reference = tokens.new_reference()
    await change(
        session,
        attempt,
        reference=reference,
        citizen_id=None,
        visitor_id=visitor_id,
        proven_email=None,
        method=method,
        proven_at=now,
        wants_remembering=False,
        **NOT_FINISHED,
    )
    return reference


_SELECT: Final[Select[LoginAttempt, EmailCode, str | None]] = (
    select(LoginAttempt, EmailCode, Ticket.outcome)
    .outerjoin(EmailCode, EmailCode.id == LoginAttempt.email_code_id)
    .outerjoin(Ticket, Ticket.id == LoginAttempt.ticket_id)
)


async def _one(
    session: AsyncSession,
    snapshot: Snapshot,
    query: Select[LoginAttempt, EmailCode, str | None],
    now: datetime,
) -> Attempt | None:
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, code, outcome = found
    nas = snapshot.nas_by_id.get(row.nas_id)
    hotspot = snapshot.hotspots.get(row.hotspot_id)
    if nas is None or hotspot is None:
        return None
    person = await _person(session, snapshot, row)
    return Attempt(
        id=row.id,
        reference=row.reference,
        nas=nas,
        hotspot=hotspot,
        device_mac=row.device_mac,
        parameters=row.parameters,
        original_url=row.original_url,
        language=row.language,
        email=row.proven_email or _email_of(code),
        email_code_id=row.email_code_id,
        is_resumed=row.is_resumed,
        proven_email=row.proven_email,
        person=person,
        wants_remembering=row.wants_remembering,
        confirmed_seconds=row.confirmed_seconds,
        created_at=row.created_at,
        progress=_progress(row, code, outcome, person, now),
    )


async def _person(
    session: AsyncSession, snapshot: Snapshot, row: LoginAttempt
) -> CitizenRecord | VisitorRecord | None:
    if row.citizen_id is not None:
        return await citizens.by_id(session, snapshot, row.citizen_id)
    if row.visitor_id is not None:
        return await visitors.by_id(session, row.visitor_id)
    return None


def _progress(
    row: LoginAttempt,
    code: EmailCode | None,
    outcome: str | None,
    person: CitizenRecord | VisitorRecord | None,
    now: datetime,
) -> Progress:
    citizen = person if isinstance(person, CitizenRecord) else None
    return Progress(
        expires_at=row.expires_at,
        has_code=code is not None and codes.is_good(code, now),
        has_proven_email=row.proven_email is not None,
        has_citizen=citizen is not None,
        terms_are_current=citizen is not None and citizen.has_current_terms,
        has_visitor=isinstance(person, VisitorRecord),
        came_back=row.method is Method.HOME_PAGE,
        proven_at=row.proven_at,
        ticket_issued_at=row.ticket_issued_at,
        outcome=outcome,
        retries=row.retries,
        confirmed_at=row.confirmed_at,
    )


def _email_of(code: EmailCode | None) -> str | None:
    return None if code is None else code.email
