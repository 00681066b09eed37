"""The addresses that other members ask, and the public page of who is connected with whom."""

from typing import Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from aaa.errors import Invalid
from federation import interconnection
from federation.trust import joining, publishing
from federation.trust.fetching import (
    CONNECTIONS_PATH,
    JOIN_PATH,
    MESSAGE_TYPE,
    STATEMENT_PATH,
    STATEMENT_TYPE,
)
from portal.answers import Show
from portal.dependencies import PartsHere
from portal.members import matrix, ourselves
from portal.members.matrix import Matrix
from portal.parts import Parts
from portal.rendering import not_found, respond

_REFUSED: Final = 422
_FOR_EVERY_SITE: Final = {"Access-Control-Allow-Origin": "*"}

router = APIRouter()
log = structlog.get_logger()


@router.get(STATEMENT_PATH)
async def statement(request: Request, parts: PartsHere) -> Response:
    """What we say of ourselves (OpenID Federation 1.0 section 9)."""
    try:
        shown = ourselves.of(parts)
    except Invalid:
        # There is nothing to say yet: no collectivity, no certificate.
        return respond(parts, request, not_found())
    return Response(shown.member.statement, media_type=STATEMENT_TYPE)


@router.post(JOIN_PATH)
async def join(request: Request, parts: PartsHere) -> Response:
    """Whoever has an invitation of ours becomes a partner."""
    text, now = (await request.body()).decode("ascii", "replace"), parts.clock()
    try:
        async with parts.database.read("join") as session:
            await joining.check_awaited(session, text, now)
        # Nobody waits for the writer while signatures are verified.
        asked, us = joining.read_request(text, now), ourselves.of(parts)
        async with parts.database.write("join") as session:
            partner, answer = await joining.welcome(session, parts.keyring, us, asked, now)
    except Invalid as error:
        parts.warnings.warn("a request to join was refused", "portal", now, reason=str(error))
        return PlainTextResponse(str(error), status_code=_REFUSED)
    log.info("a partner joined", partner=partner.name)
    return Response(answer, media_type=MESSAGE_TYPE)


@router.get("/federation")
async def page(request: Request, parts: PartsHere) -> Response:
    """Who belongs to the federation, and who is connected with whom."""
    found = await _matrix(parts)
    if found is None:
        return respond(parts, request, not_found())
    context = {"members": found.members, "places": found.places}
    return respond(parts, request, Show("federation.html", context=context))


@router.get("/federation/at/{name}")
async def place(request: Request, parts: PartsHere, name: str) -> Response:
    """How citizens of the others fare at the places of one member."""
    found = await _matrix(parts)
    places = found.places if found else ()
    shown = next((each for each in places if each.visited.name == name), None)
    if shown is None:
        return respond(parts, request, not_found())
    return respond(parts, request, Show("federation_place.html", context={"seen": shown}))


@router.get("/federation/matrix.json")
async def data(request: Request, parts: PartsHere) -> Response:
    """The same for programs, whoever's."""
    found = await _matrix(parts)
    if found is None:
        return respond(parts, request, not_found())
    return JSONResponse(matrix.as_json(found), headers=_FOR_EVERY_SITE)


async def _matrix(parts: Parts) -> Matrix | None:
    try:
        ours = publishing.organisation(parts.snapshot)
    except Invalid:
        return None
    async with parts.database.read("interconnection") as session:
        links = await interconnection.matrix(session)
    entity = parts.settings.portal.public_url
    return matrix.build(entity, ours, parts.partners.current, links, parts.clock())


@router.get(CONNECTIONS_PATH)
async def connections(request: Request, parts: PartsHere) -> Response:
    """What our canaries found, signed."""
    try:
        us = ourselves.of(parts)
    except Invalid:
        return respond(parts, request, not_found())
    async with parts.database.read("interconnection") as session:
        links = await interconnection.matrix(session)
    text = interconnection.publish(us.entity, links, us.signer, parts.clock())
    return Response(text, media_type=MESSAGE_TYPE)
