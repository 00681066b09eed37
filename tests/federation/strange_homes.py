"""Homes in the test that do what none should: say nothing, say it too late, or say what is none.

One over UDP and one over TLS, each at the address where the village looks for a realm's home.
"""

import asyncio
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply, encode_reply_in_kind
from radius.wire.packet import Code, Packet, parse
from radius.wire.stream import Stream
from tests.federation.nodes import SHARED
from tests.interop.certificates import Holder
from tests.radius.radsec import SECRET as RADSEC

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
Behaviour = Callable[[bytes, bytes], list[tuple[float, bytes]]]
"""Makes of a request, and the secret, what to send, each after so many seconds."""
_OF: Final = {
    Code.ACCESS_REQUEST: Code.ACCESS_ACCEPT,
    Code.STATUS_SERVER: Code.ACCESS_ACCEPT,
    Code.ACCOUNTING_REQUEST: Code.ACCOUNTING_RESPONSE,
}


def sound(octets: bytes, secret: bytes) -> list[tuple[float, bytes]]:
    """Say yes to everything."""
    return [(0, answer(octets, secret))]


def silent(octets: bytes, secret: bytes) -> list[tuple[float, bytes]]:
    """Say nothing."""
    return []


def late(seconds: float) -> Behaviour:
    """Say yes to everything, after a while."""
    return lambda octets, secret: [(seconds, answer(octets, secret))]


def saying(*garbage: bytes) -> Behaviour:
    """Say the same to everything, with the Identifier of the request."""
    return lambda octets, secret: [(0, each[:1] + octets[1:2] + each[2:]) for each in garbage]


def answer(octets: bytes, secret: bytes, code: Code | None = None) -> bytes:
    """Return a yes to a request, or another answer."""
    request = parse(octets)
    states = tuple(pair for pair in request.attributes if pair[0] == 33)
    reply = Packet(code or _OF[request.code], request.identifier, bytes(16), Attributes(states))
    if request.code is Code.ACCOUNTING_REQUEST:
        return encode_reply_in_kind(reply, request, secret)
    return encode_reply(reply, request.authenticator, secret)


def no(octets: bytes, secret: bytes) -> list[tuple[float, bytes]]:
    """Let nobody in."""
    is_log_in = octets[:1] == bytes((Code.ACCESS_REQUEST,))
    return [(0, answer(octets, secret, Code.ACCESS_REJECT if is_log_in else None))]


GARBAGE: Final = {
    "noise": (secrets.token_bytes(300),),
    "a length that is not so": (bytes((2, 0, 15, 0)) + bytes(16),),
    "no authenticator of ours": (bytes((2, 0, 0, 20)) + secrets.token_bytes(16),),
    "a flood": tuple(secrets.token_bytes(100) for _ in range(200)),
}
"""Of each kind, what is no answer to anything."""


@dataclass
class StrangeHome:
    """How it behaves, from now on; `asked` are the requests that came."""

    behaviour: Behaviour = sound
    asked: list[bytes] = field(default_factory=list)

    def take(self, octets: bytes, secret: bytes, send: Callable[[bytes], object]) -> None:
        """Do with a request what it does."""
        self.asked.append(octets)
        loop = asyncio.get_running_loop()
        for seconds, said in self.behaviour(octets, secret):
            loop.call_later(seconds, send, said)


@asynccontextmanager
async def over_udp(address: tuple[str, int], home: StrangeHome) -> AsyncIterator[None]:
    """Have a home listen at a port for log-ins and the one after it for accounting."""
    loop = asyncio.get_running_loop()
    ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]

    def receive(port: socket.socket) -> None:
        octets, sender = port.recvfrom(65_536)

        def send(said: bytes) -> None:
            if port.fileno() >= 0:
                port.sendto(said, sender)

        home.take(octets, SHARED.reveal(), send)

    for number, port in enumerate(ports):
        port.setblocking(False)
        port.bind((address[0], address[1] + number))
        loop.add_reader(port, receive, port)
    try:
        yield
    finally:
        for port in ports:
            loop.remove_reader(port)
            port.close()


@asynccontextmanager
async def over_tls(
    address: tuple[str, int], home: StrangeHome, holder: Holder
) -> AsyncIterator[None]:
    """Have a home listen that shows this certificate, whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(holder.certificate, holder.key)

    def take(writer: asyncio.StreamWriter, octets: bytes) -> None:
        def send(said: bytes) -> None:
            if not writer.is_closing():
                writer.write(said)

        home.take(octets, RADSEC.reveal(), send)

    async with _listening(address, partial(_serve, take), context):
        yield


@asynccontextmanager
async def no_tls(address: tuple[str, int]) -> AsyncIterator[None]:
    """Have something else listen there, which says what no TLS begins with."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()

    async with _listening(address, talk, None):
        yield


async def _serve(
    take: Callable[[asyncio.StreamWriter, bytes], None],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    stream = Stream()
    while octets := await reader.read(65_536):
        for packet in stream.feed(octets):
            take(writer, packet)


@asynccontextmanager
async def _listening(
    address: tuple[str, int], serve: Serve, context: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """Serve each connection until it ends, or the block does."""
    serving: set[asyncio.Task[None]] = set()
    is_over = asyncio.Event()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_over.is_set():
            # It had begun to shake hands.
            writer.transport.abort()
            return

        async def go_on() -> None:
            try:
                await serve(reader, writer)
            except OSError:
                pass
            finally:
                writer.transport.abort()

        task = asyncio.ensure_future(go_on())
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(met, *address, ssl=context)
    try:
        yield
    finally:
        server.close()
        is_over.set()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
