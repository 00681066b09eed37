"""Two members, joined by two commands: a citizen of either gets online at the other's square."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.counterparts import require_network_namespaces
from tests.interop.hostap import CONNECTED, TYPED, run_supplicant
from tests.interop.joined import PASSWORD, WIFI_SECRET, Member, run_members
from tests.interop.open_network import STATION, WANTED, Page, Phone, open_network
from tests.interop.square import Row
from tests.village import PHONE

pytestmark = [
    pytest.mark.interop,
    pytest.mark.namespaces,
    pytest.mark.xdist_group("joined members"),  # two installations serve all
]

DIRECTIONS = pytest.mark.parametrize("at", [0, 1], ids=["in Lavender", "in Liguria"])


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Member, Member]]:
    require_network_namespaces()
    with run_members(tmp_path_factory.mktemp("members")) as members:
        yield members


@pytest.fixture(scope="module")
def members_without_pages(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Member, Member]]:
    """Two whose citizens type their password where they are."""
    require_network_namespaces()
    directory = tmp_path_factory.mktemp("members-without-pages")
    with run_members(directory, {"federation.openid": "false"}) as members:
        yield members


def test_both_know_that_they_are_connected(members: tuple[Member, Member]) -> None:
    one, other = members
    both = {(one.title, other.title): "connected", (other.title, one.title): "connected"}
    one.served.process.await_condition(
        lambda: one.connections() == both == other.connections(), "be connected both ways"
    )


@DIRECTIONS
def test_a_secure_session_is_recorded_at_both_and_ended_by_the_home(
    members: tuple[Member, Member], at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    visited, home = members[at], members[1 - at]
    nai = home.citizen("marina")
    authority = tmp_path_factory.mktemp("root") / "root.pem"
    authority.write_text(home.farandole.do("ca", "export"))
    configuration = TYPED.format(
        realm=home.realm,
        identity=nai,
        secret=f"{WIFI_SECRET}, marina",
        authority=authority,
        server=home.server_name,
    )
    square = visited.square
    with square.hostapd(visited.hostapd_settings()) as hostapd:
        place = (square.phone.namespace, square.phone.interface)
        with run_supplicant(*place, configuration) as supplicant:
            supplicant.log_in()
            hostapd.await_event(f"{CONNECTED} {PHONE}")
            hostapd.process.await_condition(square.is_online, "let the phone through")
            here, there = open_sessions(visited, home)
            assert there["citizen"] == nai
            assert here["citizen"] is None
            assert "marina" not in str(here)
            assert here["device_mac"] == there["device_mac"] == PHONE
            home.farandole.do("citizen", "ban", nai)
            hostapd.process.await_condition(
                lambda: not square.is_online(), "cut the phone off, as its home says"
            )
    assert_ended_alike(visited, home)


@DIRECTIONS
def test_a_citizen_logs_in_on_the_pages_of_their_home(
    members: tuple[Member, Member], at: int
) -> None:
    visited, home = members[at], members[1 - at]
    nai = home.citizen("chiara")

    async def log_in(phone: Phone, page: Page) -> Page:
        page = await phone.open(page.link("Log in with my region"))
        page = await phone.open(page.link(home.title))
        assert page.url.startswith(home.portal)
        assert visited.title in page.text
        page = await phone.submit(page, "identifier", identifier=nai, password=PASSWORD)
        page = await phone.submit(page, "accept_terms", accept_terms="yes")
        return await phone.submit(page, "consent")

    visit(visited, home, nai, log_in)


@DIRECTIONS
def test_a_citizen_logs_in_by_their_password_where_the_home_has_no_pages(
    members_without_pages: tuple[Member, Member], at: int
) -> None:
    visited, home = members_without_pages[at], members_without_pages[1 - at]
    nai = home.citizen("nina")

    async def log_in(phone: Phone, page: Page) -> Page:
        page = await phone.open(page.link("Log in with my region"))
        page = await phone.open(page.link(home.title))
        assert page.url.startswith(visited.portal)
        return await phone.submit(page, "password", identifier=nai, password=PASSWORD)

    visit(visited, home, nai, log_in)


def visit(
    visited: Member,
    home: Member,
    nai: str,
    log_in: Callable[[Phone, Page], Awaitable[Page]],
) -> None:
    """Get online in the open network, be seen at both ends without a name at the visited one, and
    be cut off when the home closes the account."""

    async def go() -> None:
        async with open_network(visited.portal) as phone:
            page = await phone.open(phone.gateway.capture(phone.visitor, WANTED))
            page = await log_in(phone, page)
            assert phone.is_online, (page.url, page.text)
            here, there = await asyncio.to_thread(open_sessions, visited, home)
            assert there["citizen"] == nai
            assert here["citizen"] is None
            assert nai.partition("@")[0] not in str(here)
            mac = STATION.mac.replace("-", ":").lower()
            assert here["device_mac"] == there["device_mac"] == mac
            phone.gateway.download(phone.visitor, 5_000_000)
            await asyncio.to_thread(home.farandole.do, "citizen", "remove", nai)
            await phone.await_order()
            assert not phone.is_online
        await asyncio.to_thread(assert_ended_alike, visited, home)

    with visited.square.server.namespace.entered():
        asyncio.run(go())


def open_sessions(visited: Member, home: Member) -> tuple[Row, Row]:
    """Return the newest session at both, once it is open at both."""

    def are_open() -> bool:
        found[:] = [member.sessions()[-1:] for member in (visited, home)]
        return all(rows and rows[0]["stopped_at"] is None for rows in found)

    found: list[list[Row]] = []
    visited.served.process.await_condition(are_open, "have a session at both")
    return found[0][0], found[1][0]


def assert_ended_alike(visited: Member, home: Member) -> None:
    """Both have recorded the newest session to its end, and the same of it."""
    counted = ("session_seconds", "upload_octets", "download_octets", "terminate_cause")

    def told() -> list[tuple[Any, ...]]:
        rows = [member.sessions()[-1] for member in (visited, home)]
        return [(row["stopped_at"] is not None, *(row[name] for name in counted)) for row in rows]

    def are_equal() -> bool:
        here, there = told()
        return here[0] and here == there

    visited.served.process.await_condition(are_equal, "have the same recorded at both")
