"""A village for each test, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from aaa.recorder import Recorder
from tests.village import Village, entered


@pytest.fixture
async def village(settled_url: str) -> AsyncIterator[Village]:
    async with entered(settled_url) as village:
        yield village


@pytest.fixture
async def recorder(village: Village) -> AsyncIterator[Recorder]:
    recorder = Recorder(village.database, lambda: village.snapshot, village.clock)
    task = asyncio.ensure_future(recorder.run())
    yield recorder
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
