"""Requests that we send over UDP, and their answers: to a NAS, to a server, to ourselves."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aaa.secret import Secret
from radius.outstanding import Outstanding, Pending, Schedule
from radius.request import Address
from radius.transports.arrival import address_of
from radius.transports.udp import bound_socket
from radius.wire.authenticator import encode_request, verify_reply
from radius.wire.errors import BadAuthenticator, MalformedPacket
from radius.wire.packet import ANSWERS, Code, Packet, parse

Encode = Callable[[Packet, bytes], bytes]
"""Makes a packet, its Identifier set, and a secret into a datagram."""

_MOST_OCTETS: Final = 4097
_AT_ONCE: Final = 64
_ANY: Final[dict[int, str]] = {4: "0.0.0.0", 6: "::"}  # noqa: S104  # the kernel picks a port, and an address


class Client:
    """Exchanges packets with other servers, 256 at a time on each of `most_sockets` ports.

    What does not fit waits for its turn. `source` is the address that all is sent from, where the
    kernel is not to choose; then nothing is sent to addresses of the other version. Close it when
    done.
    """

    def __init__(
        self,
        schedule: Schedule | None = None,
        most_sockets: int = 8,
        source: Address | None = None,
    ) -> None:
        self._sources: dict[int, str] = _ANY if source is None else {source.version: str(source)}
        self._schedule = schedule or Schedule()
        self._most_sockets = most_sockets
        self._channels: dict[int, list[_Channel]] = {4: [], 6: []}
        self._freed = asyncio.Condition()

    async def exchange(
        self,
        packet: Packet,
        address: Address,
        port: int,
        secret: Secret,
        encode: Encode = encode_request,
    ) -> Packet | None:
        """Return the verified answer to a packet, or None where none came in time.

        The Identifier is chosen here, and the authenticator of all but Access-Request and
        Status-Server, which bring a random one of 16 octets. `encode` replaces the usual way to
        sign. What comes back with a wrong authenticator or code is ignored (RFC 2865 section 3).
        """
        if address.version not in self._sources:
            return None
        channel, identifier = await self._take(address.version)
        try:
            request = Packet(packet.code, identifier, packet.authenticator, packet.attributes)
            datagram = encode(request, secret.reveal())
            return await channel.exchange(
                _Question(identifier, packet.code, datagram, (str(address), port), secret)
            )
        finally:
            channel.release(identifier)
            async with self._freed:
                self._freed.notify()

    def close(self) -> None:
        """Give every port back; exchanges under way end without an answer."""
        for channels in self._channels.values():
            for channel in channels:
                channel.close()
            channels.clear()

    async def _take(self, version: int) -> "tuple[_Channel, int]":
        """Return a socket with a free Identifier, and that."""
        channels = self._channels[version]
        async with self._freed:
            while True:
                for channel in channels:
                    identifier = channel.take_identifier()
                    if identifier is not None:
                        return channel, identifier
                if len(channels) < self._most_sockets:
                    channels.append(_Channel(self._sources[version], self._schedule))
                else:
                    await self._freed.wait()


@dataclass(frozen=True, slots=True)
class _Question:
    """A request that is about to be sent."""

    identifier: int
    code: Code
    datagram: bytes
    destination: tuple[str, int]
    secret: Secret


class _Channel:
    """One socket with its outstanding requests and the one timer that they need."""

    def __init__(self, source: str, schedule: Schedule) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = bound_socket(source, 0)
        self._outstanding = Outstanding(schedule)
        self._waiting: dict[int, tuple[_Question, asyncio.Future[Packet | None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket, self._drain)

    def take_identifier(self) -> int | None:
        return self._outstanding.take_identifier()

    def release(self, identifier: int) -> None:
        self._waiting.pop(identifier, None)
        self._outstanding.finish(identifier)

    async def exchange(self, question: _Question) -> Packet | None:
        answer: asyncio.Future[Packet | None] = self._loop.create_future()
        self._waiting[question.identifier] = (question, answer)
        pending = self._outstanding.sent(
            question.identifier,
            question.destination,
            question.datagram,
            self._loop.time(),
            _jitter(),
        )
        self._send(pending)
        self._set_timer()
        return await answer

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._timer is not None:
            self._timer.cancel()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)

    def _send(self, pending: Pending) -> None:
        try:
            self._socket.sendto(pending.datagram, pending.destination)
        except OSError:
            # No route, or no room in the buffer: as good as lost on the way, and sent again.
            return

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_at = self._outstanding.next_due_at
        self._timer = None if due_at is None else self._loop.call_at(due_at, self._on_timer)

    def _on_timer(self) -> None:
        due = self._outstanding.due(self._loop.time(), _jitter())
        for pending in due.again:
            self._send(pending)
        for pending in due.failed:
            self._resolve(pending.identifier, None)
        self._set_timer()

    def _drain(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                datagram, source = self._socket.recvfrom(_MOST_OCTETS)
            except BlockingIOError:
                return
            self._receive(datagram, (str(address_of(source[0])), source[1]))

    def _receive(self, datagram: bytes, source: tuple[str, int]) -> None:
        try:
            packet = parse(datagram)
        except MalformedPacket:
            return
        pending = self._outstanding.find(packet.identifier, source)
        waiting = self._waiting.get(packet.identifier)
        if pending is None or waiting is None or packet.code not in ANSWERS[waiting[0].code]:
            return
        try:
            verify_reply(datagram, packet, pending.authenticator, waiting[0].secret.reveal())
        except BadAuthenticator:
            return
        self._resolve(packet.identifier, packet)
        self._set_timer()

    def _resolve(self, identifier: int, packet: Packet | None) -> None:
        self._outstanding.settle(identifier)
        waiting = self._waiting.pop(identifier, None)
        if waiting is not None and not waiting[1].done():
            waiting[1].set_result(packet)


def _jitter() -> float:
    """RAND of RFC 5080 section 2.2.1: it only spreads the load, nothing depends on its secrecy."""
    return random.uniform(-0.1, 0.1)  # noqa: S311
