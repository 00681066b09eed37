"""The portal as an ASGI application, and the one place where errors become pages."""

from datetime import timedelta
from functools import partial
from importlib.resources import files
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from aaa.errors import Invalid, Unavailable
from portal import authority, notices
from portal.answers import Show
from portal.captive import routes
from portal.dependencies import LinkGone, VisitGone
from portal.homes import routes as homes
from portal.members import routes as members
from portal.onboarding import routes as onboarding
from portal.openid import routes as openid
from portal.parts import Parts
from portal.protection import Protection
from portal.rendering import not_found, respond

_COME_BACK: Final = timedelta(seconds=30)

log = structlog.get_logger()


def create_app(parts: Parts) -> FastAPI:
    """Return the portal made of ``parts``. It tells nobody its own documentation."""
    app = FastAPI(
        title="Farandole",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            VisitGone: partial(_visit_gone, parts),
            LinkGone: partial(_link_gone, parts),
            Unavailable: partial(_unavailable, parts),
            Invalid: partial(_invalid, parts),
            RequestValidationError: partial(_unreadable, parts),
            HTTPException: partial(_http_error, parts),
        },
    )
    app.state.parts = parts
    # Before those of visits, one of which takes whatever is left.
    app.include_router(homes.router)
    app.include_router(routes.router)
    app.include_router(onboarding.router)
    app.include_router(openid.router)
    app.include_router(notices.router)
    app.include_router(authority.router)
    app.include_router(members.router)
    static = str(files("portal") / "static")
    app.mount("/static", StaticFiles(directory=static), name="static")
    app.add_middleware(Protection, fail=partial(_failure, parts))
    return app


async def _visit_gone(parts: Parts, request: Request, error: Exception) -> Response:
    return respond(parts, request, Show("expired.html", status=410))


async def _link_gone(parts: Parts, request: Request, error: Exception) -> Response:
    return respond(parts, request, Show("link_expired.html", status=410))


async def _unavailable(parts: Parts, request: Request, error: Exception) -> Response:
    log.warning("request not served", reason=str(error), remedy="see what is away, and its log")
    return respond(parts, request, Show("unavailable.html", status=503, retry_after=_COME_BACK))


async def _invalid(parts: Parts, request: Request, error: Exception) -> Response:
    """Services answer what citizens mistype themselves: what arrives here, an operator mistyped."""
    log.error("request not served", reason=str(error), remedy="correct what the reason names")
    return respond(parts, request, Show("failure.html", status=500))


async def _unreadable(parts: Parts, request: Request, error: Exception) -> Response:
    return respond(parts, request, Show("not_found.html", status=400))


async def _http_error(parts: Parts, request: Request, error: Exception) -> Response:
    """What the framework refuses: no such address, no such method, a body that is no form."""
    response = respond(parts, request, not_found())
    if isinstance(error, HTTPException):
        response.status_code = error.status_code
        response.headers.update(error.headers or {})
    return response


def _failure(parts: Parts, request: Request) -> Response:
    return respond(parts, request, Show("failure.html", status=500))
