"""One process with everything: the real service, the simulated hotspot, and how to end them."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, TypeVar

from aaa.passwords import PasswordHashing
from aaa.secret import Secret
from aaa.settings import ConfigurationError, RadiusSettings, Settings
from aaa.snapshot import Snapshot
from deploy import installation, lifecycle
from deploy.assemble import ALL_PARTS, Service, assemble, system_clock
from deploy.demo import neighbour, village
from deploy.demo.gateway import Ask, Gateway
from deploy.demo.hotspot import gateway_pages
from deploy.demo.packets import AccessServer
from deploy.demo.screens import demo_site
from deploy.demo.square import Square
from deploy.installation import Installation
from monitoring import logging
from monitoring.server import WebServer
from portal.mail import MailboxMailer
from radius.outstanding import Schedule
from radius.transports.client import Client
from radius.transports.udp import bound_socket
from radius.wire.packet import Code, Packet

T = TypeVar("T")

LOG_FILE: Final = "farandole.log"
CONFIG_FILE: Final = "farandole.toml"
_LOOPBACK: Final = "127.0.0.1"
# Where each port is looked for first: the defaults of the service, CoovaChilli's, and 8081.
_PORTAL, _MONITORING, _AUTH, _ACCT, _RADSEC = 8080, 9812, 1812, 1813, 2083
_THEIR_PORTAL, _THEIR_RADSEC = 8082, 2084
_SITE, _LOGIN, _COA = 8081, 3990, 3799
_TRIES: Final = 5
# CoovaChilli gives up on the server after ten seconds.
_PATIENCE: Final = Schedule(maximum_transmissions=3, maximum_duration_seconds=10)
_FINISH_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """All of a demo: ports held, nothing answered yet. ``beside`` is the partner's service."""

    service: Service
    beside: Service
    site: WebServer
    gateways: tuple[Gateway, ...]
    pages: tuple[WebServer, ...]
    orders: Mapping[str, socket.socket]
    """Of each gateway, the socket that its Disconnect-Requests arrive on."""


async def perform(directory: Path, announce: Callable[[Stage], None]) -> None:
    """Run the demo on the state in ``directory`` until SIGINT or SIGTERM; ``announce`` is called
    when everything answers."""
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    settings = _settings(directory)
    await installation.upgrade(settings)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(installation.opened(settings))
        theirs = _neighbour_settings(directory / neighbour.NAME)
        there = await stack.enter_async_context(neighbour.opened(theirs))
        log = stack.enter_context((directory / LOG_FILE).open("a", encoding="utf-8"))
        key = opened.keyring.derive("log")
        logging.configure(key=key, log_format="console", stream=log)
        # What happens after the log is closed, the person should see.
        stack.callback(logging.configure, key=key, log_format="console", stream=sys.stderr)
        client = Client(_PATIENCE)
        stack.callback(client.close)
        stage = await _build(opened, there, client, stack)
        (directory / CONFIG_FILE).write_text(_toml(stage.service.settings), encoding="utf-8")
        await _play(stage, asked_to_stop, announce)


async def _build(
    opened: Installation, there: Installation, client: Client, stack: AsyncExitStack
) -> Stage:
    orders = {
        spot.nas: stack.enter_context(_near(_COA + number, _udp_socket))
        for number, spot in enumerate(village.SPOTS)
    }
    coa_ports = {name: _port(opened_socket) for name, opened_socket in orders.items()}
    hashing = PasswordHashing(threads=1)
    stack.callback(hashing.close)
    snapshot = await village.settle(opened, hashing, coa_ports, system_clock())
    mailbox = MailboxMailer()
    await neighbour.settle(there, hashing, system_clock())
    beside = await neighbour.start(there, mailbox, stack, system_clock)
    service = await _assemble(opened, mailbox, stack)
    here = replace(opened, settings=service.settings)
    await neighbour.join(here, there, system_clock())
    gateways = tuple(_gateways(service.settings, snapshot, client))
    square = Square(gateways)
    remarks = {spot.nas: spot.remark for spot in village.SPOTS}
    site = _web_server(demo_site(square, remarks, mailbox, system_clock), _SITE, stack)
    pages = []
    for phone in square.phones.values():
        application = gateway_pages(phone, f"http://{_LOOPBACK}:{site.port}")
        server = _web_server(application, _LOGIN + phone.number - 1, stack)
        phone.login_port = server.port
        pages.append(server)
    return Stage(service, beside, site, gateways, tuple(pages), orders)


async def _assemble(opened: Installation, mailbox: MailboxMailer, stack: AsyncExitStack) -> Service:
    """Return the service on ports that are free; where another program takes one of them while we
    look, look again."""
    for _ in range(_TRIES - 1):
        with suppress(ConfigurationError):
            return await _try(opened, mailbox, stack)
    return await _try(opened, mailbox, stack)


