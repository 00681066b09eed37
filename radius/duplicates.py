"""Which requests came before, and what was answered: RFC 5080 section 2.2.2, pure.

A client that hears nothing sends the same octets again. Answering by the same octets, without
doing the work twice, is what makes a ticket serve once and an answer that was lost harmless.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

Source = tuple[str, int, int]
"""Whence a request came: address, port, and its Identifier."""


class Progress(Enum):
    """Where a request stands that has not been answered."""

    FRESH = "fresh"
    """Seen for the first time: it is the caller's to answer now."""
    IN_PROGRESS = "in_progress"
    """A repetition of one that is being worked on."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A repetition of a request that was answered: send `datagram` again."""

    datagram: bytes


@dataclass(slots=True)
class _Seen:
    authenticator: bytes
    forgotten_at: float
    answer: Answered | None = None


class DuplicateWindow:
    """Remembers requests for `kept_seconds`, and no more than `capacity` of them.

    Times are any clock that only moves forward, in seconds. Every call takes constant time,
    expiry included: requests are forgotten in the order in which they came.
    """

    def __init__(self, kept_seconds: float = 30.0, capacity: int = 65_536) -> None:
        self._kept_seconds: Final = kept_seconds
        self._capacity: Final = capacity
        self._seen: dict[Source, _Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, source: Source, authenticator: bytes, now: float) -> Progress | Answered:
        """Return whether a request is fresh, being worked on, or was answered with what.

        One from the same source with another Request Authenticator is a new request: the client
        uses the Identifier anew, and the old request is forgotten.
        """
        self._forget_old(now)
        seen = self._seen.get(source)
        if seen is not None:
            if seen.authenticator == authenticator:
                return seen.answer or Progress.IN_PROGRESS
            del self._seen[source]
        self._seen[source] = _Seen(authenticator, now + self._kept_seconds)
        return Progress.FRESH

    def answered(self, source: Source, authenticator: bytes, datagram: bytes) -> None:
        """Keep the answer to a request, unless the request has been forgotten meanwhile."""
        seen = self._seen.get(source)
        if seen is not None and seen.authenticator == authenticator:
            seen.answer = Answered(datagram)

    def forget(self, source: Source, authenticator: bytes) -> None:
        """Forget a request that could not be answered, so that its repetition is tried anew."""
        seen = self._seen.get(source)
        if seen is not None and seen.authenticator == authenticator:
            del self._seen[source]

    def _forget_old(self, now: float) -> None:
        """Drop what is past its time, at most two a call, and the oldest when all is full.

        Two out for one in: the window shrinks to what is young, and no call pays for many.
        """
        for _ in range(2):
            source = next(iter(self._seen), None)
            if source is None:
                return
            if self._seen[source].forgotten_at > now and len(self._seen) < self._capacity:
                return
            del self._seen[source]
