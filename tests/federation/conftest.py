"""A village for each test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from tests.village import Village, entered


@pytest.fixture
async def village(settled_url: str) -> AsyncIterator[Village]:
    async with entered(settled_url) as village:
        yield village
