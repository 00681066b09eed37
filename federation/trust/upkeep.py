"""Keeps what is known of members as new as they say it: fetched, verified, applied, told of.

A statement counts that a key of the last one has signed: so a member's keys follow each other by
themselves, and nobody can put a stranger's in between. A member that cannot be reached is used as
it was; that it drifts away from what it says is told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import select, update

from aaa.database import Database
from aaa.errors import Invalid, Unavailable
from aaa.secret import Keyring
from aaa.snapshot import Directory
from federation import canaries, interconnection
from federation.directory import PartnerDirectory, PartnerEntry
from federation.model import Membership, PartnerState
from federation.trust import description, membership, publishing, statements
from federation.trust.drift import drift
from federation.trust.fetching import Fetcher
from monitoring import federation_metrics

log = structlog.get_logger()

_AT_ONCE: Final = 8
_LONGEST_FAILURE: Final = 300


class Upkeep:
    """Renews members; belongs in housekeeping, and where a key is met that is not known yet."""

    def __init__(
        self,
        *,
        entity: str,
        database: Database,
        keyring: Keyring,
        directory: Directory,
        partners: PartnerDirectory,
        fetcher: Fetcher,
        clock: Callable[[], datetime],
    ) -> None:
        """`entity` is ours."""
        self._entity = entity
        self._directory = directory
        self._database = database
        self._keyring = keyring
        self._partners = partners
        self._fetcher = fetcher
        self._clock = clock

    async def all(self) -> None:
        """Renew every active member, a few at once. None that fails keeps the others."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def take_turn(partner: PartnerEntry) -> None:
            async with turns:
                await self.renew(partner)

        members = [each for each in self._partners.current.by_entity.values() if each.is_active]
        went = await asyncio.gather(*map(take_turn, members), return_exceptions=True)
        await self._show()
        for error in went:
            if error is not None:
                raise error

    async def renew(self, partner: PartnerEntry) -> bool:
        """Fetch what a member says of itself and do what it says; return whether that was had."""
        entity = partner.described.entity if partner.described else ""
        try:
            statement = await self._fetcher.statement(entity)
            await self._take(entity, statement)
            renewed = (await self._partners.renew()).by_entity.get(entity)
            if renewed is not None:
                await self._take_connections(renewed, await self._fetcher.connections(entity))
        except (Invalid, Unavailable) as error:
            await self._fail(partner, entity, error)
            return False
        return True

    async def _take(self, entity: str, statement: str) -> None:
        now = self._clock()
        async with self._database.write("membership") as session:
            known = await membership.by_entity(session, entity)
            if known is None:
                return
            claims = membership.follow(known, statement, now)
            if _says_the_same(statements.kept(known.statement), claims):
                # Later, and no more: nobody has to know.
                values = {"statement": statement, "refreshed_at": now, "failure": None}
                row = Membership.partner_id == known.partner_id
                await session.execute(update(Membership).where(row).values(**values))
                return
            said = description.read(claims)
            await membership.apply(session, self._keyring, known, said, statement, now)
        log.info("a member says something else of itself", entity=entity)

    async def _take_connections(self, partner: PartnerEntry, text: str) -> None:
        """Keep what a member says that its canaries found, of us and of those whom we know."""
        titles = self._titles()
        links = [
            replace(link, home_title=titles[link.home])
            for link in interconnection.read(text, partner, self._clock())
            if link.home in titles
        ]
        async with self._database.write("interconnection") as session:
            for link in links:
                await interconnection.record(session, link, told_by_id=partner.id)
            homes = [link.home for link in links]
            await interconnection.forget_others(session, partner.key, homes, partner.id)
        for link in links:
            # Those of others are theirs to watch.
            if link.home == self._entity:
                canaries.show(link)

    def _titles(self) -> dict[str, str]:
        """Return how we call ourselves, and each member."""
        ours = publishing.organisation(self._directory.current)
        members = self._partners.current.by_entity.items()
        return {entity: partner.title for entity, partner in members} | {self._entity: ours.name}

    async def _fail(self, partner: PartnerEntry, entity: str, error: Exception) -> None:
        reason = str(error)[:_LONGEST_FAILURE]
        log.warning(
            "what a member says of itself could not be renewed",
            partner=partner.name,
            entity=entity,
            reason=reason,
            remedy="it is used as it was, and asked again by itself; if it lasts, call its people",
        )
        async with self._database.write("membership") as session:
            row = Membership.entity == entity
            await session.execute(update(Membership).where(row).values(failure=reason))

    async def _show(self) -> None:
        """Show in the metrics how new what members say is, and how many are not as they say."""
        now = self._clock()
        async with self._database.read("drift") as session:
            rows = {row.partner_id: row for row in await session.scalars(select(Membership))}
        for partner in self._partners.current.by_entity.values():
            row = rows.get(partner.id)
            if row is None or not partner.is_active:
                federation_metrics.forget_description(partner.name)
                continue
            had_at = row.refreshed_at.timestamp()
            federation_metrics.described.labels(partner.name).set(had_at)
            found = drift_of(partner, row, now)
            federation_metrics.drift.labels(partner.name).set(len(found))


def drift_of(partner: PartnerEntry, row: Membership, now: datetime) -> tuple[str, ...]:
    """Return where what we do about a member is not what it says of itself."""
    if partner.described is None or partner.state is not PartnerState.ACTIVE:
        return ()
    return drift(
        partner.name,
        partner.described,
        realms=partner.realms,
        servers=[server.address for server in partner.servers],
        failure=row.failure,
        expires_at=statements.expiry(statements.kept(row.statement)),
        now=now,
    )


def _says_the_same(former: statements.Claims, claims: statements.Claims) -> bool:
    return all(former.get(name) == claims.get(name) for name in ("metadata", "jwks"))
