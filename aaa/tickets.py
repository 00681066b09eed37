"""Issue one-time passwords for the NAS, and serve each exactly once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Ticket
from aaa.policy import Denied, DenyReason
from aaa.secret import Keyring, Secret

LIFETIME: Final = timedelta(minutes=2)
# uspot takes no password over 16 octets; 14 of these 31 signs are 69 bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH: Final = 14
_PURPOSE: Final = "ticket"
# How long an expired ticket stays, so that its late use is told from a wrong password.
_KEPT: Final = timedelta(hours=1)

_TICKET: Final = Ticket.__table__.c


@dataclass(frozen=True, slots=True)
class OfCitizen:
    """A ticket that is a citizen's of ours, by number."""

    id: int


@dataclass(frozen=True, slots=True)
class OfVisitor:
    """A ticket that is a visitor's, by number."""

    id: int


Bearer = OfCitizen | OfVisitor
_COLUMNS: Final[dict[type[Bearer], str]] = {OfCitizen: "citizen_id", OfVisitor: "visitor_id"}


def _recent(bearer: type[Bearer]) -> Select[Any]:
    return (
        select(
            _TICKET.id,
            _TICKET.nas_id,
            _TICKET.device_mac,
            _TICKET.sealed_value,
            _TICKET.expires_at,
            _TICKET.served_at,
        )
        .where(
            _TICKET[_COLUMNS[bearer]] == bindparam("bearer_id"),
            _TICKET.issued_at > bindparam("since"),
        )
        .order_by(_TICKET.id.desc())
        .limit(20)
    )


_RECENT: Final = {kind: _recent(kind) for kind in _COLUMNS}
_SERVE: Final = (
    update(Ticket)
    .where(Ticket.id == bindparam("ticket_id"), Ticket.served_at.is_(None))
    .values(served_at=bindparam("now"), outcome=bindparam("outcome"))
)


async def issue(
    session: AsyncSession,
    keyring: Keyring,
    *,
    bearer: Bearer,
    nas_id: int,
    device_mac: str | None,
    now: datetime,
) -> tuple[Secret, int]:
    """Store a new ticket; return its text and its id."""
    value = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    ticket = Ticket(
        nas_id=nas_id,
        device_mac=device_mac,
        sealed_value=keyring.seal(value.encode(), _PURPOSE),
        issued_at=now,
        expires_at=now + LIFETIME,
        **{_COLUMNS[type(bearer)]: bearer.id},
    )
    session.add(ticket)
    await session.flush()
    return Secret(value), ticket.id


async def match(
    session: AsyncSession,
    keyring: Keyring,
    *,
    bearer: Bearer,
    nas_id: int,
    device_mac: str | None,
    matches: Callable[[bytes], bool],
    now: datetime,
) -> int | Denied | None:
    """Return the id of the bearer's ticket that ``matches`` the proof in a request.

    ``matches`` compares a ticket's octets with the PAP password or the CHAP response. Returns None
    where no ticket of theirs matches, so that another proof may be tried; Denied where one
    does but is too old, was served before, or belongs to another NAS or device.
    """
    rows = await session.execute(
        _RECENT[type(bearer)], {"bearer_id": bearer.id, "since": now - _KEPT}
    )
    for row in rows:
        value = keyring.open(row.sealed_value, _PURPOSE)
        if value is None or not matches(value):
            continue
        if row.served_at is not None:
            return Denied(DenyReason.TICKET_USED)
        if row.expires_at <= now:
            return Denied(DenyReason.TICKET_EXPIRED)
        is_bound = row.device_mac is not None and device_mac is not None
        if row.nas_id != nas_id or (is_bound and row.device_mac != device_mac):
            return Denied(DenyReason.TICKET_ELSEWHERE)
        return int(row.id)
    return None


async def serve(session: AsyncSession, ticket_id: int, outcome: str, now: datetime) -> bool:
    """Take a ticket out of use, with how its request ended, for the page that the citizen returns
    to; return False where another request was quicker."""
    parameters = {"ticket_id": ticket_id, "outcome": outcome, "now": now}
    served = await session.execute(_SERVE, parameters)
    return bool(served.rowcount == 1)  # type: ignore[attr-defined]


async def purge(session: AsyncSession, now: datetime) -> int:
    """Delete tickets past use; return how many."""
    gone = await session.execute(delete(Ticket).where(Ticket.expires_at < now - _KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]
