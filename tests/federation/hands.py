"""Members that join hands in one process: each with a database, a portal and its keys, and between
them a network that carries what they say over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from aaa import collectivities
from aaa.authentication import Authenticated, Authenticator, Claim
from aaa.database import Database
from aaa.model import Base
from aaa.passwords import PasswordHashing
from aaa.secret import Keyring, Secret
from aaa.settings import EapSettings
from aaa.snapshot import Directory
from aaa.wifi_secrets import WifiSecrets
from deploy import certificates, signing_keys
from deploy.installation import Installation
from federation import interconnection, partners
from federation.directory import PartnerDirectory, PartnerEntry
from federation.interconnection import Link
from federation.model import Invitation, Membership, Partner
from federation.trust import accepting, joining
from federation.trust.accepting import Accepting
from federation.trust.fetching import Fetcher
from federation.trust.invitations import Code
from federation.trust.joining import Ourselves
from federation.trust.upkeep import Upkeep
from portal.app import create_app
from portal.parts import Parts
from tests.portal.visitor import parts_on
from tests.village import QUICK_HASHER, Clock, Village

HILLS: Final = "https://wifi.hills.example"
LAVENDER: Final = "https://wifi.lavender.example"
MENTON: Final = "https://wifi.menton.example"

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Net(httpx.AsyncBaseTransport):
    """Carries requests to the portal of the site that they name; a test may stand in between."""

    portals: dict[str, FastAPI] = field(default_factory=dict)
    instead: dict[str, Answer] = field(default_factory=dict)
    """By site: what answers in the portal's place."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        site = f"{request.url.scheme}://{request.url.netloc.decode()}"
        if site in self.instead:
            return await self.instead[site](request)
        return await self.carry(request)

    async def carry(self, request: httpx.Request) -> httpx.Response:
        site = f"{request.url.scheme}://{request.url.netloc.decode()}"
        if site not in self.portals:
            raise httpx.ConnectError("nobody is there")
        transport = httpx.ASGITransport(self.portals[site])
        response = await transport.handle_async_request(request)
        body = await response.aread()
        return httpx.Response(response.status_code, stream=httpx.ByteStream(body))


async def away(request: httpx.Request) -> httpx.Response:
    """Nobody answers at a site."""
    raise httpx.ConnectError("nobody is there")


