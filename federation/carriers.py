"""How a request gets to a home server: one small protocol, whatever carries it."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Final, Protocol

from aaa.secret import Secret
from federation.directory import HomeServerEntry
from federation.home_servers import Outcome
from federation.model import Transport
from radius.outstanding import Schedule
from radius.request import Address, Service
from radius.transports.client import Client
from radius.wire.packet import Packet

PROXY_SCHEDULE: Final = Schedule(
    initial_seconds=1.0,
    maximum_interval_seconds=2.0,
    maximum_transmissions=0,
    maximum_duration_seconds=0,
)
"""How often a request is sent over UDP; how long is said by who asks.

Deviation: RFC 5080 section 2.2.1 has a proxy send again only what the NAS does. Our own window
against duplicates answers the NAS' repetitions, so that losses beyond us are ours to mend.
"""
_RADSEC_SECRET: Final = Secret("radsec")
_RESOLVED_SECONDS: Final = 60.0


class Carrier(Protocol):
    """Sends packets to home servers of one transport."""

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, within_seconds: float
    ) -> Packet | Outcome:
        """Return the verified answer; SILENT where none came in time; UNREACHABLE, possibly at
        once, where there is no way to the server."""


def secret_of(server: HomeServerEntry) -> Secret:
    """Return what hides passwords and keys on the way to a server (RFC 6614 section 2.3)."""
    if server.transport is Transport.TLS or server.secret is None:
        return _RADSEC_SECRET
    return server.secret


class UdpCarrier:
    """Over UDP; names of hosts are looked up anew once a minute."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._resolved: dict[str, tuple[Address, float]] = {}

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, within_seconds: float
    ) -> Packet | Outcome:
        """See :class:`Carrier`."""
        is_accounting = service is Service.ACCOUNTING
        port = server.acct_port if is_accounting else server.auth_port
        try:
            async with asyncio.timeout(within_seconds):
                address = await self._address(server.host)
                reply = await self._client.exchange(packet, address, port, secret_of(server))
        except TimeoutError:
            return Outcome.SILENT
        except OSError:
            return Outcome.UNREACHABLE
        return reply or Outcome.SILENT

    async def _address(self, host: str) -> Address:
        try:
            return ip_address(host)
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        known = self._resolved.get(host)
        if known is None or known[1] <= loop.time():
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
            known = ip_address(found[0][4][0]), loop.time() + _RESOLVED_SECONDS
            self._resolved[host] = known
        return known[0]
