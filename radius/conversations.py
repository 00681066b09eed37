"""EAP conversations under way, by their State: bounded in number and in time (RFC 3579 2.6.1).

What nobody comes back to is forgotten: the one that has been silent longest first where there are
too many, so that new supplicants cannot be shut out by those who never finish.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# Of one call: what has expired is forgotten in small portions, and no packet waits for it.
_MOST_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many were forgotten: because nobody came back in time, or to make room for others."""

    abandoned: int
    crowded_out: int


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    ends_at: datetime


class Conversations(Generic[T]):
    """At most `most` values, each until its time: what is taken is gone, and kept anew under the
    next State.

    Taking it out is what keeps two packets from being worked on in one conversation at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # The one that was kept longest ago first.
        self._kept: OrderedDict[bytes, _Kept[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, state: bytes, value: T, ends_at: datetime, now: datetime) -> Forgotten:
        """Keep a value under a State; return how many others were forgotten meanwhile."""
        abandoned = self._forget_expired(now)
        self._kept[state] = _Kept(value, ends_at)
        crowded_out = 0
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
            crowded_out += 1
        return Forgotten(abandoned, crowded_out)

    def take(self, state: bytes, now: datetime) -> T | None:
        """Return and forget what is kept under a State; None where nothing is, or not any more."""
        kept = self._kept.pop(state, None)
        return kept.value if kept is not None and now < kept.ends_at else None

    def look(self, state: bytes, now: datetime) -> T | None:
        """Return what is kept under a State, which stays."""
        kept = self._kept.get(state)
        return kept.value if kept is not None and now < kept.ends_at else None

    def _forget_expired(self, now: datetime) -> int:
        for count in range(_MOST_AT_ONCE):
            oldest = next(iter(self._kept), None)
            if oldest is None or now < self._kept[oldest].ends_at:
                return count
            del self._kept[oldest]
        return _MOST_AT_ONCE
