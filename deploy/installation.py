"""What must be there before anything runs: a database of the right revision, and its key."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from aaa.database import Database
from aaa.secret import Keyring
from aaa.settings import ConfigurationError, Settings
from deploy import key_file, revisions

# A migration may rewrite a large table, and waits for another that does.
_UPGRADE_SECONDS: Final = 3600.0
_DAMAGED: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@dataclass(frozen=True, slots=True)
class Installation:
    """The settings, the database and the key of one installation, open and matching."""

    settings: Settings
    database: Database
    keyring: Keyring


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Installation]:
    """Yield the installation, and close its database on leaving.

    Raises ConfigurationError where database or key do not fit, Unavailable where the database is
    away.
    """
    if (path := sqlite_file(settings)) and not path.exists():
        revisions.check(0)
    database = _database(settings, settings.database.timeout_seconds)
    try:
        with _damage_told():
            revisions.check(await revisions.held(database))
            async with database.read("key") as session:
                keyring = await key_file.opened(session, settings.key_file)
            yield Installation(settings, database, keyring)
    finally:
        await database.close()


async def upgrade(settings: Settings) -> tuple[int, int]:
    """Bring the database to the newest revision, creating it and its key where they are not there
    yet; return the revisions before and after. Raises as :func:`opened` does."""
    _create_directory(settings)
    before = await revision(settings)
    database = _database(settings, _UPGRADE_SECONDS)
    try:
        with _damage_told():
            async with revisions.upgraded(database) as session:
                await key_file.settled(session, settings.key_file)
    finally:
        await database.close()
    return before, revisions.newest()


async def revision(settings: Settings) -> int:
    """Return the number of the revision that the database holds, 0 where it has no tables."""
    if (path := sqlite_file(settings)) and not path.exists():
        return 0
    database = _database(settings, settings.database.timeout_seconds)
    try:
        with _damage_told():
            return await revisions.held(database)
    finally:
        await database.close()


def sqlite_file(settings: Settings) -> Path | None:
    """Return the file of an embedded database, None for any other."""
    url = make_url(settings.database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@contextmanager
def _damage_told() -> Iterator[None]:
    """Raise ConfigurationError where SQLite finds that its file is damaged, or none of its own."""
    try:
        yield
    except (DBAPIError, sqlite3.DatabaseError) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        # The low octet is the error, what is above it says more about it.
        if getattr(original, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        raise ConfigurationError(
            "database.url",
            "the file is no SQLite database, or a damaged one",
            "Restore the backup, or name another file",
        ) from None


def _database(settings: Settings, timeout_seconds: float) -> Database:
    return Database(
        settings.database_url,
        timeout_seconds=timeout_seconds,
        pool_size=settings.database.pool_size,
    )


def _create_directory(settings: Settings) -> None:
    path = sqlite_file(settings)
    try:
        settings.state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path and not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            "state.directory" if path is None or not settings.database.url else "database.url",
            f"{error.filename} cannot be created ({error.strerror})",
            "Create it and give it to the service's account, or name another one",
        ) from None
