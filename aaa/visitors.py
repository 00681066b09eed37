"""Visitors: partners' citizens whom their home has vouched for on our pages. They have no name
here, and are forgotten within a day."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Executable, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Session, Visitor
from aaa.policy import Grant, Limits
from aaa.vouched import Vouched

# As long as the page that says what is left of a session answers.
KEPT: Final = timedelta(hours=24)
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH: Final = 16
_PSEUDONYM: Final = re.compile(rf"v-[{_ALPHABET}]{{{_LENGTH}}}@.+")
# Of the octets of a User-Name, what the rest of a pseudonym leaves.
LONGEST_REALM: Final = 253 - _LENGTH - len("v-@")

_VISITOR: Final = Visitor.__table__.c
_RECORD: Final = select(
    _VISITOR.id,
    _VISITOR.home_collectivity_id,
    _VISITOR.user_name,
    _VISITOR.home_class,
    _VISITOR.cui,
    _VISITOR.session_seconds,
    _VISITOR.idle_seconds,
    _VISITOR.created_at,
)
_BY_ID: Final = _RECORD.where(_VISITOR.id == bindparam("visitor_id"))
_BY_USER_NAME: Final = _RECORD.where(
    _VISITOR.user_name == bindparam("user_name"), _VISITOR.expires_at > bindparam("now")
)
_OF_SESSION: Final = _RECORD.join(
    Session, Session.__table__.c.user_name == _VISITOR.user_name
).where(Session.__table__.c.id == bindparam("session_id"))


@dataclass(frozen=True, slots=True)
class VisitorRecord:
    """What the decision and the pages need of a visitor. ``home_collectivity_id`` stands for the
    partner whose citizen it is."""

    id: int
    home_collectivity_id: int
    user_name: str
    vouched: Vouched
    created_at: datetime

    @property
    def realm(self) -> str:
        """The realm that leads home, folded."""
        return self.user_name.rpartition("@")[2]

    def within(self, grant: Grant, now: datetime) -> Grant:
        """Return a grant within the bounds of the home."""
        return self.vouched.within(grant, now - self.created_at)

    def limited(self, limits: Limits, started_at: datetime) -> Limits:
        """Return the limits of a session of theirs that began then, within the same bounds."""
        return self.vouched.limited(limits, started_at - self.created_at)


def is_pseudonym(user_name: str) -> bool:
    """Return whether a User-Name may be a visitor's: worth a look at the database."""
    return _PSEUDONYM.fullmatch(user_name) is not None


async def add(
    session: AsyncSession,
    *,
    home_collectivity_id: int,
    realm: str,
    vouched: Vouched,
    now: datetime,
) -> int:
    """Store a new visitor of a realm (folded, at most LONGEST_REALM signs); return its id."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    row = Visitor(
        home_collectivity_id=home_collectivity_id,
        user_name=f"v-{drawn}@{realm}",
        home_class=vouched.home_class,
        cui=vouched.cui,
        session_seconds=vouched.session_seconds,
        idle_seconds=vouched.idle_seconds,
        created_at=now,
        expires_at=now + KEPT,
    )
    session.add(row)
    await session.flush()
    return row.id


async def by_id(session: AsyncSession, visitor_id: int) -> VisitorRecord | None:
    """Return a visitor by number."""
    return await _one(session, _BY_ID, visitor_id=visitor_id)


async def by_user_name(
    session: AsyncSession, user_name: str, now: datetime
) -> VisitorRecord | None:
    """Return the visitor whom a NAS names, as long as they are kept."""
    return await _one(session, _BY_USER_NAME, user_name=user_name, now=now)


async def of_session(session: AsyncSession, session_id: int) -> VisitorRecord | None:
    """Return the visitor whose session it is, if it is one's who is still kept."""
    return await _one(session, _OF_SESSION, session_id=session_id)


async def _one(
    session: AsyncSession, statement: Executable, **parameters: Any
) -> VisitorRecord | None:
    row = (await session.execute(statement, parameters)).one_or_none()
    if row is None:
        return None
    vouched = Vouched(row.home_class, row.cui, row.session_seconds, row.idle_seconds)
    return VisitorRecord(row.id, row.home_collectivity_id, row.user_name, vouched, row.created_at)


async def purge(session: AsyncSession, now: datetime) -> int:
    """Delete visitors whose time is over, with their tickets; return how many."""
    gone = await session.execute(delete(Visitor).where(Visitor.expires_at <= now))
    return int(gone.rowcount)  # type: ignore[attr-defined]
