"""What to write into DNS so that others find us (RFC 7585 section 2.1): pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from federation.discovery.search import Service

_TTL_SECONDS: Final = 3600
_PREFIXES: Final = {"x-eduroam:radius.tls": "_radsec._tcp"}
_PREFIX: Final = "_radiustls._tcp"


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a zone file."""

    owner: str
    kind: str
    data: str

    def __str__(self) -> str:
        return f"{self.owner}. {_TTL_SECONDS} IN {self.kind} {self.data}"


def lines(service: Service, realms: Iterable[str], servers: Sequence[str]) -> list[Line]:
    """Return the records by which `realms` are found at `servers`, ``host:port``, the first of
    which is asked first."""
    prefix = service.prefix or _PREFIXES.get(service.text, _PREFIX)
    found: list[Line] = []
    for realm in realms:
        owner = f"{prefix}.{realm}"
        if service.tag is not None:
            found.append(Line(realm, "NAPTR", f'100 10 "s" "{service.tag}" "" {owner}.'))
        for priority, server in enumerate(servers):
            parts = urlsplit(f"//{server}")
            found.append(Line(owner, "SRV", f"{priority} 10 {parts.port} {parts.hostname}."))
    return found
