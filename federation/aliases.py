"""Short names that people may type in the place of a realm: ``anna@liguria``. Pure."""

from collections.abc import Iterable, Mapping

from aaa.errors import Invalid
from aaa.identifier import check_realm


class AliasTable:
    """Which realms a short name may mean.

    ``own``: realm by the short name of each collectivity of ours; ``partners``: pairs of a short
    name and a realm, as partners say them. What is ours stays ours, whatever a partner claims.
    """

    def __init__(self, own: Mapping[str, str], partners: Iterable[tuple[str, str]] = ()) -> None:
        self._realms: dict[str, tuple[str, ...]] = {}
        for alias, realm in partners:
            known = self._realms.get(alias.casefold(), ())
            if realm not in known:
                self._realms[alias.casefold()] = (*known, realm)
        self._realms |= {alias.casefold(): (realm,) for alias, realm in own.items()}

    def realms(self, written: str) -> tuple[str, ...]:
        """Return the realms that what follows the ``@`` may mean, folded: itself where it is a
        domain name; several where partners share a short name; none where nobody has it."""
        try:
            return (check_realm(written),)
        except Invalid:
            return self._realms.get(written.strip().casefold(), ())
