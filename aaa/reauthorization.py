"""Give open sessions the limits that hold now, by CoA (RFC 5176 section 2.2)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import authorization, citizens, outbox
from aaa.model import InstructionKind, Session
from aaa.nas.registry import adapter
from aaa.policy import Denied, Grant, Limits
from aaa.snapshot import Snapshot


async def reauthorize(
    session: AsyncSession,
    snapshot: Snapshot,
    session_ids: Sequence[int],
    reason: str,
    now: datetime,
) -> dict[int, InstructionKind]:
    """Ask the NAS of each session to apply what its citizen may do now; return what was asked.

    Who may not connect any more is disconnected. Sessions of nobody we know stay as they are.
    """
    asked: dict[int, InstructionKind] = {}
    rows = await session.scalars(select(Session).where(Session.id.in_(session_ids)))
    for row in rows.all():
        nas, hotspot = snapshot.nas_by_id.get(row.nas_id), snapshot.hotspots.get(row.hotspot_id)
        citizen = None
        if row.citizen_id is not None:
            citizen = await citizens.by_id(session, snapshot, row.citizen_id)
        if nas is None or hotspot is None or citizen is None:
            continue
        decision = await authorization.authorize(
            session,
            snapshot,
            citizen=citizen,
            hotspot=hotspot,
            device_mac=row.device_mac,
            now=now,
        )
        if isinstance(decision, Denied):
            await outbox.disconnect(session, [row.id], decision.reason, now)
            asked[row.id] = InstructionKind.DISCONNECT
        else:
            grant = over_all(decision, snapshot.limits(hotspot, citizen.id), row, now)
            attributes = adapter(nas.vendor).reply_attributes(grant)
            await outbox.change(session, row.id, attributes, reason, now)
            asked[row.id] = InstructionKind.COA
    return asked


def over_all(grant: Grant, limits: Limits, row: Session, now: datetime) -> Grant:
    """Return a grant for what is left as one for the whole session: NAS count time and volume
    from its start. At least a second and an octet, so that a NAS takes it for a limit.

    A session older than its own limit has authenticated anew (802.1X), since when nobody told: the
    limit counted from its start would end it at once. It gets none, and keeps what it has.
    """
    seconds, octets = grant.session_seconds, grant.octets
    if seconds is not None:
        elapsed = max(row.session_seconds, round((now - row.started_at).total_seconds()))
        most = limits.session_seconds or elapsed + seconds
        seconds = max(1, min(elapsed + seconds, most)) if elapsed < most else None
    if octets is not None:
        octets = max(1, row.upload_octets + row.download_octets + octets)
    # A device keeps its address: it is not moved to another network while it is online.
    return replace(grant, session_seconds=seconds, octets=octets, vlan=None)
