"""Codes by e-mail: six digits, good for twenty minutes and five tries.

Twenty, because people walk to where they have their mail, and mini-browsers close behind them.
"""

import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.secret import Keyring
from portal.model import EmailCode

LIFETIME: Final = timedelta(minutes=20)
MOST_TRIES: Final = 5
_DIGITS: Final = 6


class Tried(StrEnum):
    """How a try ended."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"


async def issue(
    session: AsyncSession, keyring: Keyring, *, email: str, former_id: int | None, now: datetime
) -> tuple[str, int]:
    """Store a new code for an address; return its digits and its id. The former one is void."""
    if former_id is not None:
        await session.execute(
            update(EmailCode).where(EmailCode.id == former_id).values(tries_left=0)
        )
    digits = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
    code = EmailCode(
        email=email,
        code_digest=_digest(keyring, email, digits),
        tries_left=MOST_TRIES,
        expires_at=now + LIFETIME,
    )
    session.add(code)
    await session.flush()
    return digits, code.id


async def try_code(
    session: AsyncSession, keyring: Keyring, code_id: int, typed: str, now: datetime
) -> Tried:
    """Take one try off a code, and return whether ``typed`` is it; the right one serves once."""
    taken = await session.execute(
        update(EmailCode)
        .where(
            EmailCode.id == code_id,
            EmailCode.tries_left > 0,
            EmailCode.used_at.is_(None),
            EmailCode.expires_at > now,
        )
        .values(tries_left=EmailCode.tries_left - 1)
        .returning(EmailCode.email, EmailCode.code_digest)
    )
    row = taken.one_or_none()
    if row is None:
        return Tried.EXPIRED
    digits = "".join(str(unicodedata.decimal(sign)) for sign in typed if sign.isdecimal())
    if not hmac.compare_digest(_digest(keyring, row.email, digits), row.code_digest):
        return Tried.WRONG
    await session.execute(update(EmailCode).where(EmailCode.id == code_id).values(used_at=now))
    return Tried.RIGHT


def is_good(code: EmailCode, now: datetime) -> bool:
    """Return whether a code may still be typed."""
    return code.used_at is None and code.tries_left > 0 and now < code.expires_at


async def tries_left(session: AsyncSession, code_id: int | None) -> int:
    """Return how many tries a code has left."""
    left = await session.scalar(select(EmailCode.tries_left).where(EmailCode.id == code_id))
    return left or 0


def _digest(keyring: Keyring, email: str, digits: str) -> str:
    return keyring.digest(f"{email} {digits}", "email-code")
