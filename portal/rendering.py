"""From an answer to an HTTP response, in the reader's language."""

import math
from typing import Final

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from portal.answers import Answer, Download, Go, Show
from portal.captive.attempts import Attempt, token_of
from portal.captive.gateway import source_of
from portal.onboarding import enrolments
from portal.onboarding.enrolments import OpenEnrolment
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
    attempt, enrolment = answer.attempt, answer.enrolment
    hotspot = attempt.hotspot if attempt else answer.hotspot
    owner = hotspot.collectivity if hotspot else None
    visit = token_of(parts.keyring, attempt.reference) if attempt else None
    link = enrolments.token_of(parts.keyring, enrolment.reference) if enrolment else None
    if enrolment is not None:
        owner = enrolment.citizen.collectivity
    start = f"/visit/{visit}" if visit else f"/secure/{link}" if link else None
    response = parts.pages.render(
        answer.page,
        language=language_of(request, attempt or enrolment, owner.language if owner else None),
        collectivity=owner,
        status=answer.status,
        visit=visit,
        enrolment=link,
        hotspot=hotspot,
        error=answer.error,
        path=_path(request, start),
        **answer.context,
    )
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(answer.retry_after.total_seconds()))
    if attempt is not None:
        source = source_of(attempt, parts.settings.portal.public_url)
        allow_forms_to(response, source)
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


def language_of(
    request: Request, kept: Attempt | OpenEnrolment | None, collectivity_language: str | None
) -> str:
    """Return the language to answer in: asked for in the URL, kept with the visit or enrolment, or
    accepted by the browser."""
    asked = request.query_params.get("lang") or (kept.language if kept else None)
    return choose_language(asked, request.headers.get("accept-language"), collectivity_language)


def _path(request: Request, start: str | None) -> str:
    """Return where a link to the same page in another language leads: what answers a form, or a
    NAS' redirect, cannot be asked for again. ``start`` is where the visit or enrolment begins."""
    is_own = start is None or request.url.path.startswith(start)
    if request.method == "GET" and is_own:
        return request.url.path
    return start or "/"
