"""Gather the facts from the store, and ask the policy."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.citizens import CitizenRecord
from aaa.model import Citizen, CitizenState, DailyUsage, Device, DeviceCertificate, Session
from aaa.policy import Denied, DenyReason, Facts, Grant, decide
from aaa.snapshot import HotspotEntry, Snapshot

# A session that has been silent for this many interim intervals holds no place any more: a power
# cut must not lock people out.
STALE_INTERVALS: Final = 3
# Where no limit says when a NAS is to report.
_INTERIM: Final = timedelta(minutes=10)

_CITIZEN: Final = Citizen.__table__.c
_DEVICE: Final = Device.__table__.c
_CERTIFICATE: Final = DeviceCertificate.__table__.c
_USAGE: Final = DailyUsage.__table__.c
_SESSION: Final = Session.__table__.c
# All in one, a row for each session that is open, since each log-in asks it.
_FACTS: Final = (
    select(
        _CITIZEN.state,
        _DEVICE.id.label("device_id"),
        _DEVICE.revoked_at.label("device_revoked_at"),
        _CERTIFICATE.id.label("certificate_id"),
        _CERTIFICATE.revoked_at.label("certificate_revoked_at"),
        _USAGE.octets,
        _USAGE.session_seconds,
        _SESSION.device_mac,
        _SESSION.updated_at,
    )
    .select_from(Citizen)
    .outerjoin(Device, (_DEVICE.id == bindparam("device_id")) & (_DEVICE.citizen_id == _CITIZEN.id))
    .outerjoin(
        DeviceCertificate,
        (_CERTIFICATE.id == bindparam("certificate_id")) & (_CERTIFICATE.device_id == _DEVICE.id),
    )
    .outerjoin(DailyUsage, (_USAGE.citizen_id == _CITIZEN.id) & (_USAGE.day == bindparam("today")))
    .outerjoin(
        Session,
        (_SESSION.citizen_id == _CITIZEN.id)
        & _SESSION.stopped_at.is_(None)
        & (_SESSION.updated_at > bindparam("fresh")),
    )
    .where(_CITIZEN.id == bindparam("citizen_id"))
)


async def authorize(
    session: AsyncSession,
    snapshot: Snapshot,
    *,
    citizen: CitizenRecord,
    hotspot: HotspotEntry,
    device_mac: str | None,
    now: datetime,
    device_id: int | None = None,
    certificate_id: int | None = None,
) -> Grant | Denied:
    """Return what a proven citizen may do at a hotspot, or why not.

    The account, and the device and certificate where they proved it, are looked at once more: a
    conversation may take a minute, in which they may be banned, closed or revoked. One query.
    """
    limits = snapshot.limits(hotspot, citizen.id)
    timezone = hotspot.collectivity.timezone
    interim = timedelta(seconds=limits.interim_seconds) if limits.interim_seconds else _INTERIM
    parameters = {
        "citizen_id": citizen.id,
        "device_id": device_id,
        "certificate_id": certificate_id,
        "today": now.astimezone(ZoneInfo(timezone)).date(),
        "fresh": now - interim * STALE_INTERVALS,
    }
    rows = (await session.execute(_FACTS, parameters)).all()
    if not rows:
        return Denied(DenyReason.UNKNOWN_CITIZEN)
    found = rows[0]
    reported_at = _reported_at((row.device_mac, row.updated_at) for row in rows)
    return decide(
        Facts(
            limits=limits,
            now=now,
            timezone=timezone,
            is_banned=found.state is CitizenState.BANNED,
            is_closed=found.state is CitizenState.CLOSED,
            is_revoked=(found.device_id, found.certificate_id) != (device_id, certificate_id)
            or bool(found.device_revoked_at or found.certificate_revoked_at),
            used_octets=found.octets or 0,
            used_seconds=(found.session_seconds or 0) + _running_seconds(reported_at, interim, now),
            open_devices=len(reported_at.keys() - {device_mac or ""}),
        )
    )


def authorize_visitor(snapshot: Snapshot, hotspot: HotspotEntry, now: datetime) -> Grant | Denied:
    """Return what a partner's citizen may do at a hotspot, or why nothing: of themselves we know
    nothing, and their home says the rest."""
    limits, timezone = snapshot.limits(hotspot, None), hotspot.collectivity.timezone
    return decide(Facts(limits=limits, now=now, timezone=timezone))


def _reported_at(reports: Iterable[tuple[str | None, datetime]]) -> dict[str, datetime]:
    """Return when each device that is online was reported last, by its MAC."""
    newest: dict[str, datetime] = {}
    for device_mac, at in reports:
        if device_mac is not None:
            newest[device_mac] = max(newest.get(device_mac, at), at)
    return newest


def _running_seconds(reported_at: dict[str, datetime], interim: timedelta, now: datetime) -> int:
    """Return how long devices have been online since their last reports, which a day's usage does
    not hold yet: a device that authenticates anew amid a session would get that time once more.

    At most the time until the next report for each: one that has fallen silent may be gone.
    """
    running = (min(now - at, interim) for at in reported_at.values() if at < now)
    return round(sum(running, timedelta()).total_seconds())
