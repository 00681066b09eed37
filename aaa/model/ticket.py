"""One-time passwords that the portal gives the NAS."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class Ticket(Identified, Base):
    """At most 16 characters, good for two minutes, once, at one NAS, from one device. It is a
    citizen's or a visitor's."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index(None, "citizen_id", "nas_id"),
        CheckConstraint("(citizen_id IS NULL) <> (visitor_id IS NULL)", "bearer"),
    )

    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizen.id"))
    visitor_id: Mapped[int | None] = mapped_column(
        ForeignKey("visitor.id", ondelete="CASCADE"), index=True
    )
    nas_id: Mapped[int] = mapped_column(ForeignKey("nas.id"))
    device_mac: Mapped[str | None] = mapped_column(String(17))
    # Sealed for "ticket": CHAP needs the text back.
    sealed_value: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    served_at: Mapped[datetime | None]
    # "granted" or the reason of the refusal, for the page that the citizen comes back to.
    outcome: Mapped[str | None] = mapped_column(String(32))
