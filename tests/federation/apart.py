"""Members in networks of their own, and the test between them, which is all that joins them.

The village is in one network namespace, the homes of its visitors in another, and this thread in a
third, with a cable to each. So the test is the access point; the lines from the village to the
homes, which it may let fail; and homes that do what none should.

Each realm has a line, or a home in the test, of its own; all lines lead to the same member.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from shutil import copytree
from ssl import PEM_cert_to_DER_cert
from typing import Final

from sqlalchemy import func, select

from aaa.database import Database
from aaa.model import DailyUsage, Session
from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from federation.model import ForwardedAccounting
from radius.outstanding import Schedule
from radius.transports.client import Client
from radius.wire.packet import Code, Packet
from tests.federation.line import Line, line
from tests.federation.nodes import SHARED
from tests.federation.strange_homes import StrangeHome, over_tls, over_udp
from tests.interop.certificates import Holder, Issuer
from tests.interop.namespaces import Namespace, Plug, connect, namespace
from tests.operator import Operator, Served, operate
from tests.radius.served import pap
from tests.waiting import pause

RESPONSE_SECONDS: Final = 2.0
NAS_SECRET: Final = Secret("a secret of the mill and its access point")
HERE: Final = "10.1.0.1"
"""The test, as the village sees it."""
THERE: Final = "10.2.0.1"
"""The test, as the homes see it."""
VILLAGE: Final = "10.1.0.2"
HOME: Final = "10.2.0.2"
_SERVER_NAMES: Final = {"home": "radius.basil.example", "village": "radius.lavender.example"}
# An access point that asks once and waits: what it hears is not an answer to its repetition.
_NAS: Final = Schedule(10.0, 10.0, 1, 60.0)


@dataclass(frozen=True, slots=True)
class Way:
    """How a realm is reached: the ports of the test at which its home's servers seem to be."""

    realm: str
    ports: tuple[int, ...]
    is_tls: bool = False
    is_ours: bool = True
    """By a line to the other member; else the test itself answers there."""

    @property
    def name(self) -> str:
        """Whom the village knows as the partner, and the home as a collectivity."""
        return self.realm.partition(".")[0]

    @property
    def citizen(self) -> str:
        return f"anna@{self.realm}"

    @property
    def secret(self) -> str:
        """What she types into her phone."""
        return f"what is typed at {self.realm}"


BASIL: Final = Way("basil.example", (11812,))
MINT: Final = Way("mint.example", (12083,), is_tls=True)
SAGE: Final = Way("sage.example", (13812,))
"""The one that nothing befalls."""
ROSEMARY: Final = Way("rosemary.example", (14812, 15812))
"""The one with two servers."""
NETTLE: Final = Way("nettle.example", (16812,), is_ours=False)
THISTLE: Final = Way("thistle.example", (17083,), is_tls=True, is_ours=False)
"""Those whose home is in the test."""
AT_THISTLE: Final = (HERE, THISTLE.ports[0])
THISTLE_NAME: Final = f"radius.{THISTLE.realm}"
LAVENDER: Final = Way("lavender.example", (), is_ours=False)
"""The village's own realm, which leads nowhere."""
WAYS: Final = (BASIL, MINT, SAGE, ROSEMARY, NETTLE, THISTLE)


@dataclass
class Member:
    """An installation in its network, running or not."""

    operator: Operator
    network: Namespace
    _running: ExitStack | None = None
    _served: Served | None = None

    def start(self) -> None:
        self._running = ExitStack()
        serving = self.operator.serve("radius", network=self.network.path)
        self._served = self._running.enter_context(serving)

    def stop(self) -> None:
        """End in order, unless it was killed."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def pull_the_plug(self) -> None:
        """End as by a power cut."""
        self.served.process.kill()
        self.stop()

    @property
    def served(self) -> Served:
        assert self._served is not None
        return self._served

    @property
    def log(self) -> str:
        return self.served.process.output

    @cached_property
    def database(self) -> Database:
        """What it stores, read beside it."""
        return Database(f"sqlite:///{self.operator.directory}/state/farandole.db")

    async def sessions(self) -> list[Session]:
        """The sessions that it has recorded."""
        async with self.database.read("test") as session:
            return list((await session.scalars(select(Session))).all())

    async def used_octets(self) -> int:
        """What its citizens used, by its own count."""
        async with self.database.read("test") as session:
            return await session.scalar(select(func.sum(DailyUsage.octets))) or 0

    async def waiting(self) -> int:
        """How many accounting records no home has taken yet."""
        async with self.database.read("test") as session:
            return len((await session.scalars(select(ForwardedAccounting.id))).all())

    async def sends_none(self) -> bool:
        """Whether none of them is under way: what is, is nobody else's for minutes."""
        due_at = select(func.max(ForwardedAccounting.next_attempt_at))
        async with self.database.read("test") as session:
            latest = await session.scalar(due_at)
        return latest is None or latest < datetime.now(UTC) + timedelta(minutes=1)


