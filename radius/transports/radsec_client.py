"""RADIUS over TLS, the client's side (RFC 6614): requests to servers of others over connections
that are kept."""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import structlog
from OpenSSL import SSL

from aaa.pki.identity import ServerIdentity
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.certificates import SERVER, Chain, Expected, each_of
from radius.request import Address, Clock
from radius.transports import alpn
from radius.transports.alpn import BOTH, Versions
from radius.transports.radsec_connection import Broken, ServerConnection
from radius.transports.tls import context_for
from radius.wire.packet import Packet

log = structlog.get_logger()

_CONNECT_SECONDS: Final = 5.0
# A server that was lost is tried again after a second, and ever more seldom.
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
REMEDIES: Final = {
    "unreachable": "see whether the server runs, its address and port, and the way there",
    "broken": "the server ended the handshake: it may not know our certificate "
    "(farandole ca export shows who signs it), or speak no TLS 1.2",
    "no_common_version": "the server does not speak the version of RADIUS that "
    "radius.radsec_versions asks for: have it speak that one, or allow both (1.0,1.1)",
    "bad_framing": "what comes within TLS is no RADIUS: see what listens there",
    "no_identity": "there is no certificate to show: see what the log says of it since the start",
    "malformed_certificate": "what the server shows is no certificate that can be read",
    "untrusted_certificate": "the server shows a certificate that is not vouched for by the anchor "
    "that it was added with: if it was changed on purpose, give its new anchor or fingerprint",
    "expired_certificate": "the server's certificate is out of date: have it renewed there",
    "wrong_purpose": "the server's certificate is none for a server: it needs serverAuth in its "
    "extended key usage",
    "wrong_name": "the server's certificate is for another name: give that as the certificate name",
    "wrong_realm": "the server's certificate is for other realms than the one whose DNS names it: "
    "its people have the realm put in, or have DNS name another",
    "wrong_policy": "the server's certificate is of none of the policies that were agreed on: see "
    "which federation it is for",
}


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """A server, and how it proves itself: by a certificate that `anchor` (DER, one root or several
    one behind the other; None: our own authority) signed for the DNS name `certificate_name`, or
    by the SHA-256 `fingerprint` (hexadecimal) of that. Where neither is given, by its host as the
    name. With `realm`, it must be for that realm; the rest as in :class:`Expected`."""

    host: str
    port: int
    anchor: bytes | None = None
    certificate_name: str | None = None
    fingerprint: str | None = None
    realm: str | None = None
    is_name_enough: bool = True
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def expected(self, identity: ServerIdentity) -> Expected:
        """Return what its certificate must show."""
        anchors = each_of(self.anchor) if self.anchor is not None else ()
        if self.fingerprint is not None:
            return Expected(anchors, self.certificate_name, self.fingerprint)
        anchors = anchors or identity.anchors
        name = self.certificate_name or self.host
        return Expected(anchors, name, None, self.realm, self.is_name_enough, self.policies)


class RadsecClient:
    """Exchanges packets with servers over TLS, on a few connections to each.

    `identity` is asked for our certificate at each request: where it is another than before, new
    connections show it and the old ones take no more requests. `source` is the address that
    connections are made from, where the kernel is not to choose; `versions` are those of RADIUS
    that may be spoken. Close it when done.
    """

    def __init__(
        self,
        identity: Callable[[], ServerIdentity | None],
        warnings: RepeatedWarnings,
        clock: Clock,
        *,
        most_connections: int = 4,
        source: Address | None = None,
        versions: Versions = BOTH,
    ) -> None:
        self.versions = versions
        self.source = None if source is None else (str(source), 0)
        self._identity = identity
        self._warnings = warnings
        self._clock = clock
        self._most_connections = most_connections
        self._context: tuple[ServerIdentity, SSL.Context] | None = None
        self._servers: dict[TlsPeer, _Server] = {}

    async def exchange(
        self, server: TlsPeer, packet: Packet, within_seconds: float
    ) -> Packet | None:
        """Return the verified answer to a packet, or None: where none came within that time, and
        at once where the server cannot be reached or the connection breaks. Over RADIUS/1.1 that
        may be a Protocol-Error.

        The Identifier is chosen here, and the authenticator of all but Access-Request and
        Status-Server, which bring a random one. Nothing is hidden in the packet, and nothing in
        the answer: on the way it is as the connection wants it. Nothing is sent twice (RFC 6613
        section 2.6.1).
        """
        kept = self._servers.get(server)
        if kept is None:
            kept = self._servers[server] = _Server(server, self, self._most_connections)
        try:
            async with asyncio.timeout(within_seconds):
                connection = await kept.connection()
                return await connection.exchange(packet)
        except (TimeoutError, Broken):
            return None

    def keep(self, servers: Collection[TlsPeer]) -> None:
        """End the connections to all other servers: their partner has gone, or was changed."""
        for server in self._servers.keys() - set(servers):
            self._servers.pop(server).close()

    def close(self) -> None:
        """End every connection; exchanges under way end without an answer."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def show(self) -> tuple[ServerIdentity, SSL.Context]:
        """Return our certificate of now, and what connections share that show it. Raises
        Broken where there is none."""
        identity = self._identity()
        if identity is None:
            raise Broken("no_identity")
        if self._context is None or self._context[0] != identity:
            try:
                context = context_for(identity, SSL.TLS_CLIENT_METHOD)
                alpn.offer(context, self.versions)
                self._context = identity, context
            except (ValueError, SSL.Error) as error:
                raise Broken("no_identity", detail=str(error)) from error
        return self._context

    def flaw(self, server: TlsPeer, certificates: Sequence[bytes]) -> "Broken | None":
        """Return why this certificate is not the server's; None where it is."""
        try:
            chain = Chain(certificates)
        except ValueError:
            return Broken("malformed_certificate")
        flaw = chain.flaw(server.expected(self.show()[0]), SERVER, self._clock())
        return None if flaw is None else Broken(flaw.value, **chain.describe())

    def tell(self, server: TlsPeer, broken: "Broken") -> None:
        """Count and warn that a server cannot be used."""
        metrics.radsec_refusals.labels("out", broken.reason).inc()
        self._warnings.warn(
            f"radsec server not used: {broken.reason.replace('_', ' ')}",
            str(server),
            self._clock(),
            reason=broken.reason,
            remedy=REMEDIES[broken.reason],
            **broken.fields,
        )


