"""What requests need of collectivities, hotspots, NAS and policies, kept in memory.

A snapshot is immutable; :class:`Directory` replaces it when the database's revision has moved, so
that no request pays a query for what changes once a week.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import model
from aaa.database import Database
from aaa.errors import Invalid
from aaa.model import MessageAuthenticatorRule
from aaa.pki import identity
from aaa.pki.files import CertificateFiles
from aaa.pki.identity import ServerIdentity
from aaa.policy import Limits, limits_from, narrow
from aaa.renewal import Renewal
from aaa.secret import Keyring, Secret
from aaa.settings import ConfigurationError
from monitoring import metrics

log = structlog.get_logger()

REVISION: Final = "revision"
# Purposes of the keyring.
NAS_SECRET: Final = "nas-secret"
UAM_SECRET: Final = "uam-secret"


@dataclass(frozen=True, slots=True)
class CollectivityEntry:
    """A collectivity with its place in the tree: ``lineage`` is its ids, outermost first."""

    id: int
    slug: str
    name: str
    realm: str
    lineage: tuple[int, ...]
    country: str
    language: str
    timezone: str
    colour: str | None
    logo_svg: str | None
    contact: str | None
    terms_version: int
    terms: str | None
    # Another organisation's, which has its own service: none of its citizens are ours.
    is_partner: bool = False


@dataclass(frozen=True, slots=True)
class HotspotEntry:
    """A hotspot and the limits that hold there, the collectivities' above it merged in."""

    id: int
    slug: str
    name: str
    ssid: str | None
    collectivity: CollectivityEntry
    scopes: tuple[Limits, ...]