@dataclass
class Apart:
    """All of it, from where the test is."""

    village: Member
    home: Member
    lines: Mapping[int, Line]
    nettle: StrangeHome = field(default_factory=StrangeHome)
    thistle: StrangeHome = field(default_factory=StrangeHome)
    _nas: Client = field(default_factory=lambda: Client(_NAS))
    _listening: AsyncExitStack = field(default_factory=AsyncExitStack)

    def line(self, way: Way, server: int = 0) -> Line:
        """The line to one of a realm's servers."""
        return self.lines[way.ports[server]]

    async def ask(self, packet: Packet) -> Packet | None:
        """Send a packet as the access point; return the answer."""
        port = 1813 if packet.code is Code.ACCOUNTING_REQUEST else 1812
        return await self._nas.exchange(packet, ip_address(VILLAGE), port, NAS_SECRET)

    async def answer(self, packet: Packet) -> Packet:
        """Return the answer that there must be."""
        reply = await self.ask(packet)
        assert reply is not None, "no answer came"
        return reply

    async def log_in(self, way: Way, password: str | None = None) -> Packet:
        """Have a realm's citizen log in by her secret, or by something else; return the answer."""
        packet = pap(way.citizen, password or way.secret, secret=NAS_SECRET)
        return await self.answer(packet)

    async def is_let_in(self, way: Way) -> bool:
        """Whether a realm's citizen gets online now."""
        return (await self.log_in(way)).code is Code.ACCESS_ACCEPT

    async def until_let_in(self, way: Way) -> None:
        """Have a citizen try again and again until it goes well, with nobody lending a hand."""
        async with asyncio.timeout(90):
            while not await self.is_let_in(way):
                await pause()

    @property
    def identity(self) -> ServerIdentity:
        """What a phone believes of the home: who signs its certificate."""
        root = PEM_cert_to_DER_cert((self.home.operator.directory / "root.pem").read_text())
        return ServerIdentity((), Secret(b""), (root,), ())

    async def show(self, holder: Holder | None) -> None:
        """Have Thistle's home begin anew with this certificate; None: not at all."""
        await self._listening.aclose()
        if holder is not None:
            await self._listening.enter_async_context(over_tls(AT_THISTLE, self.thistle, holder))

    async def close(self) -> None:
        self._nas.close()
        await self._listening.aclose()
        for member in (self.village, self.home):
            # Of a test that fails, pytest shows it.
            sys.stdout.write(member.log)
            member.stop()
            await member.database.close()


@dataclass(frozen=True, slots=True)
class Grounds:
    """Networks that are joined, and what the members had stored when they were made."""

    here: Namespace
    village: Namespace
    home: Namespace
    directory: Path
    root: Issuer
    """Who signs for the home in the test."""
    thistle: Holder
    """What that shows."""


@contextmanager
def grounds(directory: Path) -> Iterator[Grounds]:
    """Lay the cables, and set both members up by commands."""
    root = Issuer.create("Thistle Root")
    thistle = root.server(directory / "thistle", THISTLE_NAME)
    (directory / "thistle" / "root.pem").write_bytes(root.certificate)
    home, village = (
        operate(directory / name, {"eap.server_name": server_name})
        for name, server_name in _SERVER_NAMES.items()
    )
    for member in (home, village):
        member.directory.mkdir()
        member.do("database", "upgrade")
        member.do("ca", "renew")
        (member.directory / "root.pem").write_text(member.do("ca", "export"))
    _found_home(home, village.directory / "root.pem")
    _found_village(village, home.directory / "root.pem", directory / "thistle" / "root.pem")
    with namespace() as here, namespace() as near, namespace() as far:
        connect(Plug(here, "near0", f"{HERE}/24"), Plug(near, "eth0", f"{VILLAGE}/24"))
        connect(Plug(here, "far0", f"{THERE}/24"), Plug(far, "eth0", f"{HOME}/24"))
        yield Grounds(here, near, far, directory, root, thistle)


