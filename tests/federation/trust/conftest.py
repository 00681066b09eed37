"""Members, and a network between them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.federation.hands import HILLS, OTHERS, Net, Side, member
from tests.village import Clock, Village, entered


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture(scope="session")
def founded(settled_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the databases of members that have their certificates and keys: alone, in
    `pair` where lavender is the partner of hills, in `trio` where menton is, too."""
    directory = tmp_path_factory.mktemp("founded")

    async def work() -> None:
        shutil.copy(settled_file, directory / "hills")
        async with _hills(directory, Net()):
            pass
        for other in OTHERS:
            await other.found(directory / other.slug)
        for name, others in (("pair", OTHERS[:1]), ("trio", OTHERS)):
            together = shutil.copytree(directory, directory / name, ignore=lambda *_: ("pair",))
            net = Net()
            async with _hills(together, net) as hills:
                for other in others:
                    async with other.opened(together / other.slug, net, Clock()) as side:
                        await side.accept(await hills.invite())

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
        loop.run(work())
    return directory


@asynccontextmanager
async def _hills(directory: Path, net: Net) -> AsyncIterator[Side]:
    async with (
        entered(f"sqlite:///{directory}/hills") as village,
        member(village, HILLS, net) as hills,
    ):
        yield hills


@pytest.fixture
async def joined(founded: Path, net: Net, tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Two partners: hills, which looks, and lavender, which is looked at."""
    pair = shutil.copytree(founded / "pair", tmp_path / "pair")
    async with (
        _hills(pair, net) as hills,
        OTHERS[0].opened(pair / "lavender", net, hills.village.clock) as lavender,
    ):
        await hills.partners.renew()
        yield hills, lavender


@pytest.fixture
async def trio(founded: Path, net: Net, tmp_path: Path) -> AsyncIterator[tuple[Side, Side, Side]]:
    """Three of which hills has the two others for partners: hills, lavender, menton."""
    three = shutil.copytree(founded / "trio", tmp_path / "trio")
    async with (
        _hills(three, net) as hills,
        OTHERS[0].opened(three / "lavender", net, hills.village.clock) as lavender,
        OTHERS[1].opened(three / "menton", net, hills.village.clock) as menton,
    ):
        await hills.partners.renew()
        yield hills, lavender, menton


@pytest.fixture
async def hills(settled_url: str, founded: Path, net: Net) -> AsyncIterator[Side]:
    """The village as a member that invites, on SQLite and on PostgreSQL."""
    if settled_url.startswith("sqlite"):
        shutil.copy(founded / "hills", settled_url.removeprefix("sqlite:///"))
    async with entered(settled_url) as village, member(village, HILLS, net) as hills:
        yield hills


@pytest.fixture
async def small_hills(tmp_path: Path, founded: Path, net: Net) -> AsyncIterator[Side]:
    """The same on SQLite alone, for what does not depend on the database."""
    shutil.copy(founded / "hills", tmp_path)
    async with _hills(tmp_path, net) as hills:
        yield hills


def _village(request: pytest.FixtureRequest) -> Village:
    name = "hills" if "hills" in request.fixturenames else "small_hills"
    side: Side = request.getfixturevalue(name)
    return side.village


@pytest.fixture
async def lavender(
    request: pytest.FixtureRequest, founded: Path, net: Net, tmp_path: Path
) -> AsyncIterator[Side]:
    """A member that is invited; its clock is the village's."""
    copied, clock = shutil.copy(founded / "lavender", tmp_path), _village(request).clock
    async with OTHERS[0].opened(Path(copied), net, clock) as lavender:
        yield lavender


@pytest.fixture
async def menton(
    request: pytest.FixtureRequest, founded: Path, net: Net, tmp_path: Path
) -> AsyncIterator[Side]:
    """A third member."""
    copied, clock = shutil.copy(founded / "menton", tmp_path), _village(request).clock
    async with OTHERS[1].opened(Path(copied), net, clock) as menton:
        yield menton
