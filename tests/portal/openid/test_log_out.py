"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): what ends, and where one goes."""

from typing import Any
from urllib.parse import urlencode

import httpx

from monitoring.federation_metrics import openid_requests
from tests.portal.openid.relying import RelyingParty, rotate_keys, way_back


async def _leave(party: RelyingParty, **parameters: str) -> httpx.Response:
    return await party.portal.browser().get(f"/openid/log-out?{urlencode(parameters)}")


async def _id_token(party: RelyingParty) -> str:
    return (await party.id_token(await party.log_in(party.portal.browser()))).token


async def test_what_is_open_there_ends_when_the_citizen_says_so(liguria: RelyingParty) -> None:
    portal = liguria.portal
    token = await _id_token(liguria)
    at_home = await portal.start_session("square")
    ended = await liguria.start_session(acct_session_id="one", device_mac="02:00:5e:00:53:09")
    over = await liguria.start_session(
        acct_session_id="two", stopped_at=portal.village.clock(), device_mac="02:00:5e:00:53:08"
    )
    unredeemed = await liguria.log_in(portal.browser())
    there = f"{liguria.entity}/"
    asked = await _leave(
        liguria, id_token_hint=token, post_logout_redirect_uri=there, state="a state"
    )
    assert asked.status_code == 200
    assert "Regione Liguria" in asked.text
    assert await portal.disconnected() == []
    left = await portal.browser().post(asked.url.path)
    assert way_back(left) == f"{there}?state=a+state"
    assert await portal.disconnected() == [ended]
    assert {at_home, over}.isdisjoint(await portal.disconnected())
    assert (await liguria.redeem(unredeemed)).json()["error"] == "invalid_grant"


async def test_it_may_be_a_form_and_say_less(small_liguria: RelyingParty) -> None:
    portal = small_liguria.portal
    token = await _id_token(small_liguria)
    browser = portal.browser()
    asked = await browser.post("/openid/log-out", id_token_hint=token, ui_locales="it")
    assert asked.headers["content-language"] == "it"
    left = await browser.post(asked.url.path)
    assert "You have logged out" in left.text
    assert "http-equiv" not in left.text


async def test_an_old_token_still_says_who_leaves(small_liguria: RelyingParty) -> None:
    """Section 4: expired, and by a key that signs no more."""
    token = await _id_token(small_liguria)
    await rotate_keys(small_liguria.portal)
    assert (await _leave(small_liguria, id_token_hint=token)).status_code == 200


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {"id_token_hint": ""},
    "no token": {"id_token_hint": "eyJhbGciOiJub25lIn0.e30."},
    "another place": {"post_logout_redirect_uri": "https://wifi.piemonte.example/"},
    "nearly the place": {"post_logout_redirect_uri": "https://wifi.liguria.example"},
    "another client": {"client_id": "https://wifi.piemonte.example"},
    "two states": {"state": ["one", "two"]},
}


async def test_where_it_is_not_right_nobody_is_sent_anywhere(small_liguria: RelyingParty) -> None:
    """Sections 2 and 4."""
    counter = openid_requests.labels("log_out", "wrong_hint")
    before = counter._value.get()
    right = {"id_token_hint": await _id_token(small_liguria)}
    client = small_liguria.portal.browser().client
    answered = {}
    for case, wrong in WRONG.items():
        response = await client.get(f"/openid/log-out?{urlencode(right | wrong, doseq=True)}")
        answered[case] = (response.status_code, response.headers.get("location"))
    assert answered == dict.fromkeys(WRONG, (400, None))
    assert counter._value.get() == before + len(WRONG)


async def test_the_question_waits_for_an_hour(small_liguria: RelyingParty) -> None:
    portal = small_liguria.portal
    session_id = await small_liguria.start_session()
    asked = await _leave(small_liguria, id_token_hint=await _id_token(small_liguria))
    portal.village.clock.advance(hours=1)
    browser = portal.browser()
    assert (await browser.get(asked.url.path)).status_code == 410
    assert (await browser.post(asked.url.path)).status_code == 410
    assert (await browser.post(f"{asked.url.path}x")).status_code == 410
    assert session_id not in await portal.disconnected()
