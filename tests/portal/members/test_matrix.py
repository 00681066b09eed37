"""Who is in the network and who is connected with whom, for everybody to read."""

from datetime import timedelta

import pytest

from federation import interconnection, partners
from federation.interconnection import Link
from federation.model import LinkState
from federation.stand_ins import Place
from tests.federation.partnering import OVER_UDP
from tests.portal.visitor import PUBLIC_URL, Portal


async def add(portal: Portal, name: str, title: str) -> None:
    """Add a partner that only speaks RADIUS."""
    village = portal.village
    async with village.database.write("test") as session:
        await partners.add(
            session,
            village.keyring,
            name=name,
            place=Place(title),
            realms=[f"{name}.example"],
            servers=[OVER_UDP],
            sender=None,
            now=village.clock(),
        )
    await portal.parts.partners.renew()


async def measure(portal: Portal, home: str, state: LinkState, **ago: int) -> None:
    """Have a canary of ours found something."""
    at = portal.village.clock() - timedelta(**ago)
    is_in = state is LinkState.CONNECTED
    told = ("Pays des Collines", home.title(), state, 45 if is_in else None, at, at)
    async with portal.village.database.write("test") as session:
        await interconnection.record(session, Link(PUBLIC_URL, home, *told))


@pytest.fixture
async def network(portal: Portal) -> Portal:
    """A network of four, of which one has not been tried yet."""
    for name, title in (("liguria", "Regione Liguria"), ("sospel", "Sospel"), ("tende", "Tende")):
        await add(portal, name, title)
    await measure(portal, "liguria", LinkState.CONNECTED, minutes=4)
    await measure(portal, "sospel", LinkState.REFUSED, minutes=3)
    return portal


async def test_the_page_names_members_and_says_in_words_how_they_fare(network: Portal) -> None:
    shown = (await network.browser().get("/federation")).text
    assert shown.index("Pays des Collines") < shown.index("Regione Liguria") < shown.index("Tende")
    for text in ("connected, 45 ms", "4\u00a0min ago", ">refused<", ">no news<", "1 of 3"):
        assert text in shown
    italian = (await network.browser(language="it").get("/federation")).text
    assert "funziona, 45 ms" in italian
    assert 'href="/federation"' in (await network.browser().get("/")).text


async def test_nobody_is_shown_that_is_suspended_or_gone(network: Portal) -> None:
    async with network.village.database.write("test") as session:
        await partners.suspend(session, await partners.by_name(session, "liguria"))
        await partners.remove(session, await partners.by_name(session, "sospel"))
    await network.parts.partners.renew()
    shown = (await network.browser().get("/federation")).text
    assert "Liguria" not in shown
    assert "Sospel" not in shown
    assert "0 of 1" in shown


async def test_what_is_old_is_no_news(network: Portal) -> None:
    network.village.clock.advance(hours=3)
    shown = (await network.browser().get("/federation/at/hills")).text
    assert "45 ms" not in shown
    assert "no news" in shown
    assert "3\u00a0h\u00a004\u00a0min ago" in shown


async def test_programs_read_the_same(network: Portal) -> None:
    answer = await network.browser().get("/federation/matrix.json")
    told = answer.json()
    assert [each["member"] for each in told["members"]] == [
        PUBLIC_URL,
        "liguria",
        "sospel",
        "tende",
    ]
    assert told["connections"][0] == {
        "visited": PUBLIC_URL,
        "home": "liguria",
        "state": "connected",
        "milliseconds": 45,
        "checked_at": (network.village.clock() - timedelta(minutes=4)).isoformat(),
        "age_seconds": 240,
    }
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/federation/at/liguria", "/federation/at/nobody"])
async def test_nobody_measures_there(network: Portal, path: str) -> None:
    assert (await network.browser().get(path)).status_code == 404
