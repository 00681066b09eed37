"""The addresses of the captive log-in: parse, ask one service, answer.

State is the unguessable token in the URL, which only the visit's own browser has, and never a
cookie: so there is nothing that a foreign page could make a browser send along, and no form needs
a token against that.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aaa.secret import Secret
from aaa.snapshot import NasEntry
from portal.captive import api, arrivals, entry, online, proofs, views, visits
from portal.dependencies import FormHere, PartsHere, VisitGone, VisitHere, visit_of, wish_of
from portal.notices import notice
from portal.parts import Parts
from portal.rendering import language_of, not_found, respond

router = APIRouter()

# Addresses below a visit that take forms.
_STEPS: Final = frozenset(
    {"email", "code", "login", "account", "terms", "log-out", "forget", "secure"}
)


def _gateway(parts: Parts, name: str) -> NasEntry | None:
    """Return the NAS of a name; a partner's server sends nobody here."""
    nas = parts.snapshot.nas_by_name.get(name)
    return None if nas is None or nas.hotspot.collectivity.is_partner else nas


@router.get("/at/{nas}")
@router.get("/at/{nas}/")
async def arrive(request: Request, parts: PartsHere, nas: str) -> Response:
    """A NAS redirects here; uspot insists on the slash."""
    known = _gateway(parts, nas)
    if known is None:
        return respond(parts, request, not_found())
    request.state.nas = known.name
    return respond(parts, request, await arrivals.arrive(parts, known, request.url.query))


@router.get("/enter/{nas}")
async def enter(request: Request, parts: PartsHere, nas: str) -> Response:
    """The Captive Portal API leads here: on to the NAS, which redirects to the portal anew."""
    known = _gateway(parts, nas)
    if known is None:
        return respond(parts, request, not_found())
    request.state.nas = known.name
    return respond(parts, request, entry.enter(parts, known))


@router.get("/visit/{token}")
async def go_on(request: Request, parts: PartsHere, attempt: VisitHere) -> Response:
    """Wherever the visit stands."""
    return respond(parts, request, await visits.go_on(parts, attempt))


@router.post("/visit/{token}/email")
async def request_code(
    request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere
) -> Response:
    """Send a code to an address."""
    home = attempt.hotspot.collectivity
    language = language_of(request, attempt, home.language)
    answer = await proofs.request_code(parts, attempt, form.text("email"), language)
    return respond(parts, request, answer)


@router.post("/visit/{token}/code")
async def try_code(
    request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere
) -> Response:
    """Check a code."""
    remember = form.is_ticked("remember")
    answer = await proofs.try_code(parts, attempt, form.text("code"), remember=remember)
    return respond(parts, request, answer)


@router.post("/visit/{token}/login")
async def log_in(
    request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere
) -> Response:
    """Check an identifier, or an address, with a password."""
    answer = await proofs.log_in(
        parts,
        attempt,
        form.text("identifier"),
        Secret(form.exactly("password")),
        remember=form.is_ticked("remember"),
        language=language_of(request, attempt, attempt.collectivity.language),
    )
    return respond(parts, request, answer)


@router.post("/visit/{token}/account")
async def create_account(
    request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere
) -> Response:
    """Create an account for a proven address."""
    wish = wish_of(form, language_of(request, attempt, attempt.collectivity.language))
    return respond(parts, request, await proofs.create_account(parts, attempt, wish))


@router.post("/visit/{token}/terms")
async def accept_terms(
    request: Request, parts: PartsHere, attempt: VisitHere, form: FormHere
) -> Response:
    """Accept the terms of one's home."""
    is_ticked = form.is_ticked("accept_terms")
    answer = await proofs.accept_terms(parts, attempt, accepts_terms=is_ticked)
    return respond(parts, request, answer)


@router.get("/visit/{token}/status")
async def status(request: Request, parts: PartsHere, attempt: VisitHere) -> Response:
    """Whether one is online, and what is left."""
    return respond(parts, request, await online.status(parts, attempt))


@router.post("/visit/{token}/log-out")
async def log_out(request: Request, parts: PartsHere, attempt: VisitHere) -> Response:
    """End the session."""
    return respond(parts, request, await online.log_out(parts, attempt))


@router.post("/visit/{token}/forget")
async def forget(request: Request, parts: PartsHere, attempt: VisitHere) -> Response:
    """Forget the device."""
    return respond(parts, request, await online.forget(parts, attempt))


@router.get("/visit/{token}/{step}")
async def return_to_visit(
    request: Request, parts: PartsHere, attempt: VisitHere, step: str
) -> Response:
    """A form that was not taken is shown at its own address, where a browser may open it again."""
    answer = views.to_visit(parts, attempt) if step in _STEPS else not_found()
    return respond(parts, request, answer)


@router.get("/visit/{token}/notice/{kind}")
async def notice_in_visit(
    request: Request, parts: PartsHere, attempt: VisitHere, kind: str
) -> Response:
    """A notice, from which one finds back."""
    return respond(parts, request, notice(parts, kind, within=attempt))


@router.get("/api/captive/visit/{token}")
async def state_of_visit(request: Request, parts: PartsHere, token: str) -> Response:
    """RFC 8908 for the device of a visit."""
    try:
        return await api.by_visit(parts, await visit_of(request, token))
    except VisitGone:
        return api.unknown(parts)


@router.get("/api/captive/{nas}/{mac}")
async def state_of_device(parts: PartsHere, nas: str, mac: str) -> Response:
    """RFC 8908 for a device by its address, which its gateway writes into the URL."""
    return await api.by_address(parts, nas, mac)
