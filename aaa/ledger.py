"""One transaction's worth of accounting: rows loaded, events posted, rows stored."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import outbox
from aaa.accounting import OUR_OWN, Change, Effect, Event, Kind, Origin, Record, apply, close_all
from aaa.model import Citizen, CitizenState, DailyUsage, Device, Session
from aaa.policy import DenyReason
from aaa.snapshot import HotspotEntry, Snapshot
from monitoring import metrics

# (nas_id, acct_session_id, device_mac, operator_name, nas_identifier): one or more sessions, told
# apart by their instance.
Key = tuple[int, str, str, str, str]
# (citizen_id, home_collectivity_id)
_NOBODYS: Final = (None, None)
_RECORD: Final = tuple(field.name for field in fields(Record))
_ORIGIN: Final = tuple(field.name for field in fields(Origin))
# Why a session is ended that goes on under another's name.
ANOTHERS: Final = "anothers"
_REFUSED: Final = {CitizenState.BANNED: DenyReason.BANNED, CitizenState.CLOSED: DenyReason.CLOSED}


@dataclass(slots=True)
class _Row:
    """A session's row: its id once stored, whose it is, its device and place, what is known of it.

    ``has_new_owner``: tied to its citizen or device just now. ``is_anothers``: reported as somebody
    else's while it is open.
    """

    id: int | None
    citizen_id: int | None
    home_collectivity_id: int | None
    device_id: int | None
    hotspot_id: int
    origin: Origin
    record: Record
    opened_by: Event | None = None
    is_changed: bool = False
    has_new_owner: bool = False
    is_anothers: bool = False

    @property
    def owner(self) -> tuple[int | None, int | None]:
        """Whose it is: a citizen's of ours, or one's of a partner."""
        return self.citizen_id, self.home_collectivity_id


@dataclass(slots=True)
class _Used:
    """What a group adds to one citizen's day."""

    seconds: int = 0
    octets: int = 0


