"""Two members in one process over loopback: each with its own database, people, hotspot and ports,
assembled as `farandole serve` assembles it.

The access points send from 127.0.0.1, each member's server from an address of its own, which the
other knows it by.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import access_points, citizens, collectivities
from aaa.database import Database
from aaa.model import Session
from aaa.passwords import PasswordHashing
from aaa.pki.identity import ServerIdentity
from aaa.policies import Scope
from aaa.secret import Keyring, Secret
from aaa.settings import (
    EapSettings,
    FederationSettings,
    MonitoringSettings,
    PortalSettings,
    RadiusSettings,
    Settings,
)
from aaa.snapshot import Directory, RadsecPeerEntry
from aaa.wifi_secrets import WifiSecrets
from deploy import ourselves
from deploy.assemble import Part, Service, assemble
from deploy.installation import Installation
from federation import partners
from federation.directory import DiscoveryEntry
from federation.model import ForwardedAccounting, Transport
from federation.partners import NewServer
from federation.stand_ins import Place, Sender
from federation.trust import joining
from radius.server import RadiusServer
from radius.transports.client import Client
from radius.wire.packet import Code, Packet
from tests.ports import free_port
from tests.radius.served import LOOPBACK, QUICK, sample
from tests.village import NAS_SECRET, PASSWORD, QUICK_HASHER, Clock, Village, lay_out
from tests.waiting import pause

SHARED: Final = Secret("a secret between two members")
UAM_SECRET: Final = Secret("what a gateway signs with")
WIFI_SECRET: Final = "thyme, by the sea"


@dataclass(frozen=True)
class Cast:
    """Who and what a member has: one realm, one hotspot with one NAS, one citizen."""

    slug: str
    realm: str
    hotspot: str
    citizen: str
    vendor: str
    source: str

    @property
    def nai(self) -> str:
        return f"{self.citizen}@{self.realm}"


LAVENDER: Final = Cast("lavender", "lavender.example", "mill", "anna", "coovachilli", "127.0.0.11")
BASIL: Final = Cast("basil", "basil.example", "harbour", "giulia", "hostapd", "127.0.0.12")


@dataclass
class Node:
    """A member, running or not; what it stores outlives a restart."""

    cast: Cast
    village: Village
    settings: Settings
    citizen_id: int = 0
    client: Client = field(default_factory=lambda: Client(QUICK))
    service: Service | None = None
    parts: frozenset[Part] = frozenset({Part.RADIUS})
    _running: AsyncExitStack | None = None

    @property
    def radius(self) -> RadiusServer:
        assert self.service is not None
        assert self.service.radius is not None
        return self.service.radius

    async def start(self) -> None:
        """Serve; on the ports that it had before, if it served before."""
        stack = AsyncExitStack()
        installation = Installation(self.settings, self.village.database, self.village.keyring)
        service = await assemble(installation, self.parts, stack, clock=self.village.clock)
        self.service, self._running = service, stack
        tasks = [asyncio.ensure_future(work()) for work in service.background]
        serving = [asyncio.ensure_future(self.radius.run())]
        if service.portal is not None:
            serving.append(asyncio.ensure_future(service.portal.serve()))

        async def end() -> None:
            await self.radius.stop()
            if service.portal is not None:
                service.portal.stop()
            await asyncio.gather(*serving)
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

        stack.push_async_callback(end)
        await self.village.directory.refresh()
        ports = {
            "auth_port": self.radius.auth_port,
            "acct_port": self.radius.acct_port,
            "radsec_port": self.radius.radsec_port,
            "dynamic_authorization_port": self.radius.dynamic_authorization_port,
        }
        radius = self.settings.radius.model_copy(update=ports)
        self.settings = self.settings.model_copy(update={"radius": radius})

    async def stop(self) -> None:
        """End; what it stored stays."""
        if self._running is not None:
            await self._running.aclose()
            self._running = None

    async def close(self) -> None:
        await self.stop()
        self.client.close()
        self.village.hashing.close()
        await self.village.database.close()

    async def refresh(self) -> None:
        """Let the running service know what was just changed, before its next look by itself."""
        await self.village.directory.refresh()
        if self._running is not None and self.service is not None:
            await self.service.directory.refresh()

    async def ask(self, packet: Packet, secret: Secret = NAS_SECRET) -> Packet | None:
        """Send a packet as the access point at its hotspot does; return the answer."""
        is_accounting = packet.code is Code.ACCOUNTING_REQUEST
        port = self.radius.acct_port if is_accounting else self.radius.auth_port
        return await self.client.exchange(packet, LOOPBACK, port, secret)

    async def answer(self, packet: Packet, secret: Secret = NAS_SECRET) -> Packet:
        """Send a packet; return the answer that there must be."""
        reply = await self.ask(packet, secret)
        assert reply is not None, "no answer came"
        return reply

    @property
    def here(self) -> Scope:
        """The scope of its hotspot."""
        return self.place(self.cast.hotspot)

    def place(self, slug: str) -> Scope:
        """The scope of a hotspot, a partner's own among them."""
        hotspots = self.village.snapshot.hotspots.values()
        return Scope(hotspot_id=next(each.id for each in hotspots if each.slug == slug))

    async def limit(self, scope: Scope, **limits: str) -> None:
        await self.village.limit(scope, **limits)
        await self.refresh()

    async def sessions(self) -> list[Session]:
        async with self.village.database.read("test") as session:
            return list((await session.scalars(select(Session).order_by(Session.id))).all())

    async def waiting(self) -> int:
        """How many accounting records have not been taken by their home."""
        async with self.village.database.read("test") as session:
            return len((await session.scalars(select(ForwardedAccounting.id))).all())

    async def has_sent(self) -> bool:
        """Whether every accounting record has been taken by its home."""
        return await self.waiting() == 0

    async def know(
        self,
        name: str,
        realms: Sequence[str],
        servers: Sequence[NewServer],
        sender: Sender | None = None,
        discovery: DiscoveryEntry | None = None,
    ) -> None:
        """Add a partner."""
        async with self.village.database.write("test") as session:
            await partners.add(
                session,
                self.village.keyring,
                name=name,
                place=Place(name.title(), "IT", "it", "Europe/Rome"),
                realms=realms,
                servers=servers,
                sender=sender,
                discovery=discovery,
                now=self.village.clock(),
            )
        await self.refresh()

    async def change(self, name: str, change: Any) -> None:
        """Apply `change(session, partner)`, a coroutine function of `federation.partners`."""
        async with self.village.database.write("test") as session:
            await change(session, await partners.by_name(session, name))
        await self.refresh()

    def server(self, transport: Transport) -> NewServer:
        """This member's server as others write it down."""
        if transport is Transport.UDP:
            coa_port = self.radius.dynamic_authorization_port or 0
            return replace(at(self.radius.auth_port, self.radius.acct_port), coa_port=coa_port)
        port, identity = self.settings.radius.radsec_port, self.identity
        return NewServer(
            transport,
            "127.0.0.1",
            port,
            port,
            anchor=identity.anchors[0],
            certificate_name=identity.names[0],
        )

    async def reaches(self, there: "Node", transport: Transport) -> bool:
        """Whether the other one's server has answered."""
        labels = {"partner": there.cast.slug, "server": there.server(transport).address}
        return sample("farandole_federation_server_up", **labels) == 1.0

    def sender(self, transport: Transport) -> Sender:
        """How others know this member's requests."""
        if transport is Transport.UDP:
            return Sender(f"{self.cast.source}/32", SHARED)
        anchor, name = self.identity.anchors[0], self.identity.names[0]
        return Sender(peers=(RadsecPeerEntry(anchor, name, None),))

    @property
    def identity(self) -> ServerIdentity:
        """What it shows over TLS."""
        identity = self.village.snapshot.radsec_identity
        assert identity is not None
        return identity


