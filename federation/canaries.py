"""Logs in at each partner's home by its canary, as a citizen at a place of ours would, for ever."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from aaa.database import Database
from aaa.errors import Invalid, Unavailable
from aaa.policy import DenyReason
from aaa.snapshot import Directory
from aaa.vouched import Vouched
from federation import interconnection
from federation.directory import CanaryEntry, PartnerDirectory, PartnerEntry
from federation.interconnection import Link
from federation.model import LinkState
from federation.trust import publishing
from federation.verification import Question, Verifier
from monitoring import federation_metrics
from radius.transports.tasks import contained

log = structlog.get_logger()

NAS_IDENTIFIER: Final = "canary"
_NOT_LET_IN: Final = {
    DenyReason.WRONG_PASSWORD: LinkState.REFUSED,
    DenyReason.PARTNER_SUSPENDED: LinkState.SUSPENDED,
}
# What is not connected may be any moment: whoever just joined is waiting.
_SOON_SECONDS: Final = 15.0


class Canaries:
    """Measures every partner that has a canary. `entity` is ours; `every_seconds` from one log-in
    to the next."""

    def __init__(
        self,
        *,
        entity: str,
        every_seconds: float,
        database: Database,
        directory: Directory,
        partners: PartnerDirectory,
        verifier: Verifier,
        clock: Callable[[], datetime],
    ) -> None:
        self._entity = entity
        self._every_seconds = every_seconds
        self._database = database
        self._directory = directory
        self._partners = partners
        self._verifier = verifier
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._due: dict[tuple[int, CanaryEntry, bool], float] = {}
        """When to measure next, by partner, canary, and whether it is active."""

    async def run(self, look_seconds: float = 1.0) -> None:
        """Measure what is due, for ever; who is new, or comes back, is due at once."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now = self._loop.time()
                present = {
                    (each.id, each.canary, each.is_active): each
                    for each in self._partners.current.by_name.values()
                    if each.canary is not None
                }
                self._due = {key: self._due.get(key, now) for key in present}
                for key, partner in present.items():
                    if self._due[key] <= now:
                        self._due[key] = now + self._every_seconds
                        tasks.create_task(contained(self._see_to(partner, key)))
                await asyncio.sleep(look_seconds)

    async def _see_to(self, partner: PartnerEntry, key: tuple[int, CanaryEntry, bool]) -> None:
        try:
            link = await self.measure(partner)
            if link.state in (LinkState.REFUSED, LinkState.SILENT) and key in self._due:
                soon = self._loop.time() + min(_SOON_SECONDS, self._every_seconds)
                self._due[key] = min(self._due[key], soon)
        except Unavailable:
            # The database's own counter and log tell of it.
            return
        except Invalid as error:
            log.warning("a canary could not be tried", partner=partner.name, reason=str(error))

    async def measure(self, partner: PartnerEntry) -> Link:
        """Log in once; keep and return what came of it. Raises Invalid where the partner has no
        canary, Unavailable."""
        if partner.canary is None:
            raise Invalid(
                f"partner “{partner.name}” has no canary: `farandole partner canary` sets one"
            )
        ours = publishing.organisation(self._directory.current)
        started = self._loop.time()
        said = await self._verifier.verify(
            Question(
                partner=partner,
                realm=partner.canary.realm,
                user_name=partner.canary.identity,
                password=partner.canary.secret,
                operator=ours.realm,
                nas_identifier=NAS_IDENTIFIER,
            )
        )
        milliseconds = round((self._loop.time() - started) * 1000)
        is_in = isinstance(said, Vouched)
        now = self._clock()
        link = Link(
            visited=self._entity,
            home=partner.key,
            visited_title=ours.name,
            home_title=partner.title,
            state=LinkState.CONNECTED
            if isinstance(said, Vouched)
            else _NOT_LET_IN.get(said, LinkState.SILENT),
            milliseconds=milliseconds if is_in else None,
            checked_at=now,
            connected_at=now if is_in else None,
        )
        await self._keep(link)
        return link

    async def _keep(self, link: Link) -> None:
        homes = [
            each.key for each in self._partners.current.by_name.values() if each.canary is not None
        ]
        async with self._database.write("interconnection") as session:
            await interconnection.record(session, link)
            await interconnection.forget_others(session, self._entity, homes)
        show(link)


def show(link: Link) -> None:
    """Show a link in the metrics; of one that is suspended, that there is nothing to show."""
    is_tried = link.state is not LinkState.SUSPENDED
    federation_metrics.show_link(
        link.visited,
        link.home,
        is_up=link.state is LinkState.CONNECTED if is_tried else None,
        seconds=link.milliseconds / 1000 if link.milliseconds is not None else None,
        checked_at=link.checked_at.timestamp() if is_tried else None,
    )
