"""An installation for each test, on SQLite and on PostgreSQL."""

import shutil
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


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of an installation with a village, to be copied."""
    operator = operate(tmp_path_factory.mktemp("founded"), SETTINGS)
    operator.found_village()
    return operator.directory / "state"


@pytest.fixture
def village(local_operator: Operator, founded: Path) -> Operator:
    """An installation with a collectivity, a hotspot and a NAS."""
    shutil.copytree(founded, local_operator.directory / "state")
    return local_operator
