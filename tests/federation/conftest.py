"""A village for each test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from tests.village import Village, settle


@pytest.fixture
async def village(database_url: str) -> AsyncIterator[Village]:
    village = await settle(database_url)
    yield village
    village.hashing.close()
    await village.database.close()
