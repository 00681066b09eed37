"""A citizen of one member logs in on the portal of another, and is online at its gateway."""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from aaa import citizens, outbox, sessions
from aaa.model import CitizenState
from aaa.policy import DenyReason
from deploy.assemble import Part
from deploy.demo.session import Ending
from tests.federation.captured import Phone, captured
from tests.federation.nodes import BASIL, LAVENDER, Node, join, join_as_members, node, until
from tests.village import PASSWORD

RADIUS = frozenset({Part.RADIUS})
BOTH = frozenset({Part.RADIUS, Part.PORTAL})
TYPED = PASSWORD.reveal().decode()
End = Callable[[Node, Phone], Awaitable[None]]
LogIn = Callable[[Node, Node, Phone], Awaitable[httpx.Response]]
SAME = (
    *("acct_session_id", "device_mac", "started_at", "stopped_at", "terminate_cause"),
    *("session_seconds", "upload_octets", "download_octets", "user_name"),
)


@pytest.fixture
async def visited(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path, parts=BOTH) as visited:
        yield visited


@pytest.fixture
async def home(
    tmp_path: Path, visited: Node, request: pytest.FixtureRequest
) -> AsyncIterator[Node]:
    """The home of who visits: known by RADIUS alone, or as a member with pages of its own."""
    is_member = request.param == "openid"
    async with node(BASIL, tmp_path, parts=BOTH if is_member else RADIUS) as home:
        await (join_as_members if is_member else join)(visited, home)
        yield home


@pytest.fixture
async def phone(visited: Node, home: Node) -> AsyncIterator[Phone]:
    async with captured(visited) as phone:
        yield phone


async def by_password(visited: Node, home: Node, phone: Phone) -> httpx.Response:
    """Log in by what is typed on the portal, which the home is asked about."""
    visit = await phone.arrive()
    name = f"{home.cast.citizen}@{home.cast.slug}"
    wrong = await phone.post(f"{visit}/login", identifier=name, password="lavender in june")
    assert "Your home says no" in wrong.text
    return await phone.post(f"{visit}/login", identifier=name, password=TYPED)


async def on_its_page(visited: Node, home: Node, phone: Phone) -> httpx.Response:
    """Log in on the page of the home, and come back."""
    visit = await phone.arrive()

    async def is_listed() -> bool:
        return f"/home/{home.cast.slug}" in (await phone.get(f"{visit}/home")).text

    await until(is_listed)
    there = await phone.get(f"{visit}/home/{home.cast.slug}")
    assert str(there.url).startswith(home.settings.portal.public_url)
    page = await phone.send(there, "login", identifier=home.cast.citizen, password=TYPED)
    page = await phone.send(page, "terms", accept_terms="yes")
    page = await phone.send(page, "consent")
    back = re.search(r'href="([^"]*/federation/callback[^"]*)"', page.text)
    assert back, page.text
    return await phone.get(html.unescape(back[1]))


async def leave(home: Node, phone: Phone) -> None:
    """Log out at the gateway."""
    goodbye = await phone.get(phone.gateway.log_off(phone.visitor))
    assert "See you soon" in goodbye.text


async def ban(home: Node, phone: Phone) -> None:
    """Be banned at home, which has the session ended where it is."""
    (session_of_citizen,) = await home.sessions()
    async with home.village.database.write("test") as session:
        await citizens.set_state(session, home.citizen_id, CitizenState.BANNED)
        ended = [session_of_citizen.id]
        await outbox.disconnect(session, ended, DenyReason.BANNED, home.village.clock())

    async def is_cut_off() -> bool:
        return phone.visitor.ending is Ending.DISCONNECTED

    await until(is_cut_off)


@pytest.mark.parametrize(
    ("home", "log_in", "end"),
    [("radius", by_password, leave), ("openid", on_its_page, ban)],
    indirect=["home"],
)
async def test_a_citizen_of_one_is_online_at_the_other(
    visited: Node, home: Node, phone: Phone, tmp_path: Path, log_in: LogIn, end: End
) -> None:
    online = await log_in(visited, home, phone)
    assert phone.visitor.session is not None, online.text
    await until(visited.sessions)
    status = await phone.get(str(online.url))
    assert "You are online" in status.text
    await until(home.sessions)
    visited.village.clock.advance(minutes=10)
    phone.gateway.download(phone.visitor, 3_000_000_000)
    phone.gateway.tick()
    home.village.clock.now = visited.village.clock.now
    await end(home, phone)

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
