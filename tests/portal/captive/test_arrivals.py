"""What NAS send browsers with, and where these end up."""

import hashlib

import pytest

from aaa import access_points
from aaa.nas.adapter import RedirectFlaw
from aaa.policy import DenyReason
from monitoring import metrics
from tests.portal.visitor import (
    FORM,
    PUBLIC_URL,
    UAM_SECRET,
    Portal,
    query_of,
    redirect,
    signed,
    visit_in,
)
from tests.village import PHONE, TABLET


@pytest.mark.parametrize("nas", ["signing", "masking"])
async def test_a_signed_redirect_is_believed(small_portal: Portal, nas: str) -> None:
    response = await small_portal.browser().get(signed(redirect(nas)))
    assert response.status_code == 200
    assert "/email" in response.text


async def test_the_portal_address_may_be_configured_without_its_slash(
    small_portal: Portal,
) -> None:
    url = redirect("signing").replace("/?", "?")
    response = await small_portal.browser().get(signed(url))
    assert response.status_code == 200
    # A proxy that adds the slash changes nothing: the checksum covers what was configured.
    response = await small_portal.browser().get(signed(url).replace("?", "/?"))
    assert response.status_code == 200


async def test_the_checksum_covers_the_query_as_it_was_sent(small_portal: Portal) -> None:
    url = redirect("signing", userurl="http://example.org/a%2Bb?c=d&é=%20")
    url = url.replace("%3A", "%3a")
    assert (await small_portal.browser().get(signed(url))).status_code == 200
    tampered = signed(url).replace("%3a", "%3A")
    assert (await small_portal.browser().get(tampered)).status_code == 400


async def test_a_checksum_in_small_letters_is_not_the_gateways(small_portal: Portal) -> None:
    url = redirect("signing")
    checksum = hashlib.md5(f"{PUBLIC_URL}{url}".encode() + UAM_SECRET).hexdigest()
    assert (await small_portal.browser().get(f"{url}&md={checksum}")).status_code == 400


@pytest.mark.parametrize(
    ("url", "flaw", "says"),
    [
        (redirect("signing"), RedirectFlaw.MISSING_CHECKSUM, "did not sign"),
        (f"{redirect('signing')}&md=0", RedirectFlaw.WRONG_CHECKSUM, "may have been changed"),
        (redirect(uamip="192.0.2.7.example"), RedirectFlaw.FOREIGN_HOST, "not its own"),
        (redirect(uamip="8.8.8.8"), RedirectFlaw.FOREIGN_HOST, "not its own"),
        (redirect(uamport="70000"), RedirectFlaw.INCOMPLETE, "did not tell us all"),
        ("/at/square/", RedirectFlaw.INCOMPLETE, "did not tell us all"),
        (FORM.replace("1.1%2F", "1.1%3A99999%2F"), RedirectFlaw.FOREIGN_HOST, "not its own"),
        (FORM.replace("1.1%2F", "1.1%3Aport%2F"), RedirectFlaw.FOREIGN_HOST, "not its own"),
        ("/at/posting?mac=x", RedirectFlaw.INCOMPLETE, "did not tell us all"),
    ],
)
async def test_a_redirect_that_is_not_believed_is_counted(
    small_portal: Portal, url: str, flaw: RedirectFlaw, says: str
) -> None:
    vendor = small_portal.village.snapshot.nas_by_name[url.split("/")[2].partition("?")[0]].vendor
    counter = metrics.redirects_refused.labels(flaw.value, vendor)
    before = counter._value.get()
    response = await small_portal.browser().get(url)
    assert response.status_code == 400
    assert says in response.text
    assert counter._value.get() == before + 1


async def test_a_nas_that_is_unknown_leads_nowhere(small_portal: Portal) -> None:
    assert (await small_portal.browser().get("/at/nowhere/?res=notyet")).status_code == 404


async def test_an_access_point_behind_the_nas_names_its_own_place(small_portal: Portal) -> None:
    browser = small_portal.browser()
    assert "square" in (await browser.get(await browser.arrive())).text
    village = small_portal.village
    async with village.database.write("test") as session:
        await access_points.add_access_point(
            session,
            nas="square",
            hotspot="library",
            name="reading room",
            address="02-00-5E-00-53-FF",
            now=village.clock(),
        )
    await village.directory.refresh()
    assert "library" in (await browser.get(await browser.arrive())).text


async def test_a_lost_answer_is_tried_again_with_the_fresh_challenge(portal: Portal) -> None:
    browser = portal.browser()
    await browser.log_in(await browser.arrive())
    former, _ = await portal.newest_ticket()
    fresh = "ff" * 16
    again = await browser.get(redirect(res="failed", reason="timeout", challenge=fresh))
    assert again.status_code == 303
    ticket, text = await portal.newest_ticket()
    assert ticket.id != former.id
    expected = hashlib.md5(b"\0" + text + bytes.fromhex(fresh)).hexdigest()
    assert query_of(again.headers["location"])["response"] == expected
    given_up = await browser.get(redirect(res="failed", reason="timeout"))
    assert given_up.status_code == 422
    assert "did not get our answer in time" in given_up.text


