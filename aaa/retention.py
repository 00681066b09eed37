"""Delete what told for a year who was connected where, and who changed what."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import AuditEvent, DailyUsage, Instruction, Session

# What French law asks of whoever gives the public access to the Internet.
KEPT: Final = timedelta(days=365)


async def purge(session: AsyncSession, now: datetime, most: int = 1000) -> int:
    """Delete what is older than a year: sessions that have stopped, with their instructions, the
    usage of days, audit events; no more than ``most`` of each. Return how many."""
    before = now - KEPT
    # It stopped after it started, which has an index.
    ended = select(Session.id).where(Session.started_at < before, Session.stopped_at < before)
    sessions = (await session.scalars(ended.limit(most))).all()
    key = tuple_(DailyUsage.citizen_id, DailyUsage.day)
    days = select(DailyUsage.citizen_id, DailyUsage.day).where(DailyUsage.day < before.date())
    events = select(AuditEvent.id).where(AuditEvent.at < before)
    await session.execute(delete(Instruction).where(Instruction.session_id.in_(sessions)))
    gone = [
        await session.execute(delete(Session).where(Session.id.in_(sessions))),
        await session.execute(delete(DailyUsage).where(key.in_(days.limit(most)))),
        await session.execute(delete(AuditEvent).where(AuditEvent.id.in_(events.limit(most)))),
    ]
    return sum(result.rowcount for result in gone)  # type: ignore[attr-defined]
