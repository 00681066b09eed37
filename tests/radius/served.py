"""A server that answers on loopback over the village of the tests, and ways to ask it."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog

from aaa.authentication import Authenticator
from aaa.outbox import DueInstruction
from aaa.recorder import Recorder
from aaa.secret import Secret
from aaa.settings import EapSettings, RadiusSettings
from aaa.snapshot import NasEntry
from aaa.wifi_secrets import WifiSecrets
from monitoring import registry
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.handlers.access import AccessHandler
from radius.handlers.accounting import AccountingHandler, SessionOwners
from radius.handlers.eap import EapHandler
from radius.handlers.eap_methods import Methods
from radius.handlers.handler import local_handler
from radius.handlers.reply import ReplyBuilder
from radius.outstanding import Schedule
from radius.request import Handler
from radius.server import RadiusServer
from radius.sightings import Sightings
from radius.transports.client import Client
from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.hiding import hide_password
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value
from tests.counterparts import require
from tests.village import NAS_SECRET, PHONE, Village
from tests.waiting import pause

LOOPBACK = ip_address("127.0.0.1")
PHONE_AS_SENT = PHONE.replace(":", "-").upper()
QUICK = Schedule(initial_seconds=1.0, maximum_transmissions=4, maximum_duration_seconds=8.0)
Named = tuple[str, Value | Tagged]


class NoCourier:
    """Nothing here stands for a partner."""

    async def carry(self, _instruction: DueInstruction, _nas: NasEntry) -> None:
        """Take nothing anywhere."""


@dataclass
class Served:
    """A running server with the village behind it, and a client to ask it with."""

    village: Village
    server: RadiusServer
    recorder: Recorder
    client: Client
    handler: Handler
    """The one of `radius.handlers`, whichever the server was given."""
    settings: RadiusSettings
    warnings: RepeatedWarnings
    log: list[Any] = field(default_factory=list)

    @property
    def sightings(self) -> Sightings:
        return self.server.sightings

    @property
    def auth(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.auth_port

    @property
    def acct(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.acct_port

    async def ask(self, packet: Packet, secret: Secret = NAS_SECRET) -> Packet | None:
        """Send a packet to the port it belongs to; return the answer."""
        is_accounting = packet.code is Code.ACCOUNTING_REQUEST
        port = self.server.acct_port if is_accounting else self.server.auth_port
        return await self.client.exchange(packet, LOOPBACK, port, secret)

    async def answer(self, packet: Packet, secret: Secret = NAS_SECRET) -> Packet:
        """Send a packet; return the answer that there must be."""
        reply = await self.ask(packet, secret)
        assert reply is not None, "no answer came"
        return reply

    def logged(self, event: str) -> list[Any]:
        """The lines logged so far with this event."""
        return [line for line in self.log if line["event"] == event]


@asynccontextmanager
async def serve(
    village: Village, handler: Handler | None = None, **settings: Any
) -> AsyncIterator[Served]:
    """Run a server over `village`; `settings` are those of RadiusSettings. `handler` stands in for
    the real one."""
    chosen: dict[str, Any] = {
        "address": "127.0.0.1",
        "auth_port": 0,
        "acct_port": 0,
        "radsec_port": 0,
        "reject_delay_seconds": 0.0,
    }
    radius = RadiusSettings(**(chosen | settings))
    warnings = RepeatedWarnings(Occurrences(), structlog.get_logger())
    recorder = Recorder(village.database, lambda: village.snapshot, village.clock)
    replies = ReplyBuilder(village.keyring)
    eap = EapSettings(challenges=True)
    wifi_secrets = WifiSecrets(village.keyring, eap.challenges)
    authenticator = Authenticator(village.database, village.keyring, village.hashing, wifi_secrets)
    access = AccessHandler(
        authenticator,
        EapHandler(
            authenticator,
            village.directory,
            Methods(eap, secrets.token_bytes),
            eap,
            village.clock,
            secrets.token_bytes,
        ),
        village.directory,
        replies,
        village.clock,
        reject_delay_seconds=radius.reject_delay_seconds,
        chance=lambda: 0.0,
    )
    owners = SessionOwners(village.database, village.directory, village.keyring, village.clock)
    local = local_handler(access, AccountingHandler(recorder, owners, warnings))
    server = RadiusServer(
        radius,
        database=village.database,
        directory=village.directory,
        handler=handler or local,
        courier=NoCourier(),
        warnings=warnings,
        clock=village.clock,
    )
    server.start()
    recording = asyncio.ensure_future(recorder.run())
    serving = asyncio.ensure_future(server.run())
    client = Client(QUICK)
    with structlog.testing.capture_logs() as log:
        try:
            yield Served(village, server, recorder, client, local, radius, warnings, log)
        finally:
            client.close()
            await server.stop()
            await serving
            recording.cancel()
            with suppress(asyncio.CancelledError):
                await recording


def pap(name: str, password: str | bytes, *more: Named, secret: Secret = NAS_SECRET) -> Packet:
    """An Access-Request with User-Password."""
    authenticator = secrets.token_bytes(16)
    octets = password.encode() if isinstance(password, str) else password
    hidden = hide_password(octets, secret.reveal(), authenticator)
    attributes = Attributes.of(("User-Name", name), ("User-Password", hidden), *more)
    return Packet(Code.ACCESS_REQUEST, 0, authenticator, attributes)


def clear_pap(name: str, password: str, *more: Named) -> Packet:
    """The same with nothing hidden, as what hides by itself is given it."""
    named: list[Named] = [("User-Name", name), ("User-Password", password.encode()), *more]
    return Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), Attributes.of(*named))


def chapped(name: str, password: str | bytes, *more: Named) -> Packet:
    """An Access-Request with CHAP-Password and CHAP-Challenge, as CoovaChilli sends it."""
    octets = password.encode() if isinstance(password, str) else password
    challenge = secrets.token_bytes(16)
    attributes = Attributes.of(
        ("User-Name", name),
        ("CHAP-Password", chap.respond(7, octets, challenge)),
        ("CHAP-Challenge", challenge),
        *more,
    )
    return Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), attributes)


def status() -> Packet:
    """A Status-Server."""
    return Packet(Code.STATUS_SERVER, 0, secrets.token_bytes(16), Attributes())


def accounting(status_type: str, *more: Named, session_id: str | None = "s-1") -> Packet:
    """An Accounting-Request of the phone."""
    named: list[Named] = [("Acct-Status-Type", status_type)]
    if session_id is not None:
        named.append(("Acct-Session-Id", session_id))
    named.append(("Calling-Station-Id", PHONE_AS_SENT))
    return Packet(Code.ACCOUNTING_REQUEST, 0, bytes(16), Attributes.of(*named, *more))


class Socket:
    """A bare UDP socket, for what no client would send."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((address, 0))

    def send(self, datagram: bytes, destination: tuple[str, int]) -> None:
        self._socket.sendto(datagram, destination)

    async def receive(self, seconds: float = 20) -> bytes:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(self._socket, 4096)

    def has_nothing(self) -> bool:
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Let the others run until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await pause()


