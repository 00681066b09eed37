"""RADIUS over TLS, the server's side (RFC 6614): connections, each of one client that is known."""

import asyncio
import socket
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import structlog
from OpenSSL import SSL

from aaa.snapshot import NasEntry
from monitoring import metrics
from radius.certificates import Chain
from radius.transports.alpn import NO_COMMON_VERSION
from radius.transports.arrival import Line, address_of
from radius.transports.exchange import Exchanges
from radius.transports.radsec_door import Door
from radius.transports.tls import TlsConnection
from radius.transports.versions import NOT_SPOKEN, RADSEC_1_0, Version
from radius.wire.errors import MalformedPacket
from radius.wire.stream import Stream

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
_BACKLOG: Final = 256


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may take."""

    per_client: int = 64
    in_all: int = 4096
    handshakes: int = 256
    """Of strangers at once; the oldest gives way to the next."""
    handshake_seconds: float = 10.0
    idle_seconds: float = 600.0
    """A client that is alive asks, or sends Status-Server, far more often."""


class RadsecServer:
    """Holds the port from :meth:`bind` on; :meth:`serve` answers, until it is cancelled.

    Certificates and trust that change hold for who connects from then on; who is no client any
    more is disconnected. One bad packet ends no connection: only a Length that no packet has does.
    """

    def __init__(self, door: Door, bounds: Bounds | None = None) -> None:
        self._door = door
        self._bounds = bounds or Bounds()
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._clients: dict[int, _Connection] = {}
        self._strangers: dict[int, _Connection] = {}
        """In their handshake, the oldest first."""
        self._count = 0

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._bound.getsockname()[1])

    def bind(self, address: str, port: int) -> None:
        """Hold `address` (`::` takes IPv4 too) and `port` (0: any). Raises OSError."""
        self._socket = bound_tcp_socket(address, port)

    async def serve(self, exchanges: Exchanges) -> None:
        """Have packets answered by `exchanges`, for ever."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._accept(exchanges), sock=self._bound, backlog=_BACKLOG
        )
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.review()
            self._end_idle(loop.time())

    def pause(self) -> None:
        """Let nobody in any more and read nothing; answers can still be sent."""
        if self._server is not None:
            self._server.close()
        for connection in self._clients.values():
            connection.stop_reading()

    def close(self) -> None:
        """End every connection and give the port back."""
        self.pause()
        for connection in [*self._strangers.values(), *self._clients.values()]:
            connection.tls.close("the server stops")
        if self._socket is not None:
            self._socket.close()

    def review(self) -> None:
        """Look at the snapshot of now; whose certificate is no client's any more has to go."""
        if not self._door.review():
            return
        for connection in list(self._clients.values()):
            found = self._door.find(connection.chain)
            if isinstance(found, NasEntry) and found.id == connection.nas.id:
                connection.nas = found
            else:
                connection.tls.close("its certificate is no client's any more")

    def judge(self, connection: "_Connection", certificates: Sequence[bytes]) -> bool:
        """Return whether a stranger is a client; it knows then which."""
        self.review()
        connection.is_judged = True
        judged = self._door.judge(certificates, connection.host)
        if judged is None:
            return False
        connection.chain, connection.nas = judged
        held = Counter(each.nas.id for each in self._clients.values())
        if held[connection.nas.id] < self._bounds.per_client and held.total() < self._bounds.in_all:
            return True
        self._door.turn_away("too_many_connections", connection.host, connection.nas.name)
        return False

    def agreed(self, connection: "_Connection") -> Version | None:
        """Return what a connection speaks; None, and a warning, where that may not be spoken."""
        version = connection.tls.agreed(self._door.versions)
        if version is None:
            self._strangers.pop(connection.number)
            self._door.turn_away("no_common_version", connection.host, connection.nas.name)
        return version

    def enter(self, connection: "_Connection") -> None:
        """Count a stranger as a client from now on."""
        self._clients[connection.number] = self._strangers.pop(connection.number)
        version = connection.version.name
        metrics.radsec_connections.labels("in", version).inc()
        nas, source = connection.nas.name, connection.host
        log.info("radsec client connected", nas=nas, source=source, version=version)

    def leave(self, connection: "_Connection", why: str) -> None:
        """Forget a connection that is over."""
        if self._clients.pop(connection.number, None) is not None:
            metrics.radsec_connections.labels("in", connection.version.name).dec()
            log.info("radsec client left", nas=connection.nas.name, why=why)
        elif self._strangers.pop(connection.number, None) and connection.tls.has_heard:
            if why == _SHOWED_NONE:
                self._door.turn_away("no_certificate", connection.host)
            elif why == NO_COMMON_VERSION:
                self._door.turn_away("no_common_version", connection.host)
            elif not connection.is_judged:
                self._door.turn_away("handshake_failed", connection.host, detail=why)

    def put_out(self, connection: "_Connection") -> None:
        """End a connection that nobody can cut packets out of."""
        self._door.turn_away("bad_framing", connection.host, connection.nas.name)
        connection.tls.close("bad framing")

    @property
    def _bound(self) -> socket.socket:
        assert self._socket is not None  # noqa: S101  # bind() comes first
        return self._socket

    def _accept(self, exchanges: Exchanges) -> asyncio.Protocol:
        """Return what takes the octets of a connection that was just made."""
        self.review()
        session = self._door.session()
        if session is None:
            return _TurnedAway(self._door)
        self._count += 1
        connection = _Connection(self, exchanges, self._count, session)
        self._strangers[self._count] = connection
        if len(self._strangers) > self._bounds.handshakes:
            self._give_up(next(iter(self._strangers.values())))
        return connection.tls

    def _end_idle(self, now: float) -> None:
        for connection in list(self._strangers.values()):
            if now - connection.heard_at > self._bounds.handshake_seconds:
                self._give_up(connection)
        for connection in list(self._clients.values()):
            if now - connection.heard_at > self._bounds.idle_seconds:
                connection.tls.close("it was idle")

    def _give_up(self, stranger: "_Connection") -> None:
        if self._strangers.pop(stranger.number, None) is not None:
            self._door.turn_away("handshake_timeout", stranger.host)
            stranger.tls.close("its handshake took too long")