class Ledger:
    """Load the rows, post each event in order, store; then count what was done."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._newest: dict[Key, _Row] = {}
        self._rows: list[_Row] = []
        # Whose each is.
        self._devices: dict[int, int] = {}
        self._used: dict[tuple[int, date], _Used] = {}
        self._changes: list[tuple[HotspotEntry | None, Change]] = []

    async def load(self, session: AsyncSession, events: Sequence[Event]) -> None:
        """Read, and lock where the database can, the newest session of each id in ``events``, and
        the open ones of each NAS that started or stopped."""
        keys = {_key(event)[:3] for event in events if event.kind not in (Kind.ON, Kind.OFF)}
        restarted = {event.nas_id for event in events if event.kind in (Kind.ON, Kind.OFF)}
        wanted: list[ColumnElement[bool]] = []
        if keys:
            columns = tuple_(Session.nas_id, Session.acct_session_id, Session.device_mac)
            wanted.append(columns.in_(sorted(keys)))
        if restarted:
            wanted.append(Session.nas_id.in_(sorted(restarted)) & Session.stopped_at.is_(None))
        for condition in wanted:
            query = select(Session).where(condition).order_by(Session.id).with_for_update()
            for stored in (await session.scalars(query)).all():
                names = stored.operator_name, stored.nas_identifier
                key = (stored.nas_id, stored.acct_session_id, stored.device_mac, *names)
                known = self._newest.get(key)
                if known is None or known.record.instance < stored.instance:
                    self._add(key, _row(stored))
        await self._load_devices(session, events)

    async def _load_devices(self, session: AsyncSession, events: Sequence[Event]) -> None:
        """Read the devices of sessions that are not tied to theirs yet: one that a Class names
        may be gone, or, after an older backup was put back, be another citizen's."""
        wanted = {event.device_id for event in events if self._needs_device(event)}
        if wanted:
            query = select(Device.id, Device.citizen_id)
            rows = await session.execute(query.where(Device.id.in_(sorted(filter(None, wanted)))))
            self._devices = {row.id: row.citizen_id for row in rows}

    def _needs_device(self, event: Event) -> bool:
        if event.device_id is None:
            return False
        row = self._find(event)
        return row is None or row.device_id is None or event.kind is Kind.START

    def _add(self, key: Key, row: _Row) -> None:
        self._newest[key] = row
        self._rows.append(row)

    def post(self, event: Event) -> Effect:
        """Let one event change the rows; return what it did."""
        if event.kind in (Kind.ON, Kind.OFF):
            return self._close_all(event)
        row = self._find(event)
        change = apply(row.record if row else None, event)
        if row is not None and change.effect is Effect.APPLIED and self._is_anothers(row, event):
            row.is_anothers = True
        if row is None or change.record.instance != row.record.instance:
            owner = event.citizen_id, event.home_collectivity_id, None
            place = event.hotspot_id, event.origin
            row = _Row(None, *owner, *place, change.record, opened_by=event)
            row.has_new_owner = event.citizen_id is not None
            self._add(_key(event), row)
        if row.owner == _NOBODYS != _owner(event):
            self._give_owner(row, event)
        if row.device_id is None and event.device_id is not None:
            self._give_device(row, event.device_id)
        self._change(row, change, event)
        return change.effect

    def _find(self, event: Event) -> _Row | None:
        """Return the newest session that an event is of. One that was told of without names takes
        the first that come: whoever sends it has begun to say who it is."""
        key = _key(event)
        row = self._newest.get(key)
        if row is not None or event.origin == OUR_OWN:
            return row
        row = self._newest.pop((*key[:3], "", ""), None)
        if row is not None:
            row.origin, row.is_changed = event.origin, True
            self._newest[key] = row
        return row

    def _give_owner(self, row: _Row, event: Event) -> None:
        """Tie a session to the citizen that an event names, with all that it used before."""
        row.citizen_id, row.home_collectivity_id = _owner(event)
        row.is_changed = True
        row.has_new_owner = row.citizen_id is not None
        if row.opened_by is not event:
            record = row.record
            self._use(row, event, record.session_seconds, record.octets)

    def _give_device(self, row: _Row, device_id: int) -> None:
        """Tie a session to a device, where that is there and the session's citizen's."""
        if row.citizen_id is not None and self._devices.get(device_id) == row.citizen_id:
            row.device_id = device_id
            row.is_changed = row.has_new_owner = True

    def _is_anothers(self, row: _Row, event: Event) -> bool:
        """Whether a NAS reports an open session as another citizen's or device's than it began as:
        it has authenticated anew (802.1X) and kept its id. An older report that comes late is not
        asked; one of nobody or of no device tells nothing."""
        if row.record.stopped_at is not None or _NOBODYS in (row.owner, _owner(event)):
            return False
        if row.owner != _owner(event):
            return True
        return None not in (row.device_id, event.device_id) and row.device_id != event.device_id

    def _close_all(self, event: Event) -> Effect:
        effect = Effect.REPEATED
        for key, row in self._newest.items():
            is_there = key[0] == event.nas_id and self._is_place_of(event, row)
            change = close_all(row.record, event) if is_there else None
            if change is not None:
                self._change(row, change, event)
                effect = Effect.APPLIED
        return effect

    def _is_place_of(self, event: Event, row: _Row) -> bool:
        """Whether a NAS that starts or goes speaks for a session: where it has access points in
        several places, each speaks for its own."""
        nas = self._snapshot.nas_by_id.get(event.nas_id)
        return not (nas and nas.access_points) or row.hotspot_id == event.hotspot_id

    def _change(self, row: _Row, change: Change, event: Event) -> None:
        hotspot = self._snapshot.hotspots.get(row.hotspot_id)
        row.is_changed = row.is_changed or change.record != row.record
        row.record = change.record
        self._changes.append((hotspot, change))
        self._use(row, event, change.added_seconds, change.added_octets)

    def _use(self, row: _Row, event: Event, seconds: int, octets: int) -> None:
        """Add to what a session's citizen used on the day of an event."""
        if row.citizen_id is None or not (seconds or octets):
            return
        hotspot = self._snapshot.hotspots.get(row.hotspot_id)
        zone = ZoneInfo(hotspot.collectivity.timezone) if hotspot else UTC
        day = event.reported_at.astimezone(zone).date()
        used = self._used.setdefault((row.citizen_id, day), _Used())
        used.seconds += seconds
        used.octets += octets

    async def store(self, session: AsyncSession, now: datetime) -> None:
        """Write the changed rows, the days' usage, and a Disconnect where a day is used up."""
        opened = [
            (row, Session(**_identity(row.opened_by), **_columns(row)))
            for row in self._rows
            if row.opened_by is not None
        ]
        session.add_all(stored for _, stored in opened)
        await session.flush()
        for row, stored in opened:
            row.id = stored.id
        changed = [
            {"id": row.id, **_columns(row)}
            for row in self._rows
            if row.is_changed and row.opened_by is None
        ]
        if changed:
            await session.execute(update(Session), changed)
        await self._store_usage(session)
        await self._end_used_up(session, now)
        await self._end_anothers(session, now)
        await self._end_refused(session, now)

    async def _store_usage(self, session: AsyncSession) -> None:
        dialect = session.get_bind().dialect.name
        insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        # Sorted, so that two processes lock the same rows in the same order.
        for (citizen_id, day), used in sorted(self._used.items()):
            await session.execute(
                insert(DailyUsage)
                .values(
                    citizen_id=citizen_id,
                    day=day,
                    session_seconds=used.seconds,
                    octets=used.octets,
                )
                .on_conflict_do_update(
                    index_elements=["citizen_id", "day"],
                    set_={
                        "session_seconds": DailyUsage.session_seconds + used.seconds,
                        "octets": DailyUsage.octets + used.octets,
                    },
                )
            )

    async def _end_used_up(self, session: AsyncSession, now: datetime) -> None:
        """Disconnect sessions whose citizen has used the day up: not every NAS can count."""
        ending: dict[DenyReason, list[int]] = {}
        for row in self._rows:
            hotspot = self._snapshot.hotspots.get(row.hotspot_id)
            if row.record.stopped_at or row.citizen_id is None or hotspot is None:
                continue
            limits = self._snapshot.limits(hotspot, row.citizen_id)
            if limits.daily_octets is None and limits.daily_seconds is None:
                continue
            today = now.astimezone(ZoneInfo(hotspot.collectivity.timezone)).date()
            usage = await session.get(DailyUsage, (row.citizen_id, today), populate_existing=True)
            if usage is None or row.id is None:
                continue
            if limits.daily_octets is not None and usage.octets >= limits.daily_octets:
                ending.setdefault(DenyReason.DAILY_VOLUME_SPENT, []).append(row.id)
            elif limits.daily_seconds is not None and usage.session_seconds >= limits.daily_seconds:
                ending.setdefault(DenyReason.DAILY_TIME_SPENT, []).append(row.id)
        for reason, ids in ending.items():
            await outbox.disconnect(session, ids, reason, now)

    async def _end_anothers(self, session: AsyncSession, now: datetime) -> None:
        """Disconnect sessions that became somebody else's. Their counters go on from the first
        owner's, who stays it until the Stop: no use is lost, or counted twice, and the device
        comes back with a session of its own."""
        ending = [
            row.id for row in self._rows if row.is_anothers and row.id and not row.record.stopped_at
        ]
        await outbox.disconnect(session, ending, ANOTHERS, now)

    async def _end_refused(self, session: AsyncSession, now: datetime) -> None:
        """Disconnect sessions that began while their citizen was banned, or the account closed, or
        the device revoked: they were not there to be ended with the others."""
        begun = [row.id for row in self._rows if row.has_new_owner]
        if not begun:
            return
        # Asked now that the rows are written, which took its turn with whoever revoked.
        rows = await session.execute(
            select(Session.id, Citizen.state)
            .join(Citizen, Citizen.id == Session.citizen_id)
            .outerjoin(Device, Device.id == Session.device_id)
            .where(
                Session.id.in_(begun),
                Session.stopped_at.is_(None),
                (Citizen.state != CitizenState.ACTIVE) | Device.revoked_at.is_not(None),
            )
            .order_by(Session.id)
        )
        for session_id, state in rows.all():
            reason = _REFUSED.get(state, DenyReason.DEVICE_REVOKED)
            await outbox.disconnect(session, [session_id], reason, now)

    def count(self) -> None:
        """Count what was stored; called once it is committed."""
        for hotspot, change in self._changes:
            if hotspot is None:
                continue
            labels = (hotspot.collectivity.slug, hotspot.slug)
            if change.opened:
                metrics.sessions_started.labels(*labels).inc()
            metrics.session_seconds.labels(*labels).inc(change.added_seconds)
            metrics.session_octets.labels(*labels, "upload").inc(change.added_upload)
            metrics.session_octets.labels(*labels, "download").inc(change.added_download)