@dataclass(frozen=True, slots=True)
class RadsecPeerEntry:
    """A certificate that a client may connect with (RFC 6614 section 2.3): signed by `anchor`
    (DER) for the DNS name `name` (with `*` as its first label, for any there; `*` alone, for any
    name), or the one of this SHA-256 `fingerprint` (hexadecimal). With `policy`, it must have that
    certificate policy."""

    anchor: bytes | None
    name: str | None
    fingerprint: str | None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class NasEntry:
    """A RADIUS client. ``secrets``: the current one, and the former while it is valid."""

    id: int
    name: str
    vendor: str
    hotspot: HotspotEntry
    network: IPv4Network | IPv6Network | None
    identifier: str | None
    secret: Secret
    former_secret: Secret | None
    former_secret_until: datetime | None
    uam_secret: Secret | None
    login_host: str | None
    uses_pap: bool
    coa_port: int | None
    message_authenticator: MessageAuthenticatorRule
    limit_proxy_state: bool
    # Called-Station-Id MAC -> the hotspot of an access point behind this NAS.
    access_points: Mapping[str, HotspotEntry] = field(default_factory=dict)
    # Whether it ever signed a request that it could have left unsigned.
    has_signed: bool = False
    # Its own page that redirects a browser to the portal, once it has told.
    entry_url: str | None = None
    # Who may be this client over TLS.
    radsec_peers: tuple[RadsecPeerEntry, ...] = ()

    def secrets_at(self, now: datetime) -> tuple[Secret, ...]:
        """Return the secrets that are valid, the current one first."""
        if (
            self.former_secret is not None
            and self.former_secret_until is not None
            and now < self.former_secret_until
        ):
            return (self.secret, self.former_secret)
        return (self.secret,)

    def hotspot_of(self, called_station_mac: str | None) -> HotspotEntry:
        """Return where a request comes from: the access point's hotspot, else the NAS' own."""
        return self.access_points.get(called_station_mac or "", self.hotspot)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent picture; ``revision`` tells it from the next."""

    revision: str
    collectivities: Mapping[int, CollectivityEntry]
    by_realm: Mapping[str, CollectivityEntry]
    hotspots: Mapping[int, HotspotEntry]
    nas: tuple[NasEntry, ...]
    nas_by_name: Mapping[str, NasEntry]
    nas_by_id: Mapping[int, NasEntry]
    citizen_limits: Mapping[int, Limits]
    # What supplicants are shown; None before `aaa.pki.authority` made it.
    server_identity: ServerIdentity | None = None
    # What other servers and NAS are shown over TLS.
    radsec_identity: ServerIdentity | None = None

    def limits(self, hotspot: HotspotEntry, citizen_id: int | None) -> Limits:
        """Return what holds for a citizen at a hotspot: the narrowest scope wins."""
        own = self.citizen_limits.get(citizen_id) if citizen_id is not None else None
        return narrow([*hotspot.scopes, *([own] if own else [])])


# (scope, its id) -> key -> value, as stored.
_Policies = dict[tuple[str, int], dict[str, str]]

EMPTY: Final = Snapshot("", {}, {}, {}, (), {}, {}, {})


async def load(session: AsyncSession, keyring: Keyring) -> Snapshot:
    """Return the snapshot of what the database holds now.

    What names others is read before those: so each row's own place is there, whatever another
    process adds meanwhile. That moves the revision, and is read again.
    """
    revision = await _revision(session)
    nas_rows = (await session.scalars(select(model.Nas).order_by(model.Nas.id))).all()
    access_point_rows = (await session.scalars(select(model.AccessPoint))).all()
    peers: dict[int, tuple[RadsecPeerEntry, ...]] = {}
    for peer in (await session.scalars(select(model.RadsecPeer))).all():
        entry = RadsecPeerEntry(peer.anchor, peer.name, peer.fingerprint, peer.policy)
        peers[peer.nas_id] = (*peers.get(peer.nas_id, ()), entry)
    policies = _policies((await session.scalars(select(model.Policy))).all())
    hotspot_rows = (await session.scalars(select(model.Hotspot))).all()
    collectivities = _collectivities((await session.scalars(select(model.Collectivity))).all())
    hotspots = {
        row.id: _hotspot_entry(row, collectivities[row.collectivity_id], policies)
        for row in hotspot_rows
    }
    access_points: dict[int, dict[str, HotspotEntry]] = {}
    for access_point in access_point_rows:
        behind = access_points.setdefault(access_point.nas_id, {})
        behind[access_point.mac] = hotspots[access_point.hotspot_id]
    nas = tuple(
        replace(
            _nas_entry(row, hotspots[row.hotspot_id], access_points.get(row.id, {}), keyring),
            radsec_peers=peers.get(row.id, ()),
        )
        for row in nas_rows
    )
    return Snapshot(
        revision=revision,
        collectivities=collectivities,
        by_realm={entry.realm: entry for entry in collectivities.values() if not entry.is_partner},
        hotspots=hotspots,
        nas=nas,
        nas_by_name={entry.name: entry for entry in nas},
        nas_by_id={entry.id: entry for entry in nas},
        citizen_limits={
            identity: limits_from(values)
            for (scope, identity), values in policies.items()
            if scope == "citizen"
        },
        server_identity=await identity.current(session, keyring),
        radsec_identity=await identity.current(session, keyring, model.Use.RADSEC),
    )


def _policies(rows: Sequence[model.Policy]) -> _Policies:
    policies: _Policies = {}
    for policy in rows:
        for scope in ("collectivity", "hotspot", "citizen"):
            if (identity := getattr(policy, f"{scope}_id")) is not None:
                policies.setdefault((scope, identity), {})[policy.key] = policy.value
    return policies


def _hotspot_entry(
    row: model.Hotspot, collectivity: CollectivityEntry, policies: _Policies
) -> HotspotEntry:
    scopes = [("collectivity", id) for id in collectivity.lineage] + [("hotspot", row.id)]
    return HotspotEntry(
        id=row.id,
        slug=row.slug,
        name=row.name,
        ssid=row.ssid,
        collectivity=collectivity,
        scopes=tuple(limits_from(policies[scope]) for scope in scopes if scope in policies),
    )


def _collectivities(rows: Sequence[model.Collectivity]) -> dict[int, CollectivityEntry]:
    parents = {row.id: row.parent_id for row in rows}

    def lineage(identity: int) -> tuple[int, ...]:
        above: list[int] = []
        step: int | None = identity
        while step is not None and step not in above:
            above.append(step)
            step = parents.get(step)
        return tuple(reversed(above))

    return {
        row.id: CollectivityEntry(
            id=row.id,
            slug=row.slug,
            name=row.name,
            realm=row.realm,
            lineage=lineage(row.id),
            country=row.country,
            language=row.language,
            timezone=row.timezone,
            colour=row.colour,
            logo_svg=row.logo_svg,
            contact=row.contact,
            terms_version=row.terms_version,
            terms=row.terms,
            is_partner=row.is_partner,
        )
        for row in rows
    }


def _nas_entry(
    row: model.Nas,
    hotspot: HotspotEntry,
    access_points: Mapping[str, HotspotEntry],
    keyring: Keyring,
) -> NasEntry:
    def opened(sealed: bytes, purpose: str) -> Secret:
        value = keyring.open(sealed, purpose)
        if value is None:
            raise Invalid(
                f"the secret of NAS {row.name} was sealed with another key: "
                "restore the key file that belongs to this database"
            )
        return Secret(value)

    return NasEntry(
        id=row.id,
        name=row.name,
        vendor=row.vendor,
        hotspot=hotspot,
        network=ip_network(row.network) if row.network else None,
        identifier=row.identifier,
        secret=opened(row.secret, NAS_SECRET),
        former_secret=opened(row.former_secret, NAS_SECRET) if row.former_secret else None,
        former_secret_until=row.former_secret_until,
        uam_secret=opened(row.uam_secret, UAM_SECRET) if row.uam_secret else None,
        login_host=row.login_host,
        uses_pap=row.uses_pap,
        coa_port=row.coa_port,
        message_authenticator=row.message_authenticator,
        limit_proxy_state=row.limit_proxy_state,
        access_points=access_points,
        has_signed=row.signed_requests > 0,
        entry_url=row.entry_url,
    )


async def _revision(session: AsyncSession) -> str:
    found = await session.scalar(
        select(model.Installation.value).where(model.Installation.name == REVISION)
    )
    return found or ""


async def touch(session: AsyncSession) -> None:
    """Move the revision on, so that every process loads anew; belongs in each write of what a
    snapshot holds."""
    await session.merge(model.Installation(name=REVISION, value=secrets.token_hex(8)))


def with_files(snapshot: Snapshot, files: CertificateFiles | None) -> Snapshot:
    """Return a snapshot with the operator's certificate for RADIUS over TLS, where there is one."""
    if files is None:
        return snapshot
    anchors = snapshot.radsec_identity.anchors if snapshot.radsec_identity else ()
    return replace(snapshot, radsec_identity=files.identity(anchors))


