"""The way by password, from the NAS' redirect to its log-in page."""

import hashlib

from tests.portal.visitor import CHALLENGE, GATEWAY, Portal, query_of, redirect
from tests.village import PHONE


async def test_the_whole_way_ends_at_the_gateway_with_a_ticket(portal: Portal) -> None:
    browser = portal.browser()
    visit = await browser.arrive()
    at_the_door = await browser.log_in(visit)
    assert at_the_door.status_code == 303
    location = at_the_door.headers["location"]
    assert location.startswith(f"http://{GATEWAY}:3990/logon?")
    ticket, text = await portal.newest_ticket()
    assert ticket.device_mac == PHONE
    assert ticket.citizen_id == portal.village.anna
    # CoovaChilli, redir.c: response = hex(MD5(ident 0 || password || challenge)).
    expected = hashlib.md5(b"\0" + text + bytes.fromhex(CHALLENGE)).hexdigest()
    assert query_of(location) == {"username": "anna@village.example", "response": expected}
    await portal.serve_ticket()
    await portal.start_session()
    online = await browser.get(redirect(res="success", timeleft="3600"))
    assert online.status_code == 200
    assert "You are online" in online.text
    assert "anna@village.example" in online.text
    assert "http://example.org/news" in online.text
