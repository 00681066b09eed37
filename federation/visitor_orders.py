"""A home's orders about its citizens at our hotspots: put into the outbox, and answered by what
the NAS says."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, outbox
from aaa.database import Database
from aaa.model import Instruction, InstructionKind, InstructionState, Session
from aaa.nas import limits
from aaa.policy import Denied, Facts, decide
from aaa.reauthorization import over_all
from aaa.snapshot import Directory
from federation.directory import PartnerEntry
from federation.orders import Cause, Order, Subject, bounded, is_stale, read
from monitoring import federation_metrics
from radius.handlers.reply import ack, nak
from radius.request import Clock, Reply, Request, Unanswered
from radius.wire.attributes import Attributes
from radius.wire.packet import Code

log = structlog.get_logger()

_KINDS: Final = {
    Code.DISCONNECT_REQUEST: InstructionKind.DISCONNECT,
    Code.COA_REQUEST: InstructionKind.COA,
}
# Why, in the words of an instruction: what made a home want it is its own affair.
_REASON: Final = "home"
# Time for a NAS to answer, and once more where a datagram was lost; less than those wait who order.
_ANSWERED_WITHIN_SECONDS: Final = 4.0
_LOOK_EVERY_SECONDS: Final = 0.1
# Of one partner, under way: the others' must not wait for it.
_AT_ONCE: Final = 32
_DONE: Final = -1


class VisitorOrders:
    """Has our NAS obey partners, each about its own citizens and nobody else."""

    def __init__(self, *, database: Database, directory: Directory, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._under_way: Counter[int] = Counter()

    async def obey(self, request: Request, partner: PartnerEntry) -> Reply | Unanswered:
        """Return the answer to a CoA-Request or Disconnect-Request of a partner.

        Once accepted, an order is in the outbox, and stays there while the NAS keeps silent. The
        home is told after a few seconds that it has not been obeyed yet: asking once more is
        asking how that order stands. Raises Unavailable.
        """
        if is_stale(request.packet, self._clock()):
            return Unanswered.ORDER_NOT_CURRENT
        if self._under_way[partner.id] >= _AT_ONCE:
            return self._refuse(request, partner, Cause.RESOURCES_UNAVAILABLE)
        self._under_way[partner.id] += 1
        try:
            return await self._obey(request, partner)
        finally:
            self._under_way[partner.id] -= 1

    async def _obey(self, request: Request, partner: PartnerEntry) -> Reply:
        snapshot = self._directory.current
        kind = _KINDS[request.packet.code]
        known = snapshot.by_realm, snapshot.nas_by_name
        order = read(request.packet, *known, partner.contract)
        if isinstance(order, Cause):
            return self._refuse(request, partner, order)
        async with self._database.write("order") as session:
            accepted = await self._accept(session, order, kind, partner)
        if isinstance(accepted, Cause):
            return self._refuse(request, partner, accepted)
        return await self._answer(request, partner, kind, accepted)

    async def _accept(
        self, session: AsyncSession, order: Order, kind: InstructionKind, partner: PartnerEntry
    ) -> int | Cause:
        """Write the instruction for our NAS; return its id, _DONE where the NAS has obeyed it
        already, or why there is none."""
        now = self._clock()
        row = await self._find(session, order, partner)
        if isinstance(row, Cause):
            return row
        if kind is InstructionKind.DISCONNECT:
            former = await outbox.newest(session, row.id, kind)
            if former is not None and _is_over(former, row):
                return _DONE
            await outbox.disconnect(session, [row.id], _REASON, now)
        else:
            own = self._own(row, now)
            if own is None:
                return Cause.ADMINISTRATIVELY_PROHIBITED
            await outbox.change(session, row.id, bounded(order.changes, own), _REASON, now)
        audit.note(
            session,
            actor=f"partner:{partner.name}",
            action=f"session.{kind}",
            subject=f"session:{row.id}",
            now=now,
            reason=_REASON,
        )
        accepted = await outbox.newest(session, row.id, kind)
        return accepted.id if accepted is not None else Cause.PROXY_ERROR

    async def _find(
        self, session: AsyncSession, order: Order, partner: PartnerEntry
    ) -> Session | Cause:
        """Return the one open session of the partner's citizens that an order is about."""
        query = select(Session).where(
            Session.home_collectivity_id == partner.collectivity.id, Session.stopped_at.is_(None)
        )
        if order.acct_session_id is not None:
            query = query.where(Session.acct_session_id == order.acct_session_id)
        if order.device_mac is not None:
            query = query.where(Session.device_mac == order.device_mac)
        rows = (await session.scalars(query)).all()
        found = [row for row in rows if order.means(self._subject(row))]
        if len(found) > 1:
            return Cause.SEVERAL_SESSIONS
        return found[0] if found else Cause.SESSION_NOT_FOUND

    def _subject(self, row: Session) -> Subject:
        """Return a session by the names that its home was told."""
        snapshot = self._directory.current
        nas, hotspot = snapshot.nas_by_id.get(row.nas_id), snapshot.hotspots.get(row.hotspot_id)
        return Subject(
            acct_session_id=row.acct_session_id,
            device_mac=row.device_mac,
            user_name=row.user_name,
            nas_identifier=nas.name if nas else "",
            operator_name=f"1{hotspot.collectivity.realm}" if hotspot else "",
        )

    def _own(self, row: Session, now: datetime) -> Attributes | None:
        """Return our own limits for a session, from its start; None where we give none any time."""
        hotspot = self._directory.current.hotspots.get(row.hotspot_id)
        if hotspot is None:
            return None
        ours = self._directory.current.limits(hotspot, None)
        facts = Facts(limits=ours, now=now, timezone=hotspot.collectivity.timezone)
        grant = decide(facts)
        if isinstance(grant, Denied):
            return None
        whole = over_all(grant, ours, row, now)
        if whole.session_seconds is None and grant.session_seconds is not None:
            # It has authenticated anew: as long again, as then.
            lasted = round((now - row.started_at).total_seconds())
            whole = replace(whole, session_seconds=lasted + grant.session_seconds)
        return Attributes.of(*limits.standard(whole))

    async def _answer(
        self, request: Request, partner: PartnerEntry, kind: InstructionKind, accepted: int
    ) -> Reply:
        state, cause = InstructionState.ACKNOWLEDGED, None
        if accepted != _DONE:
            state, cause = await self._outcome(accepted)
        match state:
            case InstructionState.ACKNOWLEDGED:
                return self._reply(request, partner, "acknowledged")
            case InstructionState.NEEDLESS if kind is InstructionKind.DISCONNECT:
                return self._reply(request, partner, "acknowledged")
            case InstructionState.NEEDLESS:
                return self._refuse(request, partner, Cause.SESSION_NOT_FOUND)
            case InstructionState.REFUSED:
                return self._reply(request, partner, "refused", cause)
        return self._reply(request, partner, "unanswered", Cause.PROXY_ERROR)

    async def _outcome(self, instruction_id: int) -> tuple[InstructionState, int | None]:
        """Return how an instruction stands, once the NAS has answered or its time is up. Whichever
        process sends it, the outbox tells."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _ANSWERED_WITHIN_SECONDS
        query = select(Instruction.state, Instruction.error_cause)
        query = query.where(Instruction.id == instruction_id)
        while True:
            async with self._database.read("order") as session:
                found = (await session.execute(query)).one_or_none()
            if found is None:
                # A later order of the same kind has taken its place.
                return InstructionState.UNANSWERED, None
            if found.state is not InstructionState.PENDING or loop.time() >= ends_at:
                return found.state, found.error_cause
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    def _refuse(self, request: Request, partner: PartnerEntry, cause: Cause) -> Reply:
        return self._reply(request, partner, "refused", cause)

    def _reply(
        self, request: Request, partner: PartnerEntry, outcome: str, cause: str | int | None = None
    ) -> Reply:
        code = request.packet.code.rfc_name
        federation_metrics.orders.labels(partner.name, "in", outcome).inc()
        log.info("order answered", partner=partner.name, code=code, outcome=outcome, cause=cause)
        return Reply(ack(request) if outcome == "acknowledged" else nak(request, cause))


def _is_over(former: Instruction, row: Session) -> bool:
    """Whether a session was ended by a former order, and its NAS has not told of it since."""
    finished_at = former.finished_at
    is_done = former.state is InstructionState.ACKNOWLEDGED
    return is_done and finished_at is not None and finished_at >= row.updated_at
