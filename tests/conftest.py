"""What every test may ask for."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres
from tests.village import settle

# Kept in memory on Linux: databases do not wait for a disk that nobody will read again.
_IN_MEMORY: Final = Path("/dev/shm")
_ROOM_OCTETS: Final = 2 << 30

settings.register_profile("default", deadline=None, derandomize=True, max_examples=60)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_configure() -> None:
    """Let temporary files be in memory where there is room, and nobody has said where (TMPDIR)."""
    if "TMPDIR" in os.environ or not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return
    can_execute = not os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC
    if can_execute and shutil.disk_usage(_IN_MEMORY).free >= _ROOM_OCTETS:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_IN_MEMORY)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server for this worker; the test is skipped where there is none to run."""
    with postgres.run_server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL (`database.url`) of a new, empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL (`database.url`) of a new SQLite database, in a file that does not exist yet."""
    return f"sqlite:///{tmp_path}/farandole.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database; the test runs on SQLite, then on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def settled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the village in it, to be copied."""
    path = tmp_path_factory.mktemp("settled") / "village.sqlite"
    _settle(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def settled_template(postgres_server: postgres.Server) -> Iterator[str]:
    """The name of a PostgreSQL database with the village in it, to be copied."""
    with postgres_server.database() as url:
        _settle(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def settled_sqlite_url(sqlite_url: str, settled_file: Path) -> str:
    """The URL of a new SQLite database that the village is settled in."""
    shutil.copyfile(settled_file, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def settled_postgresql_url(
    postgres_server: postgres.Server, settled_template: str
) -> Iterator[str]:
    """The URL of a new PostgreSQL database that the village is settled in."""
    with postgres_server.database(settled_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def settled_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database that the village is settled in, on SQLite, then on PostgreSQL."""
    url: str = request.getfixturevalue(f"settled_{request.param}_url")
    return url


def _settle(database_url: str) -> None:
    async def work() -> None:
        village = await settle(database_url)
        village.hashing.close()
        await village.database.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
        loop.run(work())
