"""The composition root: the only place where long-lived objects are made, and plugged together."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from secrets import token_bytes
from typing import Any, Final

import structlog

from aaa.authentication import Authenticator
from aaa.model import Installation as InstallationRow
from aaa.passwords import PasswordHashing
from aaa.recorder import Recorder
from aaa.settings import ConfigurationError, RadiusSettings, Settings
from aaa.snapshot import Directory
from aaa.wifi_secrets import WifiSecrets
from deploy import certificates, federated, ports, signing_keys
from deploy.housekeeping import Housekeeping, Task
from deploy.installation import Installation
from deploy.workshop import Workshop
from federation.directory import PartnerDirectory
from monitoring import metrics
from monitoring.health import Check, Health
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from monitoring.server import MonitoringServer, WebServer
from portal.app import create_app
from portal.homes.token_endpoint import TokenEndpoint
from portal.mail import Mailer, SmtpMailer
from portal.onboarding import signing
from portal.onboarding.reminders import Reminders
from portal.pages import Pages
from portal.parts import Parts
from radius.handlers.access import AccessHandler
from radius.handlers.accounting import AccountingHandler, SessionOwners
from radius.handlers.eap import EapHandler
from radius.handlers.eap_methods import Methods
from radius.handlers.reply import ReplyBuilder
from radius.server import RadiusServer
from radius.transports.radsec_server import bound_tcp_socket
from radius.transports.udp import bound_socket

Clock = Callable[[], datetime]


class Part(StrEnum):
    """What a process does; several parts may share one."""

    RADIUS = "radius"
    PORTAL = "portal"
    HOUSEKEEPING = "housekeeping"


ALL_PARTS: Final = frozenset(Part)
# Those that send mail.
_WRITING: Final = frozenset({Part.PORTAL, Part.HOUSEKEEPING})
_FINISH_SECONDS: Final = 5
_SUMMARISE_SECONDS: Final = 5.0


def system_clock() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """All of one process: ports held, nothing answered yet.

    ``background`` is what runs beside the servers until the last of them is done; ``finishing``
    makes readiness answer no.
    """

    settings: Settings
    directory: Directory
    radius: RadiusServer | None
    portal: WebServer | None
    monitoring: MonitoringServer
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]
    finishing: asyncio.Event
    mailer: SmtpMailer | None

    def endpoints(self) -> dict[str, str]:
        """Return where each port that is held can be reached, ``host:port``."""
        held = {"monitoring": (self.settings.monitoring.address, self.monitoring.port)}
        if self.radius is not None:
            address = self.settings.radius.address
            held["authentication"] = (address, self.radius.auth_port)
            held["accounting"] = (address, self.radius.acct_port)
            if self.radius.radsec_port is not None:
                held["radsec"] = (address, self.radius.radsec_port)
            if self.radius.dynamic_authorization_port is not None:
                held["dynamic_authorization"] = (address, self.radius.dynamic_authorization_port)
        if self.portal is not None:
            held["portal"] = (self.settings.portal.address, self.portal.port)
        return {
            what: f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for what, (host, port) in held.items()
        }


async def assemble(
    installation: Installation,
    parts: frozenset[Part],
    stack: AsyncExitStack,
    *,
    clock: Clock = system_clock,
    mailer: Mailer | None = None,
) -> Service:
    """Return the service of ``parts``; ``stack`` closes what it holds.

    ``mailer`` takes the portal's mail in place of the server of ``mail.url``. Raises
    ConfigurationError where a port cannot be had, Unavailable where the database is away, Invalid
    where a setting cannot be in a certificate.
    """
    settings, database = installation.settings, installation.database
    directory = Directory(database, installation.keyring, certificates.of_operator(settings.radius))
    await directory.refresh()
    metrics.build_info.labels(version("farandole")).set(1)
    warnings = RepeatedWarnings(Occurrences(), structlog.get_logger())
    partners = PartnerDirectory(database, installation.keyring, directory, clock)
    await partners.refresh()
    workshop = Workshop(installation, directory, partners, clock, warnings)
    workshop.background += [directory.run, partners.run]
    workshop.background.append(partial(_summarise, warnings, clock))

    smtp = None
    if mailer is None and settings.mail.url and parts & _WRITING:
        mailer = smtp = SmtpMailer(settings.mail, clock)
        workshop.background.append(smtp.run)
    radius = await _radius(workshop, stack) if Part.RADIUS in parts else None
    portal = _portal(workshop, mailer, stack) if Part.PORTAL in parts else None
    if Part.HOUSEKEEPING in parts:
        housekeeping = Housekeeping(installation, directory, clock, _more(workshop, mailer, stack))
        workshop.background.append(housekeeping.run)
    finishing = asyncio.Event()
    monitoring = _monitoring(installation, finishing, stack)
    # Last: a service that finds no port leaves everything as it was.
    await certificates.keep(installation, clock())
    await signing_keys.keep(installation, clock())
    await directory.refresh()
    await partners.refresh()
    return Service(
        settings=settings,
        directory=directory,
        radius=radius,
        portal=portal,
        monitoring=monitoring,
        background=tuple(workshop.background),
        finishing=finishing,
        mailer=smtp,
    )


def _more(workshop: Workshop, mailer: Mailer | None, stack: AsyncExitStack) -> list[Task]:
    """Return what is to be done every so often for rooms above housekeeping's."""
    members = federated.upkeep(workshop, stack)
    seconds = workshop.installation.settings.federation.refresh_seconds
    tasks = [Task("members", seconds, members.all)]
    if mailer is not None:
        tasks.append(Task("reminders", 3600, _reminders(workshop, mailer).send))
    return tasks


