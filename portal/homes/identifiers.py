"""Whose identifier was typed: ours, or a partner's, whose password then is none of ours."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from federation.directory import PartnerEntry, Partners
from federation.realms import ToPartner

# What our own check takes for the sign, too.
_AT_SIGNS: Final = str.maketrans(
    dict.fromkeys("\N{FULLWIDTH COMMERCIAL AT}\N{SMALL COMMERCIAL AT}", "@")
)


@dataclass(frozen=True, slots=True)
class Own:
    """Nobody else's, as our own check reads it: a short name of ours after the ``@`` is a realm."""

    identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A partner's citizen; ``user_name`` is whole, its realm folded."""

    partner: PartnerEntry
    realm: str
    user_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """Several partners have the short name that follows the ``@``."""

    alias: str


Typed: TypeAlias = Own | Foreign | Shared


def read(typed: str, partners: Partners) -> Typed:
    """Return whose an identifier is. A realm that only ``*`` leads to a partner is ours to check:
    it may be the domain of an e-mail address. The name is kept as typed, since homes differ in
    what they fold."""
    typed = typed.translate(_AT_SIGNS)
    name, at, written = typed.rpartition("@")
    realms = partners.aliases.realms(written) if at else ()
    if len(realms) > 1:
        return Shared(written)
    if not realms:
        return Own(typed)
    realm = realms[0]
    route = partners.routes.named(realm)
    if isinstance(route, ToPartner) and route.name in partners.by_name:
        return Foreign(partners.by_name[route.name], realm, f"{name}@{realm}")
    return Own(f"{name}@{realm}")


def read_at(typed: str, partner: PartnerEntry, partners: Partners) -> Typed:
    """Return whose an identifier is that was typed for one partner: bare it is of its realm, where
    it has one; and a realm that only ``*`` leads there counts."""
    typed, realm = typed.translate(_AT_SIGNS), realm_of(partner)
    if "@" not in typed and realm is not None:
        return Foreign(partner, realm, f"{typed}@{realm}")
    found = read(typed, partners)
    if isinstance(found, Own):
        route = partners.routes.route(found.identifier)
        if isinstance(route, ToPartner) and route.name == partner.name:
            name = found.identifier.rpartition("@")[0]
            return Foreign(partner, route.realm, f"{name}@{route.realm}")
    return found


def realm_of(partner: PartnerEntry) -> str | None:
    """Return the realm that all of a partner's citizens have; None where it has several."""
    if len(partner.realms) == 1 and not partner.realms[0].startswith("*"):
        return partner.realms[0]
    return None
