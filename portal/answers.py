"""What a service of the portal answers, as values: a page to show, an address to go to, or a
file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from aaa.snapshot import CollectivityEntry, HotspotEntry
from portal.captive.attempts import Attempt
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.profile import ProfileFile
from portal.openid.sign_ins import OpenSignIn
from portal.pages import Mistake
from portal.throttling import Throttled

# What a form is answered with that has to be corrected (RFC 9110 section 15.5.21).
CORRECT_IT: Final = 422


Within: TypeAlias = Attempt | OpenEnrolment | OpenSignIn
"""What has an address of its own, a token in it, and a language that is kept."""


@dataclass(frozen=True, slots=True)
class Show:
    """A page ``within`` something, or of a ``hotspot`` or a ``collectivity``, or of nobody;
    ``context`` as the template asks."""

    page: str
    within: Within | None = None
    hotspot: HotspotEntry | None = None
    collectivity: CollectivityEntry | None = None
    status: int = 200
    error: Mistake | None = None
    retry_after: timedelta | None = None
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Download:
    """A profile to install."""

    file: ProfileFile


@dataclass(frozen=True, slots=True)
class Go:
    """Another address, by 303: a full navigation, whatever came before."""

    url: str


def throttled(refused: Throttled, within: Within | None = None) -> Show:
    """Return the page that asks for a break."""
    minutes = max(1, -(-int(refused.retry_after.total_seconds()) // 60))
    return Show(
        "throttled.html",
        within,
        status=429,
        retry_after=refused.retry_after,
        context={"retry_minutes": minutes},
    )


Answer: TypeAlias = Show | Go | Download
