import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from aaa.database import Database
from aaa.errors import Invalid, Outage, Unavailable
from aaa.model import Nas
from monitoring import registry
from tests.village import NOON, Village


def errors(kind: str) -> float:
    return (
        registry.REGISTRY.get_sample_value("farandole_database_errors_total", {"kind": kind}) or 0.0
    )


async def test_a_write_is_kept_and_a_failed_one_is_not(village: Village) -> None:
    async def count() -> int:
        async with village.database.read("test") as session:
            return int(await session.scalar(text("select count(*) from hotspot")) or 0)

    before = await count()
    with pytest.raises(ZeroDivisionError):
        async with village.database.write("test") as session:
            await session.execute(text("delete from nas"))
            await session.execute(text("delete from hotspot"))
            raise ZeroDivisionError
    assert await count() == before


async def test_writers_wait_for_each_other(village: Village) -> None:
    async def add_one() -> None:
        async with village.database.write("test") as session:
            found = await session.scalar(
                text(
                    "select signed_requests from nas where name = 'square'"
                    + (" for update" if village.database.dialect == "postgresql" else "")
                )
            )
            await session.execute(
                text("update nas set signed_requests = :n where name = 'square'"),
                {"n": int(found or 0) + 1},
            )

    await asyncio.gather(*(add_one() for _ in range(20)))
    async with village.database.read("test") as session:
        assert (
            await session.scalar(text("select signed_requests from nas where name = 'square'"))
            == 20
        )


async def test_a_locked_sqlite_is_told_as_locked(tmp_path: Path) -> None:
    path = tmp_path / "farandole.db"
    database = Database(f"sqlite:///{path}", timeout_seconds=0.1)
    async with database.write("test") as session:
        await session.execute(text("create table thing (id integer)"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    before = errors("locked")
    with pytest.raises(Unavailable) as caught:
        async with database.write("test") as session:
            await session.execute(text("insert into thing values (1)"))
    assert caught.value.outage is Outage.LOCKED
    assert errors("locked") == before + 1
    other.execute("ROLLBACK")
    async with database.write("test") as session:
        await session.execute(text("insert into thing values (1)"))
    other.close()
    await database.close()


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////nowhere/at/all/farandole.db"]
)
async def test_a_database_that_is_away(url: str) -> None:
    database = Database(url, timeout_seconds=1)
    before = errors("unavailable")
    with pytest.raises(Unavailable) as caught:
        async with database.read("test") as session:
            await session.execute(text("select 1"))
    assert caught.value.outage is Outage.UNAVAILABLE
    assert errors("unavailable") == before + 1
    assert registry.REGISTRY.get_sample_value("farandole_database_up") == 0
    await database.close()
    # aiosqlite's thread tells the loop a last word after a connection that failed.
    async with asyncio.timeout(20):
        while any("_connection_worker" in thread.name for thread in threading.enumerate()):
            await asyncio.sleep(0)


async def test_times_keep_their_zone(village: Village) -> None:
    assert village.square.former_secret_until is None
    async with village.database.write("test") as session:
        nas = await session.get(Nas, village.square.id)
        assert nas is not None
        nas.last_seen_at = NOON
    async with village.database.read("test") as session:
        nas = await session.get(Nas, village.square.id)
        assert nas is not None
        assert nas.last_seen_at == NOON
        assert nas.last_seen_at is not None
        assert nas.last_seen_at.tzinfo is not None


@pytest.mark.parametrize(
    "error", [Invalid("there is no collectivity “busy-lane”"), LookupError("locked")]
)
async def test_what_is_not_the_databases_leaves_as_it_is(
    village: Village, error: Exception
) -> None:
    with pytest.raises(type(error)):
        async with village.database.write("test"):
            raise error


async def test_a_value_that_reads_like_an_outage_is_none(village: Village) -> None:
    taken = text("insert into installation (name, value) values ('locked and busy', 'timeout')")
    async with village.database.write("test") as session:
        await session.execute(taken)
    with pytest.raises(IntegrityError):
        async with village.database.write("test") as session:
            await session.execute(taken)


async def test_a_file_that_was_deleted_or_replaced_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "farandole.db"
    database = Database(f"sqlite:///{path}")
    create = text("create table thing (id integer)")
    async with database.write("test") as session:
        await session.execute(create)
    async with database.read("test") as session:
        await session.execute(text("select * from thing"))
    kept = path.rename(tmp_path / "kept.db")
    for prepare in (lambda: None, path.touch):
        prepare()
        with pytest.raises(Unavailable, match="deleted or replaced"):
            async with database.write("test") as session:
                await session.execute(text("insert into thing values (1)"))
        assert registry.REGISTRY.get_sample_value("farandole_database_up") == 0
    kept.replace(path)
    async with database.write("test") as session:
        await session.execute(text("insert into thing values (1)"))
    assert registry.REGISTRY.get_sample_value("farandole_database_up") == 1
    await database.close()


async def test_a_database_that_takes_nothing_is_not_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/farandole.db")
    async with database.write("test") as session:
        await session.execute(text("create table thing (octets blob)"))
        # What a full disk answers, by SQLite's own limit.
        await session.execute(text("pragma max_page_count = 10"))
    with pytest.raises(Unavailable, match="full"):
        async with database.write("test") as session:
            await session.execute(text("insert into thing values (zeroblob(1000000))"))
    async with database.read("test") as session:
        await session.execute(text("select count(*) from thing"))
    assert registry.REGISTRY.get_sample_value("farandole_database_up") == 0
    await database.close()
