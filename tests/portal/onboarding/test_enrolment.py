"""From the log-in page, or from an e-mail address, to a profile on a device."""

import plistlib
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as examined
from hypothesis import strategies as st
from sqlalchemy import func, select

from aaa import citizens, devices
from aaa.devices import DeviceKind
from aaa.model import AuditEvent, CitizenState, Instruction
from aaa.settings import EapSettings
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from portal import retention, throttling
from portal.app import create_app
from portal.languages import LANGUAGES, write_time
from portal.model import EnrolledDevice, Enrolment
from portal.onboarding import enrolments
from portal.onboarding.formats import FORMATS
from portal.onboarding.phrases import phrases
from portal.throttling import USES_OF_SHORT_CODE
from tests.portal.onboarding.visitors import (
    ANDROID,
    ANDROID_WINDOW,
    IPHONE,
    IPHONE_WINDOW,
    LINUX,
    WINDOWS,
    browser,
    device_in,
    enrol,
    link_in,
    short_path_in,
)
from tests.portal.visitor import Portal, redirect, visit_in

_PLIST = re.compile(rb"<\?xml.*</plist>", re.DOTALL)


async def listed(portal: Portal) -> list[devices.DeviceView]:
    async with portal.village.database.read("test") as session:
        return list(await devices.of_citizen(session, portal.village.anna))


async def count(portal: Portal, table: type) -> int:
    async with portal.village.database.read("test") as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_an_iphone_gets_a_certificate_in_a_profile(secure: Portal) -> None:
    safari = browser(secure, IPHONE)
    link = await enrol(secure, safari)
    page = await safari.get(link)
    assert 'value="iPhone"' in page.text
    made = await safari.post(f"{link}/devices", name="Anna’s phone", kind="ios")
    assert [hop.status_code for hop in safari.responses[-2:]] == [303, 200]
    assert "The profile of the device “<bdi>Anna’s phone</bdi>”" in made.text
    assert "Password" not in made.text
    profile = await safari.get(f"{device_in(made)}/mobileconfig")
    assert profile.headers["content-type"] == "application/x-apple-aspen-config"
    assert profile.headers["content-disposition"] == 'inline; filename="Farandole.mobileconfig"'
    assert profile.headers["cache-control"] == "no-store"
    found = _PLIST.search(profile.content)
    assert found
    payloads = plistlib.loads(found[0])["PayloadContent"]
    assert "com.apple.security.pkcs12" in {payload["PayloadType"] for payload in payloads}
    (device,) = await listed(secure)
    assert (device.name, device.kind) == ("Anna’s phone", DeviceKind.CERTIFICATE)


