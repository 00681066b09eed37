"""A phone that a gateway has captured, and the browser on it: from the gateway to the portal, and
back to the gateway with what the portal gave."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx
from sqlalchemy import update

from aaa.model import Nas
from aaa.snapshot import touch
from deploy.demo.gateway import Gateway, Visitor
from deploy.demo.packets import AccessServer, Station
from deploy.demo.run import listen
from radius.transports.udp import bound_socket
from tests.federation.nodes import UAM_SECRET, Node
from tests.radius.served import PHONE_AS_SENT
from tests.village import NAS_SECRET

LOGIN_PORT: Final = 3990


@dataclass
class Phone:
    """A phone at a gateway of a member's, with a browser that keeps no cookies."""

    node: Node
    gateway: Gateway
    visitor: Visitor
    browser: httpx.AsyncClient

    async def arrive(self) -> str:
        """Ask for a page, and be captured; return the address of the visit."""
        page = await self.get(self.gateway.capture(self.visitor, "http://example.org/"))
        assert page.status_code == 200, page.text
        return str(page.url)

    async def get(self, url: str) -> httpx.Response:
        """GET; follow portals and the gateway."""
        return await self._follow(await self.browser.get(url))

    async def post(self, url: str, **fields: str) -> httpx.Response:
        """Send a form; follow portals and the gateway."""
        return await self._follow(await self.browser.post(url, data=fields))

    async def send(self, page: httpx.Response, ending: str, **fields: str) -> httpx.Response:
        """Send the form of a page whose address ends so."""
        found = re.search(rf'action="([^"]*/{ending})"', page.text)
        assert found, page.text
        return await self.post(str(page.url.join(found[1])), **fields)

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        while response.is_redirect:
            where = str(response.url.join(response.headers["location"]))
            if urlsplit(where).port == LOGIN_PORT:
                query = dict(parse_qsl(urlsplit(where).query))
                where = await self.gateway.log_on(self.visitor, query)
            response = await self.browser.get(where)
        return response


@asynccontextmanager
async def captured(node: Node) -> AsyncIterator[Phone]:
    """Yield a phone in reach of the gateway at a member's hotspot."""
    nas = AccessServer(
        name=node.cast.hotspot,
        mac="02-00-5E-20-00-01",
        ssid="Wi-Fi",
        place=node.cast.hotspot,
        portal_url=f"{node.settings.portal.public_url}/at/{node.cast.hotspot}/",
        secret=NAS_SECRET,
        uam_secret=UAM_SECRET,
    )
    gateway = Gateway(nas, node.ask, node.village.clock)
    orders = bound_socket("127.0.0.1", 0)
    listening = await listen(gateway, orders)
    async with node.village.database.write("test") as session:
        await session.execute(update(Nas).values(coa_port=orders.getsockname()[1]))
        await touch(session)
    await node.refresh()
    running = asyncio.ensure_future(gateway.run())
    station = Station(PHONE_AS_SENT, "10.1.0.7", 1, LOGIN_PORT)
    async with httpx.AsyncClient(headers={"Accept-Language": "en"}) as browser:
        yield Phone(node, gateway, await gateway.arrive(station), browser)
    gateway.switch_off()
    await running
    listening.close()
