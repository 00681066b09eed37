"""The secure network from the mail with the link to a phone that is online, and off again.

Farandole is set up by commands; the gateway's hostapd by what `farandole nas secure` prints; the
phone's wpa_supplicant by the profile that the portal served, read as the system reads it that the
profile is made for (:mod:`tests.interop.profiles`). There is no radio, so that 802.1X opens a wire:
what that leaves out of the gateway's configuration is in :data:`RADIO_ALONE`.
"""

import asyncio
import email
import email.policy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from aaa.policy import DenyReason
from portal.onboarding.formats import FORMATS
from tests.counterparts import require_network_namespaces
from tests.interop.certificates import Holder, Issuer
from tests.interop.farandole import issuer
from tests.interop.hostap import (
    CONNECTED,
    DISCONNECTED,
    TYPED,
    Hostapd,
    WpaSupplicant,
    losing_a_frame,
    run_hostapd,
    run_supplicant,
)
from tests.interop.namespaces import Namespace
from tests.interop.profiles import Device, read
from tests.interop.square import (
    ANNA,
    NAS_SECRET,
    SERVER,
    UPLINK,
    Row,
    Square,
    found_village,
    lay_out,
)
from tests.operator import Served, operate
from tests.village import PHONE

pytestmark = [
    pytest.mark.interop,
    pytest.mark.namespaces,
    pytest.mark.xdist_group("secure network"),  # one installation serves all
]

SERVER_NAME: Final = "radius.village.example"
MAIL_PORT: Final = 2525
START: Final = "1"  # RFC 2866 section 5.1
REQUEST_AGAIN: Final = "1"  # RFC 2865 section 5.29
BRUNO: Final = "bruno@village.example"
DAILY_SECONDS: Final = 4
SETTINGS: Final = {
    "radius.address": SERVER,
    "radius.reject_delay_seconds": "0",
    "portal.address": SERVER,
    "portal.public_url": f"http://{SERVER}:8080",
    "eap.server_name": SERVER_NAME,
    "federation.ssid": "Wi-Fi à tous",
    "federation.roaming_consortiums": "5A03BA0000",
    "mail.url": f"smtp://127.0.0.1:{MAIL_PORT}",
}
# With `wpa` the port stays shut until the 4-way handshake, which is for radios alone; `hs20` asks
# for `wpa`. All the rest of Passpoint hostapd takes, and has no beacons to put it into.
RADIO_ALONE: Final = {"wpa", "hs20"}
ON_A_WIRE: Final = {"driver": "wired", "use_pae_group_addr": 1, "own_ip_addr": UPLINK}
# The portal gives Apple's devices a certificate, and a Wi-Fi secret to all others.
KINDS: Final = {"secret": "linux", "certificate": "ios"}
# Windows' bare profile is for those who type: it comes with no certificate.
CASES: Final = [
    (slug, credential)
    for slug in FORMATS
    for credential in KINDS
    if (slug, credential) != ("windows-xml", "certificate")
]
every_profile = pytest.mark.parametrize(("slug", "credential"), CASES)


class Postbox:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        """Take one message."""
        self.received.append(envelope)
        return "250 taken"

    def text(self) -> str:
        """Return what the first message says."""
        content = self.received[0].content
        assert isinstance(content, bytes)
        body = email.message_from_bytes(content, policy=email.policy.default).get_body(("plain",))
        assert body is not None
        text: str = body.get_content()
        return text


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile on the phone: the name of its device, and what it makes the phone do."""

    name: str
    found_by: frozenset[str]
    configuration: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Anna with the link that came by mail, on her phone in the open network."""

    phone: Namespace
    link: str
    directory: Path
    installed: dict[tuple[str, str], Installed] = field(default_factory=dict)

    def install(self, slug: str, credential: str) -> Installed:
        """Return the profile of a device of its own, made and downloaded the first time."""
        if (slug, credential) not in self.installed:
            name = f"{slug}, {credential}"
            self.installed[slug, credential] = self.add_device(name, slug, credential)
        return self.installed[slug, credential]

    def add_device(self, name: str, slug: str, credential: str) -> Installed:
        """Make a device on its page, and read its profile in one format."""
        directory = self.directory / str(len(list(self.directory.iterdir())))
        directory.mkdir()
        with self.phone.entered(), self._browser() as browser:
            form = {"name": name, "kind": KINDS[credential]}
            page = browser.post(f"{self.link}/devices", data=form)
            assert page.status_code == 200, page.text
            file = browser.get(f"{page.url}/{slug}")
            assert file.status_code == 200, file.text
            (directory / "farandole-ca.pem").write_bytes(
                browser.get(f"http://{SERVER}:8080/ca/farandole-ca.pem").content
            )
        device = Device(directory, directory / "farandole-ca.pem", _to_be_typed(page.text))
        reading = read(slug, file.content, device)
        return Installed(name, reading.found_by, reading.configuration)

    def _browser(self) -> httpx.Client:
        return httpx.Client(headers={"Accept-Language": "en"}, follow_redirects=True)


