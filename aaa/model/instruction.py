"""The outbox of CoA and Disconnect: what is to be sent to a NAS, and what it answered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word


class InstructionKind(StrEnum):
    """RFC 5176: end a session, or change it."""

    DISCONNECT = "disconnect"
    COA = "coa"


class InstructionState(StrEnum):
    """Where an instruction stands."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    NEEDLESS = "needless"
    """Never sent, or not again: its session had ended meanwhile."""


class Instruction(Identified, Base):
    """One Disconnect-Request or CoA-Request for one session; kept with the NAS' answer."""

    __tablename__ = "instruction"
    __table_args__ = (Index(None, "state", "next_attempt_at"),)

    kind: Mapped[InstructionKind] = mapped_column(Word(InstructionKind))
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"), index=True)
    # Why, in the words of the deny reasons or "operator", "citizen".
    reason: Mapped[str] = mapped_column(String(32))
    # [[attribute name, value], ...] to change, for a CoA.
    attributes: Mapped[list[list[str | int]]] = mapped_column(JSON, default=list)
    state: Mapped[InstructionState] = mapped_column(
        Word(InstructionState), default=InstructionState.PENDING
    )
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    # Error-Cause of a NAK (RFC 5176 section 3.5), or 0 where the NAK named none.
    error_cause: Mapped[int | None]