class Directory:
    """Holds the current snapshot and renews it; :meth:`run` watches the revision.

    Hotspots that come with a new snapshot show their counters at zero.
    """

    def __init__(
        self, database: Database, keyring: Keyring, radsec_files: CertificateFiles | None = None
    ) -> None:
        """`radsec_files`: the operator's certificate, in place of the one that the service made."""
        self._database = database
        self._keyring = keyring
        self._radsec_files = radsec_files
        self._lock = asyncio.Lock()
        self.renewal = Renewal(self.refresh, "what changed in the database cannot be used")
        self.current = EMPTY

    async def refresh(self) -> Snapshot:
        """Return the snapshot of now: loaded anew only where the revision has moved.

        Raises Unavailable where the database is away; the snapshot at hand stays in use.
        """
        async with self._lock, self._database.read("snapshot") as session:
            if not self.current.revision or await _revision(session) != self.current.revision:
                loaded = await load(session, self._keyring)
                self.current = with_files(loaded, self._radsec_files)
                for hotspot in self.current.hotspots.values():
                    metrics.announce_hotspot(hotspot.collectivity.slug, hotspot.slug)
            elif self._files_have_changed():
                self.current = with_files(self.current, self._radsec_files)
        return self.current

    def _files_have_changed(self) -> bool:
        try:
            return self._radsec_files is not None and self._radsec_files.refresh()
        except ConfigurationError as error:
            log.error("a changed certificate is of no use, the former is shown", reason=str(error))
            return False

    async def run(self, every_seconds: float = 1.0) -> None:
        """Refresh for ever; of what is wrong the log tells, once."""
        await self.renewal.run(every_seconds)
