"""Which page comes next in a log-in for a partner: pure decisions over what is stored of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.identification.progress import Identity, missing

# How long a log-in may take, codes that have to be fetched from a mailbox included.
LIFETIME: Final = timedelta(hours=1)
# How long the partner may take to redeem the code that it ends in.
CODE_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Progress(Identity):
    """How far a log-in for a partner has come. ``has_consented``: its citizen lets that place know
    what it will know."""

    has_consented: bool = False


class Step(StrEnum):
    """What a log-in for a partner needs next."""

    WELCOME = "welcome"
    CODE = "code"
    ACCOUNT = "account"
    TERMS = "terms"
    CONSENT = "consent"
    FINISH = "finish"


def next_step(progress: Progress, now: datetime) -> Step:
    """Return what a log-in for a partner needs next."""
    if step := missing(progress, now):
        return Step(step.value)
    return Step.FINISH if progress.has_consented else Step.CONSENT
