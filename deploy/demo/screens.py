"""The site of the demo: the village square, the screen of each phone, the mail."""

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
from starlette.types import ASGIApp

from deploy.demo import words
from deploy.demo.gateway import INTERIM, Gateway
from deploy.demo.square import Phone, Square
from portal.mail import MailboxMailer, Message

_DOWNLOAD_OCTETS: Final = 100_000_000
_CODE: Final = re.compile(r"^ +(\d[\d -]*\d)$", re.MULTILINE)
_SEE_OTHER: Final = 303
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:",
}


def demo_site(
    square: Square,
    remarks: Mapping[str, str],
    mailbox: MailboxMailer,
    clock: Callable[[], datetime],
) -> ASGIApp:
    """Return the site. ``remarks`` says of each NAS what is special about it."""
    site = _Site(square, remarks, mailbox, clock)
    return Starlette(
        routes=[
            Route("/", site.show_square),
            Route("/connect", site.connect, methods=["POST"]),
            Route("/phone/{number:int}", site.show_phone),
            Route("/phone/{number:int}/{action}", site.act, methods=["POST"]),
            Route("/mail", site.show_mail),
            Route("/demo.css", site.show_stylesheet),
        ]
    )


class _Site:
    def __init__(
        self,
        square: Square,
        remarks: Mapping[str, str],
        mailbox: MailboxMailer,
        clock: Callable[[], datetime],
    ) -> None:
        self._square = square
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

    async def show_square(self, request: Request) -> Response:
        return self._page(
            "square.html",
            phones=self._square.phones.values(),
            gateways=self._square.gateways.values(),
            remarks=self._remarks,
        )

    async def connect(self, request: Request) -> Response:
        async with request.form() as form:
            phone = self._phone(str(form.get("phone", "")))
            gateway = self._square.gateways.get(str(form.get("hotspot", "")))
        if gateway is None:
            raise HTTPException(404, "There is no such hotspot on the square.")
        return await self._join(phone, gateway)

    async def _join(self, phone: Phone, gateway: Gateway) -> Response:
        """Join, then do what phones do next: open a page, which the gateway captures."""
        visitor = await self._square.join(phone, gateway)
        if visitor.session is not None:
            return RedirectResponse(f"/phone/{phone.number}", _SEE_OTHER)
        return RedirectResponse(f"http://127.0.0.1:{phone.login_port}/", _SEE_OTHER)

    async def show_phone(self, request: Request) -> Response:
        phone = self._phone(request.path_params["number"])
        visitor, gateway = phone.visitor, phone.gateway
        if visitor is None or gateway is None:
            return RedirectResponse("/", _SEE_OTHER)
        session, now = visitor.session, self._clock()
        return self._page(
            "phone.html",
            phone=phone,
            nas=gateway.nas,
            visitor=visitor,
            session=session,
            seconds=session.seconds(now) if session else 0,
            seconds_left=session.seconds_left(now) if session else None,
            octets_left=session.octets_left if session else None,
            portal_url=f"http://127.0.0.1:{phone.login_port}/prelogin",
            download=_DOWNLOAD_OCTETS,
            interim_seconds=int(INTERIM.total_seconds()),
        )

    async def act(self, request: Request) -> Response:
        phone = self._phone(request.path_params["number"])
        visitor, gateway = phone.visitor, phone.gateway
        if visitor is not None and gateway is not None:
            match request.path_params["action"]:
                case "connect":
                    return await self._join(phone, gateway)
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
        return RedirectResponse(f"/phone/{phone.number}", _SEE_OTHER)

    async def show_mail(self, request: Request) -> Response:
        return self._page("mail.html", mails=[_read(mail) for mail in self._mailbox])

    async def show_stylesheet(self, request: Request) -> Response:
        return Response(self._templates.get_template("demo.css").render(), media_type="text/css")

    def _phone(self, number: str | int) -> Phone:
        phone = self._square.phones.get(int(number)) if str(number).isdecimal() else None
        if phone is None:
            raise HTTPException(404, "There is no such phone on the square.")
        return phone

    def _page(self, name: str, **context: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(name).render(context), headers=_HEADERS)


def _read(mail: Message) -> dict[str, str]:
    """Return what a mail shows: the code, which has a line of its own, and the text around it."""
    before, *rest = _CODE.split(mail.text, maxsplit=1)
    code, after = rest or ("", "")
    return {
        "recipient": mail.recipient,
        "subject": mail.subject,
        "before": before.strip(),
        "code": code,
        "after": after.strip(),
    }
