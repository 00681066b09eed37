"""What requests need of partners, kept in memory: whose realms are whose, and where to ask.

Read anew whenever the revision of :class:`aaa.snapshot.Snapshot` has moved: every write of a
partner's rows moves it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.database import Database
from aaa.errors import Invalid, Unavailable
from aaa.renewal import Renewal
from aaa.secret import Keyring, Secret
from aaa.snapshot import CollectivityEntry, Directory, HotspotEntry, Snapshot
from federation.agreements import Term, agreed
from federation.aliases import AliasTable
from federation.contracts import PLAIN, Contract
from federation.discovery.search import Service, check_service
from federation.model import (
    Canary,
    Discovery,
    HomeServer,
    KeyUse,
    Membership,
    Partner,
    PartnerRealm,
    PartnerState,
    PartnerTerm,
    Proof,
    Transport,
)
from federation.realms import RealmTable
from federation.trust import description, keys, statements
from federation.trust.description import Description
from federation.trust.publishing import NO_KEYS_OF_OURS, OwnKeys
from monitoring import federation_metrics

log = structlog.get_logger()

COA_PORT: Final = 3799
"""RFC 5176 section 2.1."""
# Purposes of the keyring.
HOME_SERVER_SECRET: Final = "home-server-secret"
CANARY_SECRET: Final = "canary"


def address(transport: Transport, host: str, port: int) -> str:
    """Return how log lines, metrics and commands name a server: ``udp://192.0.2.7:1812``."""
    return f"{transport}://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True, slots=True)
class HomeServerEntry:
    """A RADIUS server of a partner. `secret` over UDP; `anchor` (DER) with `certificate_name`, or
    `fingerprint` (SHA-256, hexadecimal), over TLS."""

    id: int
    partner_id: int
    transport: Transport
    host: str
    auth_port: int
    acct_port: int
    # Over UDP 3799 unless another was given, over TLS `auth_port`.
    coa_port: int
    # The lowest is asked first; equal ones share the load.
    priority: int
    secret: Secret | None
    anchor: bytes | None
    certificate_name: str | None
    fingerprint: str | None
    weight: int = 1
    # Of one that DNS has named: the realm that it must prove to have, unless its name is enough,
    # and certificate policies of which it must have one.
    realm: str | None = None
    is_name_enough: bool = True
    policies: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """How log lines, metrics and commands name it: ``udp://host:port``."""
        return address(self.transport, self.host, self.auth_port)

    @property
    def orders_address(self) -> str:
        """The same of where orders to end or change a session go."""
        return address(self.transport, self.host, self.coa_port)


@dataclass(frozen=True, slots=True)
class DiscoveryEntry:
    """How the servers of a partner's realms are looked for in DNS, and what they must prove; see
    :class:`federation.model.Discovery`."""

    service: Service
    anchors: bytes
    proof: Proof
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CanaryEntry:
    """An account at a partner's that no person has."""

    identity: str
    secret: Secret

    @property
    def realm(self) -> str:
        """The realm of it."""
        return self.identity.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class PartnerEntry:
    """A partner. `hotspot` stands for all of its places, in `collectivity`, its own."""

    id: int
    name: str
    title: str
    collectivity: CollectivityEntry
    hotspot: HotspotEntry
    state: PartnerState
    # As written: exact, `*.suffix` or `*`.
    realms: tuple[str, ...]
    # The lowest priority first.
    servers: tuple[HomeServerEntry, ...]
    # The NAS that stands for its servers as our clients; None: it only is a home.
    nas_id: int | None = None
    # What it says of itself, where it joined by invitation.
    described: Description | None = None
    # By which we find out whether its citizens can log in here.
    canary: CanaryEntry | None = None
    # What may cross between it and us.
    contract: Contract = PLAIN
    # How servers are looked for that it has not named.
    discovery: DiscoveryEntry | None = None

    @property
    def is_active(self) -> bool:
        """Whether requests go there and are taken from there."""
        return self.state is PartnerState.ACTIVE

    @property
    def key(self) -> str:
        """What it is called where members are told apart: its entity identifier; of a partner that
        only speaks RADIUS, its name."""
        return self.described.entity if self.described else self.name

    @property
    def is_home(self) -> bool:
        """Whether there is anybody to ask about its citizens."""
        return bool(self.servers) or self.discovery is not None