def _found_home(home: Operator, root: Path) -> None:
    for way in (each for each in WAYS if each.is_ours):
        _found_realm(home, way)
    home.do(
        *("partner", "add", "lavender", "--title", "Lavender", "--realm", "lavender.example"),
        *("--home", f"udp://{THERE}:9", "--from", f"{THERE}/32", "--secret-file", "-"),
        *("--from-certificate-name", _SERVER_NAMES["village"], "--from-anchor", str(root)),
        given=SHARED.reveal().decode(),
    )


def _found_realm(member: Operator, way: Way) -> None:
    """Make a realm, with a citizen and her phone."""
    member.do("collectivity", "add", way.name, "--name", way.name, "--realm", way.realm)
    member.do("citizen", "add", "anna", "--collectivity", way.name, "--email", way.citizen)
    phone = ("--citizen", way.citizen, "--name", "phone", "--secret-file", "-")
    member.do("device", "add", *phone, given=way.secret)


def _found_village(village: Operator, root: Path, thistle: Path) -> None:
    _found_realm(village, LAVENDER)
    village.do("hotspot", "add", "mill", "--collectivity", "lavender", "--name", "The mill")
    nas = ("--hotspot", "mill", "--vendor", "hostapd", "--address", HERE)
    secret = NAS_SECRET.reveal().decode()
    village.do("nas", "add", "mill", *nas, "--secret-file", "-", given=secret)
    for way in WAYS:
        added = ("partner", "add", way.name, "--title", way.name, "--realm", way.realm)
        if way.is_tls:
            name, anchor = (_SERVER_NAMES["home"], root) if way.is_ours else (THISTLE_NAME, thistle)
            proof = ("--anchor", str(anchor), "--certificate-name", name)
            village.do(*added, "--home", f"tls://{HERE}:{way.ports[0]}", *proof)
        else:
            homes = [("--home", f"udp://{HERE}:{port}") for port in way.ports]
            words = [word for each in homes for word in each]
            given = SHARED.reveal().decode()
            village.do(*added, *words, "--secret-file", "-", given=given)


@asynccontextmanager
async def apart(
    grounds: Grounds, directory: Path, response_seconds: float = RESPONSE_SECONDS
) -> AsyncIterator[Apart]:
    """Run both members as they were made, with the test between them, in fair weather."""
    settings = {
        "radius.reject_delay_seconds": "0",
        "federation.response_seconds": str(response_seconds),
    }
    networks = {"village": (grounds.village, VILLAGE), "home": (grounds.home, HOME)}
    members = {}
    for name, (network, address) in networks.items():
        place = directory / name
        copytree(grounds.directory / name, place)
        own = {"radius.address": address, "eap.server_name": _SERVER_NAMES[name]}
        members[name] = Member(operate(place, settings | own), network)
    async with AsyncExitStack() as stack:
        stack.enter_context(grounds.here.entered())
        lines = {}
        for seed, way in enumerate(each for each in WAYS if each.is_ours):
            for port in way.ports:
                lines[port] = made = await stack.enter_async_context(line(seed))
                if way.is_tls:
                    await made.open_tcp((HERE, port), (HOME, 2083))
                else:
                    made.open_udp((HERE, port), (HOME, 1812))
                    made.open_udp((HERE, port + 1), (HOME, 1813))
        both = Apart(members["village"], members["home"], lines)
        stack.push_async_callback(both.close)
        await stack.enter_async_context(over_udp((HERE, NETTLE.ports[0]), both.nettle))
        await both.show(grounds.thistle)
        for member in (both.home, both.village):
            member.start()
        yield both
