"""A closed loop of RADIUS requests on loopback: so many outstanding, each reply checked."""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Final

_RETRY_SECONDS: Final = 2.0


@dataclass(slots=True)
class Result:
    """What one run gave: replies by how they were, wall seconds, each latency in seconds."""

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
    """A socket with one request under way at a time."""

    socket: socket.socket
    datagram: bytes = b""
    sent_at: float = 0.0


def run(
    port: int, datagrams: Iterator[bytes], *, outstanding: int, expected: int, secret: bytes
) -> Result:
    """Send every datagram to 127.0.0.1, `outstanding` at a time; return when all are settled.

    A reply counts when its code is `expected` and its Response Authenticator right.
    """
    selector = selectors.DefaultSelector()
    lanes = [_Lane(_connected(port)) for _ in range(outstanding)]
    for lane in lanes:
        selector.register(lane.socket, selectors.EVENT_READ, lane)
    result = Result()
    started = time.perf_counter()
    busy = sum(_send_next(lane, datagrams) for lane in lanes)
    while busy:
        ready = selector.select(_RETRY_SECONDS)
        now = time.perf_counter()
        for key, _ in ready:
            lane = key.data
            reply = lane.socket.recv(4096)
            if reply[1] != lane.datagram[1]:
                continue
            result.latencies.append(now - lane.sent_at)
            if _is_right(reply, lane.datagram, expected, secret):
                result.answered += 1
            else:
                result.wrong += 1
            busy -= not _send_next(lane, datagrams)
        for lane in lanes:
            if lane.datagram and now - lane.sent_at > _RETRY_SECONDS:
                result.lost += 1
                busy -= not _send_next(lane, datagrams)
    result.seconds = time.perf_counter() - started
    for lane in lanes:
        lane.socket.close()
    selector.close()
    return result


def _connected(port: int) -> socket.socket:
    lane = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lane.connect(("127.0.0.1", port))
    return lane


def _send_next(lane: _Lane, datagrams: Iterator[bytes]) -> bool:
    lane.datagram = next(datagrams, b"")
    if lane.datagram:
        lane.sent_at = time.perf_counter()
        lane.socket.send(lane.datagram)
    return bool(lane.datagram)


def _is_right(reply: bytes, request: bytes, expected: int, secret: bytes) -> bool:
    signed = reply[:4] + request[4:20] + reply[20:] + secret
    return reply[0] == expected and md5(signed, usedforsecurity=False).digest() == reply[4:20]