@pytest.mark.parametrize(
    ("agent", "kind", "name"),
    [
        (ANDROID, "android", "Android phone"),
        (WINDOWS, "windows", "Windows computer"),
        (LINUX, "linux", "Linux computer"),
        ("curl/8", "unknown", "My device"),
    ],
)
async def test_other_devices_get_a_wifi_secret(
    small_secure: Portal, agent: str, kind: str, name: str
) -> None:
    opened = browser(small_secure, agent)
    link = await enrol(small_secure, opened)
    page = await opened.get(link)
    assert f'value="{name}"' in page.text
    assert f'name="kind" value="{kind}">Make my profile' in page.text
    made = await opened.post(f"{link}/devices", name=name, kind=kind)
    secret = re.search(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){4}", made.text)
    assert secret
    assert "anna@village.example" in made.text
    (device,) = await listed(small_secure)
    assert (device.name, device.kind) == (name, DeviceKind.WIFI_SECRET)
    profile = await opened.get(f"{device_in(made)}/networkmanager")
    assert f"password={secret[0]}" in profile.text
    assert profile.headers["content-disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize("slug", FORMATS)
@pytest.mark.parametrize("kind", ["ios", "android"])
async def test_every_format_can_be_had_for_every_device_and_is_counted(
    small_secure: Portal, slug: str, kind: str
) -> None:
    opened = browser(small_secure, WINDOWS)
    link = await enrol(small_secure, opened)
    made = await opened.post(f"{link}/devices", kind=kind)
    device = device_in(made)
    address = f"{device}/{slug}"
    # A device that asks for itself gets a button and steps for the file that it chose.
    assert f'?file={slug}"' in made.text or "open this page on the device itself" in made.text
    asking = browser(small_secure, {"ios": IPHONE, "android": ANDROID}[kind])
    page = await asking.get(f"{device}?file={slug}")
    assert f'class="button" href="{address}"' in page.text
    counter = metrics.profiles.labels(slug)
    before = counter._value.get()
    first, second = await opened.get(address), await opened.get(address)
    assert first.status_code == second.status_code == 200
    assert first.headers["content-type"] == second.headers["content-type"]
    assert first.content
    assert ("content-disposition" in first.headers) == (slug != "android")
    assert counter._value.get() == before + 2


async def test_a_name_that_was_suggested_for_another_kind_is_replaced(
    small_secure: Portal,
) -> None:
    opened = browser(small_secure, WINDOWS, "fr")
    link = await enrol(small_secure, opened)
    page = await opened.get(link)
    suggested = re.search(r'name="name"[^>]* value="([^"]+)"', page.text)
    assert suggested
    await opened.post(f"{link}/devices", name=suggested[1], kind="ios")
    await opened.post(f"{link}/devices", name="  ", kind="android")
    names = [device.name for device in await listed(small_secure)]
    assert names == ["Téléphone Android", "iPhone"]


async def test_what_is_made_for_a_device_elsewhere_shows_the_way_there(
    small_secure: Portal,
) -> None:
    laptop, phone = browser(small_secure, WINDOWS), browser(small_secure, IPHONE)
    link = await enrol(small_secure, laptop)
    made = await laptop.post(f"{link}/devices", kind="ios")
    assert "open this page on the device itself" in made.text
    there = await phone.get(short_path_in(made))
    assert there.url.path == device_in(made)
    assert "Install it now" in there.text


@pytest.mark.parametrize(
    ("agent", "says"), [(IPHONE_WINDOW, "Open Safari."), (ANDROID_WINDOW, "Open Chrome")]
)
async def test_a_window_that_can_install_nothing_shows_the_way_out(
    small_secure: Portal, agent: str, says: str
) -> None:
    window, safari = browser(small_secure, agent), browser(small_secure, IPHONE)
    link = await enrol(small_secure, window)
    page = await window.get(link)
    assert says in page.text
    assert "Make my profile" not in page.text
    assert (await safari.get(short_path_in(page))).url.path == link
    sent = await window.post(f"{link}/mail")
    assert "We have sent the link to a***@mail.example" in sent.text
    (mail,) = (mail for mail in small_secure.mailbox if "/secure/" in mail.text)
    assert (mail.recipient, link_in(mail.text)) == ("anna@mail.example", link)
    assert link in mail.html


async def test_a_short_address_is_valid_for_a_while_and_renewed(secure: Portal) -> None:
    clock = secure.village.clock
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    first = short_path_in(await opened.get(link))
    assert short_path_in(await opened.get(link)) == first
    assert (await opened.get(first.upper().replace("/S/", "/s/"))).url.path == link
    assert (await opened.get(first.replace("-", ""))).url.path == link
    clock.advance(minutes=11)
    second = short_path_in(await opened.get(link))
    assert second != first
    assert (await opened.get(first)).status_code == 404
    clock.advance(minutes=16)
    gone = await opened.get(second)
    assert gone.status_code == 404
    assert "This short address does not work" in gone.text


async def test_a_short_address_says_until_when_it_works(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    made_at = secure.village.clock()
    secure.village.clock.advance(minutes=9)
    page = await opened.get(link)
    until = write_time(made_at + enrolments.CODE_LIFETIME, "en", "Europe/Paris")
    assert f"The address works until {until}" in page.text


async def test_a_short_address_works_a_few_times_and_then_another_does(secure: Portal) -> None:
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    short = short_path_in(await opened.get(link))
    paths = [(await opened.get(short)).url.path for _ in range(USES_OF_SHORT_CODE.most)]
    assert set(paths) == {link}
    assert (await opened.get(short)).status_code == 404
    secure.village.clock.advance(seconds=1)
    other = short_path_in(await opened.get(link))
    assert other != short
    assert (await opened.get(other)).url.path == link


async def test_guesses_of_short_codes_are_bounded(small_secure: Portal) -> None:
    opened = browser(small_secure, IPHONE)
    link = await enrol(small_secure, opened)
    right = short_path_in(await opened.get(link))
    statuses = {(await opened.get("/s/aaaa-aaaa")).status_code for _ in range(200)}
    assert statuses == {404}
    assert (await opened.get(right)).status_code == 429


async def test_the_list_of_devices_takes_one_off_and_ends_its_sessions(secure: Portal) -> None:
    village = secure.village
    opened = browser(secure, ANDROID)
    link = await enrol(secure, opened)
    device = device_in(await opened.post(f"{link}/devices", name="Old phone", kind="android"))
    number = int(device.rpartition("/")[2])
    session_id = await secure.start_session(mac="02:00:5e:00:53:77", device_id=number)
    page = await opened.get(link)
    assert "Old phone" in page.text
    assert "last online on" in page.text
    assert f'href="{device}"' in page.text
    assert f'action="{device}/revoke"' in (await opened.get(device)).text
    after = await opened.post(f"{device}/revoke")
    assert after.url.path == link
    assert "Old phone" not in after.text
    async with village.database.read("test") as session:
        orders = (await session.scalars(select(Instruction))).all()
        events = (await session.scalars(select(AuditEvent))).all()
    assert [(order.session_id, order.reason) for order in orders] == [
        (session_id, "device_revoked")
    ]
    subject = f"device:{number}"
    noted = [
        (event.action, event.detail["citizen"]) for event in events if event.subject == subject
    ]
    assert noted == [("device.add", village.anna), ("device.revoke", village.anna)]
    # Nothing is left to download.
    assert await count(secure, EnrolledDevice) == 0
    assert (await opened.get(f"{device}/android")).url.path == link
    assert (await opened.get(device)).url.path == link


async def test_who_is_taken_off_already_is_not_taken_off_in_the_audit(
    small_secure: Portal,
) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    device = device_in(await opened.post(f"{link}/devices", kind="android"))
    for _ in range(2):
        assert (await opened.post(f"{device}/revoke")).url.path == link
    async with small_secure.village.database.read("test") as session:
        actions = await session.scalars(
            select(AuditEvent.action).where(AuditEvent.action == "device.revoke")
        )
    assert len(actions.all()) == 1


@pytest.mark.parametrize("number", ["0", "999", "x", "-1", "9" * 30, "²"])
async def test_what_is_no_device_of_ones_own_is_answered_alike(
    small_secure: Portal, number: str
) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    assert (await opened.get(f"{link}/devices/{number}")).url.path == link
    for action in ("revoke", "renew"):
        assert (await opened.post(f"{link}/devices/{number}/{action}")).status_code == 404


async def test_nobody_takes_the_device_of_another(small_secure: Portal) -> None:
    village = small_secure.village
    async with village.database.write("test") as session:
        await devices.add(session, citizen_id=village.bruno, name="his", now=village.clock())
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    async with village.database.read("test") as session:
        (his,) = await devices.of_citizen(session, village.bruno)
    assert (await opened.post(f"{link}/devices/{his.id}/revoke")).status_code == 404
    assert (await opened.get(f"{link}/devices/{his.id}")).url.path == link
    async with village.database.read("test") as session:
        (his,) = await devices.of_citizen(session, village.bruno)
    assert his.revoked_at is None


async def test_nobody_has_more_devices_than_one_can_carry(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    for number in range(devices.MOST_ACTIVE):
        made = await opened.post(f"{link}/devices", name=f"{number}", kind="android")
        assert made.status_code == 200
    refused = await opened.post(f"{link}/devices", name="One more", kind="android")
    assert refused.status_code == 422
    assert "Your list of devices is full" in refused.text
    assert 'value="One more"' in refused.text
    assert len(await listed(small_secure)) == devices.MOST_ACTIVE
    assert len((await opened.get(link)).content) < 20_000
    # A form that is opened again at its own address leads back.
    assert (await opened.get(f"{link}/devices")).url.path == link


async def test_a_link_comes_by_mail_to_who_has_an_account(secure: Portal) -> None:
    opened = browser(secure, LINUX, "it")
    answers = [
        await opened.post("/secure?at=square", email=address)
        for address in ("Anna@mail.example", "nobody@mail.example")
    ]
    assert answers[0].text == answers[1].text
    assert {str(answer.url.path) for answer in answers} == {"/secure"}
    (mail,) = secure.mailbox
    assert mail.recipient == "anna@mail.example"
    assert await count(secure, Enrolment) == 2
    page = await opened.get(link_in(mail.text))
    assert page.status_code == 200
    assert "anna@village.example" in page.text
    assert '<html lang="it">' in page.text


async def test_a_link_is_asked_for_a_few_times_only(small_secure: Portal) -> None:
    opened = browser(small_secure, LINUX)
    for address in ("anna@mail.example", "nobody@mail.example"):
        for _ in range(5):
            assert (await opened.post("/secure", email=address)).status_code == 200
        refused = await opened.post("/secure", email=address)
        assert refused.status_code == 429
    assert len(list(small_secure.mailbox)) == 5


@pytest.mark.parametrize("state", [CitizenState.BANNED, CitizenState.CLOSED])
async def test_an_account_that_is_not_in_use_gets_no_link_and_has_none(
    small_secure: Portal, state: CitizenState
) -> None:
    village = small_secure.village
    opened = browser(small_secure, LINUX)
    link = await enrol(small_secure, opened)
    async with village.database.write("test") as session:
        await citizens.set_state(session, village.anna, state)
    assert (await opened.get(link)).status_code == 410
    assert (await opened.post(f"{link}/devices", kind="linux")).status_code == 410
    assert (await opened.post("/secure", email="anna@mail.example")).status_code == 200
    assert list(small_secure.mailbox) == []


async def test_what_is_no_address_is_said_to_be_none(small_secure: Portal) -> None:
    refused = await browser(small_secure, LINUX).post("/secure", email="anna@")
    assert refused.status_code == 422
    assert "This is not an e-mail address" in refused.text
    assert 'value="anna@"' in refused.text


async def test_without_mail_the_page_says_where_else_to_go(small_secure: Portal) -> None:
    opened = small_secure.browser(small_secure.without_mail())
    page = await opened.get("/secure")
    assert "Log in at a hotspot" in page.text
    assert "<form" not in page.text
    assert (await opened.post("/secure", email="anna@mail.example")).status_code == 422
    opened.client.headers["User-Agent"] = IPHONE_WINDOW
    link = await enrol(small_secure, opened)
    page = await opened.get(link)
    assert "Send me the link by e-mail" not in page.text
    assert (await opened.post(f"{link}/mail")).status_code == 422


async def test_a_visit_that_proved_nothing_leads_to_the_way_by_mail(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    visit = await opened.arrive()
    assert (await opened.post(f"{visit}/secure")).url.path == "/secure"
    assert await count(small_secure, Enrolment) == 0
    # A device that the gateway calls online may be anybody's.
    status = await opened.get(redirect(res="success"))
    assert (await opened.post(f"{visit_in(status)}/secure")).url.path == "/secure"


async def test_an_old_proof_does_not_count(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    visit = await opened.arrive()
    await opened.log_in(visit)
    small_secure.village.clock.advance(minutes=16)
    assert (await opened.post(f"{visit}/secure")).url.path == "/secure"


async def test_the_page_of_who_is_online_offers_it(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    visit = await opened.arrive()
    await opened.log_in(visit)
    await small_secure.serve_ticket()
    await small_secure.start_session()
    status = await opened.get(f"{visit}/status")
    assert "Connect safely, for good" in status.text
    assert f'action="{visit}/secure"' in status.text
    assert (await opened.get(f"{visit}/secure")).url.path == f"{visit}/status"


async def test_without_a_certificate_nothing_is_offered_and_the_log_says_why(
    small_portal: Portal,
) -> None:
    opened = browser(small_portal, ANDROID)
    assert "/secure" not in (await opened.get("/")).text
    for response in (
        await opened.get("/secure"),
        await opened.post("/secure", email="anna@mail.example"),
    ):
        assert response.status_code == 503
        assert "The secure network is not ready yet" in response.text
    assert list(small_portal.mailbox) == []


async def test_a_link_opens_for_an_hour_and_then_all_is_deleted(secure: Portal) -> None:
    village = secure.village
    opened = browser(secure, IPHONE)
    link = await enrol(secure, opened)
    device = device_in(await opened.post(f"{link}/devices", kind="ios"))
    village.clock.advance(minutes=59)
    assert (await opened.get(f"{device}/mobileconfig")).status_code == 200
    async with village.database.write("test") as session:
        await retention.purge(session, village.clock())
    assert await count(secure, EnrolledDevice) == 1
    village.clock.advance(minutes=1, seconds=1)
    for path in (link, device, f"{device}/mobileconfig"):
        gone = await opened.get(path)
        assert gone.status_code == 410
        assert "This link is no longer valid" in gone.text
    async with village.database.write("test") as session:
        await retention.purge(session, village.clock())
    assert await count(secure, Enrolment) == await count(secure, EnrolledDevice) == 0
    # The device itself is there to stay.
    assert [device.revoked_at for device in await listed(secure)] == [None]


async def test_what_is_kept_of_a_credential_is_sealed(secure: Portal) -> None:
    opened = browser(secure, ANDROID)
    link = await enrol(secure, opened)
    made = await opened.post(f"{link}/devices", kind="android")
    secret = re.search(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){4}", made.text)
    assert secret
    token = link.rpartition("/")[2]
    code = short_path_in(made).rpartition("/")[2].replace("-", "")
    async with secure.village.database.read("test") as session:
        rows = [
            *(await session.execute(select(Enrolment.__table__))).all(),
            *(await session.execute(select(EnrolledDevice.__table__))).all(),
        ]
    written = repr(rows)
    assert secret[0] not in written
    assert token[16:] not in written
    assert code not in written


async def test_no_other_token_opens_an_enrolment(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    visit = await opened.arrive()
    wrong = f"{link[:-1]}{'0' if link[-1] != '0' else '1'}"
    for path in (wrong, "/secure/x", visit.replace("visit", "secure"), f"{link}0"):
        assert (await opened.get(path)).status_code == 410
    assert (await opened.get(link.replace("secure", "visit"))).status_code == 410


@pytest.mark.fuzz
@examined(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=120), kind=st.sampled_from(["ios", "linux"]) | st.text(max_size=20))
async def test_any_name_makes_a_device_whose_profiles_can_be_had(
    small_secure: Portal, name: str, kind: str
) -> None:
    opened = browser(small_secure, ANDROID)
    village = small_secure.village
    # A citizen of its own for each: the list of one is full soon.
    async with village.database.write("test") as session:
        citizen_id = await citizens.add(
            session,
            name=f"c{secrets.token_hex(8)}",
            collectivity=village.snapshot.by_realm["village.example"],
            email=None,
            password_hash=None,
            language=None,
            now=village.clock(),
        )
        reference = await enrolments.begin(
            session, citizen_id=citizen_id, language="en", now=village.clock()
        )
    link = enrolments.way_to(village.keyring, reference)
    made = await opened.post(f"{link}/devices", name=name, kind=kind)
    assert made.status_code == 200
    for slug in FORMATS:
        assert (await opened.get(f"{device_in(made)}/{slug}")).status_code == 200
    assert (await opened.get(f"{device_in(made)}/{quote(kind) or 'x'}")).status_code in {200, 404}


async def test_nothing_of_it_sets_a_cookie_is_kept_or_names_another_host(
    small_secure: Portal,
) -> None:
    opened = browser(small_secure, IPHONE)
    link = await enrol(small_secure, opened)
    device = device_in(await opened.post(f"{link}/devices", kind="ios"))
    for path in (f"{device}/mobileconfig", link, "/secure", "/s/x", "/secure/x", "/"):
        await opened.get(path)
    for response in opened.responses:
        assert "set-cookie" not in response.headers
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_the_log_tells_of_no_link_and_no_code(small_secure: Portal) -> None:
    opened = browser(small_secure, IPHONE)
    with structlog.testing.capture_logs() as logs:
        link = await enrol(small_secure, opened)
        short = short_path_in(await opened.get(link))
        await opened.get(short)
    written = repr(logs)
    assert "/secure/{token}" in written
    assert link.rpartition("/")[2] not in written
    assert short.rpartition("/")[2] not in written


async def test_the_language_is_kept_with_the_enrolment(small_secure: Portal) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    assert '<html lang="it">' in (await opened.get(f"{link}?lang=it")).text
    assert '<html lang="it">' in (await opened.get(link)).text
    notice = await opened.get(f"{link}/notice/terms")
    assert f'href="{link}"' in notice.text
    assert "Saint-Aubin-des-Lavandes" in notice.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_sees_the_name_of_a_device_is_told(small_secure: Portal, language: str) -> None:
    opened = browser(small_secure, ANDROID, language)
    page = await opened.get(await enrol(small_secure, opened))
    hint = phrases(language)(
        "So that you find it in your list. Those who run the service can see it too."
    )
    assert hint in page.text


@pytest.mark.parametrize("keeps_text", [True, False])
async def test_the_privacy_notice_tells_what_is_kept_of_a_wifi_secret(
    small_secure: Portal, keeps_text: bool
) -> None:
    parts = small_secure.parts
    eap = EapSettings(challenges=keeps_text)
    settings = parts.settings.model_copy(update={"eap": eap})
    opened = small_secure.browser(create_app(replace(parts, settings=settings)))
    for path in ("/notice/privacy", f"{await enrol(small_secure, opened)}/notice/privacy"):
        page = await opened.get(path)
        assert ("The Wi-Fi password that we made for a device" in page.text) == keeps_text


async def test_android_is_told_what_its_file_can_do_and_which_app_can_more(
    small_secure: Portal,
) -> None:
    opened = browser(small_secure, ANDROID)
    link = await enrol(small_secure, opened)
    made = await opened.post(f"{link}/devices", kind="android")
    assert "Wherever the network is" not in made.text
    assert "Passpoint" in made.text
    other = f"{device_in(made)}?file=eap-config"
    assert f'href="{other}"' in made.text
    page = await opened.get(other)
    assert "for the app geteduroam, which you install first" in page.text
    assert "Open the file with geteduroam" in page.text
    assert f'class="button" href="{device_in(made)}/eap-config"' in page.text
    # What is no format is no reason to show none.
    assert "Install the profile" in (await opened.get(f"{device_in(made)}?file=x")).text


async def test_that_everybody_is_turned_away_is_warned_of_once(
    small_secure: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "SHORT_CODES_TOGETHER", throttling.Rule("t", 1, timedelta(1)))
    occurrences = Occurrences()
    with structlog.testing.capture_logs() as logs:
        warnings = RepeatedWarnings(occurrences, structlog.get_logger())
        opened = small_secure.browser(create_app(replace(small_secure.parts, warnings=warnings)))
        statuses = [(await opened.get("/s/aaaa-aaaa")).status_code for _ in range(4)]
    assert statuses == [404, 429, 429, 429]
    (warned,) = (each for each in logs if each["log_level"] == "warning")
    assert warned["what"] == "t"
    assert warned["remedy"]
