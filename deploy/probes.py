"""What `farandole check` looks at, each with what to do where it is amiss."""

import asyncio
import json
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from aaa import snapshot
from aaa.errors import Invalid, Unavailable
from aaa.pki.identity import ServerIdentity
from aaa.settings import (
    FALLBACK_SERVER_NAME,
    ConfigurationError,
    EapSettings,
    PortalSettings,
    Settings,
)
from aaa.snapshot import NasEntry, Snapshot
from deploy import installation, member_probes, ports
from deploy.finding import Finding
from monitoring.server import listen
from portal.onboarding import signing
from radius.eap.tls_engine import TlsIdentity, TlsServer
from radius.outstanding import Schedule
from radius.request import Address
from radius.transports.client import Client
from radius.transports.udp import bound_socket
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet

_PATIENCE_SECONDS: Final = 5.0
# Renewal comes weeks before.
_CERTIFICATE_ENDS: Final = timedelta(days=14)
# A year before its end the root signs for the server no more, and a year is for reinstalling.
_ROOT_ENDS: Final = timedelta(days=2 * 365)
_SCHEDULE: Final = Schedule(
    initial_seconds=1, maximum_transmissions=3, maximum_duration_seconds=_PATIENCE_SECONDS
)


async def examine(settings: Settings) -> list[Finding]:
    """Return what is found of the installation whose settings these are."""
    database, known, members = await _database(settings)
    running = await asyncio.to_thread(_service, settings)
    if running is None:
        found = [*_ports(settings), Finding("service", "is not running")]
    else:
        found = [running, *await _radius(settings, known.nas if known else ())]
    if known is not None:
        found += _secure_network(settings, known.server_identity)
    return [database, *found, *members, _public_url(settings), await _mail(settings)]


async def _database(settings: Settings) -> tuple[Finding, Snapshot | None, list[Finding]]:
    """Look at database, revision and key, which is what every command needs, and at what it says of
    other members."""
    try:
        async with installation.opened(settings) as opened:
            async with opened.database.read("check") as session:
                found = await snapshot.load(session, opened.keyring)
            members = await member_probes.examine(opened, found)
            what = "SQLite" if opened.database.dialect == "sqlite" else "PostgreSQL"
    except ConfigurationError as error:
        return Finding("database", problem=error.problem, remedy=error.remedy), None, []
    except Unavailable as error:
        remedy = "Start the database, or correct database.url"
        return Finding("database", problem=str(error), remedy=remedy), None, []
    except Invalid as error:
        remedy = "Restore the key file that was backed up with the database"
        return Finding("database", problem=str(error), remedy=remedy), None, []
    return Finding("database", f"{what}, its revision and its key fit"), found, members


def _secure_network(settings: Settings, identity: ServerIdentity | None) -> list[Finding]:
    """Look at what supplicants are shown, whether it can be used, and at who signs profiles."""
    found = [_certificate(settings, identity)]
    if identity is not None:
        found += _tls(settings.eap, identity) + _root(identity)
    return found + _signer(settings.portal)


def _certificate(settings: Settings, identity: ServerIdentity | None) -> Finding:
    """Look until when supplicants believe the server, and by which name."""
    wanted = settings.server_name
    if identity is None:
        remedy = "The service makes it when it starts"
        return Finding("certificate", "none yet for the secure network", remedy=remedy)
    name, left = identity.names[0], _left(identity.chain[0])
    until = f"{_end(identity.chain[0]):%Y-%m-%d}"
    if begins := _not_yet(identity.chain[0]):
        problem = f"{name} is not valid before {begins:%Y-%m-%d}: the clock was ahead, or is behind"
        remedy = "Set this machine's clock right, then restart the service, which makes another"
        return Finding("certificate", problem=problem, remedy=remedy)
    if left < _CERTIFICATE_ENDS:
        problem = f"{name} expire{'d' if left < timedelta() else 's'} on {until}"
        remedy = "Let housekeeping run, which renews it, or use `farandole ca renew`"
        return Finding("certificate", problem=problem, remedy=remedy)
    if name != wanted:
        detail = f"it names {name} first, the settings {wanted}"
        remedy = "Restart the service, which makes one with both names"
        return Finding("certificate", detail, remedy=remedy)
    if name == FALLBACK_SERVER_NAME:
        detail = f"it names {name}, since portal.public_url has no domain"
        remedy = "Set eap.server_name before anybody installs a profile: each keeps the name"
        return Finding("certificate", detail, remedy=remedy)
    return Finding("certificate", f"{name}, until {until}")


