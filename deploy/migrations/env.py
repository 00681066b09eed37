"""Alembic's environment: the connection that it is given, else the configured database's.

Upwards only: the way back from a version is the backup that was made before it.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Connection
from sqlalchemy.types import TypeDecorator

import federation.model  # noqa: F401  # its tables join those of the other rooms
from aaa.database import Database
from aaa.settings_file import load
from portal.model import LoginAttempt


def _number(
    _context: MigrationContext,
    _revision: str | Iterable[str | None] | Iterable[str],
    scripts: list[MigrationScript],
) -> None:
    """Give a new revision the number after the newest."""
    head = ScriptDirectory.from_config(context.config).get_current_head()
    scripts[0].rev_id = f"{int(head or 0) + 1:04}"


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write types of our own as what they are to a database: revisions outlive our classes."""
    if kind != "type":
        return False
    if isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    if isinstance(item, BigInteger):
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        # One for all rooms, whose tables are in it since their modules are loaded.
        target_metadata=LoginAttempt.metadata,
        render_as_batch=True,
        render_item=_render,
        process_revision_directives=_number,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _migrate_configured() -> None:
    database = Database(load(None).database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_migrate)
    await database.close()


if (_given := context.config.attributes.get("connection")) is not None:
    _migrate(_given)
else:
    asyncio.run(_migrate_configured())
