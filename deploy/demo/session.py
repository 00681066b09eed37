"""A phone's session at the simulated gateway: what it may, what it carried, when it is over.

Pure: the time is an argument.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from radius.wire.attributes import Attributes

# What a phone in use carries, unless the hotspot allows less.
DOWNLOAD_OCTETS_A_SECOND: Final = 400_000
UPLOAD_OCTETS_A_SECOND: Final = 40_000
_GIGAWORD: Final = 1 << 32


class Ending(Enum):
    """Why a session ended: the Acct-Terminate-Cause (RFC 2866 section 5.10), and in words."""

    LOGGED_OUT = ("User-Request", "You logged out.")
    LEFT = ("Lost-Carrier", "The phone left the hotspot.")
    IDLE = ("Idle-Timeout", "The phone was idle for too long.")
    TIME_SPENT = ("Session-Timeout", "The time allowed was over.")
    # CoovaChilli gives the same cause for both.
    VOLUME_SPENT = ("Session-Timeout", "The volume allowed was used up.")
    DISCONNECTED = ("Admin-Reset", "The server cut the session with a Disconnect-Request.")
    SWITCHED_OFF = ("NAS-Reboot", "The hotspot was switched off.")

    def __init__(self, cause: str, words: str) -> None:
        self.cause = cause
        self.words = words


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of an Access-Accept; None is no limit. Rates in bits a second."""

    session_seconds: int | None = None
    idle_seconds: int | None = None
    octets: int | None = None
    download_bps: int | None = None
    upload_bps: int | None = None

    def changed_by(self, attributes: Attributes) -> "Allowance":
        """Return these limits with those that a packet states in place of the former."""

        def stated(name: str, former: int | None) -> int | None:
            # CoovaChilli takes 0 for "no limit".
            value = attributes.integer(name)
            return former if value is None else value or None

        octets = attributes.integer("ChilliSpot-Max-Total-Octets")
        gigawords = attributes.integer("ChilliSpot-Max-Total-Gigawords") or 0
        return Allowance(
            session_seconds=stated("Session-Timeout", self.session_seconds),
            idle_seconds=stated("Idle-Timeout", self.idle_seconds),
            octets=self.octets if octets is None else gigawords * _GIGAWORD + octets,
            download_bps=stated("WISPr-Bandwidth-Max-Down", self.download_bps),
            upload_bps=stated("WISPr-Bandwidth-Max-Up", self.upload_bps),
        )


class Session:
    """One session, from Accounting Start to Stop. ``echoed``: Class and Chargeable-User-Identity
    of the Access-Accept, which go back in accounting."""

    def __init__(
        self,
        session_id: str,
        user_name: str,
        allowance: Allowance,
        echoed: Attributes,
        now: datetime,
    ) -> None:
        self.id = session_id
        self.user_name = user_name
        self.allowance = allowance
        self.echoed = echoed
        self.started_at = now
        self.reported_at = now
        self.upload_octets = 0
        self.download_octets = 0
        self._counted_at = now
        self._used_at = now

    @property
    def octets(self) -> int:
        """What it carried in both directions."""
        return self.upload_octets + self.download_octets

    def seconds(self, now: datetime) -> int:
        """Return how long it has lasted."""
        return int((now - self.started_at).total_seconds())

    def seconds_left(self, now: datetime) -> int | None:
        """Return how long it may go on, or None where that has no limit."""
        allowed = self.allowance.session_seconds
        return None if allowed is None else max(0, allowed - self.seconds(now))

    @property
    def octets_left(self) -> int | None:
        """What it may still carry, or None where that has no limit."""
        allowed = self.allowance.octets
        return None if allowed is None else max(0, allowed - self.octets)

    def carry(self, now: datetime, is_in_use: bool) -> None:
        """Count what the phone carried since the last call."""
        seconds = (now - self._counted_at).total_seconds()
        self._counted_at = now
        if is_in_use:
            self._used_at = now
            allowance = self.allowance
            down = _least(DOWNLOAD_OCTETS_A_SECOND, allowance.download_bps)
            up = _least(UPLOAD_OCTETS_A_SECOND, allowance.upload_bps)
            self.download_octets += int(seconds * down)
            self.upload_octets += int(seconds * up)

    def download(self, octets: int, now: datetime) -> None:
        """Count something large that the phone fetched at once."""
        self.download_octets += octets
        self._used_at = now

    def is_over(self, now: datetime) -> Ending | None:
        """Return why it must end now, if it must."""
        if self.seconds_left(now) == 0:
            return Ending.TIME_SPENT
        idle = self.allowance.idle_seconds
        if idle is not None and now - self._used_at > timedelta(seconds=idle):
            return Ending.IDLE
        if self.allowance.octets is not None and self.octets > self.allowance.octets:
            return Ending.VOLUME_SPENT
        return None


def _least(octets_a_second: int, bits_a_second: int | None) -> float:
    return octets_a_second if bits_a_second is None else min(octets_a_second, bits_a_second / 8)
