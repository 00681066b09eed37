"""After the log-in: the status page, logging out, forgetting the device, saying goodbye."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, devices, outbox, sessions, visitors
from aaa.citizens import CitizenRecord
from aaa.devices import RememberedDevice
from aaa.model import DailyUsage, Instruction, InstructionKind, InstructionState, Session
from aaa.nas.registry import adapter
from aaa.sessions import SessionView
from aaa.snapshot import NasEntry, Snapshot
from aaa.visitors import VisitorRecord
from portal.answers import Answer, Go, Show
from portal.captive import finish, views
from portal.captive.allowance import UNLIMITED, Allowance, Usage, left
from portal.captive.attempts import Attempt
from portal.captive.flow import View, ending_of, status_view
from portal.pages import Ending, Mistake
from portal.parts import Parts

_REFRESH_SECONDS: Final = 2
# Where Apple's, Google's, Microsoft's, Mozilla's and Linux' systems look whether they are online.
_PROBED: Final = {
    "captive.apple.com",
    "clients3.google.com",
    "connectivitycheck.gstatic.com",
    "detectportal.firefox.com",
    "nmcheck.gnome.org",
    "www.msftconnecttest.com",
    "www.msftncsi.com",
}
# An instruction that may have ended its session: an answer can be late, or lost.
_EFFECTIVE: Final = (
    InstructionState.PENDING,
    InstructionState.ACKNOWLEDGED,
    InstructionState.UNANSWERED,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows of a device at a NAS: its open session with what is left of it, the
    one that ended and why, and until when the device is remembered."""

    running: SessionView | None = None
    allowance: Allowance = UNLIMITED
    ended: SessionView | None = None
    ending: Ending = Ending.UNKNOWN
    remembered: RememberedDevice | None = None


async def status(parts: Parts, attempt: Attempt) -> Answer:
    """Return the page that says whether the device is online, and what is left."""
    now = parts.clock()
    async with parts.database.read("status") as session:
        found = await _find(session, parts.snapshot, attempt, now)
    view = status_view(
        attempt.progress,
        now,
        is_open=found.running is not None,
        has_ended=found.ended is not None,
    )
    if view is View.GOODBYE:
        return _goodbye(attempt, found.ended, found.ending)
    if view is View.DENIED:
        return await finish.tell_denial(parts, attempt)
    if view is View.CONNECTING:
        return Show("connecting.html", attempt, context={"refresh_seconds": _REFRESH_SECONDS})
    if view is View.NOT_CONNECTED:
        return views.welcome(parts, attempt, Mistake.NOT_CONNECTED)
    if view is View.NOT_FINISHED:
        return views.to_visit(parts, attempt)
    return _online(parts, attempt, found, now)


def _online(parts: Parts, attempt: Attempt, found: Found, now: datetime) -> Show:
    logout_url = adapter(attempt.nas.vendor).logout_url(attempt.parameters)
    if found.running is not None:
        known = _as_recorded(found.running, found.allowance)
    else:
        known = _as_told(attempt, now)
    remembered = found.remembered
    return Show(
        "online.html",
        attempt,
        context={
            # Without a proof of its own, a visit does not learn whose session it is.
            "nai": attempt.citizen.nai if attempt.citizen else None,
            "home": _home(parts, attempt),
            "is_remembered": remembered is not None,
            "remembered_until": remembered.remembered_until if remembered else None,
            "logout_url": logout_url,
            "can_log_out": logout_url is not None or found.running is not None,
            # A visitor's devices are set up by their home.
            "has_secure": parts.snapshot.server_identity is not None
            and not isinstance(attempt.person, VisitorRecord),
            "continue_url": _worth_seeing(attempt.original_url),
            **known,
        },
    )


def _home(parts: Parts, attempt: Attempt) -> str | None:
    """Return who has vouched for a visitor."""
    if not isinstance(attempt.person, VisitorRecord):
        return None
    home = parts.partners.current.by_collectivity.get(attempt.person.home_collectivity_id)
    return home.title if home else None


def _as_recorded(running: SessionView, allowance: Allowance) -> Mapping[str, object]:
    return {
        "started_at": running.started_at,
        "seconds_left": allowance.seconds,
        "octets_left": allowance.octets,
        "upload_octets": running.upload_octets,
        "download_octets": running.download_octets,
    }


def _as_told(attempt: Attempt, now: datetime) -> Mapping[str, object]:
    """Return what the NAS said, where accounting has nothing."""
    progress = attempt.progress
    started_at = progress.confirmed_at or progress.ticket_issued_at or attempt.created_at
    seconds = attempt.confirmed_seconds
    if seconds is not None:
        seconds = max(0, seconds - int((now - started_at).total_seconds()))
    return {
        "started_at": started_at,
        "seconds_left": seconds,
        "octets_left": None,
        "upload_octets": 0,
        "download_octets": 0,
    }


def _worth_seeing(url: str | None) -> str | None:
    """Return the page that a person wanted, not the one by which their device looks for portals."""
    return url if url and urlsplit(url).hostname not in _PROBED else None


async def is_over(parts: Parts, attempt: Attempt) -> bool:
    """Return whether the session that a visit led to has ended."""
    async with parts.database.read("status") as session:
        found = await _find(session, parts.snapshot, attempt, parts.clock())
    return found.running is None and found.ended is not None


