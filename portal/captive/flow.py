"""Which page comes next in a visit: pure decisions over what is stored of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aaa.policy import GRANTED, DenyReason
from portal.identification.progress import Identity, missing
from portal.sentences import Ending

# How long a log-in may take, codes that have to be fetched from a mailbox included.
VISIT_LIFETIME: Final = timedelta(hours=1)
# How long the status page answers after a log-in was finished.
STATUS_LIFETIME: Final = timedelta(hours=24)
# A NAS that could not ask about a ticket gets another one, once, while the citizen waits.
RETRY_WITHIN: Final = timedelta(minutes=2)
MOST_RETRIES: Final = 1
# How long accounting may lag behind the log-in before the NAS' own word is believed.
CONNECTED_WITHIN: Final = timedelta(seconds=12)
SAME_BROWSER_WITHIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Progress(Identity):
    """How far a visit has come.

    ``has_visitor``: a partner has vouched for its citizen; ``came_back``: on its own pages, from
    which a browser came, that which went there or another.
    ``outcome`` is what became of the visit's ticket at RADIUS: "granted", a DenyReason's word, or
    None while nothing is known.
    """

    expires_at: datetime = field(kw_only=True)
    has_visitor: bool = False
    came_back: bool = False
    ticket_issued_at: datetime | None = None
    outcome: str | None = None
    retries: int = 0
    confirmed_at: datetime | None = None


class Step(StrEnum):
    """What a visit needs next."""

    EXPIRED = "expired"
    WELCOME = "welcome"
    CODE = "code"
    ACCOUNT = "account"
    TERMS = "terms"
    FINISH = "finish"
    DENIED = "denied"
    STATUS = "status"


def next_step(progress: Progress, now: datetime) -> Step:
    """Return what a visit needs next."""
    if now >= progress.expires_at:
        return Step.EXPIRED
    if progress.confirmed_at is not None or progress.outcome == GRANTED:
        return Step.STATUS
    if denial(progress) is not None:
        return Step.DENIED
    if progress.has_visitor and progress.is_proven(now):
        return Step.FINISH
    step = missing(progress, now)
    return Step.FINISH if step is None else Step(step.value)


def denial(progress: Progress) -> DenyReason | None:
    """Return why RADIUS refused the visit's ticket, where it did."""
    if progress.outcome is None or progress.outcome == GRANTED:
        return None
    return DenyReason(progress.outcome)


class AfterFailure(StrEnum):
    """What follows when the NAS says that the log-in failed."""

    DENIED = "denied"
    RETRY = "retry"
    START_AGAIN = "start_again"


def after_failure(progress: Progress, now: datetime) -> AfterFailure:
    """Return what follows a NAS' "failed".

    Where RADIUS refused, that stands. Otherwise the ticket or the answer was lost on the way (a
    timeout, or a challenge that changed between redirect and log-in): worth one more try. Not where
    who was vouched for came back from their home: the ticket is for the browser that came from
    there, and a device that fails may be another one's, who had them go.
    """
    if denial(progress) is not None:
        return AfterFailure.DENIED
    issued_at = progress.ticket_issued_at
    is_fresh = issued_at is not None and now < issued_at + RETRY_WITHIN
    is_known = progress.has_citizen or (progress.has_visitor and not progress.came_back)
    if is_fresh and is_known and progress.retries < MOST_RETRIES:
        return AfterFailure.RETRY
    return AfterFailure.START_AGAIN


def is_same_browser(progress: Progress, now: datetime) -> bool:
    """Return whether a device that the NAS calls online is taken for the browser that logged in.

    Later it may be anybody who imitates the device's address, who must not learn whose it is.
    """
    issued_at = progress.ticket_issued_at
    return issued_at is not None and now < issued_at + SAME_BROWSER_WITHIN


# By who asked for the end, in the words of an instruction, and by Acct-Terminate-Cause (RFC 2866
# section 5.10). CoovaChilli has no cause for used-up data other than that of used-up time.
_ASKED_FOR: Final = {
    "citizen": Ending.LEFT,
    DenyReason.DAILY_TIME_SPENT: Ending.DAILY_TIME_SPENT,
    DenyReason.DAILY_VOLUME_SPENT: Ending.DAILY_VOLUME_SPENT,
}
_CAUSED: Final = {
    "user-request": Ending.LEFT,
    "idle-timeout": Ending.IDLE,
    "session-timeout": Ending.SPENT,
    "admin-reset": Ending.ENDED_BY_SERVICE,
}


def ending_of(terminate_cause: str | None, reason: str | None) -> Ending:
    """Return why a session is over; ``reason``: of the Disconnect-Request for it, if one was."""
    if reason is not None:
        return _ASKED_FOR.get(reason, Ending.ENDED_BY_SERVICE)
    return _CAUSED.get(terminate_cause or "", Ending.UNKNOWN)


class View(StrEnum):
    """What the status page shows."""

    ONLINE = "online"
    GOODBYE = "goodbye"
    DENIED = "denied"
    CONNECTING = "connecting"
    TOLD_ONLINE = "told_online"
    NOT_CONNECTED = "not_connected"
    NOT_FINISHED = "not_finished"


def status_view(progress: Progress, now: datetime, *, is_open: bool, has_ended: bool) -> View:
    """Return what the status page shows.

    ``is_open``: accounting has a session of the device; ``has_ended``: it had one that stopped
    since the visit began. Accounting may lag or never come: then the NAS' own word counts.
    """
    if is_open:
        return View.ONLINE
    if has_ended:
        return View.GOODBYE
    if denial(progress) is not None:
        return View.DENIED
    since = progress.confirmed_at or progress.ticket_issued_at
    if since is None:
        return View.NOT_FINISHED
    if now < since + CONNECTED_WITHIN:
        return View.CONNECTING
    if progress.confirmed_at is not None or progress.outcome == GRANTED:
        return View.TOLD_ONLINE
    return View.NOT_CONNECTED
