"""The open network of a square: a simulated gateway with a captive portal, and a phone's browser.

It runs where it is called: in the network that the calling thread has entered.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from aaa.secret import Secret
from deploy.demo.gateway import Gateway, Visitor
from deploy.demo.packets import AccessServer, Station
from radius.outstanding import Schedule
from radius.transports.client import Client
from radius.wire.packet import Code, Packet

NAS: Final = "open"
NAS_SECRET: Final = "the secret of the open network"
UAM_SECRET: Final = "what signs the redirects of the open network"
STATION: Final = Station("02-00-5E-00-53-77", "10.1.0.11", 1, 3990)
WANTED: Final = "http://example.org/news"
_LOOPBACK: Final = ip_address("127.0.0.1")
_ORDERS_PORT: Final = 3799
_PATIENCE: Final = Schedule(1.0, 2.0, 0, 20.0)
_FORM: Final = re.compile(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_REFRESH: Final = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)"')
_MOST_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser shows."""

    url: str
    text: str

    def link(self, words: str) -> str:
        """Return where the link leads that has these words in or around it."""
        found = re.findall(r'<a[^>]* href="([^"]+)"[^>]*>(.*?)</a>', self.text, re.DOTALL)
        for target, content in found:
            if words in unescape(content):
                return urljoin(self.url, unescape(target))
        raise AssertionError(f"no link with {words!r} on {self.url}:\n{self.text}")

    def form(self, field: str) -> tuple[str, dict[str, str]]:
        """Return where the form leads that has a field, and what is hidden in it."""
        for action, content in _FORM.findall(self.text):
            if f'name="{field}"' in content or field in action:
                hidden = {name: unescape(value) for name, value in _HIDDEN.findall(content)}
                return urljoin(self.url, unescape(action)), hidden
        raise AssertionError(f"no form with {field!r} on {self.url}:\n{self.text}")


@dataclass(slots=True)
class Phone:
    """A phone in the open network, and its browser, which keeps no cookies."""

    gateway: Gateway
    visitor: Visitor
    client: httpx.AsyncClient
    ordered: asyncio.Event
    """Set by the first order that the gateway has followed."""

    async def open(self, url: str) -> Page:
        """Return the page that a URL leads to, through the gateway where that is the way."""
        return await self._follow(await self._get(url))

    async def submit(self, page: Page, field: str, **values: str) -> Page:
        """Return the page that the form with a field leads to, once it is filled in."""
        action, hidden = page.form(field)
        self.client.cookies.clear()
        return await self._follow(await self.client.post(action, data=hidden | values))

    async def await_order(self, seconds: float = 30) -> None:
        """Return once the gateway has followed an order about its phones."""
        async with asyncio.timeout(seconds):
            await self.ordered.wait()

    @property
    def is_online(self) -> bool:
        """Whether the gateway lets it through."""
        return self.visitor.session is not None

    async def _follow(self, response: httpx.Response) -> Page:
        for _ in range(_MOST_STEPS):
            onward = response.headers.get("location") if response.is_redirect else None
            if onward is None and (refresh := _REFRESH.search(response.text)):
                onward = unescape(refresh[1])
            if onward is None:
                assert response.status_code < 400, (str(response.url), response.text)
                return Page(str(response.url), response.text)
            response = await self._get(urljoin(str(response.url), onward))
        raise AssertionError(f"led in circles: {response.url}")

    async def _get(self, url: str) -> httpx.Response:
        """Fetch a URL; the gateway answers for itself."""
        parts = urlsplit(url)
        self.client.cookies.clear()
        if parts.port == STATION.login_port and parts.path in ("/logon", "/login"):
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            url = await self.gateway.log_on(self.visitor, query)
        return await self.client.get(url)


@asynccontextmanager
async def open_network(portal: str) -> AsyncIterator[Phone]:
    """Yield a phone that has come to the open network, whose server is on loopback."""
    nas = AccessServer(
        name=NAS,
        mac="02-00-5E-20-00-01",
        ssid="Wi-Fi",
        place="La place",
        portal_url=f"{portal}/at/{NAS}/",
        secret=Secret(NAS_SECRET),
        uam_secret=Secret(UAM_SECRET),
    )
    client = Client(_PATIENCE)
    gateway = Gateway(nas, _ask(client), lambda: datetime.now(UTC))
    ordered, loop = asyncio.Event(), asyncio.get_running_loop()
    orders, _ = await loop.create_datagram_endpoint(
        lambda: _Orders(gateway, ordered), local_addr=(str(_LOOPBACK), _ORDERS_PORT)
    )
    async with httpx.AsyncClient(headers={"Accept-Language": "en"}) as browser:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(gateway.run())
                yield Phone(gateway, await gateway.arrive(STATION), browser, ordered)
                gateway.switch_off()
        finally:
            orders.close()
            client.close()


def _ask(client: Client) -> Any:
    async def ask(packet: Packet) -> Packet | None:
        port = 1813 if packet.code is Code.ACCOUNTING_REQUEST else 1812
        return await client.exchange(packet, _LOOPBACK, port, Secret(NAS_SECRET))

    return ask


class _Orders(asyncio.DatagramProtocol):
    """Takes Disconnect-Requests for a gateway."""

    def __init__(self, gateway: Gateway, ordered: asyncio.Event) -> None:
        self._gateway = gateway
        self._ordered = ordered

    def connection_made(self, transport: Any) -> None:
        """Keep what answers are sent by."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer one order."""
        if answer := self._gateway.receive(data):
            self._transport.sendto(answer, addr)
            self._ordered.set()
