"""What pages say of kinds of devices and of files."""

import pytest

from aaa.devices import DeviceKind
from portal.languages import LANGUAGES
from portal.onboarding import words
from portal.onboarding.formats import Platform, suited


@pytest.mark.parametrize("platform", Platform)
def test_the_file_that_is_offered_first_has_steps_of_its_own(platform: Platform) -> None:
    assert words.steps(suited(platform)[0].slug) != words.steps("no such format")


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
