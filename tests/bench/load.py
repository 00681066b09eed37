"""A closed loop of RADIUS work on loopback: so much outstanding, each reply checked."""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from hashlib import md5
from typing import Final, Protocol

_RETRY_SECONDS: Final = 2.0


class End(Enum):
    """How a piece of work ended."""

    DONE = "done"
    WRONG = "wrong"


class Work(Protocol):
    """A request, or a conversation of several."""

    def begin(self) -> bytes:
        """Return the first datagram."""

    def proceed(self, reply: bytes) -> bytes | End:
        """Return the next datagram, or how it ended."""


@dataclass(slots=True)
class Exchange:
    """One request, whose reply counts when its code is `expected` and its Response Authenticator
    right."""

    datagram: bytes
    expected: int
    secret: bytes

    def begin(self) -> bytes:
        return self.datagram

    def proceed(self, reply: bytes) -> End:
        signed = reply[:4] + self.datagram[4:20] + reply[20:] + self.secret
        is_right = md5(signed, usedforsecurity=False).digest() == reply[4:20]
        return End.DONE if is_right and reply[0] == self.expected else End.WRONG


@dataclass(slots=True)
class Result:
    """What one run gave: work by how it ended, wall seconds, each latency in seconds."""

    answered: int = 0
    wrong: int = 0
    lost: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Return a latency quantile in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class _Lane:
    """A socket with one piece of work under way at a time."""

    socket: socket.socket
    work: Work | None = None
    identifier: int = 0
    begun_at: float = 0.0
    sent_at: float = 0.0

    def take(self, works: Iterator[Work]) -> bool:
        """Begin the next piece of work; return whether there was one."""
        self.work = next(works, None)
        if self.work is not None:
            self.begun_at = time.perf_counter()
            self.send(self.work.begin())
        return self.work is not None

    def send(self, datagram: bytes) -> None:
        self.identifier, self.sent_at = datagram[1], time.perf_counter()
        self.socket.send(datagram)


def run(port: int, works: Iterator[Work], *, outstanding: int) -> Result:
    """Do every piece of work with 127.0.0.1, `outstanding` at a time; return when all are settled.
    One whose reply does not come counts as lost."""
    selector = selectors.DefaultSelector()
    lanes = [_Lane(_connected(port)) for _ in range(outstanding)]
    for lane in lanes:
        selector.register(lane.socket, selectors.EVENT_READ, lane)
    result = Result()
    started = time.perf_counter()
    busy = sum(lane.take(works) for lane in lanes)
    while busy:
        for key, _ in selector.select(_RETRY_SECONDS):
            busy -= not _go_on(key.data, works, result)
        now = time.perf_counter()
        for lane in lanes:
            if lane.work is not None and now - lane.sent_at > _RETRY_SECONDS:
                result.lost += 1
                busy -= not lane.take(works)
    result.seconds = time.perf_counter() - started
    for lane in lanes:
        lane.socket.close()
    selector.close()
    return result


def _connected(port: int) -> socket.socket:
    lane = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lane.connect(("127.0.0.1", port))
    return lane


def _go_on(lane: _Lane, works: Iterator[Work], result: Result) -> bool:
    """Read one reply; return whether the lane has something to do still."""
    reply = lane.socket.recv(4096)
    now = time.perf_counter()
    if lane.work is None or reply[1] != lane.identifier:
        return lane.work is not None
    following = lane.work.proceed(reply)
    if isinstance(following, bytes):
        lane.send(following)
        return True
    result.latencies.append(now - lane.begun_at)
    if following is End.DONE:
        result.answered += 1
    else:
        result.wrong += 1
    return lane.take(works)