async def log_out(parts: Parts, attempt: Attempt) -> Answer:
    """Return the way to the NAS' own log-off; where it has none, ask for a Disconnect-Request."""
    url = adapter(attempt.nas.vendor).logout_url(attempt.parameters)
    if url is not None:
        return Go(url)
    now = parts.clock()
    async with parts.database.write("log_out") as session:
        found = await _find(session, parts.snapshot, attempt, now)
        if found.running is None:
            return views.to_visit(parts, attempt, "/status")
        await outbox.disconnect(session, [found.running.id], "citizen", now)
        audit.note(
            session,
            actor="portal",
            action="session.disconnect",
            subject=f"session:{found.running.id}",
            now=now,
            reason="citizen",
        )
    return _goodbye(attempt, found.running, Ending.LEFT)


async def forget(parts: Parts, attempt: Attempt) -> Answer:
    """Forget the device, and return to the status page."""
    now = parts.clock()
    async with parts.database.write("forget") as session:
        found = await _find(session, parts.snapshot, attempt, now)
        if found.remembered is not None and attempt.device_mac is not None:
            owner = found.remembered.citizen_id
            if await devices.forget(session, citizen_id=owner, mac=attempt.device_mac, now=now):
                audit.note(
                    session,
                    actor="portal",
                    action="device.forget",
                    subject=f"device:{found.remembered.id}",
                    now=now,
                    citizen=owner,
                )
    return views.to_visit(parts, attempt, "/status")


async def say_goodbye(parts: Parts, attempt: Attempt) -> Answer:
    """Return the goodbye page of a device that the NAS has logged off."""
    last = None
    if attempt.device_mac is not None:
        async with parts.database.read("goodbye") as session:
            last = await _newest(session, attempt.nas, attempt.device_mac)
    return _goodbye(attempt, last, Ending.LEFT)


def _goodbye(attempt: Attempt, session: SessionView | None, ending: Ending) -> Show:
    return Show(
        "goodbye.html",
        attempt,
        context={
            "ending": ending,
            "seconds": session.session_seconds if session else None,
            "octets": session.upload_octets + session.download_octets if session else None,
        },
    )


async def running_session(
    session: AsyncSession,
    snapshot: Snapshot,
    nas: NasEntry,
    device_mac: str,
    now: datetime,
    *conditions: ColumnElement[bool],
) -> tuple[SessionView, Allowance] | None:
    """Return a device's open session at a NAS, and what is left of it."""
    running = await _newest(session, nas, device_mac, Session.stopped_at.is_(None), *conditions)
    if running is None:
        return None
    places = (nas.hotspot, *nas.access_points.values())
    hotspot = next((place for place in places if place.slug == running.hotspot), nas.hotspot)
    timezone = hotspot.collectivity.timezone
    limits, usage = snapshot.limits(hotspot, running.citizen_id), None
    if running.citizen_id is not None:
        today = now.astimezone(ZoneInfo(timezone)).date()
        usage = await session.get(DailyUsage, (running.citizen_id, today))
    elif visitor := await visitors.of_session(session, running.id):
        limits = visitor.limited(limits, running.started_at)
    used = Usage(
        running.started_at,
        usage.session_seconds if usage else 0,
        usage.octets if usage else 0,
    )
    return running, left(limits, used, timezone, now)


async def _find(
    session: AsyncSession, snapshot: Snapshot, attempt: Attempt, now: datetime
) -> Found:
    mac = attempt.device_mac
    if mac is None:
        return Found()
    running = await running_session(
        session, snapshot, attempt.nas, mac, now, *_own_sessions(attempt.person)
    )
    ended = None
    if running is None:
        # Not by its start: NAS clocks lag, and a session begins "before" the ticket that opened it.
        since = Session.stopped_at > (attempt.progress.ticket_issued_at or attempt.created_at)
        ended = await _newest(session, attempt.nas, mac, since)
    remembered = await devices.by_mac(session, mac, now)
    is_own = isinstance(remembered, RememberedDevice) and (
        attempt.person is None
        or (attempt.citizen is not None and remembered.citizen_id == attempt.citizen.id)
    )
    return Found(
        running=running[0] if running else None,
        allowance=running[1] if running else UNLIMITED,
        ended=ended,
        ending=await _ending(session, ended) if ended else Ending.UNKNOWN,
        remembered=remembered if is_own and isinstance(remembered, RememberedDevice) else None,
    )


def _own_sessions(person: CitizenRecord | VisitorRecord | None) -> list[ColumnElement[bool]]:
    """Return what holds for the sessions of who is proven: a device may change hands."""
    match person:
        case CitizenRecord(id=citizen_id):
            return [or_(Session.citizen_id == citizen_id, Session.citizen_id.is_(None))]
        case VisitorRecord(user_name=user_name):
            return [Session.user_name == user_name]
    return []


async def _ending(session: AsyncSession, ended: SessionView) -> Ending:
    reason = await session.scalar(
        select(Instruction.reason)
        .where(
            Instruction.session_id == ended.id,
            Instruction.kind == InstructionKind.DISCONNECT,
            Instruction.state.in_(_EFFECTIVE),
        )
        .order_by(Instruction.id.desc())
        .limit(1)
    )
    return ending_of(ended.terminate_cause, reason)


async def _newest(
    session: AsyncSession, nas: NasEntry, device_mac: str, *conditions: ColumnElement[bool]
) -> SessionView | None:
    found = await sessions.listed(
        session,
        Session.nas_id == nas.id,
        Session.device_mac == device_mac,
        *conditions,
        most=1,
    )
    return found[0] if found else None