@dataclass(frozen=True, slots=True)
class Partners:
    """One consistent picture of all partners; ``revision`` is the snapshot's it was read at."""

    routes: RealmTable
    by_name: Mapping[str, PartnerEntry]
    revision: str
    by_id: Mapping[int, PartnerEntry] = field(default_factory=dict)
    by_collectivity: Mapping[int, PartnerEntry] = field(default_factory=dict)
    by_entity: Mapping[str, PartnerEntry] = field(default_factory=dict)
    aliases: AliasTable = field(default_factory=lambda: AliasTable({}))
    # Ours, which sign what we say to them.
    keys: OwnKeys = NO_KEYS_OF_OURS


NONE: Final = Partners(RealmTable((), {}), {}, "")


async def load(
    session: AsyncSession, keyring: Keyring, snapshot: Snapshot, now: datetime
) -> Partners:
    """Return the partners that the database holds now, placed in a snapshot.

    A partner that is newer than the snapshot waits for the next, which its adding has called for.
    """
    rows = (await session.scalars(select(Partner).order_by(Partner.name))).all()
    realms = _grouped((await session.scalars(select(PartnerRealm).order_by(PartnerRealm.id))).all())
    order = select(HomeServer).order_by(HomeServer.priority, HomeServer.id)
    servers = _grouped((await session.scalars(order)).all())
    described, canaries = await _described(session), await _canaries(session, keyring)
    terms, discoveries = await _terms(session), await _discoveries(session)
    hotspots = {entry.collectivity.id: entry for entry in snapshot.hotspots.values()}
    entries = [
        PartnerEntry(
            id=row.id,
            name=row.name,
            title=hotspots[row.collectivity_id].collectivity.name,
            collectivity=hotspots[row.collectivity_id].collectivity,
            hotspot=hotspots[row.collectivity_id],
            state=row.state,
            realms=tuple(realm.pattern for realm in realms.get(row.id, ())),
            servers=tuple(_server_entry(server, keyring) for server in servers.get(row.id, ())),
            nas_id=row.nas_id,
            described=described.get(row.id),
            canary=canaries.get(row.id),
            contract=agreed(terms.get(row.id, ())),
            discovery=discoveries.get(row.id),
        )
        for row in rows
        if row.collectivity_id in hotspots
    ]
    patterns = {pattern: entry.name for entry in entries for pattern in entry.realms}
    return Partners(
        routes=RealmTable(snapshot.by_realm.keys(), patterns),
        by_name={entry.name: entry for entry in entries},
        revision=snapshot.revision,
        by_id={entry.id: entry for entry in entries},
        by_collectivity={entry.collectivity.id: entry for entry in entries},
        by_entity={entry.described.entity: entry for entry in entries if entry.described},
        aliases=AliasTable(
            {each.slug: each.realm for each in snapshot.by_realm.values()},
            [pair for entry in entries for pair in _aliases(entry)],
        ),
        keys=OwnKeys(
            member=await keys.load(session, keyring, KeyUse.MEMBER, now),
            provider=await keys.load(session, keyring, KeyUse.PROVIDER, now),
            client=await keys.load(session, keyring, KeyUse.CLIENT, now),
        ),
    )


async def _described(session: AsyncSession) -> dict[int, Description]:
    """Return what members say of themselves, by partner. It was verified before it was kept."""
    found = {}
    for row in (await session.scalars(select(Membership))).all():
        try:
            found[row.partner_id] = description.read(statements.kept(row.statement))
        except Invalid as error:
            log.error("what a partner says of itself cannot be used", reason=str(error))
    return found


async def _terms(session: AsyncSession) -> dict[int, list[Term]]:
    found: dict[int, list[Term]] = {}
    for row in (await session.scalars(select(PartnerTerm))).all():
        found.setdefault(row.partner_id, []).append(Term(row.way, row.attribute))
    return found


async def _discoveries(session: AsyncSession) -> dict[int, DiscoveryEntry]:
    return {
        row.partner_id: DiscoveryEntry(
            check_service(row.service), row.anchors, row.proof, tuple(row.policies)
        )
        for row in (await session.scalars(select(Discovery))).all()
    }


