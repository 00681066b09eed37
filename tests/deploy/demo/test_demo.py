"""`farandole demo` as a person meets it: a browser with neither script nor cookies, the real
service, and the command line beside it."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from deploy.demo import neighbour
from deploy.demo.village import CITIZEN, EMAIL, NAI, PASSWORD
from tests import counterparts, forks
from tests.forks import Forked
from tests.operator import FARANDOLE
from tests.process import Process

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

# Where a page for people is awaited that the next interim update or refresh brings.
SOON_MS = 20_000
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NO_COOKIES = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@dataclass(frozen=True)
class Demo:
    """A demo that runs, with its state in a directory of the test."""

    process: Process
    directory: Path
    site: str

    @property
    def config(self) -> Path:
        return self.directory / "farandole.toml"

    def farandole(self, *arguments: str) -> str:
        """Run a command as a person beside the demo would; return what it prints."""
        done = forks.run(["--config", str(self.config), *arguments], "", os.environ, 60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sessions(self, mac: str) -> list[dict[str, Any]]:
        """The sessions of a device, the newest first."""
        found: list[dict[str, Any]] = json.loads(
            self.farandole("session", "list", "--device", mac, "--json")
        )
        return found

    def metrics(self) -> dict[str, float]:
        port = tomllib.loads(self.config.read_text())["monitoring"]["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def await_session(self, mac: str, what: str, **expected: object) -> dict[str, Any]:
        """Return the newest session of a device once it has these values."""

        def is_so() -> bool:
            found = self.sessions(mac)
            return bool(found) and all(found[0][key] == value for key, value in expected.items())

        self.process.await_condition(is_so, what)
        return self.sessions(mac)[0]


@contextmanager
def running_demo(directory: Path) -> Iterator[Demo]:
    with Forked(FARANDOLE, "demo", "--keep", directory) as process:
        site = process.await_line(r"(http://127\.0\.0\.1:\d+)/? .*phone")[1]
        process.await_line("Ctrl-C")
        yield Demo(process, directory, site)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state") as demo:
        yield demo


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


class Phone:
    """A mini-browser on a phone in the hand of a person."""

    def __init__(self, demo: Demo, page: Page, number: int) -> None:
        self.demo = demo
        self.page = page
        self.number = number

    def join(self, hotspot: str) -> None:
        """Choose this phone and a hotspot on the square, and connect."""
        self.page.goto(self.demo.site)
        self.page.locator(f"input[name=phone][value='{self.number}']").check()
        # A phone that is there already says so beside its own button.
        chosen = self.page.locator("input[name=hotspot]").and_(self.page.get_by_label(hotspot))
        chosen.check()
        self.shoot("square")
        self.page.get_by_role("button", name="Connect to the Wi-Fi").click()

    def look_at_screen(self) -> None:
        """Look at the phone itself: the simulation's page."""
        self.page.goto(f"{self.demo.site}/phone/{self.number}")

    def read_code(self, address: str) -> str:
        """Return the code of the newest mail to an address."""
        mail = self.page.context.new_page()
        mail.goto(f"{self.demo.site}/mail")
        letter = mail.locator("article").filter(has_text=address).first
        code = letter.locator(".code").inner_text(timeout=SOON_MS)
        shoot(mail, "mail")
        mail.close()
        return code

    def log_in(self, identifier: str, password: str) -> None:
        """Log in on the portal's welcome page, whatever its language."""
        self.page.locator("summary").click()
        self.page.locator("[name=identifier]").fill(identifier)
        self.page.locator("[name=password]").fill(password)
        self.shoot("log-in")
        self.page.locator("form", has=self.page.locator("[name=password]")).locator(
            "button"
        ).click()

    def expect_heading(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text, timeout=SOON_MS)

    def fact(self, name: str) -> str:
        """Return a value that the phone's screen shows."""
        row = self.page.locator("dl div").filter(has_text=name)
        return row.locator("dd").inner_text(timeout=SOON_MS)

    def shoot(self, name: str) -> None:
        shoot(self.page, name)


_shots = count(1)


def shoot(page: Page, name: str) -> None:
    """Keep a picture of a page in the directory that SCREENSHOTS names, if it does."""
    if directory := os.environ.get("SCREENSHOTS"):
        page.wait_for_load_state()
        page.screenshot(path=Path(directory) / f"{next(_shots):02d}-{name}.png", full_page=True)


