"""Partners' citizens whom their home has vouched for on our pages."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class Visitor(Identified, Base):
    """A partner's citizen at a hotspot of ours, for a day, and under no name: their home knows who
    it is by the Class that it gave."""

    __tablename__ = "visitor"

    # The partner's.
    home_collectivity_id: Mapped[int] = mapped_column(
        ForeignKey("collectivity.id", ondelete="CASCADE"), index=True
    )
    # A pseudonym, another one each time, with the realm that leads home.
    user_name: Mapped[str] = mapped_column(String(253), unique=True)
    home_class: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Chargeable-User-Identity, as their home gave it (RFC 4372).
    cui: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The home's bounds of a session, from when it vouched; ours hold beside them.
    session_seconds: Mapped[int | None]
    idle_seconds: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
