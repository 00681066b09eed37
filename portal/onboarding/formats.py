"""The formats that a profile comes in, and which of them suits the device that asks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from portal.onboarding import android, apple, eap_config, linux, windows
from portal.onboarding.profile import Profile, ProfileFile
from portal.onboarding.signing import Signer, sign


class Platform(StrEnum):
    """What a device runs, as far as its browser says."""

    IOS = "ios"
    MACOS = "macos"
    ANDROID = "android"
    WINDOWS = "windows"
    CHROMEOS = "chromeos"
    LINUX = "linux"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Format:
    """`slug` stands in addresses and `label` on pages; `platforms` are those it is best for."""

    slug: str
    label: str
    platforms: frozenset[Platform]
    compose: Callable[[Profile], ProfileFile]
    is_signed: bool = False

    def build(self, profile: Profile, signer: Signer) -> ProfileFile:
        """Return the file to download, signed where this format can be."""
        file = self.compose(profile)
        if not self.is_signed:
            return file
        return replace(file, content=sign(file.content, signer))


# The best of each platform comes before its others. What has a name of its own is called by it.
_ALL: Final = (
    Format(
        "mobileconfig",
        "iPhone, iPad, Mac",
        frozenset({Platform.IOS, Platform.MACOS}),
        apple.build,
        is_signed=True,
    ),
    Format("android", "Android (Passpoint)", frozenset({Platform.ANDROID}), android.build),
    Format("windows", "Windows", frozenset({Platform.WINDOWS}), windows.build_script),
    Format(
        "windows-xml",
        "Windows (netsh)",
        frozenset({Platform.WINDOWS}),
        windows.build_xml,
    ),
    Format(
        "networkmanager",
        "Linux (NetworkManager)",
        frozenset({Platform.LINUX}),
        linux.build_network_manager,
    ),
    Format(
        "wpa-supplicant",
        "Linux (wpa_supplicant)",
        frozenset({Platform.LINUX}),
        linux.build_wpa_supplicant,
    ),
    Format(
        "eap-config",
        "geteduroam",
        frozenset(Platform) - {Platform.IOS, Platform.MACOS},
        eap_config.build,
    ),
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({each.slug: each for each in _ALL})
"""Every format by its slug."""


def suited(platform: Platform) -> tuple[Format, ...]:
    """Return the formats that are best for a platform, the best first; at least one."""
    return tuple(each for each in _ALL if platform in each.platforms)


# The first that is found decides: Android and ChromeOS call themselves Linux too, and Windows
# Phone called itself everything.
_SIGNS: Final = (
    (re.compile(r"windows", re.IGNORECASE), Platform.WINDOWS),
    (re.compile(r"iphone|ipad|ipod", re.IGNORECASE), Platform.IOS),
    (re.compile(r"android", re.IGNORECASE), Platform.ANDROID),
    (re.compile(r"\bcros\b|chrome ?os|chromium os", re.IGNORECASE), Platform.CHROMEOS),
    (re.compile(r"macintosh|mac ?os", re.IGNORECASE), Platform.MACOS),
    (re.compile(r"linux|\bx11\b", re.IGNORECASE), Platform.LINUX),
)


def suggest(user_agent: str, platform_hint: str | None) -> Platform:
    """Return what the device that asks runs.

    `platform_hint` is the header Sec-CH-UA-Platform, a quoted string, which goes before the
    User-Agent. An iPad calls itself a Mac; both install the same file.
    """
    for text in (platform_hint or "", user_agent):
        for sign_of, platform in _SIGNS:
            if sign_of.search(text):
                return platform
    return Platform.UNKNOWN


# A WebView on iOS lacks Safari's name; Chrome, Firefox and Edge there carry it.
_APPLE_WEB_VIEW: Final = re.compile(r"\((iPhone|iPad|iPod|Macintosh).*AppleWebKit(?!.*Safari/)")
_ANDROID_WEB_VIEW: Final = re.compile(r";\s?wv\)|Android.*Version/4\.0 Chrome/")


def is_mini_browser(user_agent: str) -> bool:
    """Return whether this is a system's captive log-in window, or another browser inside an
    app: they can neither download nor install a profile."""
    return (
        "CaptiveNetworkSupport" in user_agent
        or _APPLE_WEB_VIEW.search(user_agent) is not None
        or _ANDROID_WEB_VIEW.search(user_agent) is not None
    )
