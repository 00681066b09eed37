"""The client against peers on loopback that answer late, wrongly, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address
from typing import cast

import pytest

from aaa.secret import Secret
from radius.outstanding import IDENTIFIERS, Schedule
from radius.transports.client import Client
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply
from radius.wire.packet import Code, Packet, parse
from tests.radius.served import LOOPBACK, status

SECRET = Secret("between the two of us")
FAST = Schedule(initial_seconds=0.05, maximum_transmissions=3, maximum_duration_seconds=5)


class Peer(asyncio.DatagramProtocol):
    """Records datagrams; `answers` says what to send back for the nth."""

    def __init__(self, answers: Callable[[int, bytes], list[bytes]]) -> None:
        self.received: list[bytes] = []
        self.sources: set[tuple[str, int]] = set()
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(data)
        self.sources.add(addr)
        for answer in self._answers(len(self.received), data):
            self.transport.sendto(answer, addr)


Listen = Callable[..., Awaitable[tuple[Peer, int]]]


@pytest.fixture
async def peer() -> AsyncIterator[Listen]:
    """Starts peers: `peer(answers, host)` gives the peer and its port."""
    peers: list[Peer] = []

    async def listen(
        answers: Callable[[int, bytes], list[bytes]], host: str = "127.0.0.1"
    ) -> tuple[Peer, int]:
        transport, started = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Peer(answers), local_addr=(host, 0)
        )
        peers.append(started)
        return started, transport.get_extra_info("sockname")[1]

    yield listen
    for each in peers:
        each.transport.close()


def accept(datagram: bytes, secret: Secret = SECRET, code: Code = Code.ACCESS_ACCEPT) -> bytes:
    request = parse(datagram)
    reply = Packet(code, request.identifier, request.authenticator, Attributes())
    return encode_reply(reply, request.authenticator, secret.reveal())


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(FAST, most_sockets=2)
    yield client
    client.close()


async def test_the_same_octets_are_sent_until_an_answer_comes(client: Client, peer: Listen) -> None:
    here, port = await peer(lambda number, datagram: [accept(datagram)] if number == 3 else [])
    answer = await client.exchange(status(), LOOPBACK, port, SECRET)
    assert answer is not None
    assert answer.code is Code.ACCESS_ACCEPT
    assert len(here.received) == 3
    assert len(set(here.received)) == 1


async def test_silence_ends_in_no_answer(client: Client, peer: Listen) -> None:
    here, port = await peer(lambda number, datagram: [])
    assert await client.exchange(status(), LOOPBACK, port, SECRET) is None
    assert len(here.received) == 3


async def test_ipv6(client: Client, peer: Listen) -> None:
    _, port = await peer(lambda number, datagram: [accept(datagram)], "::1")
    assert await client.exchange(status(), ip_address("::1"), port, SECRET) is not None


async def test_what_is_not_the_answer_is_ignored(client: Client, peer: Listen) -> None:
    def answers(number: int, datagram: bytes) -> list[bytes]:
        wrong_secret = accept(datagram, Secret("of somebody else"))
        other_identifier = bytearray(accept(datagram))
        other_identifier[1] ^= 1
        wrong_code = accept(datagram, code=Code.DISCONNECT_ACK)
        ok = accept(datagram)
        return [b"", b"noise", wrong_secret, bytes(other_identifier), wrong_code, ok, ok]

    _, port = await peer(answers)
    answer = await client.exchange(status(), LOOPBACK, port, SECRET)
    assert answer is not None
    assert answer.code is Code.ACCESS_ACCEPT
    assert await client.exchange(status(), LOOPBACK, port, SECRET) is not None


async def test_an_answer_from_elsewhere_is_ignored(client: Client, peer: Listen) -> None:
    other, other_port = await peer(lambda number, datagram: [])

    def answers(number: int, datagram: bytes) -> list[bytes]:
        (source,) = here.sources
        other.transport.sendto(accept(datagram), source)
        return []

    here, port = await peer(answers)
    assert await client.exchange(status(), LOOPBACK, port, SECRET) is None
    assert other_port != port


async def test_many_at_once_share_few_sockets(peer: Listen) -> None:
    here, port = await peer(lambda number, datagram: [accept(datagram)])
    # The pauses of RFC 5080: a machine that is busy may answer late.
    client = Client(Schedule(), most_sockets=2)
    count = 3 * IDENTIFIERS
    answers = await asyncio.gather(
        *(client.exchange(status(), LOOPBACK, port, SECRET) for _ in range(count))
    )
    client.close()
    assert all(answers)
    assert len(here.sources) == 2


async def test_closing_ends_what_waits(peer: Listen) -> None:
    client = Client(Schedule())
    here, port = await peer(lambda number, datagram: [])
    exchange = asyncio.ensure_future(client.exchange(status(), LOOPBACK, port, SECRET))
    while not here.received:
        await asyncio.sleep(0)
    client.close()
    assert await exchange is None