def _to_be_typed(page: str) -> tuple[str, str] | None:
    """Return the identity and the secret that a device's page shows to those who type."""
    shown = dict(re.findall(r"<dt>([^<:]+)[^<]*</dt><dd class=\"\w+\">([^<]+)</dd>", page))
    return (shown["Identity"], shown["Password"]) if "Password" in shown else None


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    """The village square, with its cables, and no program running yet."""
    require_network_namespaces()
    farandole = operate(tmp_path_factory.mktemp("farandole"), SETTINGS)
    found_village(farandole)
    farandole.do("citizen", "add", "bruno", "--collectivity", "village", "--email", BRUNO)
    farandole.do("policy", "set", f"daily_seconds={DAILY_SECONDS}", "--citizen", BRUNO)
    with lay_out(farandole) as square:
        yield square


@pytest.fixture(scope="module")
def postbox(square: Square) -> Iterator[Postbox]:
    """The mail server beside Farandole."""
    postbox = Postbox()
    with square.server.namespace.entered():
        controller = Controller(postbox, hostname="127.0.0.1", port=MAIL_PORT)
        controller.start()
    yield postbox
    controller.stop()


@pytest.fixture(scope="module")
def served(square: Square, postbox: Postbox) -> Iterator[Served]:
    """Farandole, at work."""
    with square.farandole.serve(network=square.server.namespace.path) as served:
        yield served


@pytest.fixture(scope="module")
def anna(
    square: Square, served: Served, postbox: Postbox, tmp_path_factory: pytest.TempPathFactory
) -> Enrolment:
    """Anna, who has asked for the link and followed it."""
    with square.phone.namespace.entered():
        answer = httpx.post(f"http://{SERVER}:8080/secure", data={"email": ANNA})
    assert answer.status_code == 303, answer.text
    served.process.await_condition(lambda: bool(postbox.received), "send the mail")
    link = re.search(rf"http://{re.escape(SERVER)}:8080/secure/\S{{48}}", postbox.text())
    assert link, postbox.text()
    return Enrolment(square.phone.namespace, link[0], tmp_path_factory.mktemp("phone"))


@pytest.fixture(scope="module")
def printed(square: Square) -> dict[str, object]:
    """What the operator pastes into hostapd.conf."""
    text = square.farandole.do("nas", "secure", "square", "--format", "hostapd")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    filled_in = [line.replace("<the shared secret>", NAS_SECRET).partition("=") for line in lines]
    settings: dict[str, object] = {key: value for key, _, value in filled_in}
    assert len(settings) == len(lines)
    return settings


@pytest.fixture(scope="module")
def gateway_settings(printed: dict[str, object]) -> dict[str, object]:
    """What of it a gateway without a radio can do."""
    assert printed.keys() > RADIO_ALONE
    return {key: value for key, value in printed.items() if key not in RADIO_ALONE} | ON_A_WIRE


@contextmanager
def log_in(square: Square, hostapd: Hostapd, profile: Installed) -> Iterator[WpaSupplicant]:
    """Let the phone log in, and wait until it is let through."""
    with run_phone(square, profile.configuration) as supplicant:
        hostapd.await_event(f"{CONNECTED} {PHONE}")
        hostapd.process.await_condition(square.is_online, "let the phone through")
        yield supplicant


@contextmanager
def run_phone(square: Square, configuration: str) -> Iterator[WpaSupplicant]:
    """Run the phone's wpa_supplicant, which logs in at once."""
    place = (square.phone.namespace, square.phone.interface)
    with run_supplicant(*place, configuration) as supplicant:
        supplicant.log_in()
        yield supplicant


def await_session(
    square: Square, hostapd: Hostapd, name: str, is_expected: Callable[[Row], bool]
) -> Row:
    """Return the only session of a device once it is as expected."""

    def is_there() -> bool:
        found[:] = [each for each in square.sessions() if each["device"] == name]
        return len(found) == 1 and is_expected(found[0])

    found: list[Row] = []
    hostapd.process.await_condition(is_there, f"make one session of {name}")
    return found[0]


def is_open(session: Row) -> bool:
    return session["stopped_at"] is None


def is_closed(session: Row) -> bool:
    return session["stopped_at"] is not None


