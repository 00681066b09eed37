"""A portal for each test, with browsers before it and a village behind it."""

from collections.abc import AsyncIterator

import pytest

from tests.portal.visitor import Portal, open_portal
from tests.village import settle


@pytest.fixture
async def portal(database_url: str) -> AsyncIterator[Portal]:
    """A portal on a village, on SQLite and on PostgreSQL."""
    async with open_portal(await settle(database_url)) as portal:
        yield portal


@pytest.fixture
async def small_portal(sqlite_url: str) -> AsyncIterator[Portal]:
    """A portal on SQLite alone, for what does not depend on the database."""
    async with open_portal(await settle(sqlite_url)) as portal:
        yield portal
