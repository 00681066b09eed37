"""The failures that the rooms above tell apart: bad input, and a dependency that is away."""

from enum import StrEnum


class Invalid(Exception):
    """Input that a person gave cannot be used; the message says what to do about it."""


class Outage(StrEnum):
    """Why a dependency did not serve; a metric label and a log field."""

    UNAVAILABLE = "unavailable"
    LOCKED = "locked"
    TIMEOUT = "timeout"


class Unavailable(Exception):
    """Something we depend on is away: no RADIUS answer (the NAS retries), HTTP 503.

    ``what`` names the dependency ("database"), ``outage`` how it failed.
    """

    def __init__(self, what: str, outage: Outage, detail: str = "") -> None:
        super().__init__(f"{what} {outage}" + (f": {detail}" if detail else ""))
        self.what = what
        self.outage = outage