@contextmanager
def phone(
    demo: Demo, playwright: Playwright, tmp_path: Path, number: int, locale: str
) -> Iterator[Phone]:
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(NO_COOKIES))
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=counterparts.require("chromium"),
        headless=True,
        chromium_sandbox=False,
        args=list(QUIET),
        viewport={"width": 390, "height": 844},
        java_script_enabled=False,
        locale=locale,
    )
    context.set_default_timeout(SOON_MS)
    foreign: list[str] = []
    context.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:"))
            else foreign.append(request.url)
        ),
    )
    try:
        yield Phone(demo, context.pages[0], number)
        assert context.cookies() == []
        assert foreign == []
    finally:
        context.close()


def test_a_citizen_signs_up_gets_online_comes_back_and_is_cut(
    demo: Demo, playwright: Playwright, tmp_path: Path
) -> None:
    mac = "02:00:5e:10:00:01"
    with phone(demo, playwright, tmp_path, 1, "en-GB") as hand:
        page = hand.page
        hand.join("Place du Marché")
        hand.expect_heading("Free Wi-Fi")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        hand.shoot("welcome")
        page.get_by_label("Your e-mail address").fill("noe@mail.example")
        page.get_by_role("button", name="Send me the code").click()
        hand.expect_heading("Look in your mailbox")
        hand.shoot("code")
        page.get_by_label("The code").fill(hand.read_code("noe@mail.example"))
        page.get_by_role("button", name="Continue").click()
        hand.expect_heading("Choose your identifier")
        hand.shoot("account")
        page.get_by_label("Your name on the Wi-Fi").fill("noe.garcin")
        page.get_by_label("Remember this device").check()
        page.get_by_label("I accept the terms of use").check()
        page.get_by_role("button", name="Connect me").click()
        hand.expect_heading("You are online")
        hand.shoot("online")

        opened = demo.await_session(mac, "record the session", stopped_at=None)
        assert opened["citizen"] == "noe.garcin@saint-aubin.example"
        assert opened["hotspot"] == "place-du-marche"
        demo.process.await_condition(
            lambda: demo.sessions(mac)[0]["download_octets"] > opened["download_octets"],
            "account for what the phone carries",
        )
        accepts = (
            'farandole_radius_requests_total{code="Access-Request",outcome="accept",reason="",'
            'vendor="coovachilli"}'
        )
        assert demo.metrics()[accepts] >= 1
        place = '{collectivity="saint-aubin",hotspot="place-du-marche"}'
        assert demo.metrics()[f"farandole_sessions_started_total{place}"] >= 1
        demo.process.await_condition(
            lambda: demo.metrics()[f"farandole_sessions_open{place}"] == 1, "count the session"
        )

        logout = page.get_by_role("link", name="Log out")
        hand.look_at_screen()
        hand.expect_heading("You are online")
        assert hand.fact("Time left").endswith("min")
        hand.shoot("phone-online")
        page.get_by_role("link", name="Open the portal").click()
        hand.expect_heading("You are online")
        logout.click()
        hand.expect_heading("See you soon!")
        hand.shoot("goodbye")
        ended = demo.await_session(mac, "record the end", terminate_cause="user-request")
        assert ended["id"] == opened["id"]

        hand.join("Médiathèque")
        expect(page.get_by_text("No page needed")).to_be_visible()
        hand.shoot("phone-remembered")
        again = demo.await_session(mac, "record the new session", hotspot="mediatheque")
        assert again["citizen"] == opened["citizen"]

        demo.farandole("session", "disconnect", "--device", mac, "--wait", "20")
        hand.look_at_screen()
        expect(page.get_by_text("The server cut the session")).to_be_visible(timeout=SOON_MS)
        hand.shoot("phone-cut")
        demo.await_session(mac, "record the cut", terminate_cause="admin-reset")


def test_a_citizen_logs_in_across_the_border_in_italian(
    demo: Demo, playwright: Playwright, tmp_path: Path
) -> None:
    nai = f"{CITIZEN}@pays-des-lavandes.example"
    with phone(demo, playwright, tmp_path, 2, "it-IT") as hand:
        page = hand.page
        hand.join("Piazza della Chiesa")
        expect(page.locator("html")).to_have_attribute("lang", "it")
        hand.shoot("welcome-it")
        hand.log_in(nai, PASSWORD)
        hand.shoot("terms-it")
        page.locator("button[name=accept_terms]").click()
        expect(page.get_by_text(nai)).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "it")
        hand.shoot("online-it")
        session = demo.await_session("02:00:5e:10:00:02", "record the session", citizen=nai)
        assert session["collectivity"] == "borgo-mimose"
        assert session["stopped_at"] is None


