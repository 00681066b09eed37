"""What DNS may say and we do not follow: that we are somebody else's home, and addresses that
nobody outside has. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from federation.discovery.search import Place


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Where our own servers are: pairs of a host's name, or an address, and a port."""

    places: frozenset[tuple[str, int]]

    def is_at(self, place: Place) -> bool:
        """Whether a place is one of ours. A lookup that leads there leads back to us."""
        return not self.places.isdisjoint(
            ((place.name, place.port), (str(ip_address(place.address)), place.port))
        )


def ourselves(servers: Collection[str], addresses: Collection[str], port: int) -> Ourselves:
    """Return who we are: `servers` as partners reach them, ``host:port``, and the addresses that we
    have ourselves, where known."""
    parts = [urlsplit(f"//{server}") for server in servers]
    named = {((part.hostname or "").casefold(), part.port or port) for part in parts}
    return Ourselves(frozenset(named | {(address, port) for address in addresses}))


def is_public(address: str) -> bool:
    """Whether anybody can be asked at an address: none of a private network, this machine, or
    many. Else strangers' DNS could have us knock at doors inside."""
    found = ip_address(address)
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_global and not found.is_multicast


def is_anything(_: str) -> bool:
    """Whether anybody can be asked at an address, where private ones are wanted."""
    return True
