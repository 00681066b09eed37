"""RFC 8908, as a phone asks."""

import pytest

from aaa.policies import Scope
from tests.portal.visitor import PUBLIC_URL, Portal
from tests.village import PHONE

FORMS = [PHONE, PHONE.upper(), "02-00-5E-00-53-01", "02005e005301", "0200.5e00.5301"]


async def test_a_device_that_is_not_online_is_captive(portal: Portal) -> None:
    response = await portal.browser().get(f"/api/captive/square/{PHONE}")
    assert response.headers["content-type"] == "application/captive+json"
    assert response.headers["cache-control"] == "private"
    assert response.json() == {
        "captive": True,
        "user-portal-url": f"{PUBLIC_URL}/enter/square",
        "can-extend-session": False,
    }


@pytest.mark.parametrize("address", FORMS)
async def test_a_device_that_is_online_learns_what_is_left(
    small_portal: Portal, address: str
) -> None:
    village = small_portal.village
    limits = {"session_seconds": "3600", "daily_octets": "1000000"}
    await village.limit(Scope(hotspot_id=village.square.hotspot.id), **limits)
    await small_portal.start_session()
    village.clock.advance(minutes=1)
    state = (await small_portal.browser().get(f"/api/captive/square/{address}")).json()
    assert state["captive"] is False
    assert state["seconds-remaining"] == 3540
    assert state["bytes-remaining"] == 1_000_000


async def test_what_has_no_limit_is_left_out(small_portal: Portal) -> None:
    await small_portal.start_session()
    state = (await small_portal.browser().get(f"/api/captive/square/{PHONE}")).json()
    assert "bytes-remaining" not in state


@pytest.mark.parametrize(
    "path", ["square/%25m", "square/nothing", f"nowhere/{PHONE}", f"library/{PHONE}", "visit/x"]
)
async def test_what_is_unknown_is_captive(small_portal: Portal, path: str) -> None:
    await small_portal.start_session()
    response = await small_portal.browser().get(f"/api/captive/{path}")
    assert response.status_code == 200
    assert response.json()["captive"] is True


async def test_a_visit_tells_the_state_of_its_device(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    state = (await browser.get(f"/api/captive{visit}")).json()
    assert (state["captive"], state["user-portal-url"]) == (True, f"{PUBLIC_URL}{visit}")
    await portal.start_session()
    assert (await browser.get(f"/api/captive{visit}")).json()["captive"] is False
