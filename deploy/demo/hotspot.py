"""The simulated hotspot over HTTP: the phone's screen, its mail, and the gateway's own pages.

Two applications: the site, on a port of its own, shows phones to the person who tries the demo;
the gateway's pages (`/logon`, `/logoff`, and the capture of any other) answer on one port a phone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.demo import words
from deploy.demo.gateway import INTERIM, Gateway, Visitor
from deploy.demo.square import Phone, Square
from portal.mail import MailboxMailer, Message

_DOWNLOAD_OCTETS: Final = 100_000_000
_CODE: Final = re.compile(r"^ +(\d[\d -]*\d)\n+", re.MULTILINE)
_FOUND: Final = 302  # CoovaChilli's
_SEE_OTHER: Final = 303
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:",
}


class Hotspot:
    """The routes of both applications. ``remarks`` says of each NAS what is special about it."""

    def __init__(
        self,
        square: Square,
        site_url: str,
        remarks: Mapping[str, str],
        mailbox: MailboxMailer,
        clock: Callable[[], datetime],
    ) -> None:
        self._square = square
        self._site_url = site_url
        self._remarks = remarks
        self._mailbox = mailbox
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("deploy.demo"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "duration": words.duration,
            "volume": words.volume,
            "clock": lambda moment: f"{moment.astimezone():%H:%M:%S}",
        }

    def application(self, site_port: int) -> ASGIApp:
        """Return one application for all ports: the site on ``site_port``, elsewhere a gateway."""
        site = Starlette(
            routes=[
                Route("/", self._show_square),
                Route("/connect", self._connect, methods=["POST"]),
                Route("/phone/{number:int}", self._show_phone),
                Route("/phone/{number:int}/{action}", self._act, methods=["POST"]),
                Route("/mail", self._show_mail),
                Route("/demo.css", self._stylesheet),
            ]
        )
        gateway = Starlette(
            routes=[
                Route("/logon", self._log_on),
                Route("/login", self._log_on),
                Route("/logoff", self._log_off),
                Route("/logout", self._log_off),
                Route("/prelogin", self._ask_portal),
                Route("/{page:path}", self._capture),
            ]
        )

        async def by_port(scope: Scope, receive: Receive, send: Send) -> None:
            application = site if scope["server"][1] == site_port else gateway
            await application(scope, receive, send)

        return by_port

    # The site: what the person sees.

    async def _show_square(self, request: Request) -> Response:
        return self._page(
            "square.html",
            phones=self._square.phones.values(),
            gateways=self._square.gateways.values(),
            remarks=self._remarks,
        )

    async def _connect(self, request: Request) -> Response:
        form = await request.form()
        phone = self._phone(str(form.get("phone", "")))
        gateway = self._square.gateways.get(str(form.get("hotspot", "")))
        if gateway is None:
            raise HTTPException(404, "There is no such hotspot on the square.")
        return await self._joined(phone, gateway)

    async def _joined(self, phone: Phone, gateway: Gateway) -> Response:
        """Join, then do what phones do: open a page, which the gateway captures."""
        visitor = await self._square.join(phone, gateway)
        if visitor.session is not None:
            return RedirectResponse(f"/phone/{phone.number}", _SEE_OTHER)
        return RedirectResponse(f"http://127.0.0.1:{phone.login_port}/", _SEE_OTHER)

    async def _show_phone(self, request: Request) -> Response:
        phone = self._phone(request.path_params["number"])
        visitor = phone.visitor
        now = self._clock()
        if visitor is None or phone.gateway is None:
            return RedirectResponse("/", _SEE_OTHER)
        session = visitor.session
        return self._page(
            "phone.html",
            phone=phone,
            nas=phone.gateway.nas,
            visitor=visitor,
            session=session,
            seconds=session.seconds(now) if session else 0,
            seconds_left=session.seconds_left(now) if session else None,
            octets_left=session.octets_left if session else None,
            portal_url=f"http://127.0.0.1:{phone.login_port}/prelogin",
            download=_DOWNLOAD_OCTETS,
            interim_seconds=int(INTERIM.total_seconds()),
        )

    async def _act(self, request: Request) -> Response:
        phone = self._phone(request.path_params["number"])
        here = RedirectResponse(f"/phone/{phone.number}", _SEE_OTHER)
        visitor, gateway = phone.visitor, phone.gateway
        if visitor is None or gateway is None:
            return here
        match request.path_params["action"]:
            case "connect":
                return await self._joined(phone, gateway)
            case "leave":
                self._square.leave(phone)
            case "download":
                gateway.download(visitor, _DOWNLOAD_OCTETS)
            case "use":
                visitor.is_in_use = True
            case "rest":
                visitor.is_in_use = False
            case _:
                raise HTTPException(404, "A phone cannot do that.")
        return here

    async def _show_mail(self, request: Request) -> Response:
        return self._page("mail.html", mails=[_read(mail) for mail in self._mailbox])

    async def _stylesheet(self, request: Request) -> Response:
        return Response(self._templates.get_template("demo.css").render(), media_type="text/css")

    # The gateway: what phones and the portal send browsers to.

    async def _log_on(self, request: Request) -> Response:
        _, gateway, visitor = self._caller(request)
        return RedirectResponse(await gateway.log_on(visitor, request.query_params), _FOUND)

    async def _log_off(self, request: Request) -> Response:
        _, gateway, visitor = self._caller(request)
        return RedirectResponse(gateway.log_off(visitor), _FOUND)

    async def _ask_portal(self, request: Request) -> Response:
        """Send the browser to the portal, online or not."""
        phone, gateway, visitor = self._caller(request)
        return RedirectResponse(gateway.capture(visitor, self._wanted(phone)), _FOUND)

    async def _capture(self, request: Request) -> Response:
        """Any other page: the Internet for a phone that is online, else the way to the portal."""
        phone, _, visitor = self._caller(request)
        if visitor.session is not None:
            return RedirectResponse(self._wanted(phone), _FOUND)
        return await self._ask_portal(request)

    def _caller(self, request: Request) -> tuple[Phone, Gateway, Visitor]:
        """Return whose request it is, and at which gateway; one out of reach goes to the square."""
        phone = self._square.at_port(request.scope["server"][1])
        if phone is None or phone.gateway is None or phone.visitor is None:
            raise HTTPException(_FOUND, headers={"Location": self._site_url})
        return phone, phone.gateway, phone.visitor

    def _wanted(self, phone: Phone) -> str:
        """Return the page that a phone asked for, and gets back to from the portal: its screen."""
        return f"{self._site_url}/phone/{phone.number}"

    def _phone(self, number: str | int) -> Phone:
        phone = self._square.phones.get(int(number)) if str(number).isdecimal() else None
        if phone is None:
            raise HTTPException(404, "There is no such phone on the square.")
        return phone

    def _page(self, name: str, **context: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(name).render(context), headers=_HEADERS)


def _read(mail: Message) -> dict[str, str]:
    """Return what a mail shows: the code, which has a line of its own, apart from the text."""
    found = _CODE.search(mail.text)
    return {
        "recipient": mail.recipient,
        "subject": mail.subject,
        "code": found[1] if found else "",
        "text": _CODE.sub("", mail.text, count=1).strip(),
    }