@pytest.mark.parametrize("word", ["failed", "reject"])
async def test_a_refusal_by_radius_is_told_and_may_be_tried_again(
    portal: Portal, word: str
) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.log_in(visit)
    await portal.serve_ticket(DenyReason.TOO_MANY_DEVICES.value)
    denied = await browser.get(redirect(res=word, reason="reject"))
    assert denied.status_code == 403
    assert "Too many of your devices" in denied.text
    assert f'href="{visit}"' in denied.text
    assert (await browser.get(visit)).status_code == 303


async def test_a_refusal_is_told_even_where_the_nas_does_not_come_back(
    small_portal: Portal,
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.log_in(visit)
    await small_portal.serve_ticket(DenyReason.DAILY_VOLUME_SPENT.value)
    assert "Your data for today is used up" in (await browser.get(f"{visit}/status")).text


async def test_a_failure_out_of_the_blue_begins_a_visit(small_portal: Portal) -> None:
    response = await small_portal.browser().get(redirect(res="failed"))
    assert response.status_code == 422
    assert "/login" in response.text


async def test_probes_of_the_device_do_not_hide_its_log_in(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    await browser.log_in(visit)
    await small_portal.browser().arrive()
    response = await browser.get(redirect(res="success"))
    assert response.url.path == f"{visit}/status"


async def test_who_comes_later_is_not_told_whose_session_it_is(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    await browser.log_in(visit)
    await portal.serve_ticket()
    await portal.start_session()
    portal.village.clock.advance(minutes=6)
    online = await portal.browser().get(redirect(res="already"))
    assert "You are online" in online.text
    assert "anna@" not in online.text
    assert visit not in online.text
    assert "anna@village.example" in (await browser.get(visit)).text


async def test_logging_off_says_goodbye(portal: Portal) -> None:
    session_id = await portal.start_session(session_seconds=600, download_octets=2_000_000)
    await portal.stop_session(session_id)
    goodbye = await portal.browser().get(redirect(res="logoff"))
    assert goodbye.status_code == 200
    assert "10\N{NO-BREAK SPACE}min" in goodbye.text
    assert "2\N{NO-BREAK SPACE}MB" in goodbye.text


async def test_a_device_without_a_mac_can_log_in_too(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive(mac="")
    response = await browser.log_in(visit, remember="yes")
    assert response.status_code == 303
    ticket, _ = await small_portal.newest_ticket()
    assert ticket.device_mac is None
    assert (await browser.get(redirect(res="logoff", mac=""))).status_code == 200


async def test_the_language_asked_for_is_kept(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    assert '<html lang="it">' in (await browser.get(f"{visit}?lang=it")).text
    assert '<html lang="it">' in (await browser.get(visit)).text
    other = small_portal.browser(language="xx")
    assert '<html lang="fr">' in (await other.get(await other.arrive(mac=TABLET))).text


async def test_the_language_of_the_gateway_counts(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive(lang="IT")
    assert '<html lang="it">' in (await browser.get(visit)).text


@pytest.mark.parametrize("change", [-1, 0, 20, 47])
async def test_a_token_that_is_not_ours_opens_nothing(small_portal: Portal, change: int) -> None:
    browser = small_portal.browser()
    token = (await browser.arrive()).removeprefix("/visit/")
    other = "1" if token[change] == "0" else "0"
    forged = f"{token[:change]}{other}{token[change:][1:]}"
    assert (await browser.get(f"/visit/{forged}")).status_code == 410


async def test_a_visit_does_not_last(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    small_portal.village.clock.advance(hours=1)
    expired = await browser.get(visit)
    assert expired.status_code == 410
    assert "waited too long" in expired.text
    assert PHONE not in expired.text


async def test_a_phone_that_is_redirected_again_and_again_is_one_visit(
    small_portal: Portal,
) -> None:
    browser = small_portal.browser()
    first = await browser.arrive()
    challenge = "ff" * 16
    second = visit_in(await browser.get(redirect(challenge=challenge)))
    assert second == first
    at_the_door = await browser.log_in(second)
    _, text = await small_portal.newest_ticket()
    answer = hashlib.md5(b"\0" + text + bytes.fromhex(challenge)).hexdigest()
    assert query_of(at_the_door.headers["location"])["response"] == answer
    # Another phone, and the same one once it has logged in, begin their own.
    assert visit_in(await browser.get(redirect(mac="02-00-5E-00-53-99"))) != first
    assert visit_in(await browser.get(redirect())) != first
