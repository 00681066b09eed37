"""From an answer to an HTTP response, in the reader's language."""

import math

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from portal.answers import Answer, Go, Show
from portal.captive.attempts import Attempt, token_of
from portal.captive.gateway import source_of
from portal.pages import choose_language
from portal.parts import Parts
from portal.protection import allow_forms_to


def respond(parts: Parts, request: Request, answer: Answer) -> Response:
    """Return the response to a browser."""
    if isinstance(answer, Go):
        return RedirectResponse(answer.url, 303)
    attempt = answer.attempt
    hotspot = attempt.hotspot if attempt else answer.hotspot
    token = token_of(parts.keyring, attempt.reference) if attempt else None
    response = parts.pages.render(
        answer.page,
        language=language_of(request, attempt, hotspot.collectivity.language if hotspot else None),
        collectivity=hotspot.collectivity if hotspot else None,
        status=answer.status,
        visit=token,
        hotspot=hotspot,
        error=answer.error,
        path=_path(request, token),
        **answer.context,
    )
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(answer.retry_after.total_seconds()))
    if attempt is not None:
        source = source_of(attempt, parts.settings.portal.public_url)
        allow_forms_to(response, source)
    return response


def not_found() -> Show:
    """Return the page for an address where there is nothing."""
    return Show("not_found.html", status=404)


def language_of(
    request: Request, attempt: Attempt | None, collectivity_language: str | None
) -> str:
    """Return the language to answer in: asked for in the URL, kept with the visit, or accepted by
    the browser."""
    asked = request.query_params.get("lang") or (attempt.language if attempt else None)
    return choose_language(asked, request.headers.get("accept-language"), collectivity_language)


def _path(request: Request, token: str | None) -> str:
    """Return where a link to the same page in another language leads: what answers a form, or a
    NAS' redirect, cannot be asked for again."""
    is_own = token is None or request.url.path.startswith(f"/visit/{token}")
    if request.method == "GET" and is_own:
        return request.url.path
    return f"/visit/{token}" if token else "/"
