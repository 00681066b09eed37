"""The RADIUS server: its sockets, what answers, and what runs beside it, for one process."""

import asyncio
from typing import Final

import structlog

from aaa.database import Database
from aaa.errors import Unavailable
from aaa.settings import RadiusSettings
from aaa.snapshot import Directory
from monitoring.logging import RepeatedWarnings
from radius.clients import Clients
from radius.drops import NOBODY, Drops
from radius.request import Clock, Handler, Service
from radius.sightings import Sightings
from radius.transports.alpn import versions_of
from radius.transports.client import Client
from radius.transports.dynamic_authorization import Courier, DynamicAuthorization
from radius.transports.exchange import Exchanges
from radius.transports.radsec_door import Door
from radius.transports.radsec_server import Bounds, RadsecServer
from radius.transports.udp import Listener

log = structlog.get_logger()

_STORE_SECONDS: Final = 5.0
_FINISH_SECONDS: Final = 5.0


class RadiusServer:
    """Answers on the authentication and the accounting port, on that for orders and over TLS where
    it shall, and sends what the outbox holds.

    :meth:`start` binds, :meth:`run` serves until :meth:`stop`. Handler and courier come from
    outside: they are where `federation` stands between the transport and `radius.handlers`.
    """

    def __init__(
        self,
        settings: RadiusSettings,
        *,
        database: Database,
        directory: Directory,
        handler: Handler,
        courier: Courier,
        warnings: RepeatedWarnings,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._directory = directory
        self._handler = handler
        self._warnings = warnings
        self._clock = clock
        self.sightings = Sightings(warnings)
        """What was seen of each NAS; stored every few seconds."""
        self._listeners: dict[Service, Listener] = {}
        self._radsec = RadsecServer(
            Door(directory, warnings, clock, versions_of(settings.radsec_versions)),
            Bounds(per_client=settings.radsec_connections),
        )
        self._asked_to_stop = asyncio.Event()
        self._is_running = False
        self._stopped = asyncio.Event()
        self._client = Client()
        self._orders = DynamicAuthorization(
            database=database,
            directory=directory,
            sightings=self.sightings,
            client=self._client,
            courier=courier,
            warnings=warnings,
            clock=clock,
            coa_port=settings.coa_port,
        )

    @property
    def auth_port(self) -> int:
        """The authentication port that was bound."""
        return self._listeners[Service.AUTHENTICATION].port

    @property
    def acct_port(self) -> int:
        """The accounting port that was bound."""
        return self._listeners[Service.ACCOUNTING].port

    @property
    def dynamic_authorization_port(self) -> int | None:
        """The port for partners' orders that was bound; None where there is to be none."""
        listener = self._listeners.get(Service.DYNAMIC_AUTHORIZATION)
        return listener.port if listener else None

    @property
    def radsec_port(self) -> int | None:
        """The port for RADIUS over TLS that was bound; None where there is to be none."""
        return self._radsec.port if self._settings.radsec else None

    def start(self) -> None:
        """Bind all ports; nothing is answered before :meth:`run`. Raises OSError, and then has
        bound none."""
        wanted = {
            Service.AUTHENTICATION: self._settings.auth_port,
            Service.ACCOUNTING: self._settings.acct_port,
        }
        if self._settings.dynamic_authorization:
            wanted[Service.DYNAMIC_AUTHORIZATION] = self._settings.dynamic_authorization_port
        try:
            for service, port in wanted.items():
                self._listeners[service] = Listener(self._settings.address, port, service)
            if self._settings.radsec:
                self._radsec.bind(self._settings.address, self._settings.radsec_port)
        except OSError:
            self._close()
            raise

    async def run(self) -> None:
        """Serve until :meth:`stop`; then finish what is in progress, for a few seconds at most."""
        if self._asked_to_stop.is_set():
            return
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._store_sightings()),
                    tasks.create_task(self._orders.run()),
                ]
                exchanges = Exchanges(
                    clients=Clients(self._directory, self.sightings.proven_secret),
                    handler=self._handler,
                    sightings=self.sightings,
                    drops=Drops(self._warnings, self._clock),
                    spawn=tasks.create_task,
                    clock=self._clock,
                    max_in_progress=self._settings.max_in_progress,
                )
                for listener in self._listeners.values():
                    listener.listen(exchanges.receive)
                if self._settings.radsec:
                    beside.append(tasks.create_task(self._radsec.serve(exchanges)))
                log.info(
                    "radius serves",
                    auth_port=self.auth_port,
                    acct_port=self.acct_port,
                    radsec_port=self.radsec_port,
                    dynamic_authorization_port=self.dynamic_authorization_port,
                )
                await self._asked_to_stop.wait()
                for listener in self._listeners.values():
                    listener.pause()
                self._radsec.pause()
                await exchanges.finish(_FINISH_SECONDS)
                for task in beside:
                    task.cancel()
            await self._store_once()
        finally:
            self._stopped.set()
            self._close()

    async def stop(self) -> None:
        """Read no more, answer what was read, give the ports back; return when that is done."""
        self._asked_to_stop.set()
        if self._is_running:
            await self._stopped.wait()
        else:
            self._close()

    async def _store_sightings(self) -> None:
        while True:
            await asyncio.sleep(_STORE_SECONDS)
            await self._store_once()

    async def _store_once(self) -> None:
        try:
            await self.sightings.store(self._database)
        except Unavailable:
            # Kept, and stored with what follows; the database's own counter tells of an outage.
            return
        except Exception:
            # Log-ins must go on whatever is wrong here.
            self._warnings.warn(
                "sightings could not be stored",
                NOBODY,
                self._clock(),
                exc_info=True,
                remedy="this is a bug of ours: report it with the traceback",
            )

    def _close(self) -> None:
        self._client.close()
        self._radsec.close()
        for listener in self._listeners.values():
            listener.close()
