"""Finds the servers of realms: asks DNS once for all who want to know, and remembers.

Who asks for one realm never waits for another's DNS. What is found is proven by certificate when
it is connected to, not here: DNS may say anything.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final

import structlog

from aaa.errors import Invalid, Unavailable
from aaa.identifier import check_realm
from federation.directory import DiscoveryEntry, HomeServerEntry, PartnerEntry
from federation.discovery.memory import Memory
from federation.discovery.resolver import Resolver
from federation.discovery.search import LONGEST_NAME, Place, Result, Service, search
from federation.groups import Group
from federation.model import Proof, Transport
from monitoring import federation_metrics

log = structlog.get_logger()

_MOST_REALMS: Final = 10_000
"""Remembered, those that have no servers among them."""
_MOST_GROUPS: Final = 256
"""Realms whose servers are kept an eye on, and connections to."""
_IDLE_SECONDS: Final = 600.0
"""How long a realm that nobody asks for stays among those."""
_MOST_LOOKS: Final = 64
"""At once; more are not begun."""
_SECONDS: Final = 4.0
"""One look, of up to three rounds of questions."""


class Absence(StrEnum):
    """Why no servers were found; a metric label."""

    NONE = "none"
    """DNS has none for the realm."""
    UNUSABLE = "unusable"
    """It has some, at addresses that nobody outside has."""
    LOOP = "loop"
    """They are us, who do not have this realm."""
    FAILED = "failed"
    """DNS does not answer."""
    CROWDED = "crowded"
    """Too many are looked for already."""


Finding = tuple[HomeServerEntry, ...] | Absence


@dataclass(frozen=True, slots=True)
class _Wanted:
    """For whom was looked: what was agreed is part of it, since it proves the servers."""

    partner_id: int
    terms: DiscoveryEntry
    realm: str


class Finder:
    """Finds servers by `resolver`. `is_us` says whether a place is a server of ours, `is_allowed`
    whether an address may be connected to; `time` tells seconds that only move forward."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        is_us: Callable[[Place], bool],
        is_allowed: Callable[[str], bool],
        time: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._is_us = is_us
        self._is_allowed = is_allowed
        self._time = time
        self._loop = asyncio.get_running_loop()
        self._memory: Memory[_Wanted, Finding] = Memory(_MOST_REALMS)
        self._looks: dict[_Wanted, asyncio.Task[Finding]] = {}
        # Those of the database are positive.
        self._ids = count(-1, -1)

    async def find(self, partner: PartnerEntry, terms: DiscoveryEntry, realm: str) -> Finding:
        """Return the servers of a realm by what was agreed with a partner, or why there are none.

        What is remembered is returned at once. Whoever is cancelled meanwhile spoils nothing for
        others who wait for the same.
        """
        wanted = _Wanted(partner.id, terms, realm)
        now = self._time()
        kept = self._memory.get(wanted, now)
        if kept is not None and kept.until > now:
            return kept.value
        look = self._looks.get(wanted)
        if look is None:
            if len(self._looks) >= _MOST_LOOKS:
                return self._tell(partner, realm, Absence.CROWDED)
            look = self._looks[wanted] = self._loop.create_task(self._look(partner, wanted))
            look.add_done_callback(lambda _: self._looks.pop(wanted, None))
        return await asyncio.shield(look)

    def groups(self, partners: Sequence[PartnerEntry]) -> list[Group]:
        """Return the servers of those partners that were asked lately, by realm."""
        by_id = {partner.id: partner for partner in partners}
        recent = self._memory.used(_MOST_GROUPS, self._time() - _IDLE_SECONDS)
        return [
            Group(partner, finding, wanted.realm)
            for wanted, finding in recent
            if (partner := by_id.get(wanted.partner_id)) is not None
            and partner.discovery == wanted.terms
            and not isinstance(finding, Absence)
        ]

    def close(self) -> None:
        """End what is under way."""
        for look in list(self._looks.values()):
            look.cancel()

    async def _look(self, partner: PartnerEntry, wanted: _Wanted) -> Finding:
        try:
            service = _name_of(wanted.realm) and wanted.terms.service
            result = await self._search(service, wanted.realm) if service else Result((), 0.0)
        except (Unavailable, TimeoutError) as error:
            now = self._time()
            held = self._memory.keep_failure(wanted, Absence.FAILED, now)
            self._tell(partner, wanted.realm, Absence.FAILED, str(error))
            return held
        now = self._time()
        before = self._memory.get(wanted, now)
        former = before.value if before is not None else Absence.NONE
        finding = self._judge(wanted, result, former)
        self._memory.keep(wanted, finding, result.seconds, now)
        return self._tell(partner, wanted.realm, finding)

    async def _search(self, service: Service, realm: str) -> Result:
        """Lead the search; raise Unavailable, TimeoutError."""
        asked = search(service, realm)
        questions = next(asked)
        async with asyncio.timeout(_SECONDS):
            while True:
                answers = await asyncio.gather(*map(self._resolver.ask, questions))
                try:
                    questions = asked.send(answers)
                except StopIteration as done:
                    result: Result = done.value
                    return result

    def _judge(self, wanted: _Wanted, result: Result, former: Finding) -> Finding:
        if not result.places:
            return Absence.NONE
        if any(map(self._is_us, result.places)):
            return Absence.LOOP
        allowed = [place for place in result.places if self._is_allowed(place.address)]
        if not allowed:
            return Absence.UNUSABLE
        known = () if isinstance(former, Absence) else former
        ids = {(server.host, server.auth_port): server.id for server in known}
        return tuple(self._server(wanted, place, ids) for place in allowed)

    def _server(
        self, wanted: _Wanted, place: Place, ids: dict[tuple[str, int], int]
    ) -> HomeServerEntry:
        """Return a place as a server to ask. One that was known before stays the same, so that it
        keeps its health and its conversations."""
        known = ids.get((place.address, place.port))
        return HomeServerEntry(
            id=known if known is not None else next(self._ids),
            partner_id=wanted.partner_id,
            transport=Transport.TLS,
            host=place.address,
            auth_port=place.port,
            acct_port=place.port,
            coa_port=place.port,
            priority=place.priority,
            weight=place.weight,
            secret=None,
            anchor=wanted.terms.anchors,
            certificate_name=place.name,
            fingerprint=None,
            realm=wanted.realm,
            is_name_enough=wanted.terms.proof is Proof.NAME,
            policies=wanted.terms.policies,
        )

    def _tell(
        self, partner: PartnerEntry, realm: str, finding: Finding, detail: str = ""
    ) -> Finding:
        """Count and log what was found; return it."""
        outcome = finding.value if isinstance(finding, Absence) else "found"
        federation_metrics.discoveries.labels(partner.name, outcome).inc()
        tell = log.warning if finding in (Absence.FAILED, Absence.CROWDED) else log.info
        fields: dict[str, object] = {"detail": detail} if detail else {}
        if not isinstance(finding, Absence):
            fields["servers"] = [server.address for server in finding]
        tell("servers looked for", partner=partner.name, realm=realm, outcome=outcome, **fields)
        return finding


def _name_of(realm: str) -> bool:
    """Whether DNS can be asked for a realm: it is a domain of two labels or more, with room for
    what is put before it."""
    try:
        return check_realm(realm) == realm and len(realm) <= LONGEST_NAME - 64
    except Invalid:
        return False
