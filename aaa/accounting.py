"""What one accounting packet does to a session's record: pure, whatever order packets come in.

RFC 2866, RFC 2869 sections 2 and 5.1-5.2. Repeated packets change nothing, late ones add only what
is new, counters only grow. The counters are the citizen's: upload is what the citizen sent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_WRAP: Final = 1 << 32
# Clocks of NAS and server differ, and Acct-Delay-Time is whole seconds.
_SAME: Final = timedelta(seconds=2)
# How long after a session's end, by our clock, a Start that names another time than its own must
# be the next session's, though the NAS' clock puts it before.
_WELL_AFTER: Final = timedelta(minutes=1)
# Terminate causes of our own, of ends that no NAS reported: it had fallen silent, or said that it
# starts or goes. Such a session goes on where its NAS reports that it did.
STALE: Final = "stale"
RESTARTED: Final = "nas-restarted"
SWITCHED_OFF: Final = "nas-switched-off"
_PRESUMED: Final = frozenset((STALE, RESTARTED, SWITCHED_OFF))


class Kind(StrEnum):
    """Acct-Status-Type (RFC 2866 section 5.1), as far as it is recorded."""

    START = "start"
    INTERIM = "interim"
    STOP = "stop"
    ON = "on"
    OFF = "off"


class Effect(StrEnum):
    """What an event did; a metric label."""

    APPLIED = "applied"
    REPEATED = "repeated"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where at a partner's a session is, in the partner's own words; "" where it has none.

    ``operator_nas_identifier`` means nothing to anybody else (RFC 8559 section 3.4).
    """

    operator_name: str = ""
    nas_identifier: str = ""
    operator_nas_identifier: bytes | None = None


OUR_OWN: Final = Origin()
"""That of a session at a NAS of ours, which is known by itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """One Accounting-Request, in our words.

    ``occurred_at`` is the NAS' word: Event-Timestamp, or else as below. ``reported_at`` is our own
    clock's, less Acct-Delay-Time: whether a session still lives, and to which day its use belongs,
    is not left to a NAS' clock.
    ``device_id``: the citizen's, as far as is known; it may be deleted meanwhile.
    ``home_collectivity_id``: the partner's whose citizen it is; never together with ``citizen_id``.
    ``counts_gigawords``: the NAS sent Acct-*-Gigawords, so its counters do not wrap at 2^32.
    """

    kind: Kind
    nas_id: int
    hotspot_id: int
    acct_session_id: str
    device_mac: str
    occurred_at: datetime
    reported_at: datetime
    citizen_id: int | None = None
    device_id: int | None = None
    home_collectivity_id: int | None = None
    origin: Origin = OUR_OWN
    user_name: str | None = None
    framed_address: str | None = None
    called_station_id: str | None = None
    cui: str | None = None
    session_seconds: int = 0
    upload_octets: int = 0
    download_octets: int = 0
    counts_gigawords: bool = False
    terminate_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A session as known so far; ``instance`` counts sessions that share an Acct-Session-Id.

    ``updated_at``: when its NAS last reported it, by our clock.
    """

    instance: int
    started_at: datetime
    start_seen: bool
    updated_at: datetime
    stopped_at: datetime | None = None
    terminate_cause: str | None = None
    session_seconds: int = 0
    upload_octets: int = 0
    download_octets: int = 0

    @property
    def octets(self) -> int:
        """Both directions together, as daily volumes count."""
        return self.upload_octets + self.download_octets


@dataclass(frozen=True, slots=True)
class Change:
    """What to store, and what it adds to the citizen's day."""

    record: Record
    effect: Effect
    opened: bool
    closed: bool
    added_seconds: int = 0
    added_upload: int = 0
    added_download: int = 0

    @property
    def added_octets(self) -> int:
        """Both directions together, as daily volumes count."""
        return self.added_upload + self.added_download


def apply(known: Record | None, event: Event) -> Change:
    """Return what ``event`` makes of the newest record under its session id.

    A Start after that record's Stop opens the next instance: some NAS give one Acct-Session-Id to
    two sessions in a row. A Stop or interim without a Start opens the record by itself.
    """
    if known is None:
        return _open(0, event)
    if event.kind is Kind.START:
        return _start(known, event)
    return _count(known, event)