@dataclass
class Side:
    """A member."""

    village: Village
    parts: Parts
    partners: PartnerDirectory
    net: Net

    @property
    def entity(self) -> str:
        return self.parts.settings.portal.public_url

    @property
    def fetcher(self) -> Fetcher:
        return Fetcher(self.net)

    async def look(self) -> None:
        """Do what housekeeping does for members."""
        await self.partners.renew()
        await Upkeep(
            entity=self.entity,
            database=self.village.database,
            keyring=self.village.keyring,
            directory=self.village.directory,
            partners=self.partners,
            fetcher=self.fetcher,
            clock=self.village.clock,
        ).all()
        await self.partners.renew()

    def as_settings(self, **sections: Any) -> "Side":
        """The same member with other settings."""
        parts = replace(self.parts, settings=self.parts.settings.model_copy(update=sections))
        self.net.portals[parts.settings.portal.public_url] = create_app(parts)
        return replace(self, parts=parts)

    async def keep(self) -> None:
        """Do what housekeeping does for certificates and keys."""
        settings, village = self.parts.settings, self.village
        installation = Installation(settings, village.database, village.keyring)
        await certificates.keep(installation, village.clock())
        await signing_keys.keep(installation, village.clock())
        await self.partners.renew()

    async def us(self) -> Ourselves:
        """What it shows of itself now."""
        known = await self.partners.renew()
        now = self.village.clock()
        return joining.ourselves(self.parts.settings, self.village.snapshot, known.keys, now)

    async def invite(
        self, name: str | None = None, realms: list[str] | None = None, days: int = 7
    ) -> Code:
        us = await self.us()
        async with self.village.database.write("test") as session:
            return await joining.invite(
                session,
                self.village.keyring,
                entity=us.entity,
                signer=us.signer,
                name=name,
                realms=realms or [],
                lifetime=timedelta(days=days),
                now=self.village.clock(),
            )

    async def accept(self, code: Code, name: str | None = None) -> Partner:
        """Do what `farandole partner accept` does, but for the trying."""
        fetcher, us, clock = self.fetcher, await self.us(), self.village.clock
        inviting = await accepting.meet(fetcher, code, clock())
        acceptance = Accepting(self.village.keyring, us, code, inviting, name)
        partner = await acceptance.accept(self.village.database, fetcher, "test", clock)
        await self.partners.renew()
        return partner

    async def known(self) -> list[PartnerEntry]:
        """Its partners, by name."""
        return list((await self.partners.renew()).by_name.values())

    async def only(self) -> PartnerEntry:
        """The one partner that it has."""
        (partner,) = await self.known()
        return partner

    async def membership(self) -> Membership:
        async with self.village.database.read("test") as session:
            return (await session.scalars(select(Membership))).one()

    async def invitation(self) -> Invitation:
        """The newest that it has printed."""
        newest = select(Invitation).order_by(Invitation.id.desc()).limit(1)
        async with self.village.database.read("test") as session:
            return (await session.scalars(newest)).one()

    async def links(self) -> list[Link]:
        async with self.village.database.read("test") as session:
            return await interconnection.matrix(session)

    async def change(self, name: str, work: Any, **details: Any) -> None:
        """Change what is stored of a partner, by a function of `federation.partners`."""
        async with self.village.database.write("test") as session:
            await work(session, await partners.by_name(session, name), **details)
        await self.partners.renew()

    async def lets_in(self, partner: PartnerEntry, identity: str, secret: Secret) -> bool:
        """Whether an account here can log in by its secret at a partner's places."""
        village = self.village
        wifi = WifiSecrets(village.keyring, keeps_text=False)
        authenticator = Authenticator(village.database, village.keyring, village.hashing, wifi)
        nas = village.snapshot.nas_by_id[partner.nas_id or 0]
        claim = Claim(
            user_name=identity,
            nas=nas,
            hotspot=nas.hotspot,
            device_mac=None,
            matches=lambda held: held == secret.reveal(),
            password=secret,
        )
        said = await authenticator.by_credentials(claim, village.snapshot, village.clock())
        return isinstance(said, Authenticated)


@asynccontextmanager
async def member(village: Village, public_url: str, net: Net) -> AsyncIterator[Side]:
    """Give a member made of a village: with certificates, keys and a portal in the network."""
    eap = EapSettings(server_name=f"radius.{urlsplit(public_url).hostname}")
    async with parts_on(village, public_url) as parts:
        side = Side(village, parts, parts.partners, net).as_settings(eap=eap)
        await side.keep()
        yield side


@dataclass(frozen=True)
class Other:
    """A member with one collectivity, in a database of its own."""

    slug: str
    public_url: str

    async def found(self, path: Path) -> None:
        """Make its database, with certificates and keys, to be copied."""
        async with self._village(path, Clock()) as village:
            async with village.database.engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            async with village.database.write("test") as session:
                await collectivities.add_collectivity(
                    session,
                    slug=self.slug,
                    name=f"Pays de {self.slug}",
                    realm=f"{self.slug}.example",
                    parent=None,
                    country="FR",
                    language="fr",
                    timezone="Europe/Paris",
                    now=village.clock(),
                )
            async with member(village, self.public_url, Net()):
                pass

    @asynccontextmanager
    async def opened(self, path: Path, net: Net, clock: Clock) -> AsyncIterator[Side]:
        """Give the member of a database."""
        async with (
            self._village(path, clock) as village,
            member(village, self.public_url, net) as side,
        ):
            yield side

    @asynccontextmanager
    async def _village(self, path: Path, clock: Clock) -> AsyncIterator[Village]:
        database = Database(f"sqlite:///{path}")
        keyring = Keyring(self.slug.encode().ljust(32, b"!"))
        hashing = PasswordHashing(hasher=QUICK_HASHER)
        try:
            yield Village(database, keyring, Directory(database, keyring), hashing, clock)
        finally:
            hashing.close()
            await database.close()


OTHERS: Final = (Other("lavender", LAVENDER), Other("menton", MENTON))
