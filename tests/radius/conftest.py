"""A server for each test: on SQLite, or on both databases where it is about what is stored."""

import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.radius.served import Served, serve
from tests.village import Village, settle


@pytest.fixture
async def village(sqlite_url: str) -> AsyncIterator[Village]:
    village = await settle(sqlite_url)
    yield village
    village.hashing.close()
    await village.database.close()


@pytest.fixture
async def served(village: Village) -> AsyncIterator[Served]:
    async with serve(village) as served:
        yield served


@pytest.fixture
async def anywhere(database_url: str) -> AsyncIterator[Served]:
    """The same on SQLite, then on PostgreSQL."""
    village = await settle(database_url)
    async with serve(village) as served:
        yield served
    village.hashing.close()
    await village.database.close()


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Let a test configure logging as in production; at the end all is put back as it was."""
    root = logging.getLogger()
    before = root.handlers, root.level, sys.excepthook, threading.excepthook
    yield
    root.handlers, _, sys.excepthook, threading.excepthook = before
    root.setLevel(before[1])
    logging.captureWarnings(False)
    structlog.reset_defaults()
