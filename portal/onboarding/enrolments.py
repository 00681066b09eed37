"""Enrolments in the store: begin one, find it by its link or by its short code.

The link has a token (:mod:`portal.tokens`). A short code, for those who have to type, is derived
from its reference and a time of its own: the store holds only its digest.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens
from aaa.citizens import CitizenRecord
from aaa.model import CitizenState
from aaa.secret import Keyring
from aaa.snapshot import CollectivityEntry, Snapshot
from portal import tokens
from portal.model import Enrolment

LIFETIME: Final = timedelta(hours=1)
CODE_LIFETIME: Final = timedelta(minutes=15)
# A code that is shown has this long to be typed, at least.
_LEAST_LEFT: Final = timedelta(minutes=5)
_PURPOSE: Final = "enrolment"
# No letter that looks like a digit; 31^8 codes are 40 bits.
_SIGNS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class ShortCode:
    """What leads to an enrolment when typed, and until when."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenEnrolment:
    """An enrolment that is not over, with its citizen, whose account is in use."""

    id: int
    reference: str
    citizen: CitizenRecord
    language: str | None
    code_expires_at: datetime | None

    @property
    def collectivity(self) -> CollectivityEntry:
        """Whose pages its are."""
        return self.citizen.collectivity

    def way(self, keyring: Keyring) -> str:
        """Return the path of its own page, which all others stand below."""
        return way_to(keyring, self.reference)


def way_to(keyring: Keyring, reference: str) -> str:
    """Return the path of the enrolment with this reference."""
    return f"/secure/{tokens.token_of(keyring, reference, _PURPOSE)}"


async def begin(
    session: AsyncSession, *, citizen_id: int | None, language: str, now: datetime
) -> str:
    """Store a new enrolment; return its reference. One of no citizen opens nothing."""
    reference = tokens.new_reference()
    session.add(
        Enrolment(
            reference=reference,
            citizen_id=citizen_id,
            language=language,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    await session.flush()
    return reference


async def by_token(
    session: AsyncSession, keyring: Keyring, snapshot: Snapshot, token: str, now: datetime
) -> OpenEnrolment | None:
    """Return the enrolment of a token; None where there is none, it is over, or the citizen's
    account is not in use."""
    reference = tokens.reference_in(keyring, token, _PURPOSE)
    if reference is None:
        return None
    row = await session.scalar(
        select(Enrolment).where(Enrolment.reference == reference, Enrolment.expires_at > now)
    )
    if row is None or row.citizen_id is None:
        return None
    citizen = await citizens.by_id(session, snapshot, row.citizen_id)
    if citizen is None or citizen.state is not CitizenState.ACTIVE:
        return None
    return OpenEnrolment(row.id, row.reference, citizen, row.language, row.code_expires_at)


async def take_turn(session: AsyncSession, enrolment: OpenEnrolment) -> None:
    """Wait until nobody else makes a device in this enrolment: of two taps the second then sees
    what the first has made."""
    await session.execute(
        select(Enrolment.id).where(Enrolment.id == enrolment.id).with_for_update()
    )


async def speak(session: AsyncSession, enrolment: OpenEnrolment, language: str) -> None:
    """Keep the language of an enrolment's pages."""
    await session.execute(
        update(Enrolment).where(Enrolment.id == enrolment.id).values(language=language)
    )


def short_code(keyring: Keyring, enrolment: OpenEnrolment, now: datetime) -> ShortCode | None:
    """Return the short code of an enrolment, where it has one that can still be typed."""
    expires_at = enrolment.code_expires_at
    if expires_at is None or now + _LEAST_LEFT >= expires_at:
        return None
    return ShortCode(_derived(keyring, enrolment.reference, expires_at), expires_at)


async def renew_short_code(
    session: AsyncSession, keyring: Keyring, enrolment: OpenEnrolment, now: datetime
) -> ShortCode:
    """Give an enrolment a new short code, which replaces the one it had, and return it."""
    expires_at = now + CODE_LIFETIME
    code = _derived(keyring, enrolment.reference, expires_at)
    await session.execute(
        update(Enrolment)
        .where(Enrolment.id == enrolment.id)
        .values(code_digest=_digest(keyring, code), code_expires_at=expires_at)
    )
    return ShortCode(code, expires_at)


async def withdraw_short_code(session: AsyncSession, enrolment_id: int) -> None:
    """Take an enrolment's short code out of use; its pages show another when they are opened."""
    await session.execute(
        update(Enrolment)
        .where(Enrolment.id == enrolment_id)
        .values(code_digest=None, code_expires_at=None)
    )


async def by_short_code(
    session: AsyncSession, keyring: Keyring, typed: str, now: datetime
) -> tuple[int, str, str] | None:
    """Return the id and the reference of the enrolment that a short code leads to, and the code as
    we write it; None where it leads nowhere, or not any more."""
    code = "".join(sign for sign in typed.casefold() if sign in _SIGNS)
    row = (
        await session.execute(
            select(Enrolment.id, Enrolment.reference).where(
                Enrolment.code_digest == _digest(keyring, code),
                Enrolment.code_expires_at > now,
                Enrolment.expires_at > now,
            )
        )
    ).one_or_none()
    return None if row is None else (row.id, row.reference, code)


def _derived(keyring: Keyring, reference: str, expires_at: datetime) -> str:
    number = int(keyring.digest(f"{reference} {expires_at.isoformat()}", "short-code-of"), 16)
    signs = []
    for _ in range(_CODE_LENGTH):
        number, sign = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[sign])
    return "".join(signs)


def _digest(keyring: Keyring, code: str) -> str:
    return keyring.digest(code, "short-code")