def outcomes_of(served: Served, reason: DenyReason) -> list[tuple[str, str]]:
    """Return what Farandole has logged for a reason: events, and how each ended."""
    events = [json.loads(line) for line in served.process.output.splitlines() if "{" in line]
    return [(each["event"], each["outcome"]) for each in events if each.get("reason") == reason]


def test_hostapd_takes_every_line_that_is_printed(
    square: Square, printed: dict[str, object]
) -> None:
    place = (square.cell.namespace, square.cell.interface)
    with run_hostapd(*place, printed | ON_A_WIRE) as hostapd:
        assert "key_mgmt=WPA-EAP WPA-EAP-SHA256" in hostapd.command("get_config")


@every_profile
def test_a_phone_gets_online(
    square: Square,
    anna: Enrolment,
    gateway_settings: dict[str, object],
    slug: str,
    credential: str,
) -> None:
    profile = anna.install(slug, credential)
    announced = {gateway_settings["ssid"], gateway_settings["roaming_consortium"]}
    assert profile.found_by and profile.found_by <= announced
    with square.hostapd(gateway_settings) as hostapd:
        assert not square.is_online()
        with log_in(square, hostapd, profile):
            session = await_session(square, hostapd, profile.name, is_open)
            assert session["citizen"] == ANNA
            assert session["device_mac"] == PHONE
            assert (session["hotspot"], session["nas"]) == ("square", "square")
            accept = hostapd.radius("Access-Accept")[0]
            reports = hostapd.radius("Accounting-Request")
            start = next(each for each in reports if each["Acct-Status-Type"] == START)
            for attribute in ("Class", "Chargeable-User-Identity"):
                assert start[attribute] == accept[attribute]
            heard = {each["User-Name"] for each in hostapd.radius("Access-Request")}
            assert heard and not any("anna" in each for each in heard)


@pytest.mark.parametrize(
    ("slug", "credential"), [("wpa-supplicant", "secret"), ("mobileconfig", "certificate")]
)
def test_a_revoked_device_is_cut_and_stays_out(
    square: Square,
    served: Served,
    anna: Enrolment,
    gateway_settings: dict[str, object],
    slug: str,
    credential: str,
) -> None:
    profile = anna.add_device(f"lost, with its {credential}", slug, credential)
    earlier = len(outcomes_of(served, DenyReason.DEVICE_REVOKED))
    with (
        square.hostapd(gateway_settings) as hostapd,
        log_in(square, hostapd, profile) as supplicant,
    ):
        await_session(square, hostapd, profile.name, is_open)
        said = square.farandole.do("device", "revoke", profile.name, "--citizen", ANNA)
        assert said.endswith("sessions to be ended: 1.\n")
        hostapd.await_event(f"{DISCONNECTED} {PHONE}")
        hostapd.await_event("code=41 (Disconnect-ACK)")
        assert not hostapd.is_authorized(PHONE)
        hostapd.process.await_condition(lambda: not square.is_online(), "cut the phone off")

        supplicant.command("reassociate")
        supplicant.log_in()
        hostapd.await_event(f"CTRL-EVENT-EAP-FAILURE2 {PHONE}")
        assert not square.is_online()
        served.process.await_condition(
            lambda: (
                sorted(outcomes_of(served, DenyReason.DEVICE_REVOKED)[earlier:])
                == [("instruction seen to", "acknowledged"), ("request answered", "reject")]
            ),
            "say that the device was cut off, and refused",
        )
        await_session(square, hostapd, profile.name, is_closed)


@pytest.fixture
def brunos_phone(square: Square, served: Served, tmp_path: Path) -> str:
    """What an operator typed into the phone of Bruno, who has few seconds a day."""
    secret = square.farandole.do("device", "add", "--citizen", BRUNO, "--name", "Phone").strip()
    authority = tmp_path / "farandole-ca.pem"
    authority.write_text(square.farandole.do("ca", "export"))
    realm = BRUNO.partition("@")[2]
    typed = {"realm": realm, "identity": BRUNO, "secret": secret}
    return TYPED.format(**typed, authority=authority, server=SERVER_NAME)


def test_a_device_is_asked_again_when_its_time_is_up_and_cut_when_that_is_spent(
    square: Square, served: Served, gateway_settings: dict[str, object], brunos_phone: str
) -> None:
    """By hostapd alone: no Disconnect reaches it."""
    deaf = {key: value for key, value in gateway_settings.items() if "radius_das" not in key}
    counting = deaf | {"radius_acct_interim_interval": 1}
    with square.hostapd(counting) as hostapd, run_phone(square, brunos_phone):
        hostapd.await_event(f"{CONNECTED} {PHONE}")
        accept = hostapd.radius("Access-Accept")[0]
        assert 0 < int(accept["Session-Timeout"]) <= DAILY_SECONDS
        assert accept["Termination-Action"] == REQUEST_AGAIN
        hostapd.await_event(f"CTRL-EVENT-EAP-FAILURE2 {PHONE}")
        hostapd.await_event(f"{DISCONNECTED} {PHONE}")
        assert not hostapd.is_authorized(PHONE)
        hostapd.process.await_condition(lambda: not square.is_online(), "cut the phone off")
        spent = DenyReason.DAILY_TIME_SPENT
        served.process.await_condition(
            lambda: ("request answered", "reject") in outcomes_of(served, spent),
            "say why the phone was refused",
        )


