"""A citizen of one member logs in on the portal of another, and is online at its gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaa import sessions
from deploy.assemble import Part
from tests.federation.captured import Phone, captured
from tests.federation.nodes import BASIL, LAVENDER, Node, join, node, until
from tests.village import PASSWORD

BOTH = frozenset({Part.RADIUS, Part.PORTAL})
SAME = (
    *("acct_session_id", "device_mac", "started_at", "stopped_at", "terminate_cause"),
    *("session_seconds", "upload_octets", "download_octets", "user_name"),
)


@pytest.fixture
async def visited(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path, parts=BOTH) as visited:
        yield visited


@pytest.fixture
async def home(tmp_path: Path, visited: Node) -> AsyncIterator[Node]:
    """A member that the place knows by RADIUS alone."""
    async with node(BASIL, tmp_path) as home:
        await join(visited, home)
        yield home


@pytest.fixture
async def phone(visited: Node, home: Node) -> AsyncIterator[Phone]:
    async with captured(visited) as phone:
        yield phone


async def test_by_a_password_that_the_home_is_asked_about(
    visited: Node, home: Node, phone: Phone, tmp_path: Path
) -> None:
    visit = await phone.arrive()
    name = f"{home.cast.citizen}@{home.cast.slug}"
    wrong = await phone.post(f"{visit}/login", identifier=name, password="lavender in june")
    assert "Your home says no" in wrong.text
    online = await phone.post(
        f"{visit}/login", identifier=name, password=PASSWORD.reveal().decode()
    )
    assert phone.visitor.session is not None
    await until(visited.sessions)
    status = await phone.get(str(online.url))
    assert "You are online" in status.text
    assert home.cast.slug.title() in status.text
    visited.village.clock.advance(minutes=10)
    phone.gateway.download(phone.visitor, 3_000_000_000)
    phone.gateway.tick()
    home.village.clock.now = visited.village.clock.now
    goodbye = await phone.get(phone.gateway.log_off(phone.visitor))
    assert "See you soon" in goodbye.text

    async def is_over() -> bool:
        found = await home.sessions()
        return bool(found) and found[0].stopped_at is not None

    await until(is_over)
    await until(visited.has_sent)
    (here,), (there,) = await visited.sessions(), await home.sessions()
    assert [getattr(here, each) for each in SAME] == [getattr(there, each) for each in SAME]
    assert there.download_octets >= 3_000_000_000
    # The home knows whose it was; the place, that it was one of theirs.
    assert (here.citizen_id, there.citizen_id) == (None, home.citizen_id)
    assert here.user_name is not None
    assert here.user_name.startswith("v-")
    assert here.user_name.endswith(f"@{home.cast.realm}")
    async with visited.village.database.read("test") as session:
        (listed,) = await sessions.listed(session)
    assert (listed.citizen, listed.home, listed.realm) == (None, "basil", home.cast.realm)
    # No file of the place's has ever held a name.
    files = [path.read_bytes() for path in tmp_path.glob(f"{visited.cast.slug}.sqlite*")]
    assert files
    assert not any(home.cast.citizen.encode() in each for each in files)
