"""An installation for each test, on SQLite and on PostgreSQL."""

import os
from pathlib import Path

import pytest

from tests.deploy.operator import Operator


@pytest.fixture
def operator(tmp_path: Path, database_url: str) -> Operator:
    """Somebody who has installed Farandole and done nothing yet."""
    return operate(tmp_path, database_url)


@pytest.fixture
def local_operator(tmp_path: Path) -> Operator:
    """The same with the embedded database, where the kind of database does not matter."""
    return operate(tmp_path, "")


def operate(directory: Path, database_url: str) -> Operator:
    ours = {key: value for key, value in os.environ.items() if not key.startswith("FARANDOLE_")}
    return Operator(
        directory,
        ours
        | {
            "FARANDOLE_DATABASE__URL": database_url,
            "FARANDOLE_STATE__DIRECTORY": str(directory / "state"),
            "FARANDOLE_RADIUS__ADDRESS": "127.0.0.1",
            "FARANDOLE_RADIUS__AUTH_PORT": "0",
            "FARANDOLE_RADIUS__ACCT_PORT": "0",
            "FARANDOLE_RADIUS__REJECT_DELAY_SECONDS": "0",
            "FARANDOLE_PORTAL__PORT": "0",
            "FARANDOLE_MONITORING__PORT": "0",
        },
    )