def sample(name: str, **labels: str) -> float:
    """The value of a metric now."""
    return registry.REGISTRY.get_sample_value(name, labels) or 0.0


def dropped(reason: str) -> float:
    """How many packets were dropped for a reason, so far."""
    return sample("farandole_radius_drops_total", reason=reason)


def duplicates(outcome: str) -> float:
    """How many repetitions were seen, so far."""
    return sample("farandole_radius_duplicates_total", outcome=outcome)


@dataclass(frozen=True)
class Radclient:
    """What Debian's radclient said."""

    status: int
    output: str

    @property
    def got(self) -> str | None:
        """The kind of packet that it received."""
        for line in self.output.splitlines():
            if line.startswith("Received "):
                return line.split()[1]
        return None


async def radclient(
    directory: Path,
    where: tuple[str, int],
    command: str,
    attributes: Mapping[str, str],
    secret: Secret = NAS_SECRET,
) -> Radclient:
    """Send one packet with radclient; it tries for some seconds."""
    secret_file = directory / "secret"
    secret_file.write_bytes(secret.reveal() + b"\n")
    program = await asyncio.create_subprocess_exec(
        require("radclient"),
        *("-x", "-t", "3", "-r", "3", "-S", str(secret_file)),
        f"{where[0]}:{where[1]}",
        command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    text = "".join(f"{name} = {value}\n" for name, value in attributes.items())
    output, _ = await program.communicate(text.encode())
    return Radclient(program.returncode or 0, output.decode())