def test_a_frame_that_is_lost_on_the_air_is_repeated(
    square: Square, anna: Enrolment, gateway_settings: dict[str, object]
) -> None:
    profile = anna.install("wpa-supplicant", "secret")
    with (
        losing_a_frame(square.phone) as lost,
        square.hostapd(gateway_settings) as hostapd,
        log_in(square, hostapd, profile),
    ):
        assert lost() == 1


@pytest.fixture(scope="module", params=["another authority", "another name"])
def evil(
    request: pytest.FixtureRequest, square: Square, tmp_path_factory: pytest.TempPathFactory
) -> Holder:
    """What somebody who calls their network like ours can show for a certificate: one with our
    server's name, by an authority of their own; or one by our authority, with a name of theirs."""
    directory = tmp_path_factory.mktemp("evil")
    if request.param == "another authority":
        return Issuer.create("Farandole Wi-Fi CA").server(directory, SERVER_NAME)
    ours = asyncio.run(issuer(square.farandole))
    return ours.server(directory, f"{SERVER_NAME}.evil.example")


@contextmanager
def run_evil_twin(square: Square, holder: Holder) -> Iterator[Hostapd]:
    """Run a hostapd that is RADIUS server too, and takes everybody's credentials."""
    users = holder.certificate.with_name("users")
    users.write_text(f'* TTLS,TLS\n"{ANNA}" TTLS-PAP "any" [2]\n"anna" TTLS-PAP "any" [2]\n')
    settings = ON_A_WIRE | {
        "ieee8021x": 1,
        "eap_server": 1,
        "eap_user_file": users,
        "ca_cert": holder.certificate,
        "server_cert": holder.certificate,
        "private_key": holder.key,
    }
    with run_hostapd(square.cell.namespace, square.cell.interface, settings) as hostapd:
        yield hostapd


def secret_in(configuration: str) -> bytes:
    """Return the Wi-Fi secret of a network block."""
    found = re.search(r'^\tpassword="(.+)"$', configuration, re.MULTILINE)
    assert found
    return found[1].encode()


def taken_by(evil_twin: Hostapd) -> bytes:
    """Return all that was sent to a server through the tunnels of EAP-TTLS."""
    shown = re.findall(
        r"EAP-TTLS: Decrypted Phase 2 EAP - hexdump\(len=\d+\): ([0-9a-f ]+)",
        evil_twin.process.output,
    )
    return bytes.fromhex("".join(shown))


def has_seen_certificate(evil_twin: Hostapd) -> bool:
    """Return whether a phone has shown its certificate to a server."""
    return re.search(r" RX .*\(handshake/certificate\)", evil_twin.process.output) is not None


@every_profile
def test_an_evil_twin_gets_nothing(
    square: Square, anna: Enrolment, evil: Holder, slug: str, credential: str
) -> None:
    profile = anna.install(slug, credential)
    with (
        run_evil_twin(square, evil) as evil_twin,
        run_phone(square, profile.configuration) as supplicant,
    ):
        supplicant.await_event("CTRL-EVENT-EAP-TLS-CERT-ERROR")
        supplicant.await_event("CTRL-EVENT-EAP-FAILURE")
        assert taken_by(evil_twin) == b""
        assert not has_seen_certificate(evil_twin)


@pytest.mark.parametrize("credential", KINDS)
def test_an_evil_twin_gets_what_it_wants_from_who_believes_all(
    square: Square, anna: Enrolment, evil: Holder, credential: str
) -> None:
    """So that the test above shows something: the same phone, its profile robbed of the lines that
    say whom to believe."""
    profile = anna.install("networkmanager", credential).configuration
    trusting, count = re.subn(r"^\t(ca_cert|domain_match)=.*\n", "", profile, flags=re.MULTILINE)
    assert count == 2
    with run_evil_twin(square, evil) as evil_twin, run_phone(square, trusting):
        evil_twin.await_event(f"CTRL-EVENT-EAP-FAILURE {PHONE}")
        if credential == "secret":
            assert secret_in(profile) in taken_by(evil_twin)
        else:
            assert has_seen_certificate(evil_twin)