def _key(event: Event) -> Key:
    session = event.nas_id, event.acct_session_id.replace("\0", ""), event.device_mac
    return (*session, event.origin.operator_name, event.origin.nas_identifier)


def _owner(event: Event) -> tuple[int | None, int | None]:
    return event.citizen_id, event.home_collectivity_id


def _row(stored: Session) -> _Row:
    names = stored.operator_name, stored.nas_identifier
    return _Row(
        id=stored.id,
        citizen_id=stored.citizen_id,
        home_collectivity_id=stored.home_collectivity_id,
        device_id=stored.device_id,
        hotspot_id=stored.hotspot_id,
        origin=Origin(*names, stored.operator_nas_identifier),
        record=Record(*(getattr(stored, name) for name in _RECORD)),
    )


def _identity(event: Event) -> dict[str, Any]:
    return {
        "nas_id": event.nas_id,
        "hotspot_id": event.hotspot_id,
        "acct_session_id": _text(event.acct_session_id),
        "device_mac": event.device_mac,
        "user_name": _text(event.user_name),
        "framed_address": event.framed_address,
        "called_station_id": _text(event.called_station_id),
        "cui": _text(event.cui),
    }


def _text(value: str | None) -> str | None:
    """Return what a NAS wrote without NUL, which PostgreSQL cannot hold."""
    return value.replace("\0", "") if value else value


def _columns(row: _Row) -> dict[str, Any]:
    whose = {
        "citizen_id": row.citizen_id,
        "home_collectivity_id": row.home_collectivity_id,
        "device_id": row.device_id,
    }
    origin = {name: getattr(row.origin, name) for name in _ORIGIN}
    return whose | origin | {name: getattr(row.record, name) for name in _RECORD}
