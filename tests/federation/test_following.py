"""Certificates, names and addresses change at one member, and at the other log-ins go on."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from aaa.settings import PortalSettings
from deploy import certificates, signing_keys
from deploy.installation import Installation
from federation import interconnection
from federation.directory import PartnerDirectory
from federation.trust import joining, membership
from federation.trust.fetching import CONNECTIONS_PATH, Fetcher
from federation.trust.joining import Ourselves
from federation.trust.upkeep import Upkeep
from radius.certificates import CertificateFlaw, Chain
from radius.wire.packet import Code
from tests.federation.nodes import BASIL, LAVENDER, Node, node
from tests.radius.served import pap
from tests.village import PASSWORD


class Member:
    """A node that says of itself what it is, and follows the other one."""

    def __init__(self, served: Node) -> None:
        self.node = served
        village = served.village
        self._partners = PartnerDirectory(
            village.database, village.keyring, village.directory, village.clock
        )

    @property
    def entity(self) -> str:
        return f"https://wifi.{self.node.cast.realm}"

    async def keep(self) -> None:
        """Do what housekeeping does for certificates and keys."""
        village, settings = self.node.village, self.node.settings
        installation = Installation(settings, village.database, village.keyring)
        await certificates.keep(installation, village.clock())
        await signing_keys.keep(installation, village.clock())
        await self._partners.renew()
        await self.node.refresh()

    async def us(self) -> Ourselves:
        known, village = await self._partners.renew(), self.node.village
        federation = self.node.settings.federation.model_copy(
            update={"servers": f"127.0.0.1:{self.node.radius.radsec_port}"}
        )
        settings = self.node.settings.model_copy(
            update={"portal": PortalSettings(public_url=self.entity), "federation": federation}
        )
        return joining.ourselves(settings, village.snapshot, known.keys, village.clock())

    async def admit(self, other: "Member") -> None:
        us, village = await other.us(), self.node.village
        async with village.database.write("test") as session:
            await membership.admit(
                session,
                village.keyring,
                described=us.member.described,
                statement=us.member.statement,
                name=other.node.cast.slug,
                now=village.clock(),
            )
        await self.node.refresh()

    async def follow(self, other: "Member") -> None:
        """Do what housekeeping does for members."""

        async def answer(request: httpx.Request) -> httpx.Response:
            us = await other.us()
            text = us.member.statement
            if request.url.path == CONNECTIONS_PATH:
                now = other.node.village.clock()
                text = interconnection.publish(us.entity, [], us.signer, now)
            return httpx.Response(200, stream=httpx.ByteStream(text.encode()))

        village = self.node.village
        await self._partners.renew()
        await Upkeep(
            entity=self.entity,
            database=village.database,
            keyring=village.keyring,
            directory=village.directory,
            partners=self._partners,
            fetcher=Fetcher(httpx.MockTransport(answer)),
            clock=village.clock,
        ).all()
        await self.node.refresh()

    async def restart(self, **eap: str) -> None:
        """Serve anew, on another port of RADIUS over TLS, so that each connection is a new one."""
        settings = self.node.settings
        radius = settings.radius.model_copy(update={"radsec_port": 0})
        changed = {"radius": radius, "eap": settings.eap.model_copy(update=eap)}
        await self.node.stop()
        self.node.settings = settings.model_copy(update=changed)
        await self.node.start()

    async def lets_in(self, other: "Member") -> bool:
        """Whether a citizen of the other one is let in here."""
        reply = await self.node.answer(pap(other.node.cast.nai, PASSWORD.reveal()))
        return reply.code is Code.ACCESS_ACCEPT


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[tuple[Member, Member]]:
    async with node(LAVENDER, tmp_path) as one, node(BASIL, tmp_path) as other:
        pair = Member(one), Member(other)
        for here, there in (pair, reversed(pair)):
            await here.admit(there)
        yield pair


async def follow(members: tuple[Member, Member], **years: float) -> None:
    """Let time pass, and have both do what housekeeping does."""
    for each in members:
        each.node.village.clock.advance(**years)
        await each.keep()
    for here, there in (members, reversed(members)):
        await here.follow(there)


async def test_another_port_name_and_root_are_followed(members: tuple[Member, Member]) -> None:
    here, there = members
    assert await here.lets_in(there)
    assert await there.lets_in(here)

    # Another name in the certificate, another port.
    await there.restart(server_name=f"aaa.{there.node.cast.realm}")
    assert not await here.lets_in(there)
    await follow(members, minutes=15)
    assert await here.lets_in(there)
    assert await there.lets_in(here)

    # The next root is told of years before it signs.
    former = there.node.identity.anchors
    await follow(members, days=16 * 365)
    assert len(there.node.identity.anchors) == 2
    await follow(members, days=3 * 365 + 180)
    await there.restart()
    await follow(members, minutes=15)
    shown = Chain(there.node.identity.chain)
    assert shown.distrust(former, there.node.village.clock()) is CertificateFlaw.UNTRUSTED
    assert await here.lets_in(there)
    assert await there.lets_in(here)
