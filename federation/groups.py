"""Servers that are asked together."""

from collections.abc import Iterable
from dataclasses import dataclass

from federation.directory import HomeServerEntry, PartnerEntry
from federation.home_servers import Patience, Pool, Server


@dataclass(frozen=True, slots=True)
class Group:
    """The servers that a partner has named, for all of its realms; with `realm`, those that were
    found for that one."""

    partner: PartnerEntry
    servers: tuple[HomeServerEntry, ...]
    realm: str | None = None

    @property
    def key(self) -> tuple[int, str | None]:
        """What tells it from others, whichever servers it has now."""
        return self.partner.id, self.realm


@dataclass(slots=True)
class _Pooled:
    """A pool, and the servers that it was made or renewed for."""

    pool: Pool
    servers: tuple[HomeServerEntry, ...]


class Pools:
    """A pool for each group, made when it is first asked."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pooled: dict[tuple[int, str | None], _Pooled] = {}

    def of(self, group: Group, now: float) -> Pool:
        """Return the pool of a group, which has the servers that this has now."""
        pooled = self._pooled.get(group.key)
        if pooled is not None and pooled.servers == group.servers:
            return pooled.pool
        servers = [Server(each.id, each.priority, each.weight) for each in group.servers]
        if pooled is None:
            pooled = _Pooled(Pool(servers, self._patience, now), group.servers)
            self._pooled[group.key] = pooled
        else:
            pooled.pool.renew(servers, now)
            pooled.servers = group.servers
        return pooled.pool

    def keep(self, groups: Iterable[Group]) -> None:
        """Forget the health of the servers of all other groups."""
        keys = {group.key for group in groups}
        self._pooled = {key: pooled for key, pooled in self._pooled.items() if key in keys}
