"""Instructions to the NAS: written in the transaction that decides them, sent by ``radius``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Instruction, InstructionKind, InstructionState, Session

# RFC 5080 section 2.2.1 paces one exchange; these pace whole exchanges with a NAS that is away.
_RETRY_AFTER: Final = tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900))


@dataclass(frozen=True, slots=True)
class DueInstruction:
    """An instruction to send now, with what names the session to the NAS (RFC 5176 section 3)."""

    id: int
    kind: InstructionKind
    attributes: tuple[tuple[str, str | int], ...]
    reason: str
    attempts: int
    nas_id: int
    acct_session_id: str
    user_name: str | None
    device_mac: str
    framed_address: str | None


async def disconnect(
    session: AsyncSession, session_ids: Sequence[int], reason: str, now: datetime
) -> int:
    """Ask for the end of open sessions; return how many. A session already asked for counts not
    again while its instruction is pending."""
    pending = select(Instruction.session_id).where(
        Instruction.state == InstructionState.PENDING,
        Instruction.kind == InstructionKind.DISCONNECT,
        Instruction.session_id.in_(session_ids),
    )
    asked = set((await session.scalars(pending)).all())
    fresh = [identity for identity in session_ids if identity not in asked]
    session.add_all(
        Instruction(
            kind=InstructionKind.DISCONNECT,
            session_id=identity,
            reason=reason,
            attributes=[],
            next_attempt_at=now,
            created_at=now,
        )
        for identity in fresh
    )
    await session.flush()
    return len(fresh)


async def due(session: AsyncSession, now: datetime, most: int = 100) -> list[DueInstruction]:
    """Return the instructions whose time has come, oldest first."""
    rows = await session.execute(
        select(
            Instruction.id,
            Instruction.kind,
            Instruction.attributes,
            Instruction.reason,
            Instruction.attempts,
            Session.nas_id,
            Session.acct_session_id,
            Session.user_name,
            Session.device_mac,
            Session.framed_address,
        )
        .join(Session, Session.id == Instruction.session_id)
        .where(Instruction.state == InstructionState.PENDING, Instruction.next_attempt_at <= now)
        .order_by(Instruction.id)
        .limit(most)
    )
    return [
        DueInstruction(
            id=row.id,
            kind=row.kind,
            attributes=tuple((str(name), value) for name, value in row.attributes),
            reason=row.reason,
            attempts=row.attempts,
            nas_id=row.nas_id,
            acct_session_id=row.acct_session_id,
            user_name=row.user_name,
            device_mac=row.device_mac,
            framed_address=row.framed_address,
        )
        for row in rows
    ]


async def answered(
    session: AsyncSession,
    instruction_id: int,
    *,
    state: InstructionState,
    error_cause: int | None,
    now: datetime,
) -> None:
    """Record a NAS' ACK or NAK."""
    await session.execute(
        update(Instruction)
        .where(Instruction.id == instruction_id)
        .values(
            state=state,
            error_cause=error_cause,
            attempts=Instruction.attempts + 1,
            finished_at=now,
        )
    )


async def unanswered(
    session: AsyncSession, instruction_id: int, attempts: int, now: datetime
) -> InstructionState:
    """Record that a NAS kept silent through one exchange; return the state that follows: pending
    (another try is planned) or unanswered (given up)."""
    gives_up = attempts >= len(_RETRY_AFTER)
    state = InstructionState.UNANSWERED if gives_up else InstructionState.PENDING
    later = now if gives_up else now + _RETRY_AFTER[attempts]
    await session.execute(
        update(Instruction)
        .where(Instruction.id == instruction_id)
        .values(
            state=state,
            attempts=attempts + 1,
            next_attempt_at=later,
            finished_at=now if gives_up else None,
        )
    )
    return state
