"""What `farandole check` looks at of members: whether they are as they say, and reach us."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from aaa.settings import Settings
from aaa.snapshot import Snapshot
from deploy.finding import Finding
from deploy.installation import Installation
from federation import directory, interconnection
from federation.directory import PartnerEntry
from federation.interconnection import Link
from federation.model import LinkState, Membership
from federation.trust.upkeep import drift_of

# As long as what canaries found here is worth anything.
_LONG_AGO: Final = timedelta(hours=1)


async def examine(installation: Installation, present: Snapshot) -> list[Finding]:
    """Return what is found of partners; nothing where there is none."""
    now = datetime.now(UTC)
    async with installation.database.read("check") as session:
        known = await directory.load(session, installation.keyring, present, now)
        rows = {row.partner_id: row for row in await session.scalars(select(Membership))}
        links = await interconnection.matrix(session)
    active = [partner for partner in known.by_name.values() if partner.is_active]
    found = [
        *_reach(installation.settings, active),
        *(each for partner in active for each in _drift(partner, rows, now)),
    ]
    entity = installation.settings.portal.public_url
    for partner in active:
        found += _links(entity, partner, links, now)
    return found


def _reach(settings: Settings, partners: list[PartnerEntry]) -> Iterator[Finding]:
    """Look whether members could ask us what we say of ourselves."""
    if settings.portal.is_out_of_reach and any(partner.described for partner in partners):
        yield Finding(
            "members",
            problem=f"no other member reaches {settings.portal.public_url}, which is how they know "
            "us: what changes here is not known there",
            remedy="Set portal.public_url to what others reach the portal by, and join anew",
        )


def _drift(partner: PartnerEntry, rows: dict[int, Membership], now: datetime) -> Iterator[Finding]:
    row = rows.get(partner.id)
    for point in drift_of(partner, row, now) if row else ():
        remedy = f"`farandole partner show {partner.name}` lists all that is so"
        is_late = row is not None and row.failure is not None and row.failure in point
        yield Finding(
            f"partner {partner.name}",
            detail=point,
            problem=point if is_late else None,
            remedy=remedy,
        )


def _links(
    entity: str, partner: PartnerEntry, links: list[Link], now: datetime
) -> Iterator[Finding]:
    """Look whether canaries were let in, of theirs here and of ours there."""
    for link in links:
        if {link.visited, link.home} != {entity, partner.key}:
            continue
        is_news = now - link.checked_at <= _LONG_AGO
        if is_news and link.state is not LinkState.CONNECTED:
            yield Finding(
                f"partner {partner.name}",
                problem=f"citizens of {link.home_title} cannot log in at places of "
                f"{link.visited_title}: {link.state}",
                remedy="See its servers, and the log at “home server”; docs/federation.md says "
                "what each word means",
            )
