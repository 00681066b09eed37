"""Sends what waits in the outbox: Disconnect-Request and CoA-Request (RFC 5176)."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, outbox
from aaa.database import Database
from aaa.errors import Unavailable
from aaa.model import InstructionKind, InstructionState
from aaa.nas.registry import adapter
from aaa.outbox import DueInstruction
from aaa.snapshot import Directory, NasEntry
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.drops import NOBODY
from radius.request import Clock
from radius.sightings import Sightings
from radius.transports.client import Client
from radius.transports.tasks import contained
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_dynamic_request, encode_unsigned_dynamic_request
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value

log = structlog.get_logger()

_CODES: Final = {
    InstructionKind.DISCONNECT: Code.DISCONNECT_REQUEST,
    InstructionKind.COA: Code.COA_REQUEST,
}
_ACKNOWLEDGEMENTS: Final = frozenset((Code.DISCONNECT_ACK, Code.COA_ACK))
_SIGNATURE: Final = "Message-Authenticator"
# One exchange with a NAS that is away takes half a minute: the others must not wait for it.
_AT_ONCE: Final = 200
_AT_ONCE_PER_NAS: Final = 4
_ACTOR: Final = "radius"


class Courier(Protocol):
    """Takes instructions to those whom a NAS only stands for."""

    async def carry(self, instruction: DueInstruction, nas: NasEntry) -> Packet | None:
        """Return the ACK or NAK; None where nobody gave one that counts, of which it has told."""


class DynamicAuthorization:
    """Polls the outbox and sends, each instruction in a task of its own, few at once to one NAS.

    Several processes may: each instruction is sent by the one that claims it. `courier` takes what
    is for partners.
    """

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        sightings: Sightings,
        client: Client,
        courier: Courier,
        warnings: RepeatedWarnings,
        clock: Clock,
        coa_port: int,
    ) -> None:
        self._database = database
        self._directory = directory
        self._sightings = sightings
        self._client = client
        self._courier = courier
        self._warnings = warnings
        self._clock = clock
        self._coa_port = coa_port
        self._under_way: dict[int, int] = {}
        """The NAS of each instruction, both by id."""
        self._wake = asyncio.Event()

    async def run(self, every_seconds: float = 0.5) -> None:
        """Send what is due, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for instruction in await self._due():
                    self._under_way[instruction.id] = instruction.nas_id
                    tasks.create_task(contained(self._see_to(instruction)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(every_seconds):
                        await self._wake.wait()

    async def _due(self) -> list[DueInstruction]:
        free = _AT_ONCE - len(self._under_way)
        if free <= 0:
            return []
        # One that is finished while we read may be read as it was before, and is not due again.
        under_way = frozenset(self._under_way)
        per_nas = Counter(self._under_way.values())
        busy = [nas_id for nas_id, count in per_nas.items() if count >= _AT_ONCE_PER_NAS]
        try:
            async with self._database.read("outbox") as session:
                found = await outbox.due(session, self._clock(), most=_AT_ONCE, except_nas=busy)
        except Unavailable:
            # The database's own counter and log tell of it; instructions wait in it meanwhile.
            return []
        except Exception:
            # Log-ins must go on whatever is wrong here.
            self._warn_of_bug("the outbox could not be read")
            return []
        due = []
        for each in found:
            if each.id not in under_way and per_nas[each.nas_id] < _AT_ONCE_PER_NAS:
                per_nas[each.nas_id] += 1
                due.append(each)
        if due and len(found) == _AT_ONCE:
            # The many to one NAS that is busy now may have hidden those to others.
            self._wake.set()
        return due[:free]

    async def _see_to(self, instruction: DueInstruction) -> None:
        """Send one instruction and record what became of it."""
        try:
            if not await self._claim(instruction):
                return
            nas = self._directory.current.nas_by_id.get(instruction.nas_id)
            answer = None
            if nas is not None and not instruction.has_ended:
                is_partner = nas.hotspot.collectivity.is_partner
                give = self._courier.carry if is_partner else self._exchange
                answer = await give(instruction, nas)
            await self._record(instruction, nas, answer)
        except Unavailable:
            # Nothing was recorded: it is due again when the claim has run out.
            return
        except Exception:
            self._warn_of_bug("an instruction could not be sent")
            await self._put_off(instruction)
        finally:
            self._under_way.pop(instruction.id, None)

    async def _claim(self, instruction: DueInstruction) -> bool:
        async with self._database.write("outbox") as session:
            return await outbox.claim(session, instruction.id, self._clock())

    async def _exchange(self, instruction: DueInstruction, nas: NasEntry) -> Packet | None:
        now = self._clock()
        contact = self._sightings.contact(nas, now)
        if contact is None:
            self._warnings.warn(
                "nowhere to send an instruction to",
                nas=nas.name,
                now=now,
                remedy="nothing has come from this NAS since the start, so its address is unknown; "
                "it is tried again later",
            )
            return None
        attributes = Attributes.of(*self._attributes(instruction, nas))
        packet = Packet(_CODES[instruction.kind], 0, bytes(16), attributes)
        is_signed = _SIGNATURE in adapter(nas.vendor).session_attributes
        port = nas.coa_port or self._coa_port
        answer = await self._client.exchange(
            packet,
            contact.address,
            port,
            contact.secret,
            encode_dynamic_request if is_signed else encode_unsigned_dynamic_request,
        )
        if answer is None:
            self._warnings.warn(
                "a NAS did not answer an instruction",
                nas=nas.name,
                now=self._clock(),
                kind=instruction.kind.value,
                port=port,
                remedy="see that it listens for CoA on this port (`farandole nas change "
                "--coa-port`), that no packet filter is between, and that the secrets match",
            )
        return answer

    def _attributes(
        self, instruction: DueInstruction, nas: NasEntry
    ) -> Iterator[tuple[str, Value | Tagged]]:
        """The session by the names that this NAS takes, then what is to change."""
        known: dict[str, Value | None] = {
            "User-Name": instruction.user_name,
            "Acct-Session-Id": instruction.acct_session_id,
            # As RFC 3580 section 3.21 has it, and as NAS send it.
            "Calling-Station-Id": instruction.device_mac.replace(":", "-").upper(),
            "Framed-IP-Address": _ipv4(instruction.framed_address),
            "Event-Timestamp": self._clock(),
        }
        for name in adapter(nas.vendor).session_attributes:
            if value := known.get(name):
                yield name, value
        yield from instruction.attributes

    async def _record(
        self, instruction: DueInstruction, nas: NasEntry | None, answer: Packet | None
    ) -> None:
        now = self._clock()
        async with self._database.write("outbox") as session:
            state, cause = await _settle(session, instruction, answer, now)
            if state is None:
                # Whoever claimed it after us has recorded more.
                return
            outcome = "retried" if state is InstructionState.PENDING else state.value
            audit.note(
                session,
                actor=_ACTOR,
                action=f"session.{instruction.kind}",
                subject=f"nas:{nas.name if nas else instruction.nas_id}",
                now=now,
                instruction=instruction.id,
                reason=instruction.reason,
                outcome=outcome,
                error_cause=cause,
            )
        metrics.dynamic_authorization.labels(
            instruction.kind.value, outcome, nas.vendor if nas else ""
        ).inc()
        log.info(
            "instruction seen to",
            kind=instruction.kind.value,
            nas=nas.name if nas else None,
            outcome=outcome,
            reason=instruction.reason,
            error_cause=cause,
        )

    async def _put_off(self, instruction: DueInstruction) -> None:
        """Have an instruction that we failed on wait as if the NAS had kept silent."""
        with suppress(Unavailable):
            async with self._database.write("outbox") as session:
                now = self._clock()
                await outbox.unanswered(session, instruction.id, instruction.attempts, now)

    def _warn_of_bug(self, event: str) -> None:
        self._warnings.warn(
            event,
            NOBODY,
            self._clock(),
            exc_info=True,
            remedy="this is a bug of ours: report it with the traceback",
        )


async def _settle(
    session: AsyncSession, instruction: DueInstruction, answer: Packet | None, now: datetime
) -> tuple[InstructionState | None, int | None]:
    """Store what became of an instruction; return its state, None where it was finished before,
    and the Error-Cause of a NAK."""
    if instruction.has_ended:
        was_pending = await outbox.needless(session, instruction.id, now)
        return (InstructionState.NEEDLESS if was_pending else None), None
    if answer is None:
        state = await outbox.unanswered(session, instruction.id, instruction.attempts, now)
        return state, None
    is_done = answer.code in _ACKNOWLEDGEMENTS
    finished = InstructionState.ACKNOWLEDGED if is_done else InstructionState.REFUSED
    cause = None if is_done else answer.attributes.integer("Error-Cause") or 0
    was_pending = await outbox.answered(
        session, instruction.id, state=finished, error_cause=cause, now=now
    )
    return (finished if was_pending else None), cause


def _ipv4(address: str | None) -> str | None:
    return address if address and ":" not in address else None
