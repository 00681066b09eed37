"""Where a citizen is at home, by the realm of their name (RFC 7542): pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aaa.errors import Invalid
from aaa.identifier import check_realm

DEFAULT: Final = "*"
"""The pattern of every realm that nothing else matches."""
_SUFFIX: Final = "*."


class UnknownRealm(StrEnum):
    """Why a name leads nowhere; a metric label."""

    BAD_REALM = "bad_realm"
    """What follows the `@` is no domain name: nothing at all, one label, a space."""
    NO_ROUTE = "no_route"
    """Neither ours nor a partner's."""
    BELOW_OURS = "below_ours"
    """Inside a realm of ours, yet none: sent to whoever has the rest, it would come back."""


@dataclass(frozen=True, slots=True)
class Local:
    """A citizen of ours. `realm` is folded; None where the name is bare, as typed at home."""

    realm: str | None


@dataclass(frozen=True, slots=True)
class ToPartner:
    """A citizen of the partner called `name`. `realm` is folded."""

    name: str
    realm: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody's citizen: refused here, at once, and never sent anywhere."""

    reason: UnknownRealm


Route = Local | ToPartner | Unknown
_NO_ROUTE: Final = Unknown(UnknownRealm.NO_ROUTE)


class RealmTable:
    """Our realms and those that lead to partners.

    `local` holds realms, each for itself alone; `partners` the partner's name by pattern: a realm,
    `*.suffix` for all below that and not itself, `*` for all that nothing else matches. What is
    ours stays ours, whatever a partner claims. Raises Invalid for a pattern that is none.
    """

    def __init__(self, local: Collection[str], partners: Mapping[str, str]) -> None:
        self._local = frozenset(map(check_realm, local))
        self._partners = {check_pattern(pattern): name for pattern, name in partners.items()}

    def route(self, user_name: str) -> Route:
        """Return where `user_name` leads: its own realm first, then the longest suffix, then `*`.

        The realm is what follows the last `@` (RFC 7542 section 2.2); nothing may come before
        it, as in an anonymous outer identity. It is compared in its ASCII form, lower-case:
        IDNA's folding includes the NFC of RFC 7542 section 2.5. A bare name, a MAC address among
        them, is Local; so is a prefix, `TOWN\\anna`, that no `@` follows.
        """
        _, at, written = user_name.rpartition("@")
        if not at:
            return Local(None)
        try:
            # Folding would take white space off, which no realm has.
            realm = check_realm("" if written != written.strip() else written)
        except Invalid:
            return Unknown(UnknownRealm.BAD_REALM)
        found = self.named(realm)
        if found == _NO_ROUTE and (name := self._partners.get(DEFAULT)):
            return ToPartner(name, realm)
        return found

    def named(self, realm: str) -> Route:
        """Return where a realm (folded) leads, `*` left out: what nobody has by name may as well be
        the domain of an e-mail address."""
        if realm in self._local:
            return Local(realm)
        if name := self._partners.get(realm):
            return ToPartner(name, realm)
        above = realm
        while "." in above:
            above = above.partition(".")[2]
            if name := self._partners.get(_SUFFIX + above):
                return ToPartner(name, realm)
            if above in self._local:
                return Unknown(UnknownRealm.BELOW_OURS)
        return _NO_ROUTE


def check_pattern(text: str) -> str:
    """Return a pattern of realms, folded: a realm, `*.suffix` or `*`; raise Invalid where it is
    none. A suffix may be one label: `*.example`."""
    pattern = text.strip()
    if pattern == DEFAULT:
        return pattern
    if pattern.startswith(_SUFFIX):
        # One label below it makes a realm of any suffix.
        return _SUFFIX + check_realm("x." + pattern.removeprefix(_SUFFIX)).removeprefix("x.")
    return check_realm(pattern)