def _open(instance: int, event: Event) -> Change:
    empty = Record(
        instance=instance,
        started_at=event.occurred_at - timedelta(seconds=event.session_seconds),
        start_seen=event.kind is Kind.START,
        updated_at=event.reported_at,
    )
    if event.kind is Kind.START:
        return Change(empty, Effect.APPLIED, opened=True, closed=False)
    return replace(_count(empty, event), opened=True, effect=Effect.APPLIED)


def _start(known: Record, event: Event) -> Change:
    if known.stopped_at is not None:
        # Without its own Start seen, a Start at the Stop's own time is that one, come late.
        is_its_own = not known.start_seen and event.occurred_at <= known.stopped_at + _SAME
        is_after = known.stopped_at <= event.occurred_at > known.started_at + _SAME
        if is_after and not is_its_own:
            return _open(known.instance + 1, event)
        if known.start_seen and _is_next_by_our_clock(known, event):
            return _open(known.instance + 1, event)
    if known.start_seen:
        return Change(known, Effect.REPEATED, opened=False, closed=False)
    record = replace(known, start_seen=True, started_at=min(known.started_at, event.occurred_at))
    return Change(record, Effect.LATE, opened=False, closed=False)


def _is_next_by_our_clock(known: Record, event: Event) -> bool:
    """Whether a Start that its NAS dates before a session's end came well after it: a NAS without
    a battery may wake up in the past. A repeated Start keeps its date."""
    is_repeated = abs(event.occurred_at - known.started_at) <= _SAME
    return not is_repeated and event.reported_at > known.updated_at + _WELL_AFTER


def _count(known: Record, event: Event) -> Change:
    if known.instance > 0 and event.occurred_at < known.started_at:
        # A late packet of the session before: what it counts was closed with its Stop.
        return Change(known, Effect.LATE, opened=False, closed=False)
    has_gone_on = event.kind is Kind.STOP or event.session_seconds > known.session_seconds
    if known.terminate_cause in _PRESUMED and has_gone_on:
        # It was not over: its NAS had been cut off, or another access point behind it restarted.
        known = replace(known, stopped_at=None, terminate_cause=None)
    seconds = max(known.session_seconds, event.session_seconds)
    is_news = event.session_seconds >= known.session_seconds
    upload = _grown(known.upload_octets, event.upload_octets, event, is_news)
    download = _grown(known.download_octets, event.download_octets, event, is_news)
    record = replace(
        known,
        session_seconds=seconds,
        upload_octets=upload,
        download_octets=download,
    )
    closes = event.kind is Kind.STOP and known.stopped_at is None
    if closes:
        record = replace(
            record, stopped_at=event.occurred_at, terminate_cause=event.terminate_cause
        )
    if record == known:
        effect = Effect.REPEATED
    elif known.stopped_at is not None or not is_news:
        effect = Effect.LATE
    else:
        effect = Effect.APPLIED
    if known.stopped_at is None:
        record = replace(record, updated_at=max(known.updated_at, event.reported_at))
    return Change(
        record,
        effect,
        opened=False,
        closed=closes,
        added_seconds=seconds - known.session_seconds,
        added_upload=upload - known.upload_octets,
        added_download=download - known.download_octets,
    )


def _grown(known: int, reported: int, event: Event, is_news: bool) -> int:
    """Return a counter after a report; a NAS without gigawords wraps it at 2^32."""
    if is_news and not event.counts_gigawords:
        turns, low = divmod(known, _WRAP)
        # A later report that is far below what was known has wrapped; a little below is disorder.
        if reported < low and low - reported > _WRAP // 2:
            turns += 1
        reported += turns * _WRAP
    return max(known, reported)


def close_all(known: Record, event: Event) -> Change | None:
    """Return what Accounting-On or -Off does to an open record (RFC 2866 section 5.1), or None
    where the record began after it."""
    if known.stopped_at is not None or known.started_at > event.occurred_at:
        return None
    cause = RESTARTED if event.kind is Kind.ON else SWITCHED_OFF
    record = replace(
        known,
        stopped_at=max(known.updated_at, known.started_at),
        terminate_cause=cause,
    )
    return Change(record, Effect.APPLIED, opened=False, closed=True)
