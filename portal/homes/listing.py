"""The list of homes, in order, and what of it answers a search."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from federation.directory import PartnerEntry, Partners

# More than a person reads through; then they search.
_MOST: Final = 40
_FEW: Final = 12


@dataclass(frozen=True, slots=True)
class Home:
    """One home in the list; ``name`` is in addresses."""

    name: str
    title: str
    has_logo: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What is shown of the list: ``hidden`` homes more answer the same search."""

    homes: Sequence[Home]
    hidden: int
    query: str
    has_search: bool


def list_homes(partners: Partners, query: str = "") -> Listing:
    """Return the homes that a search finds by any of their names or those of their towns, sorted;
    without a search, all."""
    wanted = _folded(query)
    every = [each for each in partners.by_name.values() if is_home(each)]
    found = [each for each in every if any(wanted in _folded(name) for name in _names(each))]
    found.sort(key=lambda each: (_folded(each.title), each.name))
    shown = [
        Home(each.name, each.title, bool(each.described and each.described.logo_svg))
        for each in found[:_MOST]
    ]
    return Listing(shown, len(found) - len(shown), query, len(every) > _FEW)


def is_home(partner: PartnerEntry) -> bool:
    """Return whether a partner can be asked about its citizens now."""
    has_provider = partner.described is not None and partner.described.provider is not None
    return partner.is_active and (has_provider or partner.is_home)


def _names(partner: PartnerEntry) -> Iterable[str]:
    yield from (partner.title, partner.name, *partner.realms)
    for each in partner.described.realms if partner.described else ():
        yield from (each.title, each.alias)


def _folded(text: str) -> str:
    """Return a text without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).strip()
