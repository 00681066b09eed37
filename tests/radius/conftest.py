"""A server for each test: on SQLite, or on both databases where it is about what is stored."""

import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.radius.served import Served, serve
from tests.village import Village, entered


@pytest.fixture
async def village(settled_sqlite_url: str) -> AsyncIterator[Village]:
    async with entered(settled_sqlite_url) as village:
        yield village


@pytest.fixture
async def served(village: Village) -> AsyncIterator[Served]:
    async with serve(village) as served:
        yield served


@pytest.fixture
async def anywhere(settled_url: str) -> AsyncIterator[Served]:
    """The same on SQLite, then on PostgreSQL."""
    async with entered(settled_url) as village, serve(village) as served:
        yield served


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