def _tls(settings: EapSettings, identity: ServerIdentity) -> list[Finding]:
    """Look whether OpenSSL takes certificate and key; without it, no EAP is offered."""
    shown = TlsIdentity(identity.chain, identity.key.reveal(), identity.anchors)
    try:
        TlsServer.for_tunnel(shown, minimum=settings.tls_minimum, maximum=settings.tls_maximum)
    except ValueError as error:
        problem = f"the secure network is not offered: {error}"
        return [Finding("tls", problem=problem, remedy="Make a new one: `farandole ca renew`")]
    return []


def _root(identity: ServerIdentity) -> list[Finding]:
    """Look whether the root that signed the certificate lives long enough for profiles."""
    issuer = x509.load_der_x509_certificate(identity.chain[-1]).issuer
    roots = (each for each in identity.anchors if _subject(each) == issuer)
    signing = next(roots, None)
    if signing is not None and (begins := _not_yet(signing)):
        problem = f"the one that signs the certificate is not valid before {begins:%Y-%m-%d}"
        remedy = "Set this machine's clock right, then restart the service, which makes another"
        return [Finding("root", problem=problem, remedy=remedy)]
    if signing is None or _left(signing) >= _ROOT_ENDS:
        return []
    return [
        Finding(
            "root",
            f"the one that signs the certificate ends on {_end(signing):%Y-%m-%d}",
            remedy="Have profiles that are older than the next root installed anew, until a year "
            "before that; `farandole ca show` tells since when there is one",
        )
    ]


def _signer(settings: PortalSettings) -> list[Finding]:
    """Look at the certificate that signs profiles for Apple devices, where the operator has one."""
    name = "portal.signing_certificate_file"
    try:
        signer = signing.configured(settings)
    except ConfigurationError as error:
        return [Finding(error.setting, problem=error.problem, remedy=error.remedy)]
    if signer is None:
        return []
    until, left = f"{_end(signer.chain[0]):%Y-%m-%d}", _left(signer.chain[0])
    if left < timedelta():
        remedy = "Put the renewed one there, and restart the service"
        return [Finding(name, problem=f"the certificate expired on {until}", remedy=remedy)]
    return [Finding(name, f"signs profiles until {until}")]


def _subject(certificate: bytes) -> x509.Name:
    return x509.load_der_x509_certificate(certificate).subject


def _end(certificate: bytes) -> datetime:
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc


def _not_yet(certificate: bytes) -> datetime | None:
    """Return from when on a certificate is valid, or None where it is that already."""
    begins = x509.load_der_x509_certificate(certificate).not_valid_before_utc
    return begins if begins > datetime.now(UTC) else None


def _left(certificate: bytes) -> timedelta:
    return _end(certificate) - datetime.now(UTC)


