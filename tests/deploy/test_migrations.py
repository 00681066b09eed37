"""The migrations make what the model says, on both databases, once, and for everybody at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

import federation.model  # noqa: F401  # its tables join those of the other rooms
from aaa.database import Database
from aaa.model import Base, Installation
from aaa.settings import ConfigurationError
from deploy import key_file, revisions
from portal.model import LoginAttempt
from tests.operator import Operator


def differences(connection: Connection) -> list[Any]:
    """Return what Alembic would change to make a database what the model says."""
    assert LoginAttempt.metadata is Base.metadata  # the portal's tables are in it
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


async def test_the_migrations_make_the_model(operator: Operator, database_url: str) -> None:
    operator.do("database", "upgrade")
    database = Database(database_url)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert set(names) == Base.metadata.tables.keys() | {"alembic_version"}
    assert await revisions.held(database) == revisions.newest()
    await database.close()


def test_revisions_are_numbered_without_a_gap() -> None:
    scripts = ScriptDirectory.from_config(Config(revisions.MIGRATIONS / "alembic.ini"))
    numbers = [script.revision for script in scripts.walk_revisions()]
    assert sorted(numbers) == [f"{number:04}" for number in range(1, revisions.newest() + 1)]
    assert scripts.get_heads() == [f"{revisions.newest():04}"]


async def test_an_upgrade_makes_the_key_once(operator: Operator, database_url: str) -> None:
    key = operator.directory / "state" / "farandole.key"
    first = operator.do("database", "upgrade")
    assert f"at revision {revisions.newest():04} now; it was at 0000." in first
    assert f"Its key is {key}: back it up" in first
    made = key.read_bytes()
    assert "already" in operator.do("database", "upgrade")
    assert key.read_bytes() == made
    assert operator.ask("database", "status") == {
        "revision": f"{revisions.newest():04}",
        "newest": f"{revisions.newest():04}",
    }
    database = Database(database_url)
    async with database.read("test") as session:
        query = select(Installation.value).where(Installation.name == key_file.FINGERPRINT)
        assert len((await session.scalars(query)).all()) == 1
    await database.close()


def test_upgrades_at_the_same_time_take_turns(operator: Operator) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: operator.run("database", "upgrade"), range(4)))
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 4
    assert operator.ask("database", "status")["revision"] == f"{revisions.newest():04}"


async def test_an_upgrade_that_fails_leaves_nothing(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(ConfigurationError):
        async with revisions.upgraded(database):
            raise ConfigurationError("state.directory", "cannot be written", "")
    assert await revisions.held(database) == 0
    await database.close()
