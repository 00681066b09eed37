"""What every response carries and every request is held to, and the one log line of each.

Strict-Transport-Security is not sent: it belongs to who ends TLS, in front of the portal.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from federation.trust import statements
from federation.trust.fetching import JOIN_PATH
from monitoring import metrics

MOST_OCTETS: Final = 64 * 1024
# What is signed is as large as its member has realms.
_LARGER: Final = {JOIN_PATH: 2 * statements.MOST_OCTETS}
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KEPT: Final = "public, max-age=3600"

log = structlog.get_logger()


def allow_forms_to(response: Response, source: str | None) -> None:
    """Let the forms of a page lead to ``source`` (a CSP source: the NAS) beside the portal."""
    if source is not None:
        response.headers["Content-Security-Policy"] = f"{CONTENT_POLICY} {source}"


class Protection:
    """ASGI middleware around the whole application.

    Answers HEAD like GET, adds headers, refuses bodies that are too large, counts and times each
    request by the template of its route, logs it in one line without its address (the tokens in it
    are secrets), and answers what nobody has caught with ``fail``.
    """

    def __init__(self, app: ASGIApp, fail: Callable[[Request], Response]) -> None:
        self._app = app
        self._fail = fail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_content(send)
        started = time.perf_counter()
        status = 500
        has_begun = False

        async def send_protected(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                _protect(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, _bounded(scope, receive), send_protected)
        except Exception:
            log.exception("request failed", route=_route(scope), nas=_nas(scope))
            if not has_begun:
                await self._fail(Request(scope, receive))(scope, receive, send_protected)
        finally:
            _record(scope, status, time.perf_counter() - started)


def _without_content(send: Send) -> Send:
    """Return ``send`` for the answer to HEAD: that to GET, its content left out (RFC 9110 section
    9.3.2)."""

    async def send_without_content(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_without_content


def _bounded(scope: Scope, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return ``receive`` held to the largest body that is wanted there."""
    announced = Headers(scope=scope).get("content-length", "0")
    most = left = _LARGER.get(scope["path"], MOST_OCTETS)

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0 or (announced.isdecimal() and int(announced[:12]) > most):
            raise HTTPException(413)
        return message

    return receive_bounded


def _protect(scope: Scope, headers: MutableHeaders) -> None:
    if scope["path"].startswith("/static/") and "etag" in headers:
        headers.setdefault("Cache-Control", _KEPT)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    metrics.portal_requests.labels(route, str(status)).inc()
    metrics.portal_request_seconds.labels(route).observe(seconds)
    log.info("request", route=route, status=status, ms=round(seconds * 1000, 1), nas=_nas(scope))


def _route(scope: Scope) -> str:
    """Return the template of a request's route: a closed list, whatever was typed."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "none")


def _nas(scope: Scope) -> str | None:
    name = scope.get("state", {}).get("nas")
    return name if isinstance(name, str) else None