def at(auth_port: int, acct_port: int = 1, priority: int = 0) -> NewServer:
    """A home server on loopback."""
    return NewServer(Transport.UDP, "127.0.0.1", auth_port, acct_port, priority, SHARED)


@asynccontextmanager
async def node(
    cast: Cast,
    directory: Path,
    response_seconds: float = 3.0,
    versions: str = "1.0,1.1",
    parts: frozenset[Part] = frozenset({Part.RADIUS}),
    resolver: str = "",
) -> AsyncIterator[Node]:
    """Yield a member that serves; `versions` are those of RADIUS that it speaks over TLS,
    `resolver` is whom it asks about names, which may be on loopback."""
    database = Database(lay_out(directory / f"{cast.slug}.sqlite"))
    hashing = PasswordHashing(hasher=QUICK_HASHER)
    keyring = Keyring(cast.slug.encode().ljust(32, b"!"))
    # RADIUS tells whole seconds.
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    village = Village(database, keyring, Directory(database, keyring), hashing, clock)
    settings = Settings(
        radius=RadiusSettings(
            address="127.0.0.1",
            auth_port=0,
            acct_port=0,
            radsec_port=0,
            radsec_versions=versions,
            dynamic_authorization=True,
            dynamic_authorization_port=0,
            reject_delay_seconds=0,
        ),
        eap=EapSettings(server_name=f"radius.{cast.realm}", challenges=True),
        federation=FederationSettings(
            response_seconds=response_seconds,
            source_address=cast.source,
            resolver=resolver,
            discover_private=True,
        ),
        portal=_portal(parts),
        monitoring=MonitoringSettings(address="127.0.0.1", port=0),
    )
    made = Node(cast, village, settings, parts=parts)
    try:
        async with database.write("test") as session:
            await _populate(session, made)
        await village.directory.refresh()
        await _add_citizen(made)
        await made.start()
        yield made
    finally:
        await made.close()


