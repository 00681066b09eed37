"""Which revision of the model a database holds, and the way to the newest one.

Revisions are numbered 0001, 0002, ... and each is a file of that number in
``migrations/versions``; the database says which one it holds in Alembic's own table.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.database import Database
from aaa.settings import ConfigurationError

MIGRATIONS: Final = Path(__file__).parent / "migrations"
UPGRADE: Final = "farandole database upgrade"
# Any number that no other program would take for its advisory lock.
_ADVISORY_LOCK: Final = 0x4641_5241_4E44


def newest() -> int:
    """Return the number of the newest revision that this code brings."""
    return max(int(path.name[:4]) for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def held(database: Database) -> int:
    """Return the number of the revision that a database holds; 0 where it has no tables."""
    async with database.read("revision") as session:
        connection = await session.connection()
        return await connection.run_sync(_held)


def _held(connection: Connection) -> int:
    if not inspect(connection).has_table("alembic_version"):
        return 0
    return int(connection.scalar(text("SELECT version_num FROM alembic_version")) or 0)


def check(revision: int) -> None:
    """Raise ConfigurationError with the remedy where this code cannot work with a revision."""
    if revision == 0:
        raise ConfigurationError(
            "database.url", "the database has no tables yet", f"Run `{UPGRADE}`"
        )
    if revision < newest():
        raise ConfigurationError(
            "database.url",
            f"the database was written by an older version (revision {revision:04})",
            f"Run `{UPGRADE}`",
        )
    refuse_newer(revision)


def refuse_newer(revision: int) -> None:
    """Raise ConfigurationError where a database was written by a version newer than this code."""
    if revision > newest():
        raise ConfigurationError(
            "database.url",
            f"the database was written by a newer version (revision {revision:04}, this one knows "
            f"up to {newest():04})",
            "Install that version or a later one, or restore the backup from before its upgrade",
        )


@asynccontextmanager
async def upgraded(database: Database) -> AsyncIterator[AsyncSession]:
    """Yield the transaction in which a database was just brought to the newest revision.

    Committed as one on leaving. Processes that upgrade at the same time take turns.
    """
    # Not Database.write: SQLite must let foreign keys rest before the transaction begins, since
    # changing a table there means replacing it.
    async with database.read("upgrade") as session:
        connection = await session.connection()
        if database.dialect == "sqlite":
            await connection.execute(text("PRAGMA foreign_keys=OFF"))
            await connection.execute(text("BEGIN IMMEDIATE"))
        else:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        refuse_newer(await connection.run_sync(_held))
        await connection.run_sync(_migrate)
        yield session
        await session.commit()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(MIGRATIONS / "alembic.ini")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