async def _canaries(session: AsyncSession, keyring: Keyring) -> dict[int, CanaryEntry]:
    rows = (await session.scalars(select(Canary))).all()
    opened = {row.partner_id: keyring.open(row.sealed_secret, CANARY_SECRET) for row in rows}
    return {
        row.partner_id: CanaryEntry(row.identity, Secret(secret))
        for row in rows
        if (secret := opened[row.partner_id]) is not None
    }


def _aliases(partner: PartnerEntry) -> Iterator[tuple[str, str]]:
    """Yield the short names of a partner's realms, with these: as it says them, and the name that
    we know it by, for its first."""
    told = partner.described.realms if partner.described else ()
    yield from ((each.alias, each.realm) for each in told)
    whole = [pattern for pattern in partner.realms if not pattern.startswith("*")]
    if first := told[0].realm if told else whole[0] if len(whole) == 1 else None:
        yield partner.name, first


_Owned = TypeVar("_Owned", PartnerRealm, HomeServer)


def _grouped(rows: Sequence[_Owned]) -> dict[int, list[_Owned]]:
    by_partner: dict[int, list[_Owned]] = {}
    for row in rows:
        by_partner.setdefault(row.partner_id, []).append(row)
    return by_partner


def _server_entry(row: HomeServer, keyring: Keyring) -> HomeServerEntry:
    secret = keyring.open(row.secret, HOME_SERVER_SECRET) if row.secret is not None else None
    if row.secret is not None and secret is None:
        raise Invalid(
            f"the secret of home server {row.host} was sealed with another key: "
            "restore the key file that belongs to this database"
        )
    return HomeServerEntry(
        id=row.id,
        partner_id=row.partner_id,
        transport=row.transport,
        host=row.host,
        auth_port=row.auth_port,
        acct_port=row.acct_port,
        coa_port=row.coa_port or (COA_PORT if row.transport is Transport.UDP else row.auth_port),
        priority=row.priority,
        secret=Secret(secret) if secret is not None else None,
        anchor=row.anchor,
        certificate_name=row.certificate_name,
        fingerprint=row.fingerprint,
    )


def _announce(former: Partners, found: Partners) -> None:
    """Show the counters of partners that are new, and no state of what is not there now."""
    for name in former.by_name.keys() - found.by_name.keys():
        federation_metrics.forget_partner(name)
    for key in _tried(former) - _tried(found):
        federation_metrics.forget_links(key)
    for name in found.by_name.keys() - former.by_name.keys():
        federation_metrics.announce_partner(name)
        if found.by_name[name].discovery is not None:
            federation_metrics.announce_discovery(name)
    for name, server in _asked(former) - _asked(found):
        federation_metrics.forget_server(name, server)


def _asked(partners: Partners) -> set[tuple[str, str]]:
    return {
        (entry.name, server.address)
        for entry in partners.by_name.values()
        if entry.is_active
        for server in entry.servers
    }


def _tried(partners: Partners) -> set[str]:
    return {entry.key for entry in partners.by_name.values() if entry.is_active}


class PartnerDirectory:
    """Holds the current partners, and renews them when `directory` has a new snapshot."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        directory: Directory,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._database = database
        self._keyring = keyring
        self._directory = directory
        self._lock = asyncio.Lock()
        self.renewal = Renewal(self.refresh, "what changed of partners cannot be used")
        self.current = NONE

    async def refresh(self) -> Partners:
        """Return the partners of now: loaded anew only where the snapshot is another.

        Raises Unavailable where the database is away; the partners at hand stay in use.
        """
        async with self._lock:
            snapshot = self._directory.current
            if self.current.revision != snapshot.revision:
                # The rows are read after the snapshot: never older than it.
                async with self._database.read("partners") as session:
                    found = await load(session, self._keyring, snapshot, self._clock())
                _announce(self.current, found)
                self.current = found
        return self.current

    async def renew(self) -> Partners:
        """Return the partners as the database has them now, the snapshot renewed before. Raises as
        :meth:`refresh` does."""
        await self._directory.refresh()
        return await self.refresh()

    async def latest(self) -> Partners:
        """Return the same, or those last known where they cannot be had: of that `run` tells."""
        with suppress(Unavailable, Invalid):
            return await self.refresh()
        return self.current

    async def run(self, every_seconds: float = 0.2) -> None:
        """Refresh for ever; only a new snapshot costs a query. Of what is wrong the log tells,
        once."""
        await self.renewal.run(every_seconds)
