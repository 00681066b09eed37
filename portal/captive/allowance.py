"""What is left of a session: pure, from the policy of now and what was used."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from aaa.policy import Denied, Facts, Limits, decide


@dataclass(frozen=True, slots=True)
class Allowance:
    """Seconds and octets left; None is no limit."""

    seconds: int | None
    octets: int | None


UNLIMITED: Final = Allowance(None, None)
_NOTHING: Final = Allowance(0, 0)


@dataclass(frozen=True, slots=True)
class Usage:
    """A running session's start, and what its citizen used today, this session included."""

    started_at: datetime
    used_seconds: int = 0
    used_octets: int = 0


def left(limits: Limits, usage: Usage, timezone: str, now: datetime) -> Allowance:
    """Return what is left of a session: until its own limit, closing time or the end of the day's
    share, whichever comes first."""
    if limits.session_seconds is not None:
        elapsed = max(0, int((now - usage.started_at).total_seconds()))
        if elapsed >= limits.session_seconds:
            return _NOTHING
        limits = replace(limits, session_seconds=limits.session_seconds - elapsed)
    granted = decide(
        Facts(
            # The session is one of the open ones: that it is one too many is no question now.
            limits=replace(limits, simultaneous_devices=None),
            now=now,
            timezone=timezone,
            used_octets=usage.used_octets,
            used_seconds=usage.used_seconds,
        )
    )
    if isinstance(granted, Denied):
        return _NOTHING
    return Allowance(granted.session_seconds, granted.octets)
