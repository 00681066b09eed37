"""What a home says of its citizen, and what that makes of a grant of ours: pure."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from aaa.policy import Grant, Limits


@dataclass(frozen=True, slots=True)
class Vouched:
    """The Class that their accounting is to bring back, the pseudonym that we may know them by
    (RFC 4372), and the home's bounds of a session, in seconds."""

    home_class: bytes | None = field(default=None, repr=False)
    cui: bytes | None = field(default=None, repr=False)
    session_seconds: int | None = None
    idle_seconds: int | None = None

    def within(self, grant: Grant, since: timedelta) -> Grant:
        """Return a grant within the home's bounds, of two limits the smaller; ``since``: how long
        ago it vouched."""
        return replace(
            grant,
            session_seconds=_smaller(grant.session_seconds, self._seconds_left(since)),
            idle_seconds=_smaller(grant.idle_seconds, self.idle_seconds),
        )

    def limited(self, limits: Limits, since: timedelta) -> Limits:
        """Return the limits of a session that began ``since`` the home vouched."""
        bound = self._seconds_left(since)
        return replace(limits, session_seconds=_smaller(limits.session_seconds, bound))

    def _seconds_left(self, since: timedelta) -> int | None:
        if self.session_seconds is None:
            return None
        return max(1, self.session_seconds - max(0, int(since.total_seconds())))


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
