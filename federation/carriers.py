"""How a request gets to a home server: one small protocol, whatever carries it."""

import asyncio
import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final, Protocol

from federation.directory import HomeServerEntry
from federation.home_servers import Outcome
from federation.model import Transport
from radius.outstanding import Schedule
from radius.request import Address, Service
from radius.transports.client import Client
from radius.transports.radsec_client import RadsecClient, TlsPeer
from radius.wire.errors import MalformedPacket
from radius.wire.hop import hide_request, reveal_reply
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
_RESOLVED_SECONDS: Final = 60.0


class Carrier(Protocol):
    """Sends packets to home servers of one transport. Nothing is hidden in what it is given and
    what it returns; on the way it is as the transport wants it."""

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, within_seconds: float
    ) -> Packet | Outcome:
        """Return the verified answer; SILENT where none came in time; UNREACHABLE, possibly at
        once, where there is no way to the server."""

    def keep(self, servers: Collection[HomeServerEntry]) -> None:
        """Let go of what is held for any other server."""


class UdpCarrier:
    """Over UDP; names of hosts are looked up anew once a minute."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._resolved: dict[str, tuple[Address, float]] = {}

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, within_seconds: float
    ) -> Packet | Outcome:
        """See :class:`Carrier`."""
        ports = {
            Service.AUTHENTICATION: server.auth_port,
            Service.ACCOUNTING: server.acct_port,
            Service.DYNAMIC_AUTHORIZATION: server.coa_port,
        }
        secret = server.secret
        assert secret is not None  # noqa: S101  # a server over UDP has one
        hidden = hide_request(packet, secret.reveal())
        try:
            async with asyncio.timeout(within_seconds):
                address = await self._address(server.host)
                reply = await self._client.exchange(hidden, address, ports[service], secret)
            if reply is None:
                return Outcome.SILENT
            return reveal_reply(reply, packet.authenticator, secret.reveal())
        except (TimeoutError, MalformedPacket):
            return Outcome.SILENT
        except OSError:
            return Outcome.UNREACHABLE

    def keep(self, servers: Collection[HomeServerEntry]) -> None:
        """See :class:`Carrier`."""
        hosts = {server.host for server in servers}
        self._resolved = {host: at for host, at in self._resolved.items() if host in hosts}

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


class TlsCarrier:
    """Over TLS (RFC 6614); authentication and accounting share connections.

    Orders have theirs, by `orders`: a server that knows none may take it ill. radsecproxy 1.9 says
    nothing on a connection any more over which one came.
    """

    def __init__(self, requests: RadsecClient, orders: RadsecClient) -> None:
        self._requests = requests
        self._orders = orders

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, within_seconds: float
    ) -> Packet | Outcome:
        """See :class:`Carrier`. What a connection that broke may have taken with it is sent once
        more, over another (RFC 6613 section 2.6.1)."""
        is_order = service is Service.DYNAMIC_AUTHORIZATION
        client = self._orders if is_order else self._requests
        peer = _peer(server, server.coa_port if is_order else server.auth_port)
        clock = asyncio.get_running_loop().time
        ends_at = clock() + within_seconds
        for _ in range(2):
            left = ends_at - clock()
            if left > 0 and (reply := await client.exchange(peer, packet, left)):
                return reply
        return Outcome.SILENT if clock() >= ends_at else Outcome.UNREACHABLE

    def keep(self, servers: Collection[HomeServerEntry]) -> None:
        """See :class:`Carrier`."""
        over_tls = [each for each in servers if each.transport is Transport.TLS]
        self._requests.keep([_peer(server, server.auth_port) for server in over_tls])
        self._orders.keep([_peer(server, server.coa_port) for server in over_tls])


def _peer(server: HomeServerEntry, port: int) -> TlsPeer:
    return TlsPeer(
        server.host,
        port,
        server.anchor,
        server.certificate_name,
        server.fingerprint,
        server.realm,
        server.is_name_enough,
        server.policies,
    )
