"""The pages of the steps of a visit, with what each of them shows."""

from datetime import datetime
from zoneinfo import ZoneInfo

from aaa.policy import DenyReason
from aaa.snapshot import Snapshot
from monitoring import metrics
from portal.answers import CORRECT_IT, Go, Show
from portal.captive.attempts import Attempt
from portal.homes.listing import is_home
from portal.identification import accounts, codes
from portal.identification.wish import Wish
from portal.mail import masked
from portal.pages import Mistake
from portal.parts import Parts


def to_visit(parts: Parts, attempt: Attempt, page: str = "") -> Go:
    """Return the way to a visit's own page, or to a page below it."""
    return Go(f"{attempt.way(parts.keyring)}{page}")


def welcome(
    parts: Parts,
    attempt: Attempt,
    error: Mistake | None = None,
    *,
    email: str = "",
    identifier: str = "",
    remember: bool = False,
) -> Show:
    """Return the page with the two ways in."""
    return Show(
        "welcome.html",
        attempt,
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "email": email,
            "identifier": identifier,
            "can_mail": parts.mailer is not None,
            "has_homes": any(map(is_home, parts.partners.current.by_name.values())),
            "wants_remembering": remember,
            "remember_days": remember_days(parts.snapshot, attempt),
        },
    )


async def code(
    parts: Parts, attempt: Attempt, error: Mistake | None = None, *, remember: bool = False
) -> Show:
    """Return the page that asks for the code."""
    async with parts.database.read("code") as session:
        left = await codes.tries_left(session, attempt.email_code_id)
    return Show(
        "code.html",
        attempt,
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "email": shown_address(attempt),
            "tries_left": left,
            "wants_remembering": remember,
            "remember_days": remember_days(parts.snapshot, attempt),
        },
    )


async def account(
    parts: Parts, attempt: Attempt, error: Mistake | None = None, wish: Wish | None = None
) -> Show:
    """Return the page of a new account; ``wish`` is what was sent, where something was."""
    offered = await accounts.offer(parts, attempt.email or "", attempt.collectivity, wish)
    return Show(
        "account.html",
        attempt,
        status=CORRECT_IT if error else 200,
        error=error,
        context=offered
        | {
            "wants_remembering": wish.remember if wish else attempt.wants_remembering,
            "remember_days": remember_days(parts.snapshot, attempt),
        },
    )


def terms(parts: Parts, attempt: Attempt, error: Mistake | None = None) -> Show:
    """Return the page that asks a citizen to accept their own town's terms, which have changed."""
    home = attempt.citizen.collectivity if attempt.citizen else attempt.hotspot.collectivity
    return Show(
        "terms.html",
        attempt,
        status=CORRECT_IT if error else 200,
        error=error,
        context={"terms": home.terms},
    )


def denied(parts: Parts, attempt: Attempt, reason: DenyReason) -> Show:
    """Return the page that says why somebody may not connect here now, and whose side it is."""
    metrics.denials.labels(attempt.collectivity.slug, reason.value, "portal").inc()
    context = {"reason": reason, "opens_at": _opens_at(parts, attempt)}
    return Show("denied.html", attempt, status=403, context=context)


def _opens_at(parts: Parts, attempt: Attempt) -> datetime | None:
    """Return when a hotspot that keeps hours opens next."""
    citizen_id = attempt.citizen.id if attempt.citizen else None
    hours = parts.snapshot.limits(attempt.hotspot, citizen_id).opening_hours
    zone = ZoneInfo(attempt.collectivity.timezone)
    return hours.opens_at(parts.clock().astimezone(zone)) if hours else None


def remember_days(snapshot: Snapshot, attempt: Attempt) -> int | None:
    """Return for how long a device may be remembered here; None where it may not, or cannot."""
    if attempt.device_mac is None:
        return None
    citizen_id = attempt.citizen.id if attempt.citizen else None
    return snapshot.limits(attempt.hotspot, citizen_id).remember_days or None


def shown_address(attempt: Attempt) -> str:
    """Return the address that a code went to, masked where the visit cannot know whose it is."""
    address = attempt.email or ""
    return masked(address) if attempt.is_resumed else address
