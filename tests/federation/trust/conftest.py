"""Members, and a network between them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.federation.hands import HILLS, LAVENDER, MENTON, Net, Side, member, other_member
from tests.village import Village, entered


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
async def hills(settled_url: str, net: Net) -> AsyncIterator[Side]:
    """The village as a member that invites, on SQLite and on PostgreSQL."""
    async with entered(settled_url) as village, member(village, HILLS, net) as hills:
        yield hills


@pytest.fixture
async def small_hills(settled_sqlite_url: str, net: Net) -> AsyncIterator[Side]:
    """The same on SQLite alone, for what does not depend on the database."""
    async with entered(settled_sqlite_url) as village, member(village, HILLS, net) as hills:
        yield hills


def _village(request: pytest.FixtureRequest) -> Village:
    name = "hills" if "hills" in request.fixturenames else "small_hills"
    side: Side = request.getfixturevalue(name)
    return side.village


@pytest.fixture
async def lavender(request: pytest.FixtureRequest, net: Net, tmp_path: Path) -> AsyncIterator[Side]:
    """A member that is invited; its clock is the village's."""
    clock = _village(request).clock
    async with other_member(
        "lavender", "lavender.example", LAVENDER, net, tmp_path, clock
    ) as lavender:
        yield lavender


@pytest.fixture
async def menton(request: pytest.FixtureRequest, net: Net, tmp_path: Path) -> AsyncIterator[Side]:
    """A third member."""
    clock = _village(request).clock
    async with other_member("menton", "menton.example", MENTON, net, tmp_path, clock) as menton:
        yield menton