class _Connection:
    """One connection: packets in, answers out, no more under way than its version allows."""

    chain: Chain
    nas: NasEntry

    def __init__(
        self, server: RadsecServer, exchanges: Exchanges, number: int, session: SSL.Connection
    ) -> None:
        self._server = server
        self._exchanges = exchanges
        self.number = number
        self._clock = asyncio.get_running_loop().time
        self.heard_at = self._clock()
        self.is_judged = False
        self.tls = TlsConnection(session, lambda chain: server.judge(self, chain), self)
        self.version: Version = RADSEC_1_0
        self._stream = Stream()
        self._waiting: deque[bytes] = deque()
        self._under_way = 0
        self._is_reading = True

    @property
    def host(self) -> str:
        """Where the peer is."""
        return str(address_of(self.tls.address[0]))

    def stop_reading(self) -> None:
        """Take no more packets."""
        self._is_reading = False
        self.tls.pause()

    def established(self) -> None:
        """Begin as a client, in the version that was agreed on."""
        version = self._server.agreed(self)
        if version is None:
            self.tls.write(NOT_SPOKEN)
            self.tls.close("no version in common")
            return
        self.version = version
        self._server.enter(self)

    def received(self, octets: bytes) -> None:
        """Take packets out of the stream."""
        self.heard_at = self._clock()
        try:
            self._waiting.extend(self._stream.feed(octets))
        except MalformedPacket:
            self._waiting.clear()
            self._server.put_out(self)
        else:
            self.resumed()

    def resumed(self) -> None:
        """Have done what waits, as far as there is room; read on when none waits any more.

        What a client sends faster than it is answered, or than it reads its answers, stays with
        the client: in its TCP buffer, not in our memory.
        """
        while self._waiting and self._has_room:
            self._under_way += self._exchanges.receive_on(self._line(), self._waiting.popleft())
        if self._waiting or not self._has_room:
            self.tls.pause()
        else:
            self.tls.resume()

    def lost(self, why: str) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._is_reading = False
        self._server.leave(self, why)

    @property
    def _has_room(self) -> bool:
        return (
            self._is_reading
            and self._under_way < self.version.most_outstanding
            and not self.tls.is_congested
        )

    def _line(self) -> Line:
        name = f"radsec {self.number}"
        address = address_of(self.tls.address[0])
        return Line(name, self.nas, self.version, address, self.tls.write, self._ended)

    def _ended(self) -> None:
        self._under_way -= 1
        self.resumed()


class _TurnedAway(asyncio.Protocol):
    """A connection that came before we had a certificate."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End it."""
        host = transport.get_extra_info("peername")[0]
        self._door.turn_away("no_identity", str(host))
        cast(asyncio.Transport, transport).abort()


# OpenSSL's words for a peer without a certificate.
_SHOWED_NONE: Final = "peer did not return a certificate"


def bound_tcp_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens; `::` takes IPv4 as well. Raises OSError."""
    is_ipv6 = ":" in address
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    return socket.create_server(
        (address, port), family=family, backlog=_BACKLOG, dualstack_ipv6=address == "::"
    )
