"""Sessions as people ask about them: who is online, what is left, end this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.accounting import STALE
from aaa.authorization import STALE_INTERVALS
from aaa.model import Citizen, Collectivity, Device, Hotspot, Nas, Session
from aaa.snapshot import Snapshot

_LEAST_SILENCE: Final = timedelta(hours=1)
# How long a session may last where no limit says so and no interim tells.
_UNREPORTED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session with the names that people know its parts by."""

    id: int
    citizen: str | None
    citizen_id: int | None
    home: str | None
    """Of a visitor: the partner whose citizen it is, and the realm that leads there. No name."""
    realm: str | None
    collectivity: str
    hotspot: str
    nas: str
    operator_name: str
    nas_identifier: str
    """Of a partner's place: what names it and its NAS there; "" where both are ours."""
    device: str | None
    """What the citizen calls it, where it proved itself."""
    device_id: int | None
    device_mac: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    session_seconds: int
    upload_octets: int
    download_octets: int


async def listed(
    session: AsyncSession, *conditions: ColumnElement[bool], most: int = 200
) -> Sequence[SessionView]:
    """Return sessions, newest first; ``conditions`` are on the model's columns."""
    home = Collectivity.__table__.alias("home")
    partner = Collectivity.__table__.alias("partner")
    rows = await session.execute(
        select(
            Session.id,
            Citizen.name.label("citizen_name"),
            home.c.realm.label("citizen_realm"),
            Session.citizen_id,
            partner.c.slug.label("home"),
            Session.user_name,
            Collectivity.slug.label("collectivity"),
            Hotspot.slug.label("hotspot"),
            Nas.name.label("nas"),
            Session.operator_name,
            Session.nas_identifier,
            Device.name.label("device"),
            Session.device_id,
            Session.device_mac,
            Session.started_at,
            Session.updated_at,
            Session.stopped_at,
            Session.terminate_cause,
            Session.session_seconds,
            Session.upload_octets,
            Session.download_octets,
        )
        .join(Nas, Nas.id == Session.nas_id)
        .join(Hotspot, Hotspot.id == Session.hotspot_id)
        .join(Collectivity, Collectivity.id == Hotspot.collectivity_id)
        .outerjoin(Citizen, Citizen.id == Session.citizen_id)
        .outerjoin(Device, Device.id == Session.device_id)
        .outerjoin(home, home.c.id == Citizen.collectivity_id)
        .outerjoin(partner, partner.c.id == Session.home_collectivity_id)
        .where(*conditions)
        .order_by(Session.started_at.desc(), Session.id.desc())
        .limit(most)
    )
    return [
        SessionView(
            citizen=f"{row.citizen_name}@{row.citizen_realm}" if row.citizen_name else None,
            realm=_realm(row.user_name) if row.home else None,
            **{name: row._mapping[name] for name in _PLAIN},
        )
        for row in rows
    ]


_PLAIN = tuple(name for name in SessionView.__slots__ if name not in ("citizen", "realm"))


def _realm(user_name: str | None) -> str | None:
    """Return of a User-Name what tells nobody who it is."""
    _, at, realm = (user_name or "").rpartition("@")
    return realm.casefold() if at else None


async def open_at(session: AsyncSession, *, nas_id: int, device_mac: str) -> SessionView | None:
    """Return a device's open session at a NAS, the newest where there are several."""
    found = await listed(
        session,
        Session.nas_id == nas_id,
        Session.device_mac == device_mac,
        Session.stopped_at.is_(None),
        most=1,
    )
    return found[0] if found else None


async def last_seen(session: AsyncSession, citizen_id: int) -> dict[int, datetime]:
    """Return when each of a citizen's devices was online last, by the device's id."""
    rows = await session.execute(
        select(Session.device_id, func.max(Session.updated_at))
        .where(Session.citizen_id == citizen_id)
        .group_by(Session.device_id)
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


async def close_stale(session: AsyncSession, snapshot: Snapshot, now: datetime) -> int:
    """Close, at their last report, the sessions that their NAS does not report any more; return
    how many.

    That is after STALE_INTERVALS interim intervals and no less than an hour; a session that was
    never reported after its start, by a NAS that sends no interims, after the longest time that
    it could have lasted.
    """
    places: dict[tuple[timedelta, timedelta], list[int]] = {}
    for hotspot in snapshot.hotspots.values():
        limits = snapshot.limits(hotspot, None)
        interval = timedelta(seconds=limits.interim_seconds or 0)
        longest = timedelta(seconds=limits.session_seconds or 0)
        silence = max(interval * STALE_INTERVALS, _LEAST_SILENCE)
        places.setdefault((silence, max(longest, _UNREPORTED)), []).append(hotspot.id)
    closed = 0
    for (silence, longest), hotspot_ids in places.items():
        was_reported = Session.session_seconds > 0
        result = await session.execute(
            update(Session)
            .where(
                Session.hotspot_id.in_(hotspot_ids),
                Session.stopped_at.is_(None),
                Session.updated_at < now - silence,
                was_reported | (Session.updated_at < now - longest),
            )
            .values(stopped_at=Session.updated_at, terminate_cause=STALE)
        )
        closed += result.rowcount  # type: ignore[attr-defined]
    return closed


async def open_by_hotspot(session: AsyncSession, fresh_since: datetime) -> dict[int, int]:
    """Return how many sessions are open, by hotspot id; those silent since before count not."""
    rows = await session.execute(
        select(Session.hotspot_id, func.count())
        .where(Session.stopped_at.is_(None), Session.updated_at > fresh_since)
        .group_by(Session.hotspot_id)
    )
    return {hotspot_id: count for hotspot_id, count in rows}
