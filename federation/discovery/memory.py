"""What was found, for how long it is believed, and how much of it is kept: pure.

Times are seconds of a clock that only moves forward.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

LEAST_SECONDS: Final = 60.0
"""However short DNS says (RFC 7585 section 3.4.1: MIN_EFF_TTL): servers do not move by the second,
and a name that is asked about all the time costs somebody else's DNS."""
MOST_SECONDS: Final = 24 * 3600.0
FIRST_PAUSE_SECONDS: Final = 10.0
"""After a look that failed; twice as long after each more, up to the next."""
LONGEST_PAUSE_SECONDS: Final = 600.0
"""RFC 7585 section 3.4.1: BACKOFF_TIME."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class Kept(Generic[Value]):
    """What was found, good until a time; `failures` in a row since."""

    value: Value
    until: float
    used_at: float
    failures: int = 0


class Memory(Generic[Key, Value]):
    """At most `capacity` finds; the one that nobody has needed for longest goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Key, Kept[Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, now: float) -> Kept[Value] | None:
        """Return what is kept, used now; it may be out of date."""
        kept = self._kept.get(key)
        if kept is not None:
            kept.used_at = now
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: Key, value: Value, seconds: float, now: float) -> None:
        """Keep what was found; DNS believes it for so many seconds."""
        until = now + min(max(seconds, LEAST_SECONDS), MOST_SECONDS)
        self._put(key, Kept(value, until, now))

    def keep_failure(self, key: Key, value: Value, now: float) -> Value:
        """Return what holds until the next look, after one that failed: what was known before, else
        `value`."""
        before = self._kept.get(key)
        failures = before.failures if before is not None else 0
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 16), LONGEST_PAUSE_SECONDS)
        held = before.value if before is not None else value
        self._put(key, Kept(held, now + pause, now, failures + 1))
        return held

    def used(self, most: int, since: float) -> Iterator[tuple[Key, Value]]:
        """Yield what was used last, at most so many and none before a time, the newest first."""
        for _, (key, kept) in zip(range(most), reversed(self._kept.items()), strict=False):
            if kept.used_at >= since:
                yield key, kept.value

    def _put(self, key: Key, kept: Kept[Value]) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
