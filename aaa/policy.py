"""May this citizen connect here, now, and within which limits? One pure decision.

``DenyReason`` is the one list of reasons: metric label, audit text, log field, Reply-Message key
and page of the portal.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from aaa.errors import Invalid


class DenyReason(StrEnum):
    """Why a citizen was refused."""

    UNKNOWN_CITIZEN = "unknown_citizen"
    UNKNOWN_REALM = "unknown_realm"
    BAD_IDENTIFIER = "bad_identifier"
    WRONG_PASSWORD = "wrong_password"
    PASSWORD_NOT_ALLOWED = "password_not_allowed"
    TICKET_EXPIRED = "ticket_expired"
    TICKET_USED = "ticket_used"
    TICKET_ELSEWHERE = "ticket_elsewhere"
    UNKNOWN_DEVICE = "unknown_device"
    DEVICE_EXPIRED = "device_expired"
    DEVICE_REVOKED = "device_revoked"
    METHOD_NOT_SUPPORTED = "method_not_supported"
    EAP_FAILED = "eap_failed"
    EAP_FORGOTTEN = "eap_forgotten"
    REALM_MISMATCH = "realm_mismatch"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    UNKNOWN_CERTIFICATE = "unknown_certificate"
    BANNED = "banned"
    CLOSED = "closed"
    OUTSIDE_HOURS = "outside_hours"
    DAILY_TIME_SPENT = "daily_time_spent"
    DAILY_VOLUME_SPENT = "daily_volume_spent"
    TOO_MANY_DEVICES = "too_many_devices"
    HOME_UNREACHABLE = "home_unreachable"
    ROUTING_LOOP = "routing_loop"
    PARTNER_SUSPENDED = "partner_suspended"
    HOME_REFUSED = "home_refused"
    HOME_ANSWER_UNUSABLE = "home_answer_unusable"


# What is kept of a log-in that was not denied, where a reason would stand.
GRANTED: Final = "granted"


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal, as a value."""

    reason: DenyReason


_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^([a-z]{3})(?:-([a-z]{3}))?\s+(\d\d:\d\d)-(\d\d:\d\d)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Open from ``opens`` to ``closes`` on the days (0 Monday .. 6) in ``days``.

    ``closes`` at or before ``opens`` runs past midnight, into the next day.
    """

    days: frozenset[int]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a hotspot lets people in; no span at all means always."""

    spans: tuple[Span, ...] = ()

    def closes_at(self, now: datetime) -> datetime | None:
        """Return when the span that holds ``now`` ends, in UTC, or None where none holds it.

        ``now`` carries the hotspot's zone; spans that touch or overlap run on as one.
        """
        ends = self._end_of_span(now)
        while ends is not None and ends - now.astimezone(UTC) < timedelta(days=8):
            further = self._end_of_span(ends.astimezone(now.tzinfo))
            if further is None or further <= ends:
                break
            ends = further
        return ends

    def opens_at(self, now: datetime) -> datetime | None:
        """Return when the next span begins after ``now``, in UTC; None where there is none.

        ``now`` carries the hotspot's zone.
        """
        beginnings = (
            _moment(now.date() + timedelta(days=ahead), span.opens, now.tzinfo)
            for span in self.spans
            for ahead in range(8)
            if (now.date() + timedelta(days=ahead)).weekday() in span.days
        )
        return min((begins for begins in beginnings if begins > now.astimezone(UTC)), default=None)

    def _end_of_span(self, now: datetime) -> datetime | None:
        found: datetime | None = None
        for span in self.spans:
            for days_back in (0, 1):
                day = now.date() - timedelta(days=days_back)
                if day.weekday() not in span.days:
                    continue
                past_midnight = span.closes <= span.opens
                last_day = day + timedelta(days=1 if past_midnight else 0)
                opens = _moment(day, span.opens, now.tzinfo)
                closes = _moment(last_day, span.closes, now.tzinfo)
                if opens <= now.astimezone(UTC) < closes and (found is None or closes > found):
                    found = closes
        return found


def _moment(day: date, clock: time, zone: tzinfo | None) -> datetime:
    """Return when a clock on a wall shows a time, in UTC: two times of one zone compare, and
    differ, as if clocks never changed. Of a time that comes twice the first; one that is left out
    is as long after midnight as on any day."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def parse_opening_hours(text: str) -> OpeningHours:
    """Return the hours written as ``mon-fri 08:00-22:00, sat 09:00-01:00``; "always" is no limit.

    Raises Invalid with an example where the text is none.
    """
    cleaned = text.strip().lower()
    if cleaned in {"", "always"}:
        return OpeningHours()
    spans = []
    for part in cleaned.split(","):
        found = _SPAN.match(part.strip())
        if not found:
            raise Invalid(_hours_help(part))
        first, last, opens, closes = found.groups()
        if first not in _DAYS or (last or first) not in _DAYS:
            raise Invalid(_hours_help(part))
        start, stop = _DAYS.index(first), _DAYS.index(last or first)
        days = frozenset((start + step) % 7 for step in range((stop - start) % 7 + 1))
        try:
            spans.append(Span(days, time.fromisoformat(opens), time.fromisoformat(closes)))
        except ValueError:
            raise Invalid(_hours_help(part)) from None
    return OpeningHours(tuple(spans))


def _hours_help(part: str) -> str:
    return (
        f"“{part.strip()}” is not an opening time: write “mon-fri 08:00-22:00, sat 09:00-01:00”, "
        "or “always”"
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What staff decided; None leaves it to the wider scope, and in the end to no limit at all."""

    session_seconds: int | None = None
    idle_seconds: int | None = None
    interim_seconds: int | None = None
    download_kbps: int | None = None
    upload_kbps: int | None = None
    daily_octets: int | None = None
    daily_seconds: int | None = None
    simultaneous_devices: int | None = None
    remember_days: int | None = None
    passwords_at_nas: bool | None = None
    vlan: int | None = None
    opening_hours: OpeningHours | None = None


