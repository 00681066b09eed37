"""Browsers and gateways as the tests of the portal play them."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import structlog
from fastapi import FastAPI
from sqlalchemy import select, update

from aaa import access_points
from aaa.model import Citizen, Instruction, Session, Ticket
from aaa.secret import Secret
from aaa.settings import FederationSettings, PortalSettings, Settings
from federation.carriers import PROXY_SCHEDULE, UdpCarrier
from federation.directory import PartnerDirectory, PartnerEntry
from federation.discovery.boundaries import Ourselves, is_public
from federation.discovery.finder import Finder
from federation.discovery.resolver import DnsResolver
from federation.forwarder import Forwarder
from federation.model import Transport
from federation.verification import Verifier
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from portal.app import create_app
from portal.homes.token_endpoint import TokenEndpoint
from portal.mail import MailboxMailer, Mailer
from portal.pages import Pages
from portal.parts import Parts
from radius.transports.client import Client
from tests.village import NAS_SECRET, PHONE, Village

PUBLIC_URL = "https://wifi.example"
UAM_SECRET = b"what only the gateway knows"
GATEWAY = "10.1.0.1"
CHALLENGE = "00112233445566778899aabbccddeeff"
# What a NAS of the generic dialect sends, from the same phone.
FORM = (
    "/at/posting/?login_url=https%3A%2F%2F192.168.1.1%2Flogin&mac=02005e005301"
    "&url=http%3A%2F%2Fexample.org%2Fnews"
)
_CODE = re.compile(r"\b(\d{6})\b")


@dataclass
class Portal:
    """A portal, the village behind it, and the mailbox that its mails end in."""

    village: Village
    parts: Parts
    app: FastAPI
    mailbox: MailboxMailer

    def without_mail(self) -> FastAPI:
        """The same portal where no mail server is configured."""
        return create_app(replace(self.parts, mailer=None))

    def mailing(self, mailer: Mailer) -> FastAPI:
        """The same portal with another mailer."""
        return create_app(replace(self.parts, mailer=mailer))

    def without_openid(self) -> FastAPI:
        """The same portal where our OpenID provider is switched off."""
        federation = FederationSettings(openid=False)
        settings = self.parts.settings.model_copy(update={"federation": federation})
        return create_app(replace(self.parts, settings=settings))

    def browser(self, app: FastAPI | None = None, language: str = "en") -> "Browser":
        """A browser that keeps no cookies."""
        transport = httpx.ASGITransport(app or self.app)
        headers = {"Accept-Language": language}
        return Browser(httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers))

    def code(self) -> str:
        """The code in the newest mail."""
        found = _CODE.search(next(iter(self.mailbox)).text)
        assert found
        return found[1]

    async def serve_ticket(self, outcome: str = "granted") -> None:
        """Do what RADIUS does with the newest ticket."""
        async with self.village.database.write("test") as session:
            ticket = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
            assert ticket
            ticket.served_at, ticket.outcome = self.village.clock(), outcome

    async def newest_ticket(self) -> tuple[Ticket, bytes]:
        """The newest ticket and its text."""
        async with self.village.database.read("test") as session:
            ticket = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
        assert ticket
        text = self.village.keyring.open(ticket.sealed_value, "ticket")
        assert text
        return ticket, text

    async def start_session(self, nas: str = "square", mac: str = PHONE, **columns: object) -> int:
        """Do what accounting does with a Start; return the session's id."""
        entry, now = self.village.snapshot.nas_by_name[nas], self.village.clock()
        values = {"nas_id": entry.id, "hotspot_id": entry.hotspot.id, "device_mac": mac}
        values |= {"acct_session_id": now.isoformat(), "started_at": now, "updated_at": now}
        values |= {"citizen_id": self.village.anna, "upload_octets": 0, "download_octets": 0}
        async with self.village.database.write("test") as session:
            row = Session(**values | columns)
            session.add(row)
            await session.flush()
            return row.id

    async def stop_session(self, session_id: int, **columns: object) -> None:
        """Do what accounting does with a Stop."""
        async with self.village.database.write("test") as session:
            values = {"stopped_at": self.village.clock()} | columns
            await session.execute(update(Session).where(Session.id == session_id).values(**values))

    async def disconnected(self) -> list[int]:
        """The sessions whose end was asked for, in the order in which it was."""
        async with self.village.database.read("test") as session:
            query = select(Instruction.session_id).order_by(Instruction.id)
            return list((await session.scalars(query)).all())

    async def citizen(self, email: str) -> Citizen | None:
        """The citizen of an address, as stored."""
        async with self.village.database.read("test") as session:
            return await session.scalar(select(Citizen).where(Citizen.email == email))


@asynccontextmanager
async def open_portal(village: Village) -> AsyncIterator[Portal]:
    """Give a portal, with three NAS more: one signs, one passes passwords on, one posts a form."""
    await _add_nas(village)
    mailbox = MailboxMailer()
    async with parts_on(village, PUBLIC_URL) as parts:
        parts = replace(parts, mailer=mailbox)
        yield Portal(village, parts, create_app(parts), mailbox)


