"""Makes accounting durable in groups: one transaction for all the packets that wait."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.accounting import Effect, Event
from aaa.database import Database
from aaa.errors import Unavailable
from aaa.ledger import Ledger
from aaa.snapshot import Snapshot
from monitoring import metrics

_GROUP: Final = 500

Also = Callable[[AsyncSession, Effect], None]
"""Adds rows of its own to the transaction that an event is stored in; told what the event did."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event, what is to be stored with it, and who waits for that."""

    event: Event
    also: Also | None
    future: asyncio.Future[Effect]


class Recorder:
    """Takes events, returns when they are durable. :meth:`run` does the work."""

    def __init__(
        self,
        database: Database,
        snapshot: Callable[[], Snapshot],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._snapshot = snapshot
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._work = asyncio.Event()

    async def record(self, event: Event, also: Also | None = None) -> Effect:
        """Return what ``event`` did, once that is committed (RFC 2866 section 2: answer only
        then), and with it what ``also`` adds: it is called anew for each attempt. Raises
        Unavailable where it could not be; nothing of the event is kept then."""
        future: asyncio.Future[Effect] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(event, also, future))
        self._work.set()
        return await future

    async def run(self) -> None:
        """Commit groups for ever, each made of all that came while the former was written."""
        while True:
            await self._work.wait()
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
            if not self._waiting:
                self._work.clear()
            await self._settle(group)

    async def _settle(self, group: Sequence[_Waiting]) -> None:
        try:
            effects = await self._commit(group)
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                # One event that cannot be stored must not take the others with it.
                middle = len(group) // 2
                await self._settle(group[:middle])
                await self._settle(group[middle:])
                return
            # The waiting requests get the failure; a bug is logged where requests are handled.
            for waiting in group:
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        metrics.accounting_group_size.observe(len(group))
        for waiting, effect in zip(group, effects, strict=True):
            if not waiting.future.done():
                waiting.future.set_result(effect)

    async def _commit(self, group: Sequence[_Waiting]) -> list[Effect]:
        try:
            return await self._attempt(group)
        except IntegrityError:
            # Another process stored the same new session first: now it is there to be updated.
            if len(group) > 1:
                return await self._attempt(group)
        try:
            return await self._attempt(group)
        except IntegrityError:
            # Whose it is is not there, as after an older backup was put back: the session is kept.
            return await self._attempt(
                [replace(waiting, event=_nobodys(waiting.event)) for waiting in group]
            )

    async def _attempt(self, group: Sequence[_Waiting]) -> list[Effect]:
        events = [waiting.event for waiting in group]
        ledger = Ledger(self._snapshot())
        async with self._database.write("accounting") as session:
            await ledger.load(session, events)
            effects = [ledger.post(event) for event in events]
            await ledger.store(session, self._clock())
            for waiting, effect in zip(group, effects, strict=True):
                if waiting.also is not None:
                    waiting.also(session, effect)
        ledger.count()
        for event, effect in zip(events, effects, strict=True):
            metrics.accounting_events.labels(event.kind.value, effect.value).inc()
        return effects


def _nobodys(event: Event) -> Event:
    return replace(event, citizen_id=None, home_collectivity_id=None)
