"""The line of the fault tests is as bad as it is told to be, and no worse."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.federation.line import CUT, FAIR, Line, Weather, line
from tests.ports import free_port
from tests.radius.served import Socket, until

HERE = "127.0.0.1"


@pytest.fixture
async def made() -> AsyncIterator[Line]:
    async with line(7) as made:
        yield made


@pytest.fixture
async def ends(made: Line) -> AsyncIterator[tuple[Socket, int, socket.socket]]:
    """Who sends, the near port of the line, and who receives."""
    sender, port = Socket(), free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setblocking(False)
        receiver.bind((HERE, 0))
        made.open_udp((HERE, port), receiver.getsockname())
        yield sender, port, receiver
    sender.close()


async def receive(receiver: socket.socket) -> tuple[bytes, tuple[str, int]]:
    async with asyncio.timeout(20):
        return await asyncio.get_running_loop().sock_recvfrom(receiver, 4096)


async def test_datagrams_go_there_and_back(
    made: Line, ends: tuple[Socket, int, socket.socket]
) -> None:
    sender, port, receiver = ends
    sender.send(b"question", (HERE, port))
    datagram, source = await receive(receiver)
    assert datagram == b"question"
    receiver.sendto(b"answer", source)
    assert await sender.receive() == b"answer"
    assert made.taken == {port: 1}


async def test_what_is_repeated_comes_through_a_storm(
    made: Line, ends: tuple[Socket, int, socket.socket]
) -> None:
    """Twice it may be lost, and it may come twice."""
    sender, port, receiver = ends
    made.weather = Weather(lost=1.0)
    for _ in range(3):
        sender.send(b"again", (HERE, port))
    assert (await receive(receiver))[0] == b"again"
    made.weather = Weather(doubled=1.0, jitter_seconds=0.02)
    for number in range(20):
        sender.send(bytes((number,)), (HERE, port))
    came = [(await receive(receiver))[0] for _ in range(40)]
    assert Counter(came) == {bytes((number,)): 2 for number in range(20)}
    assert came != sorted(came)


async def test_a_cut_line_carries_nothing(
    made: Line, ends: tuple[Socket, int, socket.socket]
) -> None:
    sender, port, receiver = ends
    made.weather = CUT
    sender.send(b"lost", (HERE, port))
    await until(lambda: made.taken[port] == 1)
    made.weather = FAIR
    sender.send(b"carried", (HERE, port))
    assert (await receive(receiver))[0] == b"carried"


async def test_octets_of_tcp_wait_for_each_other(made: Line) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(4096):
            writer.write(octets)
        writer.close()

    server = await asyncio.start_server(echo, HERE, 0)
    port = free_port()
    await made.open_tcp((HERE, port), server.sockets[0].getsockname())
    made.weather = Weather(lost=0.3, jitter_seconds=0.02)
    reader, writer = await asyncio.open_connection(HERE, port)
    sent = bytes(range(200))
    for number in sent:
        writer.write(bytes((number,)))
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        assert await reader.readexactly(200) == sent
    made.weather = CUT
    writer.write(b"waits")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.read(1)
    made.weather = FAIR
    async with asyncio.timeout(20):
        assert await reader.readexactly(5) == b"waits"
    writer.close()
    server.close()