DEFAULTS: Final = Limits(
    session_seconds=12 * 3600,
    idle_seconds=15 * 60,
    interim_seconds=600,
    simultaneous_devices=5,
    remember_days=90,
    passwords_at_nas=True,
)
# RFC 2869 section 2.1: an Acct-Interim-Interval must not be under 60 seconds.
_LEAST: Final = {"interim_seconds": 60, "simultaneous_devices": 1, "session_seconds": 60, "vlan": 1}
# IEEE 802.1Q: 4095 is reserved.
_MOST: Final = {"vlan": 4094}
_FLAGS: Final = {"yes": True, "no": False}


def check_limit(key: str, value: str) -> str:
    """Return a policy's value in its stored form; raise Invalid where key or value is unusable."""
    limits_from({key: value})
    return value.strip()


def limits_from(values: Mapping[str, str]) -> Limits:
    """Return the limits of one scope's stored keys and values."""
    known = {field.name for field in fields(Limits)}
    found: dict[str, object] = {}
    for key, value in values.items():
        if key not in known:
            raise Invalid(f"there is no limit “{key}”; there are: {', '.join(sorted(known))}")
        found[key] = _limit(key, value.strip())
    return replace(Limits(), **found)  # type: ignore[arg-type]


def _limit(key: str, value: str) -> object:
    if value in {"", "none"}:
        return None
    if key == "opening_hours":
        return parse_opening_hours(value)
    if key == "passwords_at_nas":
        if value not in _FLAGS:
            raise Invalid(f"{key} is “yes” or “no”, not “{value}”")
        return _FLAGS[value]
    least, most = _LEAST.get(key, 0), _MOST.get(key, 10**18 - 1)
    if not re.fullmatch("[0-9]{1,18}", value) or not least <= int(value) <= most:
        until = f" to {most}" if key in _MOST else ""
        raise Invalid(f"{key} is a whole number from {least}{until}, or “none”; “{value}” is not")
    return int(value)


def narrow(scopes: Iterable[Limits]) -> Limits:
    """Return the limits of scopes given widest first: what a narrower scope sets, wins."""
    result = DEFAULTS
    for scope in scopes:
        stated = {
            field.name: value
            for field in fields(Limits)
            if (value := getattr(scope, field.name)) is not None
        }
        result = replace(result, **stated)
    return result


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision rests on. ``used_*`` is today's, ``open_devices`` the citizen's other
    devices with a session now; ``is_revoked`` tells of the device that proved itself."""

    limits: Limits
    now: datetime
    timezone: str
    is_banned: bool = False
    is_closed: bool = False
    used_octets: int = 0
    used_seconds: int = 0
    open_devices: int = 0
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What the citizen gets. Seconds, octets, kilobits a second; None is no limit. `vlan` is the
    network that their device is put into, None the access point's own."""

    session_seconds: int | None = None
    idle_seconds: int | None = None
    interim_seconds: int | None = None
    download_kbps: int | None = None
    upload_kbps: int | None = None
    octets: int | None = None
    vlan: int | None = None


def _barred(facts: Facts) -> DenyReason | None:
    """Return what bars the citizen or the device from every place, or None."""
    if facts.is_banned:
        return DenyReason.BANNED
    if facts.is_closed:
        return DenyReason.CLOSED
    return DenyReason.DEVICE_REVOKED if facts.is_revoked else None


def decide(facts: Facts) -> Grant | Denied:
    """Return what the citizen may do here and now, or why not."""
    limits = facts.limits
    barred = _barred(facts)
    if barred is not None:
        return Denied(barred)
    seconds = [limits.session_seconds] if limits.session_seconds is not None else []
    if limits.opening_hours is not None and limits.opening_hours.spans:
        local = facts.now.astimezone(ZoneInfo(facts.timezone))
        closes_at = limits.opening_hours.closes_at(local)
        if closes_at is None:
            return Denied(DenyReason.OUTSIDE_HOURS)
        seconds.append(int((closes_at - facts.now).total_seconds()))
    if limits.daily_seconds is not None:
        if facts.used_seconds >= limits.daily_seconds:
            return Denied(DenyReason.DAILY_TIME_SPENT)
        seconds.append(limits.daily_seconds - facts.used_seconds)
    octets = None
    if limits.daily_octets is not None:
        if facts.used_octets >= limits.daily_octets:
            return Denied(DenyReason.DAILY_VOLUME_SPENT)
        octets = limits.daily_octets - facts.used_octets
    most = limits.simultaneous_devices
    if most is not None and facts.open_devices >= most:
        return Denied(DenyReason.TOO_MANY_DEVICES)
    return Grant(
        session_seconds=max(1, min(seconds)) if seconds else None,
        idle_seconds=limits.idle_seconds,
        interim_seconds=limits.interim_seconds,
        download_kbps=limits.download_kbps,
        upload_kbps=limits.upload_kbps,
        octets=octets,
        vlan=limits.vlan,
    )
