"""A home server of the tests' own, which does with each request what a test wants."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from federation.partners import NewServer
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply, encode_reply_in_kind
from radius.wire.packet import Code, Packet, parse
from tests.federation.nodes import SHARED, at

Answer = Callable[[Packet], Packet | bytes | None]
"""Makes of a request its answer, or octets to send as they are, or nothing."""


class Home:
    """What it was asked, but for Status-Server, and how it answers; `is_well` as to the latter."""

    def __init__(self, server: NewServer, port: socket.socket) -> None:
        self.server = server
        self.answer: Answer = accept
        self.is_well = True
        self.requests: list[Packet] = []
        self.probes = 0
        self._socket = port
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(port, self._receive)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    @property
    def asked(self) -> set[bytes]:
        """The different requests, repetitions left out."""
        return {request.authenticator for request in self.requests}

    def users(self) -> list[str | None]:
        """Whom each different request was about."""
        distinct = {request.authenticator: request for request in self.requests}
        return [request.attributes.text("User-Name") for request in distinct.values()]

    def _receive(self) -> None:
        datagram, source = self._socket.recvfrom(4096)
        request = parse(datagram)
        if request.code is Code.STATUS_SERVER:
            self.probes += 1
            answer = reply(request, Code.ACCESS_ACCEPT) if self.is_well else None
        else:
            self.requests.append(request)
            found = self.answer(request)
            if isinstance(found, bytes):
                self._socket.sendto(found, source)
                return
            answer = found
        if answer is not None:
            self._socket.sendto(encode(answer, request), source)


def encode(answer: Packet, request: Packet) -> bytes:
    """Return the datagram of an answer."""
    secret = SHARED.reveal()
    if request.code is Code.ACCOUNTING_REQUEST:
        return encode_reply_in_kind(answer, request, secret)
    return encode_reply(answer, request.authenticator, secret)


def reply(request: Packet, code: Code, *named: tuple[str, str | bytes | int]) -> Packet:
    """Return an answer with these attributes, and the Proxy-States."""
    states = tuple(pair for pair in request.attributes if pair[0] == 33)
    attributes = Attributes.of(*named) + Attributes(states)
    return Packet(code, request.identifier, bytes(16), attributes)


def accept(request: Packet) -> Packet:
    """Say yes to everything."""
    is_accounting = request.code is Code.ACCOUNTING_REQUEST
    return reply(request, Code.ACCOUNTING_RESPONSE if is_accounting else Code.ACCESS_ACCEPT)


def challenge(request: Packet) -> Packet:
    """Ask on, with a new State."""
    state = secrets.token_bytes(8)
    return reply(request, Code.ACCESS_CHALLENGE, ("State", state), ("EAP-Message", b"\1\2\0\4"))


def keep_silent(request: Packet) -> None:
    """Say nothing."""


@contextmanager
def home(priority: int = 0) -> Iterator[Home]:
    """Yield a home server on loopback."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.setblocking(False)
    port.bind(("127.0.0.1", 0))
    number = port.getsockname()[1]
    found = Home(at(number, number, priority), port)
    try:
        yield found
    finally:
        found.close()
