"""Gather the facts from the store, and ask the policy."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.citizens import CitizenRecord
from aaa.model import CitizenState, DailyUsage, Session
from aaa.policy import Denied, Facts, Grant, Limits, decide
from aaa.snapshot import HotspotEntry, Snapshot

# A session that has been silent for this many interim intervals holds no place any more: a power
# cut must not lock people out.
STALE_INTERVALS: Final = 3

_SESSION: Final = Session.__table__.c
_OPEN_DEVICES: Final = select(func.count(func.distinct(_SESSION.device_mac))).where(
    _SESSION.citizen_id == bindparam("citizen_id"),
    _SESSION.stopped_at.is_(None),
    _SESSION.updated_at > bindparam("fresh"),
    _SESSION.device_mac != bindparam("device_mac"),
)


async def authorize(
    session: AsyncSession,
    snapshot: Snapshot,
    *,
    citizen: CitizenRecord,
    hotspot: HotspotEntry,
    device_mac: str | None,
    now: datetime,
) -> Grant | Denied:
    """Return what a proven citizen may do at a hotspot, or why not."""
    limits = snapshot.limits(hotspot, citizen.id)
    timezone = hotspot.collectivity.timezone
    used_octets = used_seconds = open_devices = 0
    if limits.daily_octets is not None or limits.daily_seconds is not None:
        today = now.astimezone(ZoneInfo(timezone)).date()
        usage = await session.get(DailyUsage, (citizen.id, today))
        if usage is not None:
            used_octets, used_seconds = usage.octets, usage.session_seconds
    if limits.simultaneous_devices is not None:
        open_devices = await _open_devices(session, citizen.id, device_mac, limits, now)
    return decide(
        Facts(
            limits=limits,
            now=now,
            timezone=timezone,
            is_banned=citizen.state is CitizenState.BANNED,
            is_closed=citizen.state is CitizenState.CLOSED,
            used_octets=used_octets,
            used_seconds=used_seconds,
            open_devices=open_devices,
        )
    )


async def _open_devices(
    session: AsyncSession, citizen_id: int, device_mac: str | None, limits: Limits, now: datetime
) -> int:
    """Return how many other devices of a citizen are online."""
    fresh = now - timedelta(seconds=(limits.interim_seconds or 600) * STALE_INTERVALS)
    parameters = {"citizen_id": citizen_id, "fresh": fresh, "device_mac": device_mac or ""}
    return int(await session.scalar(_OPEN_DEVICES, parameters) or 0)
