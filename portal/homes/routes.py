"""The addresses by which a partner's citizen goes home and comes back."""

from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aaa.secret import Secret
from federation.trust.publishing import CALLBACK
from portal.dependencies import FormHere, PartsHere, VisitHere
from portal.homes import choosing, returning
from portal.homes.returning import Returned
from portal.rendering import language_of, respond

router = APIRouter()


@router.get("/visit/{token}/home")
async def show_homes(
    request: Request, parts: PartsHere, attempt: VisitHere, q: str = ""
) -> Response:
    """The list of homes."""
    query = "".join(filter(str.isprintable, q))[:100].strip()
    return respond(parts, request, choosing.show_homes(parts, attempt, query))


@router.get("/visit/{token}/home/{home}")
async def choose(request: Request, parts: PartsHere, attempt: VisitHere, home: str) -> Response:
    """On to a home: to its own pages, or to the form for its password."""
    language = language_of(request, attempt, attempt.collectivity.language)
    return respond(parts, request, await choosing.choose(parts, attempt, home, language))


@router.post("/visit/{token}/home/{home}")
async def try_password(
    request: Request, parts: PartsHere, attempt: VisitHere, home: str, form: FormHere
) -> Response:
    """Have a home check an identifier with a password."""
    typed, password = form.text("identifier"), Secret(form.exactly("password"))
    answer = await choosing.try_password(parts, attempt, home, typed, password)
    return respond(parts, request, answer)


@router.get(CALLBACK)
async def come_back(request: Request, parts: PartsHere) -> Response:
    """Where homes send browsers back to. A parameter that is there twice is none (RFC 6749 section
    3.1)."""
    sent = request.query_params.multi_items()
    times = Counter(name for name, _ in sent)
    once = {name: value for name, value in sent if times[name] == 1}
    returned = Returned(
        state=once.get("state", ""),
        code=once.get("code", ""),
        issuer=once.get("iss", ""),
        error=once.get("error", ""),
    )
    return respond(parts, request, await returning.come_back(parts, returned))
