"""What pages say of kinds of devices and of files."""

import pytest

from aaa.devices import DeviceKind
from portal.languages import LANGUAGES
from portal.onboarding import words
from portal.onboarding.formats import Platform, suited


@pytest.mark.parametrize("platform", Platform)
def test_the_file_that_is_offered_first_has_steps_of_its_own(platform: Platform) -> None:
    assert words.steps(suited(platform)[0].slug, platform) != words.steps("", platform)


@pytest.mark.parametrize("platform", Platform)
def test_every_way_out_ends_with_an_address_to_type(platform: Platform) -> None:
    assert words.way_out(platform)[-1].endswith(":")


def test_every_kind_has_its_words() -> None:
    assert words.PLATFORMS.keys() == set(Platform)
    assert words.KINDS.keys() == set(DeviceKind)


def test_what_names_no_platform_is_another_device() -> None:
    assert words.platform("windows") is Platform.WINDOWS
    assert words.platform("toaster") is words.platform("") is Platform.UNKNOWN


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_of_ones_own_stays(language: str) -> None:
    assert words.device_name("  Anna’s   phone ", Platform.IOS, language) == "Anna’s phone"
    assert words.device_name("x" * 200, Platform.IOS, language) == "x" * 100
    suggested = words.device_name("", Platform.LINUX, language)
    assert words.device_name(suggested, Platform.IOS, language) == "iPhone"


def test_a_mac_has_steps_of_its_own() -> None:
    assert words.steps("mobileconfig", Platform.MACOS) != words.steps("mobileconfig", Platform.IOS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_we_suggested_is_numbered_where_it_is_taken(language: str) -> None:
    taken = {"iPhone", "iPhone 2"}
    assert words.device_name("", Platform.IOS, language, taken) == "iPhone 3"
    assert words.device_name("iPhone", Platform.IOS, language, taken) == "iPhone 3"
    assert words.device_name("iPhone 4", Platform.IOS, language, taken) == "iPhone 4"
    assert words.device_name("iPhone 4", Platform.MACOS, language, taken) == "Mac"
    assert words.device_name("iPhone 4 of Anna", Platform.MACOS, language) == "iPhone 4 of Anna"
    # Two devices of one name are whoever's wish it is.
    assert words.device_name("Anna’s", Platform.IOS, language, {"Anna’s"}) == "Anna’s"