def _service(settings: Settings) -> Finding | None:
    """Ask a service that runs whether it is ready; None where none runs."""
    monitoring = settings.monitoring
    connection = HTTPConnection(
        str(_own(monitoring.address)), monitoring.port, timeout=_PATIENCE_SECONDS
    )
    try:
        connection.request("GET", "/health/ready")
        answer = json.loads(connection.getresponse().read())
        failing = [check for check in answer["checks"] if check["state"] != "ok"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
    if failing:
        problem = f"{failing[0]['name']}: {failing[0]['problem']}"
        return Finding("service", problem=problem, remedy=failing[0]["remedy"])
    return Finding("service", "is running, and ready")


def _ports(settings: Settings) -> list[Finding]:
    """Look whether the ports can be had; nothing of ours runs."""
    findings = []
    wanted = [
        ("radius", "auth_port", socket.SOCK_DGRAM),
        ("radius", "acct_port", socket.SOCK_DGRAM),
        ("portal", "port", socket.SOCK_STREAM),
        ("monitoring", "port", socket.SOCK_STREAM),
    ]
    if settings.radius.dynamic_authorization:
        wanted.append(("radius", "dynamic_authorization_port", socket.SOCK_DGRAM))
    if settings.radius.radsec:
        wanted.append(("radius", "radsec_port", socket.SOCK_STREAM))
    for section, key, kind in wanted:
        table = getattr(settings, section)
        address, port = table.address, getattr(table, key)
        try:
            _bind(address, port, kind)
        except OSError as error:
            refused = ports.refusal(section, key, address, port, error)
            findings.append(Finding(f"{section}.{key}", "", refused.problem, refused.remedy))
        else:
            findings.append(Finding(f"{section}.{key}", f"{port} is free"))
    return findings


def _bind(address: str, port: int, kind: socket.SocketKind) -> None:
    if kind == socket.SOCK_DGRAM:
        bound_socket(address, port).close()
    else:
        listen(address, port).close()


async def _radius(settings: Settings, known: Sequence[NasEntry]) -> list[Finding]:
    """Send Status-Server (RFC 5997) to both ports, as the NAS that has this machine's address."""
    address = _own(settings.radius.address)
    asker = next(
        (nas for nas in known if nas.network and address in nas.network and not nas.identifier),
        None,
    )
    if asker is None:
        return [Finding("radius", f"not asked: no NAS is registered with the address {address}")]
    client = Client(_SCHEDULE)
    findings = []
    for key in ("auth_port", "acct_port"):
        port = getattr(settings.radius, key)
        packet = Packet(Code.STATUS_SERVER, 0, secrets.token_bytes(16), Attributes())
        if await client.exchange(packet, address, port, asker.secret) is None:
            problem = f"no answer to Status-Server from {address} port {port}"
            remedy = "See the log of the service for the reason, and the packet filter"
            findings.append(Finding(f"radius.{key}", "", problem, remedy))
        else:
            findings.append(Finding(f"radius.{key}", f"answers on {port}"))
    client.close()
    return findings


def _public_url(settings: Settings) -> Finding:
    """Look whether phones could come to where NAS send them."""
    url = settings.portal.public_url
    if settings.portal.is_out_of_reach:
        remedy = "Write the HTTPS name of the portal, and set up the NAS with that"
        return Finding("portal.public_url", f"no phone can reach {url}", remedy=remedy)
    return Finding("portal.public_url", url)


async def _mail(settings: Settings) -> Finding:
    """Look whether the mail server greets."""
    if not settings.mail.url:
        remedy = "Name a mail server in mail.url"
        return Finding("mail", "nobody can sign up by e-mail", remedy=remedy)
    url = urlsplit(settings.mail.url)
    is_tls = url.scheme == "smtps"
    port = url.port or (465 if is_tls else 587 if url.username else 25)
    host = url.hostname or "localhost"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=is_tls or None)
            greeting = await reader.readline()
            writer.close()
    except (OSError, TimeoutError) as error:
        problem = f"{host} port {port} does not answer ({str(error) or 'no greeting in time'})"
        return Finding("mail", problem=problem, remedy="Start the mail server, or correct mail.url")
    if not greeting.startswith(b"220"):
        problem = f"{host} port {port} does not greet like a mail server"
        return Finding("mail", problem=problem, remedy="Correct mail.url; smtps:// is for TLS")
    return Finding("mail", f"{host} port {port} answers")


def _own(address: str) -> Address:
    """Return an address of this machine that reaches what listens on ``address``."""
    listened = ip_address(address)
    if not listened.is_unspecified:
        return listened
    return ip_address("127.0.0.1" if listened.version == 4 else "::1")
