"""From an answer to an HTTP response, in the reader's language."""

import math
from typing import Final

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from portal.answers import Answer, Download, Go, Show, Within
from portal.captive.attempts import Attempt
from portal.captive.gateway import source_of
from portal.onboarding.profile import ProfileFile
from portal.pages import choose_language
from portal.parts import Parts
from portal.protection import allow_forms_to

# Apple's systems install what they are led to.
_APPLE: Final = "application/x-apple-aspen-config"
# Android's reader of it knows no header that names a file.
_ANDROID: Final = "application/x-wifi-config"


def respond(parts: Parts, request: Request, answer: Answer) -> Response:
    """Return the response to a browser."""
    if isinstance(answer, Go):
        return RedirectResponse(answer.url, 303)
    if isinstance(answer, Download):
        return _file(answer.file)
    within = answer.within
    hotspot = within.hotspot if isinstance(within, Attempt) else answer.hotspot
    whose = within or hotspot
    owner = whose.collectivity if whose else answer.collectivity
    here = within.way(parts.keyring) if within else ""
    response = parts.pages.render(
        answer.page,
        language=language_of(request, within, owner.language if owner else None),
        collectivity=owner,
        status=answer.status,
        here=here,
        hotspot=hotspot,
        error=answer.error,
        path=_path(request, here),
        **answer.context,
    )
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(answer.retry_after.total_seconds()))
    if isinstance(within, Attempt):
        allow_forms_to(response, source_of(within, parts.settings.portal.public_url))
    return response


def _file(file: ProfileFile) -> Response:
    """Return a profile, in the way that makes its device install it."""
    headers = dict(file.headers)
    if file.media_type != _ANDROID:
        way = "inline" if file.media_type == _APPLE else "attachment"
        headers["Content-Disposition"] = f'{way}; filename="{file.name}"'
    return Response(file.content, media_type=file.media_type, headers=headers)


def not_found() -> Show:
    """Return the page for an address where there is nothing."""
    return Show("not_found.html", status=404)


def language_of(request: Request, within: Within | None, collectivity_language: str | None) -> str:
    """Return the language to answer in: asked for in the URL, kept with what the page is within,
    or accepted by the browser."""
    asked = request.query_params.get("lang") or (within.language if within else None)
    return choose_language(asked, request.headers.get("accept-language"), collectivity_language)


def _path(request: Request, here: str) -> str:
    """Return where a link to the same page in another language leads: what answers a form, or a
    NAS' redirect, cannot be asked for again. ``here`` is the start of what the page is within."""
    if request.method == "GET" and request.url.path.startswith(here):
        return request.url.path
    return here or "/"