def test_a_partners_citizen_logs_in_on_the_page_of_their_home(
    demo: Demo, playwright: Playwright, tmp_path: Path
) -> None:
    with phone(demo, playwright, tmp_path, 3, "en-GB") as hand:
        page = hand.page
        hand.join("Médiathèque")
        page.get_by_role("link", name="Log in with my region").click()
        hand.expect_heading("Log in with my region")
        hand.shoot("homes")
        page.get_by_role("link", name=neighbour.TITLE).click()
        hand.expect_heading("Log in at home")
        hand.log_in(neighbour.CITIZEN, neighbour.PASSWORD)
        hand.expect_heading("May they let you in?")
        hand.shoot("consent")
        page.get_by_role("button", name="Agree and go online").click()
        hand.expect_heading("You are online")
        expect(page.get_by_text(neighbour.TITLE)).to_be_visible()
        hand.shoot("online-visitor")
        session = demo.await_session("02:00:5e:10:00:03", "record the session", stopped_at=None)
        told = (session["citizen"], session["home"], session["realm"])
        assert told == (None, neighbour.NAME, neighbour.REALM)
        # Who lets in here asks for the password there, and only there.
        page.goto(demo.site)
        hand.join("Piazza della Chiesa")
        hand.log_in(neighbour.NAI, neighbour.PASSWORD)
        hand.expect_heading(neighbour.TITLE)
        hand.shoot("home-way")


def test_a_closed_hotspot_says_so(demo: Demo, playwright: Playwright, tmp_path: Path) -> None:
    with phone(demo, playwright, tmp_path, 4, "en-GB") as hand:
        hand.join("Piscine municipale")
        hand.expect_heading("Free Wi-Fi")
        hand.log_in(CITIZEN, PASSWORD)
        accept = hand.page.locator("button[name=accept_terms]")
        denied = hand.page.locator(".help-code")
        expect(accept.or_(denied)).to_be_visible()
        if accept.is_visible():
            accept.click()
        expect(denied).to_be_visible()
        hand.shoot("denied")
        hand.look_at_screen()
        hand.expect_heading("You are offline")
        assert "MAC authentication: Access-Reject" in hand.page.inner_text("main")
        hand.shoot("phone-offline")


def test_the_demo_ends_cleanly_and_starts_again_where_it_was(
    playwright: Playwright, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    for _ in range(2):
        with running_demo(state) as demo:
            listed = json.loads(demo.farandole("nas", "list", "--json"))
            # A gateway each, one access point of the secure network, and the partner's servers.
            assert len(listed) == 6
            demo.process.send_signal(signal.SIGINT)
            assert demo.process.wait() == 0
            assert "Traceback" not in demo.process.output


def test_without_keep_nothing_is_left(tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path)}
    with Process(FARANDOLE, "demo", environment=environment) as process:
        process.await_line("Ctrl-C")
        assert list(tmp_path.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert list(tmp_path.iterdir()) == []


def test_taken_ports_are_gone_round(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # Where another program has the port already, that is as good.
        with suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", 8080)))
        demo = stack.enter_context(running_demo(tmp_path / "state"))
        settings = tomllib.loads(demo.config.read_text())
        assert settings["portal"]["port"] != 8080
        assert f"http://127.0.0.1:{settings['portal']['port']}\n" in demo.process.output


@pytest.mark.interop
def test_a_real_supplicant_logs_in_by_a_profile_as_the_demo_tells(demo: Demo) -> None:
    supplicant = counterparts.require("eapol_test")
    told = demo.process.output
    portal = re.search(r"For good\s+(http://\S+)/secure", told)
    command = re.search(r"eapol_test -c FILE\.conf [^\n]+\n\s+-s \"[^\"]+\"", told)
    assert portal and command
    with httpx.Client(follow_redirects=True, timeout=20) as visitor:
        visitor.post(f"{portal[1]}/secure", data={"email": EMAIL}).raise_for_status()
        link = ""

        def has_come() -> bool:
            nonlocal link
            found = re.search(rf"{portal[1]}/secure/[\w.-]+", visitor.get(f"{demo.site}/mail").text)
            link = found[0] if found else ""
            return bool(found)

        demo.process.await_condition(has_come, "bring the mail with the link")
        made = visitor.post(f"{link}/devices", data={"name": "Laptop", "kind": "linux"})
        made.raise_for_status()
        profile = visitor.get(f"{made.url}/wpa-supplicant").raise_for_status().content
    file = demo.directory / "profile.conf"
    file.write_bytes(profile)
    words = shlex.split(command[0].replace("\\\n", " ").replace("FILE.conf", str(file)))
    words[0] = supplicant

    def tries() -> bool:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.stdout.rstrip().endswith("SUCCESS")

    assert tries()
    assert "Laptop" in demo.farandole("device", "list", "--citizen", NAI)
    demo.farandole("device", "revoke", "Laptop", "--citizen", NAI)
    assert not tries()