def _reminders(workshop: Workshop, mailer: Mailer) -> Reminders:
    return Reminders(
        settings=workshop.installation.settings,
        database=workshop.installation.database,
        directory=workshop.directory,
        mailer=mailer,
        pages=Pages(workshop.clock),
        clock=workshop.clock,
    )


async def _summarise(warnings: RepeatedWarnings, clock: Clock) -> None:
    """Log, for ever, how often what was warned of has happened since."""
    while True:
        await asyncio.sleep(_SUMMARISE_SECONDS)
        warnings.summarise(clock())


def _hashing(stack: AsyncExitStack) -> PasswordHashing:
    """Return threads for the passwords of one part: what floods it fills no other's queue."""
    hashing = PasswordHashing()
    stack.callback(hashing.close)
    return hashing


async def _radius(workshop: Workshop, stack: AsyncExitStack) -> RadiusServer:
    """Return the RADIUS server with its ports bound, its recorder in the background."""
    settings, clock = workshop.installation.settings.radius, workshop.clock
    database, keyring = workshop.installation.database, workshop.installation.keyring
    directory = workshop.directory
    warnings = workshop.warnings
    replies = ReplyBuilder(keyring)
    recorder = Recorder(database, lambda: directory.current, clock)
    workshop.background.append(recorder.run)
    eap = workshop.installation.settings.eap
    wifi_secrets = WifiSecrets(keyring, eap.challenges)
    authenticator = Authenticator(database, keyring, _hashing(stack), wifi_secrets)
    access = AccessHandler(
        authenticator,
        EapHandler(authenticator, directory, Methods(eap, token_bytes), eap, clock, token_bytes),
        directory,
        replies,
        clock,
        reject_delay_seconds=settings.reject_delay_seconds,
        chance=random.random,
    )
    owners = SessionOwners(database, directory, keyring, clock)
    accounting = AccountingHandler(recorder, owners, warnings)
    handler, courier = federated.handler(workshop, stack, replies, access, accounting)
    server = RadiusServer(
        settings,
        database=database,
        directory=directory,
        handler=handler,
        courier=courier,
        warnings=warnings,
        clock=clock,
    )
    try:
        server.start()
    except OSError as error:
        raise _radius_refusal(settings, error) from None
    stack.push_async_callback(server.stop)
    return server


def _portal(workshop: Workshop, mailer: Mailer | None, stack: AsyncExitStack) -> WebServer:
    installation = workshop.installation
    token_endpoint = TokenEndpoint()
    stack.push_async_callback(token_endpoint.close)
    parts = Parts(
        settings=installation.settings,
        database=installation.database,
        directory=workshop.directory,
        partners=workshop.partners,
        keyring=installation.keyring,
        hashing=_hashing(stack),
        mailer=mailer,
        pages=Pages(workshop.clock),
        warnings=workshop.warnings,
        clock=workshop.clock,
        verifier=federated.verifier(workshop, stack),
        token_endpoint=token_endpoint,
        renew_partner=federated.upkeep(workshop, stack).renew,
        signer=signing.configured(installation.settings.portal),
    )
    address, port = installation.settings.portal.address, installation.settings.portal.port
    try:
        server = WebServer(create_app(parts), address, port, finish_seconds=_FINISH_SECONDS)
    except OSError as error:
        raise ports.refusal("portal", "port", address, port, error) from None
    stack.callback(server.close)
    return server


def _monitoring(
    installation: Installation, finishing: asyncio.Event, stack: AsyncExitStack
) -> MonitoringServer:
    address, port = installation.settings.monitoring.address, installation.settings.monitoring.port

    async def database() -> str | None:
        # A full disk and a lock show in writing only.
        async with installation.database.write("health") as session:
            await session.merge(InstallationRow(name="health", value=system_clock().isoformat()))
        return None

    async def stays() -> str | None:
        return "is being stopped" if finishing.is_set() else None

    health = Health(
        ready=(
            Check("database", "start the database, or correct database.url", database),
            Check("service", "nothing: whoever stopped it will start it again", stays),
        )
    )
    try:
        server = MonitoringServer(address, port, health)
    except OSError as error:
        raise ports.refusal("monitoring", "port", address, port, error) from None
    stack.callback(server.close)
    return server


def _radius_refusal(settings: RadiusSettings, error: OSError) -> ConfigurationError:
    """Say which of the ports it was: the first that cannot be had by itself, else the second,
    which the first has taken."""
    wanted = [
        ("auth_port", settings.auth_port, bound_socket),
        ("acct_port", settings.acct_port, bound_socket),
    ]
    if settings.dynamic_authorization:
        port = settings.dynamic_authorization_port
        wanted.append(("dynamic_authorization_port", port, bound_socket))
    if settings.radsec:
        wanted.append(("radsec_port", settings.radsec_port, bound_tcp_socket))
    for key, port, bind in wanted:
        try:
            bind(settings.address, port).close()
        except OSError:
            return ports.refusal("radius", key, settings.address, port, error)
    return ports.refusal("radius", "acct_port", settings.address, settings.acct_port, error)
