"""A line between two places, as bad as a test makes it: it loses, doubles, delays, or is cut.

Linux has `netem` for that, where its kernel was built with it. This is a relay: datagrams and TCP
come in at one address and go on to another, and back. What happens to them may change at any time.
Chance is seeded; and since no test may fail by it, one datagram is lost no more than twice.
"""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

Address = tuple[str, int]
_MOST_OCTETS: Final = 65_536
_MOST_LOSSES: Final = 2
# What Linux' TCP takes to notice that a segment was lost, at least.
_RETRANSMISSION_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Weather:
    """What befalls what is on its way, in either direction; shares are of 1."""

    lost: float = 0.0
    doubled: float = 0.0
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    """Up to so much later still: datagrams overtake each other, octets of TCP do not."""
    is_cut: bool = False
    """Datagrams are lost, and TCP waits, as it does for a while."""


FAIR: Final = Weather()
CUT: Final = Weather(is_cut=True)


class Line:
    """A line; `taken` counts the datagrams that were sent over it, by the port that took them."""

    def __init__(self, seed: int) -> None:
        self.taken: Counter[int] = Counter()
        self._weather = FAIR
        self._random = random.Random(seed)
        self._losses: Counter[bytes] = Counter()
        self._loop = asyncio.get_running_loop()
        self._mended = asyncio.Event()
        self._mended.set()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def weather(self) -> Weather:
        """What befalls all that is sent from now on."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        (self._mended.clear if weather.is_cut else self._mended.set)()

    def open_udp(self, near: Address, far: Address, source: str | None = None) -> None:
        """Carry datagrams that are sent to `near` on to `far`, and the answers to each sender;
        `source` is the address that they seem to come from, if not the nearest one."""
        port = self._bound(near)
        far_source = source or _source_towards(far)
        ways: dict[Address, socket.socket] = {}

        def forward() -> None:
            datagram, sender = port.recvfrom(_MOST_OCTETS)
            way = ways.get(sender)
            if way is None:
                way = ways[sender] = self._bound((far_source, 0))
                self._loop.add_reader(way, back, way, sender)
            self.taken[near[1]] += 1
            self._carry(datagram, lambda: way.sendto(datagram, far))

        def back(way: socket.socket, sender: Address) -> None:
            datagram = way.recv(_MOST_OCTETS)
            self._carry(datagram, lambda: port.sendto(datagram, sender))

        self._loop.add_reader(port, forward)

    async def open_tcp(self, near: Address, far: Address) -> None:
        """Carry connections that are made to `near` on to `far`."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._mended.wait()
            try:
                there, back = await asyncio.open_connection(*far)
            except OSError:
                writer.transport.abort()
                return
            await asyncio.gather(self._pour(reader, back), self._pour(there, writer))

        def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(carry(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(met, *near)
        self._tasks.add(self._loop.create_task(server.serve_forever()))

    async def close(self) -> None:
        """End all that goes over it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._sockets:
            self._loop.remove_reader(each)
            each.close()
        self._sockets.clear()

    def _bound(self, address: Address) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(address)
        self._sockets.append(made)
        return made

    def _carry(self, datagram: bytes, deliver: Callable[[], object]) -> None:
        weather = self._weather
        if weather.is_cut or self._is_lost(datagram):
            return
        copies = 2 if self._random.random() < weather.doubled else 1
        for _ in range(copies):
            self._loop.call_later(self._delay(), self._arrive, deliver)

    def _arrive(self, deliver: Callable[[], object]) -> None:
        if self._sockets and not self._weather.is_cut:
            # Nobody listens there: ICMP says so, and the sender of a datagram is not told.
            with suppress(OSError):
                deliver()

    def _is_lost(self, datagram: bytes) -> bool:
        if self._random.random() >= self._weather.lost or self._losses[datagram] == _MOST_LOSSES:
            return False
        self._losses[datagram] += 1
        return True

    def _delay(self) -> float:
        weather = self._weather
        return weather.delay_seconds + self._random.random() * weather.jitter_seconds

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry octets one way until either end has gone; what is under way arrives in order."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                due_at, octets = await under_way.get()
                is_due = asyncio.Event()
                self._loop.call_at(due_at, is_due.set)
                await is_due.wait()
                await self._mended.wait()
                if not octets:
                    return
                writer.write(octets)
                await writer.drain()

        arriving = self._loop.create_task(arrive())
        try:
            while octets := await reader.read(_MOST_OCTETS):
                is_lost = self._random.random() < self._weather.lost
                late = self._delay() + (_RETRANSMISSION_SECONDS if is_lost else 0.0)
                under_way.put_nowait((self._loop.time() + late, octets))
            under_way.put_nowait((self._loop.time(), b""))
            await arriving
        except OSError:
            pass
        finally:
            arriving.cancel()
            writer.close()


def _source_towards(address: Address) -> str:
    """Return the address that this machine sends from to another."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(address)
        source: str = asking.getsockname()[0]
        return source


@asynccontextmanager
async def line(seed: int) -> AsyncIterator[Line]:
    """Yield a line for the length of a block."""
    made = Line(seed)
    try:
        yield made
    finally:
        await made.close()
