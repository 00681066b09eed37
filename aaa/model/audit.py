"""Who did what: every change by a person, and every decision that one may ask about."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class AuditEvent(Identified, Base):
    """One action on one subject; ``detail`` holds no secret and no MAC."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "subject", "at"),)

    at: Mapped[datetime] = mapped_column(index=True)
    # "cli:root", "citizen:12", "radius", "portal", "housekeeping"
    actor: Mapped[str] = mapped_column(String(100))
    # "nas.add", "session.disconnect", "citizen.sign_up"
    action: Mapped[str] = mapped_column(String(64))
    # "nas:village-1", "citizen:12"
    subject: Mapped[str] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
