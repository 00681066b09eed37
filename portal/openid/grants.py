"""Authorization codes: good for a minute, once, for the client that they were made for.

A code is the reference of its log-in and a proof that only the installation's key can make, of the
reference and of when it was issued: the store holds no code, and the same page shows the same one.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.authentication import Method
from aaa.secret import Keyring
from portal.model import SignIn
from portal.openid import sign_ins
from portal.openid.flow import CODE_LIFETIME
from portal.openid.sign_ins import OpenSignIn

_REFERENCE_SIGNS: Final = 16


class Void(StrEnum):
    """Why a code is worth nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for: whose log-in it was, and what the client asked with."""

    citizen_id: int
    method: Method
    proven_at: datetime
    redirect_uri: str
    nonce: str
    code_challenge: str
    operator: str | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A code that was redeemed before, and when."""

    citizen_id: int
    redeemed_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A code to go back with; `is_new`: it was made just now."""

    code: str = field(repr=False)
    is_new: bool


async def issue(
    session: AsyncSession, keyring: Keyring, sign_in: OpenSignIn, now: datetime
) -> Issued:
    """Return the code of a log-in: the one that it has, or a new one where that is too old."""
    mine = select(SignIn.code_issued_at).where(SignIn.id == sign_in.id).with_for_update()
    issued_at = await session.scalar(mine)
    is_new = issued_at is None or now >= issued_at + CODE_LIFETIME
    if issued_at is None or is_new:
        issued_at = now
        await sign_ins.change(session, sign_in, code_issued_at=issued_at)
    return Issued(_code(keyring, sign_in.reference, issued_at), is_new)


async def redeem(
    session: AsyncSession, keyring: Keyring, partner_id: int, code: str, now: datetime
) -> Grant | Replayed | Void:
    """Return what a partner's code stands for, and spend it; or why it is worth nothing."""
    row = await session.scalar(
        select(SignIn).where(
            SignIn.reference == code[:_REFERENCE_SIGNS], SignIn.partner_id == partner_id
        )
    )
    if row is None or row.code_issued_at is None or row.citizen_id is None:
        return Void.UNKNOWN
    if not hmac.compare_digest(
        _code(keyring, row.reference, row.code_issued_at).encode(), code.encode()
    ):
        return Void.UNKNOWN
    if row.code_redeemed_at is not None:
        return Replayed(row.citizen_id, row.code_redeemed_at)
    if now >= row.code_issued_at + CODE_LIFETIME:
        return Void.EXPIRED
    spent = await session.execute(
        update(SignIn)
        .where(SignIn.id == row.id, SignIn.code_redeemed_at.is_(None))
        .values(code_redeemed_at=now)
    )
    # Of two requests at once, one is the first.
    if not spent.rowcount:  # type: ignore[attr-defined]
        return Replayed(row.citizen_id, now)
    return Grant(
        citizen_id=row.citizen_id,
        method=row.method or Method.PASSWORD,
        proven_at=row.proven_at or row.created_at,
        redirect_uri=row.redirect_uri,
        nonce=row.nonce,
        code_challenge=row.code_challenge,
        operator=row.operator,
    )


def _code(keyring: Keyring, reference: str, issued_at: datetime) -> str:
    proof = keyring.digest(f"{reference} {issued_at.isoformat()}", "openid-code")
    return f"{reference}{proof[:32]}"