async def _try(opened: Installation, mailbox: MailboxMailer, stack: AsyncExitStack) -> Service:
    settings = _settings(opened.settings.state.directory)
    async with AsyncExitStack() as attempt:
        service = await assemble(
            replace(opened, settings=settings), ALL_PARTS, attempt, mailer=mailbox
        )
        stack.push_async_exit(attempt.pop_all())
    return service


def _gateways(settings: Settings, snapshot: Snapshot, client: Client) -> Iterator[Gateway]:
    for spot in village.SPOTS:
        nas = snapshot.nas_by_name[spot.nas]
        setup = AccessServer(
            name=spot.nas,
            mac=spot.mac,
            ssid=spot.ssid,
            place=spot.name,
            portal_url=f"{settings.portal.public_url}/at/{spot.nas}/",
            secret=nas.secret,
            uam_secret=nas.uam_secret or Secret(b""),
        )
        yield Gateway(setup, _ask(client, settings.radius, nas.secret), system_clock)


def _ask(client: Client, server: RadiusSettings, secret: Secret) -> Ask:
    """Return how one gateway asks the server."""

    async def ask(request: Packet) -> Packet | None:
        is_accounting = request.code is Code.ACCOUNTING_REQUEST
        port = server.acct_port if is_accounting else server.auth_port
        return await client.exchange(request, IPv4Address(_LOOPBACK), port, secret)

    return ask


async def _play(
    stage: Stage, asked_to_stop: asyncio.Event, announce: Callable[[Stage], None]
) -> None:
    """Let everything answer; at the end the gateways report their sessions' ends to a service
    that still listens."""
    service_may_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(lifecycle.run(stage.service, service_may_stop))
        group.create_task(lifecycle.run(stage.beside, service_may_stop))
        running = []
        for gateway in stage.gateways:
            await listen(gateway, stage.orders[gateway.nas.name])
            running.append(group.create_task(gateway.run()))
        for server in (stage.site, *stage.pages):
            group.create_task(server.serve())
        announce(stage)
        await asked_to_stop.wait()
        for server in (stage.site, *stage.pages):
            server.stop()
        for gateway in stage.gateways:
            gateway.switch_off()
        _, late = await asyncio.wait(running, timeout=_FINISH_SECONDS)
        for task in late:
            task.cancel()
        service_may_stop.set()


async def listen(gateway: Gateway, orders: socket.socket) -> asyncio.BaseTransport:
    """Let a gateway take what arrives on a socket, the server's orders, until what is returned is
    closed."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Orders(gateway), sock=orders)
    return transport


class _Orders(asyncio.DatagramProtocol):
    """Takes what the server orders a gateway to do."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if answer := self._gateway.receive(data):
            self._transport.sendto(answer, addr)


def _settings(directory: Path) -> Settings:
    """Return settings for a service on loopback, on ports that are free now."""
    portal, radsec = _free(_PORTAL, _tcp_socket), _free(_RADSEC, _tcp_socket)
    return Settings.model_validate(
        {
            "state": {"directory": str(directory)},
            "radius": {
                "address": _LOOPBACK,
                "auth_port": _free(_AUTH, _udp_socket),
                "acct_port": _free(_ACCT, _udp_socket),
                "radsec_port": radsec,
            },
            "federation": {"servers": f"{_LOOPBACK}:{radsec}"},
            "portal": {
                "address": _LOOPBACK,
                "port": portal,
                "public_url": f"http://{_LOOPBACK}:{portal}",
            },
            "monitoring": {"address": _LOOPBACK, "port": _free(_MONITORING, _tcp_socket)},
        }
    )


def _neighbour_settings(directory: Path) -> Settings:
    ports = {
        "auth_port": _free(0, _udp_socket),
        "acct_port": _free(0, _udp_socket),
        "radsec_port": _free(_THEIR_RADSEC, _tcp_socket),
    }
    return neighbour.settings(directory, _free(_THEIR_PORTAL, _tcp_socket), ports)


def _toml(settings: Settings) -> str:
    """Return the settings that were chosen as a configuration file."""
    tables = settings.model_dump(mode="json", exclude_unset=True)
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for section, table in tables.items()
    )


def _web_server(application: Any, port: int, stack: AsyncExitStack) -> WebServer:
    server = _near(
        port, lambda port: WebServer(application, _LOOPBACK, port, finish_seconds=_FINISH_SECONDS)
    )
    stack.callback(server.close)
    return server


def _near(port: int, take: Callable[[int], T]) -> T:
    """Return what ``take`` makes of a port, or of any other where that one is taken."""
    try:
        return take(port)
    except OSError:
        return take(0)


def _free(port: int, take: Callable[[int], socket.socket]) -> int:
    with _near(port, take) as trial:
        return _port(trial)


def _port(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


def _tcp_socket(port: int) -> socket.socket:
    return socket.create_server((_LOOPBACK, port))


def _udp_socket(port: int) -> socket.socket:
    return bound_socket(_LOOPBACK, port)
