"""RADIUS over TLS in the village: its certificate, who may connect, clients of every kind."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aaa.model import RadsecPeer, Use
from aaa.pki import authority
from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from aaa.snapshot import touch
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.transports.alpn import versions_of
from radius.transports.radsec_client import RadsecClient, TlsPeer
from radius.wire.packet import Packet
from radius.wire.stream import Stream
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.served import Served
from tests.village import Village

NAME = "radius.village.example"
SECRET = Secret(b"radsec")
GATE = "gate.partner.example"
HOME = "home.partner.example"
"""The names of a partner's: one that asks, one that is asked."""


async def certify(village: Village, name: str = NAME) -> ServerIdentity:
    """Make the village its certificate for RADIUS over TLS, as of today, and have it be today:
    programs of others look at a clock of their own."""
    village.clock.now = datetime.now(UTC)
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=[name],
            federation_name="Farandole",
            now=village.clock(),
            use=Use.RADSEC,
        )
    identity = (await village.directory.refresh()).radsec_identity
    assert identity is not None
    return identity


async def admit(
    village: Village,
    nas: str = "square",
    *,
    anchor: bytes | None = None,
    name: str | None = None,
    fingerprint: str | None = None,
) -> None:
    """Let a NAS connect with a certificate."""
    async with village.database.write("test") as session:
        nas_id = village.snapshot.nas_by_name[nas].id
        session.add(RadsecPeer(nas_id=nas_id, anchor=anchor, name=name, fingerprint=fingerprint))
        await touch(session)
    await village.directory.refresh()


def identity_of(issued: Issued, *anchors: bytes) -> ServerIdentity:
    """Return somebody's certificate as what they show over TLS."""
    return ServerIdentity((issued.der,), Secret(issued.key_der), anchors, ())


@asynccontextmanager
async def client(
    village: Village,
    identity: Callable[[], ServerIdentity | None] | ServerIdentity,
    versions: str = "1.0,1.1",
) -> AsyncIterator[RadsecClient]:
    """A client of ours that shows a certificate."""
    warnings = RepeatedWarnings(Occurrences(), structlog.get_logger())
    ask = (lambda: identity) if isinstance(identity, ServerIdentity) else identity
    made = RadsecClient(ask, warnings, village.clock, versions=versions_of(versions))
    try:
        yield made
    finally:
        made.close()


def peer_of(served: Served, identity: ServerIdentity, name: str = NAME) -> TlsPeer:
    """Return the village's server as a client has to know it."""
    port = served.server.radsec_port
    assert port is not None
    return TlsPeer("127.0.0.1", port, anchor=identity.anchors[0], certificate_name=name)


def home_of(port: int, root: Authority) -> TlsPeer:
    """Return the partner's server on loopback as a client has to know it."""
    return TlsPeer("127.0.0.1", port, anchor=root.root.der, certificate_name=HOME)


def write_identity(folder: Path, issued: Issued, *roots: bytes) -> tuple[Path, Path, Path]:
    """Write certificate, key and roots as PEM files; return where."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key, root = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    certificate.write_text(ssl.DER_cert_to_PEM_cert(issued.der))
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    root.write_text("".join(ssl.DER_cert_to_PEM_cert(each) for each in roots))
    return certificate, key, root


@dataclass
class Raw:
    """A connection of the standard library's TLS, for what no client of ours would send."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    stream: Stream = field(default_factory=Stream)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    """Of a server's: the client has gone."""

    async def receive(self, seconds: float = 20) -> bytes:
        """Return the next packet; raise EOFError where the connection has ended."""
        async with asyncio.timeout(seconds):
            octets = await self.reader.readexactly(4)
            length = int.from_bytes(octets[2:4], "big")
            return octets + await self.reader.readexactly(length - 4)

    async def has_ended(self, seconds: float = 20) -> bool:
        """Wait for the end of the connection; return whether nothing came before it."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read() == b""
            except (ssl.SSLError, ConnectionError):
                return True


@asynccontextmanager
async def raw(
    port: int,
    files: tuple[Path, Path, Path] | None,
    *,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    alpn: Sequence[str] = (),
) -> AsyncIterator[Raw]:
    """Connect with the certificate in `files`, whoever the server says that it is; `alpn` is what
    is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if files is not None:
        context.load_cert_chain(files[0], files[1])
    if alpn:
        context.set_alpn_protocols(alpn)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def fake_server(
    issued: Issued,
    folder: Path,
    client_root: bytes,
    answers: Callable[["Raw", bytes], None],
    port: int = 0,
    *,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    alpn: Sequence[str] = (),
) -> AsyncIterator[tuple[int, list[Raw]]]:
    """Run a server of the standard library's TLS; `answers` is given each packet that comes, `alpn`
    is what the server knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    certificate, key, _ = write_identity(folder, issued)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=client_root)
    met: list[Raw] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = Raw(reader, writer)
        met.append(one)
        try:
            while octets := await reader.read(65_536):
                for packet in one.stream.feed(octets):
                    answers(one, packet)
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            one.is_over.set()
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], met
    finally:
        server.close()
        for each in met:
            each.writer.transport.abort()


def counted(packet: Packet | None) -> Packet:
    """Return the answer that there must be."""
    assert packet is not None, "no answer came"
    return packet
