"""What must be done every so often: throw away what is past use, count what is there.

Any number of processes may do it at once; each task may run twice without harm. What fails is
logged, counted and done again at its next time, and keeps no other task from its work.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import func, select

from aaa import retention as records
from aaa import sessions, tickets, visitors, wifi_secrets
from aaa.authorization import STALE_INTERVALS
from aaa.errors import Unavailable
from aaa.model import Instruction, InstructionState, MessageAuthenticatorRule, Nas
from aaa.policy import DEFAULTS
from aaa.snapshot import Directory
from deploy import certificates, signing_keys
from deploy.installation import Installation
from federation import accounting_retention
from monitoring import federation_metrics, metrics
from portal import retention

log = structlog.get_logger()

_SILENT_NAS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do, ``every_seconds`` after it was done; its name is a metric label."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[None]]


class Housekeeping:
    """The tasks of one installation; :meth:`run` does them for ever."""

    def __init__(
        self,
        installation: Installation,
        directory: Directory,
        clock: Callable[[], datetime],
        more: Sequence[Task] = (),
    ) -> None:
        """`more`: what others have to have done every so often."""
        self._installation = installation
        self._database = installation.database
        self._directory = directory
        self._clock = clock
        self._shown: set[tuple[str, str]] = set()
        self.tasks: tuple[Task, ...] = (
            Task("tickets", 60, self._purge_tickets),
            Task("portal", 60, self._purge_portal),
            Task("stale_sessions", 60, self._close_stale_sessions),
            Task("records", 86400, self._purge_records),
            Task("forwarded_accounting", 3600, self._give_up_accounting),
            Task("certificates", 3600, self._keep_certificates),
            Task("signing_keys", 3600, self._keep_signing_keys),
            Task("wifi_texts", 86400, self._wipe_wifi_texts),
            Task("sessions_open", 10, self._count_sessions),
            Task("nas", 30, self._count_nas),
            Task("instructions", 10, self._count_instructions),
            *more,
        )

    async def run(self) -> None:
        """Do every task at its time, for ever."""
        async with asyncio.TaskGroup() as group:
            for task in self.tasks:
                group.create_task(self._repeat(task))

    async def once(self, task: Task) -> None:
        """Do one task; count how it went."""
        try:
            await task.work()
        except Exception as error:
            metrics.housekeeping.labels(task.name, "failed").inc()
            if isinstance(error, Unavailable):
                log.warning(
                    "housekeeping has to wait",
                    task=task.name,
                    reason=str(error),
                    remedy="it is done again by itself; `farandole check` says what the database "
                    "answers",
                )
            else:
                log.exception(
                    "housekeeping failed",
                    task=task.name,
                    remedy="this is a bug of ours: report it with the traceback",
                )
        else:
            metrics.housekeeping.labels(task.name, "done").inc()

    async def _repeat(self, task: Task) -> None:
        while True:
            await self.once(task)
            await asyncio.sleep(task.every_seconds)

    async def _purge_tickets(self) -> None:
        async with self._database.write("purge_tickets") as session:
            await tickets.purge(session, self._clock())
            await visitors.purge(session, self._clock())

    async def _purge_portal(self) -> None:
        async with self._database.write("purge_portal") as session:
            await retention.purge(session, self._clock())

    async def _purge_records(self) -> None:
        """Delete the records of last year, many transactions of few: others write meanwhile."""
        deleted = 0
        while True:
            async with self._database.write("purge_records") as session:
                batch = await records.purge(session, self._clock())
            if not batch:
                break
            deleted += batch
        if deleted:
            log.info("records past their year deleted", count=deleted)

    async def _give_up_accounting(self) -> None:
        """Delete what partners' homes have not taken for too long, many transactions of few."""
        kept = timedelta(days=self._installation.settings.federation.accounting_days)
        given_up: Counter[str] = Counter()
        while True:
            async with self._database.write("give_up_accounting") as session:
                batch = await accounting_retention.give_up(session, self._clock(), kept)
            given_up.update(batch)
            for partner, count in batch.items():
                federation_metrics.accounting_given_up.labels(partner).inc(count)
            if not any(batch.values()):
                break
        for partner, count in given_up.items():
            if count:
                log.warning(
                    "accounting given up",
                    partner=partner,
                    records=count,
                    remedy="this partner has not taken it for federation.accounting_days; its home "
                    "misses it, while the sessions are on record here: see why it does not "
                    "acknowledge, and tell it what it misses",
                )

    async def _close_stale_sessions(self) -> None:
        async with self._database.write("close_stale_sessions") as session:
            closed = await sessions.close_stale(session, self._directory.current, self._clock())
        if closed:
            log.warning(
                "sessions closed whose NAS had fallen silent",
                count=closed,
                remedy="see that the NAS there have power, reach us, and send interim updates",
            )

    async def _keep_signing_keys(self) -> None:
        await signing_keys.keep(self._installation, self._clock())

    async def _wipe_wifi_texts(self) -> None:
        """Delete what was kept of Wi-Fi secrets for challenges, where these are switched off."""
        if self._installation.settings.eap.challenges:
            return
        async with self._database.write("wipe_wifi_texts") as session:
            wiped = await wifi_secrets.wipe_texts(session)
        if wiped:
            log.info("texts of Wi-Fi secrets deleted, as eap.challenges is off", count=wiped)

    async def _keep_certificates(self) -> None:
        await certificates.keep(self._installation, self._clock())
        await certificates.measure(self._database)

    async def _count_sessions(self) -> None:
        """Count who is online, by place; who has not been heard of for a while does not count."""
        snapshot = self._directory.current
        intervals = [
            snapshot.limits(hotspot, None).interim_seconds or 0
            for hotspot in snapshot.hotspots.values()
        ]
        silence = timedelta(seconds=max([*intervals, DEFAULTS.interim_seconds or 0]))
        fresh_since = self._clock() - silence * STALE_INTERVALS
        async with self._database.read("count_sessions") as session:
            counts = await sessions.open_by_hotspot(session, fresh_since)
        places = {
            (hotspot.collectivity.slug, hotspot.slug): counts.get(hotspot.id, 0)
            for hotspot in snapshot.hotspots.values()
        }
        for place, count in places.items():
            metrics.sessions_open.labels(*place).set(count)
        for place in self._shown - places.keys():
            metrics.sessions_open.remove(*place)
        self._shown = set(places)

    async def _count_nas(self) -> None:
        silent_since = self._clock() - _SILENT_NAS
        heard = func.coalesce(Nas.last_seen_at, Nas.created_at)
        # What a partner's servers send is no sign of an access point.
        ours = [
            hotspot.id
            for hotspot in self._directory.current.hotspots.values()
            if not hotspot.collectivity.is_partner
        ]
        known = select(Nas.message_authenticator).where(Nas.hotspot_id.in_(ours))
        query = select(func.count()).select_from(Nas)
        async with self._database.read("count_nas") as session:
            rules = Counter((await session.scalars(known)).all())
            silent = await session.scalar(
                query.where(Nas.hotspot_id.in_(ours), heard < silent_since)
            )
        metrics.nas_known.set(rules.total())
        metrics.nas_silent.set(silent or 0)
        for rule in MessageAuthenticatorRule:
            metrics.nas_message_authenticator.labels(rule.value).set(rules[rule])

    async def _count_instructions(self) -> None:
        query = (
            select(func.count())
            .select_from(Instruction)
            .where(Instruction.state == InstructionState.PENDING)
        )
        async with self._database.read("count_instructions") as session:
            metrics.dynamic_authorization_pending.set(await session.scalar(query) or 0)
