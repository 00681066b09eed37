"""Which of many equal troubles is worth a line: the first at once, the repeats once a minute.

Pure; time is an argument. Bounded: whoever invents new kinds (packets with forged addresses) only
adds to one common count per event.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Kind = tuple[str, str]
"""What happened, and to whom: an event and the name or address of a NAS."""

OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class Repeated:
    """An occurrence that came back ``count`` times since ``since_at``."""

    kind: Kind
    count: int
    since_at: datetime


@dataclass(slots=True)
class _Watched:
    since_at: datetime
    count: int = 0


class Occurrences:
    """Counts what repeats within ``period``, for up to ``capacity`` kinds at a time."""

    def __init__(self, period: timedelta = timedelta(minutes=1), capacity: int = 1000) -> None:
        self._period = period
        self._capacity = capacity
        self._watched: dict[Kind, _Watched] = {}

    def notice(self, kind: Kind, now: datetime) -> bool:
        """Return whether this is the first of its kind; count it for later otherwise."""
        if kind not in self._watched and len(self._watched) >= self._capacity:
            kind = (kind[0], OTHERS)
        watched = self._watched.get(kind)
        if watched is None:
            self._watched[kind] = _Watched(now)
            return True
        watched.count += 1
        return False

    def due(self, now: datetime) -> list[Repeated]:
        """Return what repeated during a period that is over, and begin its next one.

        A kind that did not repeat is forgotten: when it happens again, it is a first again.
        """
        summaries = []
        for kind, watched in list(self._watched.items()):
            if now - watched.since_at < self._period:
                continue
            if watched.count:
                summaries.append(Repeated(kind, watched.count, watched.since_at))
                self._watched[kind] = _Watched(now)
            else:
                del self._watched[kind]
        return summaries
