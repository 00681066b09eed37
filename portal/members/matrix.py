"""Who belongs to the federation, and who is connected with whom, as everybody may read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aaa.snapshot import CollectivityEntry
from federation.directory import PartnerEntry, Partners
from federation.interconnection import Link
from federation.model import LinkState
from portal.sentences import N_

# What is told by others is a quarter of an hour old where all is well.
_LONG_AGO: Final = timedelta(hours=2)
_STATES: Final = {
    LinkState.CONNECTED: N_("connected"),
    LinkState.REFUSED: N_("refused"),
    LinkState.SILENT: N_("no answer"),
    LinkState.SUSPENDED: N_("suspended"),
    None: N_("no news"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A member as it shows itself; `name` is in addresses, that of its drawing too."""

    key: str
    name: str
    title: str
    contact: str | None
    has_logo: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """How citizens of one member fare at another's places; `state` in words, None before anybody
    has told."""

    home: Shown
    link: Link | None
    state: str
    is_good: bool
    age_seconds: int


@dataclass(frozen=True, slots=True)
class Place:
    """The places of one member, and how citizens of the others fare there."""

    visited: Shown
    cells: Sequence[Cell]

    @property
    def good(self) -> int:
        """How many are connected."""
        return sum(cell.is_good for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All of it: ourselves first, then the others by title."""

    members: Sequence[Shown]
    places: Sequence[Place]


def build(
    entity: str, ours: CollectivityEntry, partners: Partners, links: Iterable[Link], now: datetime
) -> Matrix:
    """Return what is shown of us, of active partners and of the links among them."""
    us = Shown(entity, ours.slug, ours.name, ours.contact, ours.logo_svg is not None)
    active = [each for each in partners.by_name.values() if each.is_active]
    active.sort(key=lambda each: (each.title.casefold(), each.name))
    members = [us, *map(_shown, active)]
    by_pair = {(link.visited, link.home): link for link in links}
    places = (_place(visited, members, by_pair, now) for visited in members)
    # Nobody measures at the places of who only speaks RADIUS.
    return Matrix(members, [place for place in places if place.cells])


def as_json(matrix: Matrix) -> Mapping[str, Any]:
    """Return the same for programs."""
    return {
        "members": [
            {"member": each.key, "title": each.title, "contact": each.contact}
            for each in matrix.members
        ],
        "connections": [
            {
                "visited": place.visited.key,
                "home": cell.home.key,
                "state": cell.link.state,
                "milliseconds": cell.link.milliseconds,
                "checked_at": cell.link.checked_at.isoformat(),
                "age_seconds": cell.age_seconds,
            }
            for place in matrix.places
            for cell in place.cells
            if cell.link is not None
        ],
    }


def _shown(partner: PartnerEntry) -> Shown:
    told = partner.described
    has_logo = told is not None and told.logo_svg is not None
    contact = told.contact if told else None
    return Shown(partner.key, partner.name, partner.title, contact, has_logo)


def _place(
    visited: Shown,
    members: Sequence[Shown],
    links: Mapping[tuple[str, str], Link],
    now: datetime,
) -> Place:
    """We try every partner; whether two others do is known once one has told."""
    is_us = visited is members[0]
    homes = [home for home in members if home is not visited]
    cells = (_cell(home, links.get((visited.key, home.key)), now) for home in homes)
    return Place(visited, [cell for cell in cells if is_us or cell.link is not None])


def _cell(home: Shown, link: Link | None, now: datetime) -> Cell:
    age = max(timedelta(), now - link.checked_at) if link else timedelta()
    state = link.state if link and age <= _LONG_AGO else None
    is_good = state is LinkState.CONNECTED
    return Cell(home, link, _STATES[state], is_good, round(age.total_seconds()))
