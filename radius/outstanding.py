"""Requests that we sent and that await their answer: RFC 5080 section 2.2.1, pure.

One :class:`Outstanding` belongs to one socket: it gives out that socket's 256 Identifiers, says
when to send again, and finds the request that an answer belongs to. It never sends.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from radius.wire.version_1_1 import TOKENS

IDENTIFIERS: Final = 256


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often and how long to try, in the words of RFC 5080; seconds, 0 for no limit."""

    initial_seconds: float = 2.0
    """IRT: from the first transmission to the second; it doubles from there on."""
    maximum_interval_seconds: float = 16.0
    """MRT: the longest pause between two transmissions."""
    maximum_transmissions: int = 5
    """MRC."""
    maximum_duration_seconds: float = 30.0
    """MRD: when to give up, counted from the first transmission."""


@dataclass(slots=True)
class Pending:
    """One request on its way. `datagram` is what to send, the first time and each time again."""

    identifier: int
    destination: tuple[str, int]
    datagram: bytes
    first_sent_at: float
    interval_seconds: float
    due_at: float
    transmissions: int = 1

    @property
    def authenticator(self) -> bytes:
        """The Request Authenticator, which the answer is verified with."""
        return self.datagram[4:20]


@dataclass(frozen=True, slots=True)
class Due:
    """What the time has come for: send some again; finish those that have failed."""

    again: tuple[Pending, ...]
    failed: tuple[Pending, ...]


class Identifiers:
    """The 256 of one socket or connection. The one that was freed longest ago is taken next: a late
    answer to the request that had it before is then least likely to meet a new one."""

    def __init__(self) -> None:
        self._free = deque(range(IDENTIFIERS))

    @property
    def has_one(self) -> bool:
        """Whether any is free."""
        return bool(self._free)

    def take(self) -> int:
        """Return one that no request has. Raises IndexError where none is free."""
        return self._free.popleft()

    def give_back(self, identifier: int) -> None:
        """Free one that was taken."""
        self._free.append(identifier)


class Tokens:
    """The Tokens of one connection, from a random one on (RFC 9765 section 4.2.1); no more than
    `most` requests have one at a time."""

    def __init__(self, first: int, most: int) -> None:
        self._next = first
        self._left = most

    @property
    def has_one(self) -> bool:
        """Whether one more request may be sent."""
        return self._left > 0

    def take(self) -> int:
        """Return one that no request of these 2**32 had before."""
        token, self._next, self._left = self._next, (self._next + 1) % TOKENS, self._left - 1
        return token

    def give_back(self, token: int) -> None:
        """Count one request less; its Token comes round when all others have."""
        self._left += 1


class Outstanding:
    """The requests outstanding on one socket.

    `jitter` is a random number from -0.1 to 0.1, the RAND of the RFC, drawn by the caller. `now`
    is a clock that only moves forward, in seconds.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule: Final = schedule
        self._free = Identifiers()
        self._taken: set[int] = set()
        self._pending: dict[int, Pending] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take_identifier(self) -> int | None:
        """Return an Identifier that no request has, or None where all 256 are taken.

        It stays taken until :meth:`finish`.
        """
        if not self._free.has_one:
            return None
        identifier = self._free.take()
        self._taken.add(identifier)
        return identifier

    def sent(
        self,
        identifier: int,
        destination: tuple[str, int],
        datagram: bytes,
        now: float,
        jitter: float,
    ) -> Pending:
        """Keep a request that has just been sent for the first time."""
        interval = self._schedule.initial_seconds * (1 + jitter)
        pending = Pending(identifier, destination, datagram, now, interval, now)
        pending.due_at = self._due_at(pending, now)
        self._pending[identifier] = pending
        return pending

    def find(self, identifier: int, source: tuple[str, int]) -> Pending | None:
        """Return the request that an answer from `source` may belong to. The caller verifies the
        answer, and only then finishes the request: anybody can send a wrong one."""
        pending = self._pending.get(identifier)
        return pending if pending is not None and pending.destination == source else None

    def settle(self, identifier: int) -> None:
        """Send a request no more: its answer has come. Its Identifier stays taken."""
        self._pending.pop(identifier, None)

    def finish(self, identifier: int) -> None:
        """Forget a request, and free its Identifier; once is enough, twice does no harm."""
        self.settle(identifier)
        if identifier in self._taken:
            self._taken.remove(identifier)
            self._free.give_back(identifier)

    def due(self, now: float, jitter: float) -> Due:
        """Return what to send again now, each already set to its next time, and what failed."""
        again, failed = [], []
        for pending in [each for each in self._pending.values() if each.due_at <= now]:
            if self._is_over(pending, now):
                self.settle(pending.identifier)
                failed.append(pending)
                continue
            pending.transmissions += 1
            pending.interval_seconds = self._next_interval(pending.interval_seconds, jitter)
            pending.due_at = self._due_at(pending, now)
            again.append(pending)
        return Due(tuple(again), tuple(failed))

    @property
    def next_due_at(self) -> float | None:
        """When to call :meth:`due` next, or None where nothing is outstanding."""
        return min((pending.due_at for pending in self._pending.values()), default=None)

    def _next_interval(self, former: float, jitter: float) -> float:
        """RT = 2 RTprev + RAND RTprev, and at most MRT + RAND MRT."""
        interval = (2 + jitter) * former
        most = self._schedule.maximum_interval_seconds
        return most * (1 + jitter) if most and interval > most else interval

    def _due_at(self, pending: Pending, now: float) -> float:
        """When the request is to be looked at again: never after its time is over."""
        due_at = now + pending.interval_seconds
        if self._schedule.maximum_duration_seconds:
            over_at = pending.first_sent_at + self._schedule.maximum_duration_seconds
            due_at = min(due_at, over_at)
        return due_at

    def _is_over(self, pending: Pending, now: float) -> bool:
        most, longest = (
            self._schedule.maximum_transmissions,
            self._schedule.maximum_duration_seconds,
        )
        has_tried_enough = bool(most) and pending.transmissions >= most
        return has_tried_enough or (bool(longest) and now - pending.first_sent_at >= longest)
