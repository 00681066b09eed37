"""Whether the process lives and is ready to serve, from named checks that say what to do.

``live`` asks "must it be restarted?", ``ready`` "may it be given work?". A database that is away
makes a process unready, never dead: a restart would not bring the database back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

ANSWER_SECONDS: Final = 2.0

Probe = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what is wrong in a few words; may also raise."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, and what an operator can do when it does not."""

    name: str
    remedy: str
    probe: Probe


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found: ``problem`` is None when all is well."""

    name: str
    problem: str | None
    remedy: str

    def describe(self) -> dict[str, str]:
        """Return the check's part of the JSON answer; the remedy only where it is needed."""
        if self.problem is None:
            return {"name": self.name, "state": "ok"}
        return {
            "name": self.name,
            "state": "failing",
            "problem": self.problem,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks of one question found."""

    results: tuple[Result, ...]

    @property
    def is_well(self) -> bool:
        """Whether no check found a problem."""
        return all(result.problem is None for result in self.results)

    def describe(self) -> dict[str, object]:
        """Return the JSON answer."""
        return {
            "state": "ok" if self.is_well else "failing",
            "checks": [result.describe() for result in self.results],
        }


class Health:
    """The checks of one process, run anew for every question, all at the same time."""

    def __init__(
        self,
        *,
        live: Iterable[Check] = (),
        ready: Iterable[Check] = (),
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._live = tuple(live)
        self._ready = tuple(ready)
        self._answer_seconds = answer_seconds

    async def live(self) -> Report:
        """Return whether the process works at all; with no check, that it answers is enough."""
        return await self._ask(self._live)

    async def ready(self) -> Report:
        """Return whether the process can do its work now: alive, and all it depends on there."""
        return await self._ask(self._live + self._ready)

    async def _ask(self, checks: tuple[Check, ...]) -> Report:
        return Report(tuple(await asyncio.gather(*map(self._run, checks))))

    async def _run(self, check: Check) -> Result:
        try:
            async with asyncio.timeout(self._answer_seconds):
                problem = await check.probe()
        except TimeoutError:
            problem = f"no answer within {self._answer_seconds:g} seconds"
        except Exception as error:
            # Only the kind: a message may hold an address or a password, and this page is open.
            problem = f"failed: {type(error).__name__}"
        return Result(check.name, problem, check.remedy)
