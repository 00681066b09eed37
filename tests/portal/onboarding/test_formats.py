"""Every format is offered for what it suits, and writes whatever a citizen may have typed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aaa.settings import FederationSettings, Settings
from portal.languages import LANGUAGES
from portal.onboarding import network, signing
from portal.onboarding.formats import FORMATS, Format, Platform, is_mini_browser, suggest, suited
from portal.onboarding.profile import Profile
from tests.portal.onboarding import device

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
IPHONE += "Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
WEB_VIEW = "Mozilla/5.0 (Linux; Android 15; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "hint", "platform", "is_mini"),
    [
        (f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", None, Platform.IOS, False),
        (f"{IPHONE} CriOS/130.0 Mobile/15E148 Safari/604.1", None, Platform.IOS, False),
        (f"{IPHONE} FxiOS/131.0 Mobile/15E148 Safari/605.1.15", None, Platform.IOS, False),
        (f"{IPHONE} Mobile/15E148", None, Platform.IOS, True),
        (f"{MAC} Version/18.1 Safari/605.1.15", None, Platform.MACOS, False),
        (MAC, None, Platform.MACOS, True),
        ("CaptiveNetworkSupport-481 wispr", None, Platform.UNKNOWN, True),
        (f"{PIXEL} Chrome/130.0.0.0 Mobile Safari/537.36", '"Android"', Platform.ANDROID, False),
        (f"{WEB_VIEW} Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36", None,
         Platform.ANDROID, True),
        ("Mozilla/5.0 (Android 15; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", None,
         Platform.ANDROID, False),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/130.0.0.0 Safari/537.36", '"Chrome OS"', Platform.CHROMEOS, False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0", None,
         Platform.WINDOWS, False),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", None,
         Platform.LINUX, False),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0", '"Android"', Platform.ANDROID, False),
        ("curl/8.9", None, Platform.UNKNOWN, False),
        ("", '"Windows"', Platform.WINDOWS, False),
        ("", "", Platform.UNKNOWN, False),
    ],
)  # fmt: skip
def test_what_asks(user_agent: str, hint: str | None, platform: Platform, is_mini: bool) -> None:
    assert suggest(user_agent, hint) == platform
    assert is_mini_browser(user_agent) is is_mini


@pytest.mark.fuzz
@given(st.text(), st.none() | st.text())
def test_any_header_is_read(user_agent: str, hint: str | None) -> None:
    assert suggest(user_agent, hint) in Platform
    assert is_mini_browser(user_agent) in {True, False}


@pytest.mark.parametrize(
    ("platform", "slug"),
    [
        (Platform.IOS, "mobileconfig"),
        (Platform.MACOS, "mobileconfig"),
        (Platform.ANDROID, "android"),
        (Platform.WINDOWS, "windows"),
        (Platform.LINUX, "networkmanager"),
        (Platform.CHROMEOS, "eap-config"),
        (Platform.UNKNOWN, "eap-config"),
    ],
)
def test_the_best_format_comes_first(platform: Platform, slug: str) -> None:
    assert suited(platform)[0] == FORMATS[slug]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_format_is_built_of_every_credential(
    form: Format, profile: Profile, language: str
) -> None:
    file = form.build(replace(profile, language=language), signing.of_server(device.server()))
    assert file.name.startswith("Farandole.")
    assert len(file.content) > 500
    assert "content" not in repr(file)


@pytest.mark.fuzz
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@settings(deadline=None)
@given(device_name=st.text(max_size=40), collectivity=st.text(max_size=40))
def test_every_name_can_be_written(form: Format, device_name: str, collectivity: str) -> None:
    profile = replace(
        device.secret_profile(), device_name=device_name, collectivity=collectivity or "A"
    )
    assert form.compose(profile).content


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Réseau d’Écrins", "Reseau-dEcrins.ps1"),
        ('"; rm -rf /', "rm-rf.ps1"),
        ("Вай-фай", "wifi.ps1"),
    ],
)
def test_names_of_files_are_plain(name: str, file: str) -> None:
    profile = device.secret_profile()
    named = replace(profile, network=replace(profile.network, name=name))
    assert FORMATS["windows"].compose(named).name == file


def test_the_root_that_signs_now_comes_first() -> None:
    identity = device.server()
    turned = replace(identity, anchors=tuple(reversed(identity.anchors)))
    federation = FederationSettings(roaming_consortiums=" 5a03ba0000, 004096 ")
    described = network.describe(Settings(federation=federation), turned)
    assert described.anchors == identity.anchors
    assert described.roaming_consortiums == ("5A03BA0000", "004096")
    assert described.server_name == device.SERVER_NAME
    assert network.describe(Settings(), identity).roaming_consortiums == ()