@asynccontextmanager
async def parts_on(village: Village, public_url: str) -> AsyncIterator[Parts]:
    """Give what a portal on a village is made of; it mails nobody."""
    partners = PartnerDirectory(village.database, village.keyring, village.directory, village.clock)
    client, token_endpoint = Client(PROXY_SCHEDULE), TokenEndpoint()
    forwarder = Forwarder(
        FederationSettings(response_seconds=3.0),
        partners=partners,
        carriers={Transport.UDP: UdpCarrier(client)},
        finder=Finder(
            DnsResolver(["127.0.0.1:1"]),
            is_us=Ourselves(frozenset()).is_at,
            is_allowed=is_public,
            time=asyncio.get_running_loop().time,
        ),
        clock=village.clock,
    )

    async def renew_nobody(partner: PartnerEntry) -> bool:
        return False

    yield Parts(
        settings=Settings(portal=PortalSettings(public_url=public_url)),
        database=village.database,
        directory=village.directory,
        partners=partners,
        keyring=village.keyring,
        hashing=village.hashing,
        mailer=None,
        pages=Pages(village.clock),
        warnings=RepeatedWarnings(Occurrences(), structlog.get_logger()),
        clock=village.clock,
        verifier=Verifier(forwarder=forwarder, keyring=village.keyring, clock=village.clock),
        token_endpoint=token_endpoint,
        renew_partner=renew_nobody,
    )
    client.close()
    await token_endpoint.close()


async def _add_nas(village: Village) -> None:
    async with village.database.write("test") as session:
        for name, vendor, secret, uses_pap in (
            ("signing", "coovachilli", Secret(UAM_SECRET), False),
            ("masking", "uspot", Secret(UAM_SECRET), True),
            ("posting", "generic", None, False),
        ):
            await access_points.register(
                session,
                village.keyring,
                name=name,
                hotspot="square",
                vendor=vendor,
                network=None,
                identifier=name,
                secret=NAS_SECRET,
                uam_secret=secret,
                login_host=None,
                uses_pap=uses_pap,
                coa_port=None,
                now=village.clock() - timedelta(days=1),
            )
    await village.directory.refresh()


class Browser:
    """One browser: follows the portal's redirects, stops at the gateway's door."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.responses: list[httpx.Response] = []

    async def get(self, url: str) -> httpx.Response:
        """GET, as typed or clicked; follow the portal."""
        return await self._follow(await self.client.get(url))

    async def post(self, url: str, /, **fields: str) -> httpx.Response:
        """Send a form; follow the portal."""
        return await self._follow(await self.client.post(url, data=fields))

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        self.responses.append(response)
        while response.status_code == 303 and response.headers["location"].startswith("/"):
            response = await self.client.get(response.headers["location"])
            self.responses.append(response)
        return response

    async def arrive(self, nas: str = "square", /, **parameters: str) -> str:
        """Come from a NAS; return the path of the visit."""
        response = await self.get(redirect(nas, **parameters))
        assert response.status_code == 200, response.text
        return visit_in(response)

    async def log_in(
        self, visit: str, identifier: str = "anna", password: str = "lavender in july", **more: str
    ) -> httpx.Response:
        """Log in with a password, and accept the terms where they are asked."""
        fields = {"identifier": identifier, "password": password} | more
        response = await self.post(f"{visit}/login", **fields)
        if f"{visit}/terms" in response.text:
            response = await self.post(f"{visit}/terms", accept_terms="yes")
        return response


def visit_in(response: httpx.Response) -> str:
    """The path of the visit that a page belongs to."""
    found = re.search(r"/visit/[A-Za-z0-9_-]{48}", response.text + response.url.path)
    assert found, response.text
    return found[0]


def redirect(nas: str = "square", /, **parameters: str) -> str:
    """The URL that a CoovaChilli gateway sends a browser to, unsigned."""
    query = {
        "res": "notyet",
        "uamip": GATEWAY,
        "uamport": "3990",
        "challenge": CHALLENGE,
        "called": "02-00-5E-00-53-FF",
        "mac": PHONE.upper().replace(":", "-"),
        "ip": "10.1.0.7",
        "userurl": "http://example.org/news",
    } | parameters
    return f"/at/{nas}/?{urlencode(query)}"


def signed(url: str) -> str:
    """A redirect as a gateway with a uamsecret sends it (redir.c, redir_md_param)."""
    checksum = hashlib.md5(f"{PUBLIC_URL}{url}".encode() + UAM_SECRET).hexdigest().upper()
    return f"{url}&md={checksum}"


def query_of(location: str) -> Mapping[str, str]:
    """The parameters of a URL."""
    return dict(parse_qsl(urlsplit(location).query))
