"""Asks DNS."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.message import Message
from dns.rdata import Rdata
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from aaa.errors import Outage, Unavailable
from federation.discovery.search import Naptr, Question, Record, Records, Srv

_PORT: Final = 53
_SECONDS: Final = 3.0
"""RFC 7585 section 3.4.1: DNS_TIMEOUT."""
# Where a negative answer does not say for how long it holds (RFC 2308 section 5).
_NEGATIVE_SECONDS: Final = 300.0


class Resolver(Protocol):
    """Who is asked."""

    async def ask(self, question: Question) -> Records:
        """Return the answer. Raises Unavailable where there is none to be had."""


class DnsResolver:
    """Asks those of `servers`, written `address` or `address:port`; none: whom the machine asks, as
    `machine`, a file, says.

    It remembers nothing: who asks does.
    """

    def __init__(
        self,
        servers: Sequence[str] = (),
        seconds: float = _SECONDS,
        machine: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._servers = [_nameserver(text) for text in servers]
        self._seconds = seconds
        self._machine = machine
        self._made: dns.asyncresolver.Resolver | None = None

    async def ask(self, question: Question) -> Records:
        """See :class:`Resolver`."""
        try:
            name = dns.name.from_text(question.name)
            answer = await self._resolver().resolve(
                name, question.kind.value, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as error:
            return Records((), _negative_seconds(error.kwargs["responses"].values()))
        except (dns.exception.DNSException, OSError) as error:
            # Whom the machine asks may be somebody else by now.
            self._made = None
            raise Unavailable("DNS", Outage.UNAVAILABLE, str(error)) from error
        if answer.rrset is None:
            return Records((), _negative_seconds([answer.response]))
        records = (_record(found) for found in answer.rrset)
        told = tuple(record for record in records if record is not None)
        return Records(told, float(answer.rrset.ttl))

    def _resolver(self) -> dns.asyncresolver.Resolver:
        """Return who asks; raise DNSException where nobody says whom."""
        if self._made is None:
            made = dns.asyncresolver.Resolver(str(self._machine), configure=not self._servers)
            made.lifetime = self._seconds
            if self._servers:
                made.nameservers = list(self._servers)
            self._made = made
        return self._made


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    parts = urlsplit(f"//{text}")
    return dns.nameserver.Do53Nameserver(str(ip_address(parts.hostname or "")), parts.port or _PORT)


def _record(found: Rdata) -> Record | None:
    match found:
        case NAPTR():
            return Naptr(
                found.order,
                found.preference,
                _text(found.flags),
                _text(found.service),
                _text(found.regexp),
                found.replacement.to_text(),
            )
        case SRV():
            target = found.target.to_text()
            return Srv(found.priority, found.weight, found.port, target)
        case A() | AAAA():
            return str(ip_address(found.address))
    return None


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "replace")


def _negative_seconds(responses: Iterable[Message]) -> float:
    """Return for how long it holds that there is nothing: as the zone's SOA says."""
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype is dns.rdatatype.SOA and isinstance(rrset[0], SOA):
                return float(min(rrset.ttl, rrset[0].minimum))
    return _NEGATIVE_SECONDS