class _Server:
    """The connections to one server."""

    def __init__(self, server: TlsPeer, client: RadsecClient, most: int) -> None:
        self._server = server
        self._client = client
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._connections: list[ServerConnection] = []
        self._connecting: asyncio.Task[ServerConnection] | None = None
        self._failures = 0
        self._paused_until = 0.0
        self._changed = asyncio.Event()

    async def connection(self) -> "ServerConnection":
        """Return a connection with room for a request. Raises Broken where there is none."""
        while True:
            identity = self._shown()
            for connection in list(self._connections):
                if connection.identity != identity or not connection.is_fresh:
                    connection.retire()
            usable = [each for each in self._connections if not each.is_retired]
            for connection in usable:
                if connection.has_room:
                    return connection
            if len(usable) < self._most:
                await self._connect()
            else:
                self._changed.clear()
                await self._changed.wait()

    def _shown(self) -> ServerIdentity:
        """Return the certificate that connections must show now."""
        try:
            return self._client.show()[0]
        except Broken as broken:
            self.tell(broken)
            raise

    def heard(self) -> None:
        """Note an answer: the server is alive, and knows us."""
        self._failures = 0

    def tell(self, broken: Broken) -> None:
        """Count and warn that the server cannot be used."""
        self._client.tell(self._server, broken)

    def has_changed(self) -> None:
        """Wake who waits for room."""
        self._changed.set()

    def lost(self, connection: "ServerConnection", why: str) -> None:
        """Forget a connection. One that never brought an answer was no good."""
        self._connections.remove(connection)
        metrics.radsec_connections.labels("out", connection.version.name).dec()
        log.info("radsec server left", server=str(self._server), why=why)
        if not connection.was_of_use:
            self._fail(Broken("broken", detail=why))
        self.has_changed()

    def close(self) -> None:
        """End all connections."""
        if self._connecting is not None:
            self._connecting.cancel()
        for connection in list(self._connections):
            connection.tls.close("no more needed")

    async def _connect(self) -> None:
        """Have one more connection; who asks meanwhile waits for the same. Raises Broken, at once
        while the server is left in peace after it failed."""
        connecting = self._connecting
        if connecting is None:
            if self._loop.time() < self._paused_until:
                raise Broken("unreachable")
            connecting = self._connecting = self._loop.create_task(self._open())
            connecting.add_done_callback(self._opened)
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            if connecting.cancelled():
                raise Broken("unreachable") from None
            raise

    async def _open(self) -> "ServerConnection":
        identity, context = self._client.show()
        session = SSL.Connection(context)
        session.set_connect_state()
        if name := _server_name(self._server):
            session.set_tlsext_host_name(name)
        connection = ServerConnection(self, session, identity, self._judge, self._client.versions)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._loop.create_connection(
                    lambda: connection.tls,
                    self._server.host,
                    self._server.port,
                    local_addr=self._client.source,
                )
                await connection.ready
        except (OSError, TimeoutError) as error:
            connection.tls.close("it was given up")
            raise Broken("unreachable", detail=str(error) or "no answer in time") from error
        self._connections.append(connection)
        version = connection.version.name
        metrics.radsec_connections.labels("out", version).inc()
        log.info("radsec server connected", server=str(self._server), version=version)
        return connection

    def _judge(self, connection: "ServerConnection", certificates: Sequence[bytes]) -> bool:
        connection.flaw = self._client.flaw(self._server, certificates)
        return connection.flaw is None

    def _opened(self, task: "asyncio.Task[ServerConnection]") -> None:
        self._connecting = None
        if not task.cancelled() and isinstance(error := task.exception(), Broken):
            self._fail(error)

    def _fail(self, broken: Broken) -> None:
        pause = min(_FIRST_PAUSE_SECONDS * 2**self._failures, _LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 16)
        self._paused_until = self._loop.time() + pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._client.tell(self._server, broken)


def _server_name(server: TlsPeer) -> bytes | None:
    """Return the name to ask for (RFC 6066 section 3), None where there is only an address."""
    name = server.certificate_name or server.host
    try:
        ip_address(name)
    except ValueError:
        return name.encode("ascii", "ignore")
    return None
