"""A portal for each test, with browsers before it and a village behind it."""

from collections.abc import AsyncIterator

import pytest

from tests.portal.visitor import Portal, open_portal
from tests.village import entered


@pytest.fixture
async def portal(settled_url: str) -> AsyncIterator[Portal]:
    """A portal on a village, on SQLite and on PostgreSQL."""
    async with entered(settled_url) as village, open_portal(village) as portal:
        yield portal


@pytest.fixture
async def small_portal(settled_sqlite_url: str) -> AsyncIterator[Portal]:
    """A portal on SQLite alone, for what does not depend on the database."""
    async with entered(settled_sqlite_url) as village, open_portal(village) as portal:
        yield portal