def _portal(parts: frozenset[Part]) -> PortalSettings:
    """Return where it has its pages, if it has any."""
    if Part.PORTAL not in parts:
        return PortalSettings()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    return PortalSettings(address="127.0.0.1", port=port, public_url=url)


async def _populate(session: AsyncSession, made: Node) -> None:
    cast, now = made.cast, made.village.clock()
    await collectivities.add_collectivity(
        session,
        slug=cast.slug,
        name=cast.slug,
        realm=cast.realm,
        parent=None,
        country="FR",
        language="fr",
        timezone="Europe/Paris",
        now=now,
    )
    await collectivities.add_hotspot(
        session, slug=cast.hotspot, collectivity=cast.slug, name=cast.hotspot, ssid=None, now=now
    )
    await access_points.register(
        session,
        made.village.keyring,
        name=cast.hotspot,
        hotspot=cast.hotspot,
        vendor=cast.vendor,
        network="127.0.0.1",
        identifier=None,
        secret=NAS_SECRET,
        uam_secret=UAM_SECRET if cast.vendor == "coovachilli" else None,
        login_host=None,
        uses_pap=False,
        coa_port=None,
        now=now,
    )


async def _add_citizen(made: Node) -> None:
    village = made.village
    wifi_secrets = WifiSecrets(village.keyring, keeps_text=True)
    password_hash = await village.hashing.hash(PASSWORD)
    async with village.database.write("test") as session:
        made.citizen_id = await citizens.add(
            session,
            name=made.cast.citizen,
            collectivity=village.snapshot.by_realm[made.cast.realm],
            email=None,
            password_hash=password_hash,
            language="fr",
            now=village.clock(),
        )
        await wifi_secrets.bring(
            session,
            citizen_id=made.citizen_id,
            name="phone",
            secret=Secret(WIFI_SECRET),
            now=village.clock(),
        )


async def join(one: Node, other: Node, transport: Transport = Transport.UDP) -> None:
    """Have two members know each other, both ways."""
    for here, there in ((one, other), (other, one)):
        await here.know(
            there.cast.slug,
            [there.cast.realm],
            [there.server(transport)],
            there.sender(transport),
        )
    if transport is Transport.TLS:
        # Who was known first may have knocked before it was.
        for here, there in ((one, other), (other, one)):
            await until(partial(here.reaches, there, transport))


async def join_as_members(one: Node, other: Node) -> None:
    """Have two members know each other by what each says of itself, as an invitation does."""
    now, token = one.village.clock(), Secret("what an invitation proves")
    shown = {}
    for here in (one, other):
        servers = f"127.0.0.1:{here.settings.radius.radsec_port}"
        reached = here.settings.federation.model_copy(update={"servers": servers})
        settings = here.settings.model_copy(update={"federation": reached})
        village = here.village
        installation = Installation(settings, village.database, village.keyring)
        shown[here.cast] = await ourselves.shown(installation, now)
    for here, there in ((one, other), (other, one)):
        async with here.village.database.write("test") as session:
            us, guest = shown[here.cast], shown[there.cast].member
            await joining.keep(session, here.village.keyring, us, guest, token, None, now)
        await here.refresh()
    for here, there in ((one, other), (other, one)):
        await until(partial(here.reaches, there, Transport.TLS))


async def until(condition: Any, seconds: float = 20) -> None:
    """Let the others run until the coroutine function `condition` returns something true."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await pause()
