"""Instructions to the NAS: written in the transaction that decides them, sent by ``radius``."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Update, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Instruction, InstructionKind, InstructionState, Session

# RFC 5080 section 2.2.1 paces one exchange; these pace whole exchanges with a NAS that is away.
_RETRY_AFTER: Final = tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900))
# Longer than any exchange takes: whoever claimed an instruction and died keeps it no longer.
_CLAIMED_FOR: Final = timedelta(seconds=40)


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
    # Of a session at a partner's: see `aaa.model.Session`.
    operator_name: str
    nas_identifier: str
    operator_nas_identifier: bytes | None
    has_ended: bool
    """Whether its session has: then there is nothing to send."""


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


async def change(
    session: AsyncSession,
    session_id: int,
    attributes: Sequence[tuple[str, str | int]],
    reason: str,
    now: datetime,
) -> None:
    """Ask for other limits of an open session; what waits to be asked of the same gives way."""
    await session.execute(
        delete(Instruction).where(
            Instruction.session_id == session_id,
            Instruction.kind == InstructionKind.COA,
            Instruction.state == InstructionState.PENDING,
        )
    )
    session.add(
        Instruction(
            kind=InstructionKind.COA,
            session_id=session_id,
            reason=reason,
            attributes=[list(pair) for pair in attributes],
            next_attempt_at=now,
            created_at=now,
        )
    )
    await session.flush()


async def newest(
    session: AsyncSession, session_id: int, kind: InstructionKind
) -> Instruction | None:
    """Return the last instruction of a kind for a session, if there was any."""
    query = select(Instruction).where(
        Instruction.session_id == session_id, Instruction.kind == kind
    )
    found: Instruction | None = await session.scalar(query.order_by(Instruction.id.desc()).limit(1))
    return found


async def due(
    session: AsyncSession, now: datetime, *, most: int = 100, except_nas: Collection[int] = ()
) -> list[DueInstruction]:
    """Return the instructions whose time has come, what waits longest first, but those to
    `except_nas`. Others may read the same: see :func:`claim`."""
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
            Session.operator_name,
            Session.nas_identifier,
            Session.operator_nas_identifier,
            Session.stopped_at,
        )
        .join(Session, Session.id == Instruction.session_id)
        .where(
            Instruction.state == InstructionState.PENDING,
            Instruction.next_attempt_at <= now,
            Session.nas_id.not_in(except_nas),
        )
        .order_by(Instruction.next_attempt_at, Instruction.id)
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
            operator_name=row.operator_name,
            nas_identifier=row.nas_identifier,
            operator_nas_identifier=row.operator_nas_identifier,
            has_ended=row.stopped_at is not None,
        )
        for row in rows
    ]


async def claim(session: AsyncSession, instruction_id: int, now: datetime) -> bool:
    """Return whether an instruction is the caller's to send: of all that found it due, one gets
    it, for longer than an exchange takes. Commit before sending."""
    return await _change(
        session,
        update(Instruction).where(
            Instruction.id == instruction_id, Instruction.next_attempt_at <= now
        ),
        next_attempt_at=now + _CLAIMED_FOR,
    )


async def answered(
    session: AsyncSession,
    instruction_id: int,
    *,
    state: InstructionState,
    error_cause: int | None,
    now: datetime,
) -> bool:
    """Record a NAS' ACK or NAK; return whether the instruction was still pending."""
    return await _change(
        session,
        update(Instruction).where(Instruction.id == instruction_id),
        state=state,
        error_cause=error_cause,
        attempts=Instruction.attempts + 1,
        finished_at=now,
    )


async def unanswered(
    session: AsyncSession, instruction_id: int, attempts: int, now: datetime
) -> InstructionState | None:
    """Record that a NAS kept silent through one exchange; return the state that follows: pending
    (another try is planned) or unanswered (given up). None where it was pending no more."""
    gives_up = attempts >= len(_RETRY_AFTER)
    state = InstructionState.UNANSWERED if gives_up else InstructionState.PENDING
    was_pending = await _change(
        session,
        update(Instruction).where(Instruction.id == instruction_id),
        state=state,
        attempts=attempts + 1,
        next_attempt_at=now if gives_up else now + _RETRY_AFTER[attempts],
        finished_at=now if gives_up else None,
    )
    return state if was_pending else None


async def needless(session: AsyncSession, instruction_id: int, now: datetime) -> bool:
    """Finish an instruction whose session has ended, unsent; return whether it was pending."""
    return await _change(
        session,
        update(Instruction).where(Instruction.id == instruction_id),
        state=InstructionState.NEEDLESS,
        finished_at=now,
    )


async def _change(session: AsyncSession, change: Update, **values: object) -> bool:
    """Make a change of one instruction, unless it was finished meanwhile; return whether it was
    made."""
    changed = await session.execute(
        change.where(Instruction.state == InstructionState.PENDING).values(**values)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]
