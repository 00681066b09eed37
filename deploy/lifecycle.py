"""One process from its first port to its last answer."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from aaa.errors import Unavailable
from aaa.settings import ConfigurationError, Settings
from deploy import installation
from deploy.assemble import Part, Service, assemble
from deploy.installation import Installation
from monitoring import logging

log = structlog.get_logger()

_SETTLE_SECONDS = 5.0


async def serve(settings: Settings, parts: frozenset[Part]) -> None:
    """Serve until SIGTERM or SIGINT.

    Everything is opened before anything is answered: raises ConfigurationError where a setting,
    the database, the key or a port is not as it must be, and holds nothing then.
    """
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with _opened(settings) as opened, AsyncExitStack() as stack:
        logging.configure(
            key=opened.keyring.derive("log"),
            log_format=settings.monitoring.log_format,
            log_level=settings.monitoring.log_level,
        )
        service = await assemble(opened, parts, stack)
        await run(service, asked_to_stop)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(installation.opened(settings))
        except Unavailable as error:
            raise ConfigurationError(
                "database.url", str(error), "Start the database, or correct its URL"
            ) from None
        yield opened


async def run(service: Service, asked_to_stop: asyncio.Event) -> None:
    """Let a service answer until it is asked to stop, then finish what is under way.

    What runs in the background goes on until the last request is answered: accounting is answered
    only once the recorder has it on disk.
    """
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(work()) for work in service.background]
        monitoring = group.create_task(service.monitoring.serve())
        fronts = []
        if service.radius is not None:
            fronts.append(group.create_task(service.radius.run()))
        if service.portal is not None:
            fronts.append(group.create_task(service.portal.serve()))
        log.info("farandole is ready", **service.endpoints())
        await asked_to_stop.wait()
        log.info("farandole stops")
        service.finishing.set()
        if service.portal is not None:
            service.portal.stop()
        if service.radius is not None:
            await service.radius.stop()
        await asyncio.gather(*fronts)
        if service.mailer is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(service.mailer.settle(), _SETTLE_SECONDS)
        for task in background:
            task.cancel()
        service.monitoring.stop()
        await monitoring
    log.info("farandole has stopped")
