"""What happens when a NAS sends a browser to the portal."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from aaa.nas.adapter import Arrival, BadRedirect, Redirect
from aaa.snapshot import NasEntry
from monitoring import metrics
from portal.answers import Answer, Show
from portal.captive import attempts, entry, finish, online, views
from portal.captive.flow import (
    STATUS_LIFETIME,
    AfterFailure,
    after_failure,
    denial,
    is_same_browser,
)
from portal.captive.gateway import read_redirect
from portal.model import LoginAttempt
from portal.pages import Mistake
from portal.parts import Parts

log = structlog.get_logger()

_HAS_CODE: Final = LoginAttempt.email_code_id.is_not(None)
_HAS_TICKET: Final = LoginAttempt.ticket_issued_at.is_not(None)


async def arrive(parts: Parts, nas: NasEntry, raw_query: str) -> Answer:
    """Return where a browser goes from a NAS' redirect."""
    redirect = read_redirect(nas, raw_query, parts.settings.portal.public_url)
    if isinstance(redirect, BadRedirect):
        metrics.redirects_refused.labels(redirect.flaw.value, nas.vendor).inc()
        parts.warnings.warn(
            "redirect refused",
            nas.name,
            parts.clock(),
            reason=redirect.flaw.value,
            remedy="compare the NAS' portal address, uamsecret and log-in host with `nas show`",
        )
        return Show(
            "redirect_refused.html",
            hotspot=nas.hotspot,
            status=400,
            context={"flaw": redirect.flaw},
        )
    await entry.learn(parts, nas, redirect)
    return await _ARRIVALS[redirect.arrival](parts, nas, redirect)


async def _begin(parts: Parts, nas: NasEntry, redirect: Redirect) -> Answer:
    """Begin a visit, or go on with the device's own where nothing was done in it yet: what runs on
    a phone is redirected again and again. A code that the device waits for goes on being good:
    mini-browsers close when one looks for one's mail, and the NAS then redirects anew."""
    now = parts.clock()
    async with parts.database.write("arrival") as session:
        untouched = await attempts.latest(
            session, parts.snapshot, nas, redirect.device_mac, now, attempts.IS_UNTOUCHED
        )
        if untouched is not None:
            await attempts.renew(session, untouched, redirect, now)
            return views.to_visit(parts, untouched)
        former = await attempts.latest(
            session, parts.snapshot, nas, redirect.device_mac, now, _HAS_CODE
        )
        waiting = former.email_code_id if former and former.progress.has_code else None
        attempt = await attempts.begin(
            session, parts.snapshot, nas, redirect, now, resumed_code_id=waiting
        )
    return views.to_visit(parts, attempt)


async def _confirm(parts: Parts, nas: NasEntry, redirect: Redirect) -> Answer:
    """Keep that the NAS says "online", in the visit that has just logged in where there is one."""
    now = parts.clock()
    async with parts.database.write("arrival") as session:
        attempt = await attempts.latest(
            session, parts.snapshot, nas, redirect.device_mac, now, _HAS_TICKET
        )
        if attempt is None or not is_same_browser(attempt.progress, now):
            attempt = await attempts.begin(session, parts.snapshot, nas, redirect, now)
        await attempts.change(
            session,
            attempt,
            parameters=redirect.parameters or {},
            confirmed_at=now,
            confirmed_seconds=redirect.seconds_left,
            expires_at=now + STATUS_LIFETIME,
        )
    return views.to_visit(parts, attempt, "/status")


async def _fail(parts: Parts, nas: NasEntry, redirect: Redirect) -> Answer:
    """Tell why RADIUS refused, or try once more, or start again and say whose side it was."""
    now = parts.clock()
    async with parts.database.write("arrival") as session:
        attempt = await attempts.latest(
            session, parts.snapshot, nas, redirect.device_mac, now, _HAS_TICKET
        )
        follows = after_failure(attempt.progress, now) if attempt else AfterFailure.START_AGAIN
        if attempt is None or follows is AfterFailure.START_AGAIN:
            attempt = await attempts.begin(session, parts.snapshot, nas, redirect, now)
        else:
            parameters = redirect.parameters or {}
            retries = attempt.progress.retries + (follows is AfterFailure.RETRY)
            await attempts.change(session, attempt, parameters=parameters, retries=retries)
            attempt = replace(attempt, parameters=parameters)
    log.info(
        "nas reports failure",
        nas=nas.name,
        outcome=follows.value,
        reason=denial(attempt.progress) or redirect.failure,
    )
    if follows is AfterFailure.RETRY:
        return await finish.finish(parts, attempt)
    if follows is AfterFailure.DENIED:
        return await finish.tell_denial(parts, attempt)
    return views.welcome(parts, attempt, Mistake.NOT_CONNECTED)


async def _log_off(parts: Parts, nas: NasEntry, redirect: Redirect) -> Answer:
    """Say goodbye, with what the session used, in a new visit: from there one may connect again."""
    now = parts.clock()
    async with parts.database.write("arrival") as session:
        attempt = await attempts.begin(session, parts.snapshot, nas, redirect, now)
    return await online.say_goodbye(parts, attempt)


_ARRIVALS: Final[dict[Arrival, Callable[[Parts, NasEntry, Redirect], Awaitable[Answer]]]] = {
    Arrival.NOT_YET: _begin,
    Arrival.SUCCESS: _confirm,
    Arrival.ALREADY: _confirm,
    Arrival.FAILED: _fail,
    Arrival.LOGGED_OFF: _log_off,
}
