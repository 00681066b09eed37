"""Keep what a process holds in memory as new as the database."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from aaa.errors import Unavailable

log = structlog.get_logger()


class Renewal:
    """Renews by calling `refresh`. Whatever goes wrong, what served before serves on; `complaint`
    is the log's word for what the database holds and cannot be used."""

    def __init__(self, refresh: Callable[[], Awaitable[object]], complaint: str) -> None:
        self._refresh = refresh
        self._complaint = complaint
        self._told = ""

    async def run(self, every_seconds: float) -> None:
        """Renew for ever."""
        while True:
            await asyncio.sleep(every_seconds)
            await self.once()

    async def once(self) -> None:
        """Renew now; log what is wrong with the data, once for as long as it stays the same."""
        try:
            await self._refresh()
            self._told = ""
        except Unavailable:
            # The database's own error counter and the requests' log lines tell of it.
            return
        except Exception as error:
            if repr(error) != self._told:
                self._told = repr(error)
                log.exception(self._complaint, reason=str(error))
