"""An installation for each test, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest

from tests.operator import ON_LOOPBACK, Operator, operate

SETTINGS = ON_LOOPBACK | {"radius.reject_delay_seconds": "0"}


@pytest.fixture
def operator(tmp_path: Path, database_url: str) -> Operator:
    """Somebody who has installed Farandole and done nothing yet."""
    return operate(tmp_path, SETTINGS | {"database.url": database_url})


@pytest.fixture
def local_operator(tmp_path: Path) -> Operator:
    """The same with the embedded database, where the kind of database does not matter."""
    return operate(tmp_path, SETTINGS)
