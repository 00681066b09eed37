"""A simulated gateway over HTTP: it captures what a phone asks for, and takes its log-on.

A real gateway tells phones apart by their IP addresses. On one machine all have the same, so each
phone is answered on a port of its own, whatever gateway it is at.
"""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.demo.gateway import Gateway, Visitor
from deploy.demo.square import Phone

_FOUND: Final = 302  # CoovaChilli's


def gateway_pages(phone: Phone, site_url: str) -> ASGIApp:
    """Return what answers a phone at the gateway that it is at. ``site_url`` is where its screen
    is shown: the page that it asks for, and gets once it is online."""
    pages = _Pages(phone, site_url)
    return Starlette(
        routes=[
            Route("/logon", pages.log_on),
            Route("/login", pages.log_on),
            Route("/logoff", pages.log_off),
            Route("/logout", pages.log_off),
            Route("/prelogin", pages.ask_portal),
            Route("/{page:path}", pages.capture),
        ]
    )


class _Pages:
    def __init__(self, phone: Phone, site_url: str) -> None:
        self._phone = phone
        self._site_url = site_url
        self._screen_url = f"{site_url}/phone/{phone.number}"

    async def log_on(self, request: Request) -> Response:
        gateway, visitor = self._here()
        return RedirectResponse(await gateway.log_on(visitor, request.query_params), _FOUND)

    async def log_off(self, request: Request) -> Response:
        gateway, visitor = self._here()
        return RedirectResponse(gateway.log_off(visitor), _FOUND)

    async def ask_portal(self, request: Request) -> Response:
        """Send the browser to the portal, online or not."""
        gateway, visitor = self._here()
        return RedirectResponse(gateway.capture(visitor, self._screen_url), _FOUND)

    async def capture(self, request: Request) -> Response:
        """Answer for any page: with the page where the phone is online, else the portal's."""
        _, visitor = self._here()
        if visitor.session is not None:
            return RedirectResponse(self._screen_url, _FOUND)
        return await self.ask_portal(request)

    def _here(self) -> tuple[Gateway, Visitor]:
        """Return where the phone is; the browser of one that is nowhere goes to the square."""
        gateway, visitor = self._phone.gateway, self._phone.visitor
        if gateway is None or visitor is None:
            raise HTTPException(_FOUND, headers={"Location": self._site_url})
        return gateway, visitor
