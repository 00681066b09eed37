"""How many passwords may be guessed for one name at one NAS."""

from dataclasses import dataclass
from datetime import datetime, timedelta

Subject = tuple[str, int]


@dataclass(slots=True)
class _Window:
    ends_at: datetime
    count: int = 0


class Guesses:
    """At most ``most`` guesses of a subject (folded name, NAS id) in each ``window``, which begins
    with the first.

    A guess counts from its beginning, so that as many at once get no further than one after the
    other. ``subjects`` are kept; beyond, the one whose window began first is forgotten.
    """

    def __init__(self, *, most: int, window: timedelta, subjects: int) -> None:
        self._most = most
        self._window = window
        self._subjects = subjects
        # In the order in which they end.
        self._windows: dict[Subject, _Window] = {}

    def begin(self, subject: Subject, now: datetime) -> bool:
        """Count a guess; return False, and count nothing, where there were too many."""
        self._forget_ended(now)
        window = self._windows.get(subject)
        if window is None:
            if len(self._windows) >= self._subjects:
                del self._windows[next(iter(self._windows))]
            window = self._windows[subject] = _Window(now + self._window)
        if window.count >= self._most:
            return False
        window.count += 1
        return True

    def give_back(self, subject: Subject) -> None:
        """Take back a guess that was begun: it was right, or was never answered."""
        window = self._windows.get(subject)
        if window is None:
            return
        window.count -= 1
        if window.count <= 0:
            del self._windows[subject]

    def _forget_ended(self, now: datetime) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if now < self._windows[oldest].ends_at:
                return
            del self._windows[oldest]
