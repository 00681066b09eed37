"""Write down who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import AuditEvent


def note(
    session: AsyncSession, *, actor: str, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    """Add an audit event to the transaction of what it tells of. ``detail`` holds no secret."""
    session.add(AuditEvent(at=now, actor=actor, action=action, subject=subject, detail=detail))
