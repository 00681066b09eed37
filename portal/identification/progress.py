"""Which proof is still missing: pure decisions over what is stored of a visit, or of a log-in at a
partner's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# How long what was proven may be used to finish; then it is proven anew.
PROOF_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Identity:
    """How far somebody has come in proving who they are; ``has_code``: a code was sent and may
    still be typed."""

    has_code: bool = False
    has_proven_email: bool = False
    has_citizen: bool = False
    terms_are_current: bool = False
    proven_at: datetime | None = None

    def is_proven(self, now: datetime) -> bool:
        """Return whether what was proven still counts."""
        return self.proven_at is not None and now < self.proven_at + PROOF_LIFETIME


class Missing(StrEnum):
    """What somebody has to do before they are known."""

    WELCOME = "welcome"
    CODE = "code"
    ACCOUNT = "account"
    TERMS = "terms"


def missing(identity: Identity, now: datetime) -> Missing | None:
    """Return what is asked for next; None where nothing is."""
    is_proven = identity.is_proven(now)
    if is_proven and identity.has_citizen:
        return None if identity.terms_are_current else Missing.TERMS
    if is_proven and identity.has_proven_email:
        return Missing.ACCOUNT
    return Missing.CODE if identity.has_code else Missing.WELCOME
