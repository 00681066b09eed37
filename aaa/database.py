"""The one door to the database: read and write transactions, and what happens when it is away."""

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from aaa.errors import Outage, Unavailable
from monitoring import metrics

# Classes of PostgreSQL's error codes: connection, authorization, no such database, too many
# connections, shutting down or starting.
_SERVER_REFUSES: Final = frozenset(("08", "28", "3D", "53", "57"))
_LOCKED = re.compile(r"\b(locked|busy)\b")
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Database:
    """Sessions on SQLite (WAL, synchronous=FULL) or PostgreSQL, by URL.

    Every failure of the database itself leaves as :class:`Unavailable`; what the caller did wrong
    (an integrity error, a bug) leaves as it is.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 5.0, pool_size: int = 10) -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        self._timeout = timeout_seconds
        connect_args: dict[str, Any]
        if self.dialect == "sqlite":
            connect_args = {"timeout": timeout_seconds}
        else:
            connect_args = {"timeout": timeout_seconds, "command_timeout": timeout_seconds}
        self.engine: AsyncEngine = create_async_engine(
            parsed.set(drivername=_DRIVERS[self.dialect]),
            pool_size=pool_size,
            pool_timeout=timeout_seconds,
            hide_parameters=True,
            connect_args=connect_args,
        )
        if self.dialect == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # SQLite has one writer: waiting here is fair and costs no busy loop.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._file = parsed.database if self.dialect == "sqlite" else None
        self._identity: tuple[int, int] | None = None
        self._can_write = True

    @asynccontextmanager
    async def read(self, operation: str) -> AsyncIterator[AsyncSession]:
        """Yield a session to read with; nothing is kept. ``operation`` labels the metric."""
        async with self._session(operation) as session:
            yield session

    @asynccontextmanager
    async def write(self, operation: str) -> AsyncIterator[AsyncSession]:
        """Yield a session inside a transaction; committed on leaving, rolled back on an error."""
        try:
            async with self._turn(), self._session(operation) as session:
                if self.dialect == "sqlite":
                    # A deferred transaction that reads first cannot always be upgraded to write.
                    await session.execute(text("BEGIN IMMEDIATE"))
                yield session
                await session.commit()
        except Unavailable as error:
            # A full disk still reads well: a database that takes nothing is not up.
            self._can_write = self._can_write and error.outage is Outage.LOCKED
            raise
        self._can_write = True
        metrics.database_up.set(1)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._writer is None:
            yield
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._writer.acquire()
        except TimeoutError:
            raise _count(Unavailable("database", Outage.LOCKED, "waited for its writer")) from None
        try:
            yield
        finally:
            self._writer.release()

    @asynccontextmanager
    async def _session(self, operation: str) -> AsyncIterator[AsyncSession]:
        started = time.perf_counter()
        self._check_file()
        try:
            async with self._sessions() as session:
                yield session
        except Exception as error:
            if outage := _outage(error):
                raise _count(Unavailable("database", outage, _detail(error))) from error
            raise
        if self._can_write:
            metrics.database_up.set(1)
        metrics.database_seconds.labels(operation).observe(time.perf_counter() - started)

    def _check_file(self) -> None:
        """Raise Unavailable where SQLite's file is not the one that was opened any more: what is
        written to a file that was deleted is kept by nobody."""
        if self._file is None:
            return
        try:
            found = os.stat(self._file)
        except OSError:
            identity = None
        else:
            identity = (found.st_dev, found.st_ino)
        if self._identity is None:
            self._identity = identity
        elif identity != self._identity:
            detail = "its file was deleted or replaced while in use: put it back and restart"
            raise _count(Unavailable("database", Outage.UNAVAILABLE, detail))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _count(unavailable: Unavailable) -> Unavailable:
    metrics.database_errors.labels(unavailable.outage.value).inc()
    if unavailable.outage is not Outage.LOCKED:
        metrics.database_up.set(0)
    return unavailable


def _outage(error: Exception) -> Outage | None:
    """Return how the database is away, or None where the error is not about that."""
    if isinstance(error, TimeoutError | PoolTimeout):
        return Outage.TIMEOUT
    if isinstance(error, OSError):
        return Outage.UNAVAILABLE
    if not isinstance(error, DBAPIError):
        return None
    original = error.orig
    if isinstance(original, sqlite3.OperationalError) and _LOCKED.search(str(original)):
        return Outage.LOCKED
    if "timeout" in type(original).__name__.lower():
        return Outage.TIMEOUT
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return Outage.UNAVAILABLE
    if str(getattr(original, "sqlstate", None) or "")[:2] in _SERVER_REFUSES:
        return Outage.UNAVAILABLE
    return None


def _detail(error: Exception) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original).partition("\n")[0][:200]


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set what every SQLite connection needs; the driver must not open transactions by itself."""
    connection.driver_connection._conn.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a commit that was answered survives a power cut, not only a crash.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
