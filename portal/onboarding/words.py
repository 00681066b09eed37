"""What the pages of the secure network say of kinds of devices and of files: English msgids."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from typing import Final

from aaa.devices import DeviceKind
from portal.onboarding.formats import Platform
from portal.onboarding.phrases import phrases
from portal.sentences import N_

_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Words:
    """A kind of device. ``label`` is what one has, ``name`` what it is called unless its citizen
    says otherwise; ``way_out`` leads from a window that takes no files to a real browser."""

    label: str
    name: str
    way_out: tuple[str, ...] = ()


_OPEN_BROWSER: Final = N_("Open your browser: the one with which you read the news.")
_TYPE: Final = N_("Type this address at the top:")

PLATFORMS: Final = {
    Platform.IOS: Words(
        N_("iPhone or iPad"),
        N_("iPhone"),
        (
            N_("Tap “Done” at the top of this window: it closes, and you stay online."),
            N_("Open Safari."),
            _TYPE,
        ),
    ),
    Platform.ANDROID: Words(
        N_("Android phone or tablet"),
        N_("Android phone"),
        (
            N_("Close this window. If it asks, choose to use this network as it is."),
            N_("Open Chrome, or the browser that you use."),
            _TYPE,
        ),
    ),
    Platform.WINDOWS: Words(N_("Windows computer"), N_("Windows computer")),
    Platform.MACOS: Words(
        N_("Mac"),
        N_("Mac"),
        (N_("Close this window: you stay online."), N_("Open Safari."), _TYPE),
    ),
    Platform.CHROMEOS: Words(N_("Chromebook"), N_("Chromebook")),
    Platform.LINUX: Words(N_("Linux computer"), N_("Linux computer")),
    Platform.UNKNOWN: Words(N_("Another device"), N_("My device")),
}
_ANY_WAY_OUT: Final = (N_("Close this window: you stay online."), _OPEN_BROWSER, _TYPE)

QR_TITLE: Final = N_("Code to scan with the camera of another device")

KINDS: Final = {
    DeviceKind.REMEMBERED: N_("Open Wi-Fi, remembered"),
    DeviceKind.WIFI_SECRET: N_("Secure network"),
    DeviceKind.CERTIFICATE: N_("Secure network"),
}

# By slug of the format: what to do once the button was tapped.
_STEPS: Final = {
    "mobileconfig": (
        N_("Tap the button above, then “Allow”."),
        N_("Open the settings of your device: “Profile downloaded” stands at the top."),
        N_("Tap it, then “Install”, and type the code or the password of your device."),
    ),
    "android": (
        N_("Tap the button above, in Chrome."),
        N_("Your phone asks whether to add the network: say yes."),
    ),
    "networkmanager": (
        N_("Save the file."),
        N_("As root, move it to /etc/NetworkManager/system-connections and give it mode 600."),
        N_("Type: nmcli connection reload"),
    ),
    "wpa-supplicant": (
        N_("Save the file."),
        N_("As root, add what it contains to your wpa_supplicant.conf."),
        N_("Type: wpa_cli reconfigure"),
    ),
    "windows": (
        N_("Save the file."),
        N_("Where it is saved, click it with the right button: “Run with PowerShell”."),
        N_("Windows asks whether to trust a certificate: answer “Yes”."),
    ),
    "windows-xml": (
        N_("Save the file."),
        N_(
            "In a terminal, type: netsh wlan add profile filename= followed by the name of the file"
        ),
        N_("Windows asks for a name and a password: they stand below, under “Type it by hand”."),
    ),
    "eap-config": (
        N_("Get the app “geteduroam”, which is free, from your app store or from geteduroam.app"),
        N_("Come back to this page and tap the button above."),
        N_("Open the file with geteduroam, then tap “Connect”."),
    ),
}
_MAC_STEPS: Final = (
    N_("Click the button above. If Safari asks, allow the download."),
    N_("Open the file, then System Settings: “Profile Downloaded” stands at the top left."),
    N_("Click it, then “Install”, and type the password of your Mac."),
)
_ANY_STEPS: Final = (N_("Tap the button above."), N_("Open the file that you have downloaded."))
_LAST_STEP: Final = N_("That is all. Wherever the network is, your device connects by itself.")
# What Android adds is Passpoint, and nothing that goes by the network's name.
_LAST_STEPS: Final = {
    "android": N_(
        "Where the access points announce themselves by Passpoint, your phone now connects by "
        "itself. It does not? Then take the file for geteduroam: that works everywhere."
    ),
}

NOTES: Final = {"eap-config": N_("for the app geteduroam, which you install first")}
"""By slug of the format: what one has to know before choosing it."""


def platform(slug: str) -> Platform:
    """Return the platform of a form's field; UNKNOWN where it names none."""
    return next((each for each in Platform if each.value == slug), Platform.UNKNOWN)


def device_name(
    typed: str, kind: Platform, language: str, taken: Collection[str] = frozenset()
) -> str:
    """Return what a device is called: as was typed, unless that is nothing, or a name that we
    suggested; such a name suits the kind, and is followed by a number where it is ``taken``."""
    translate = phrases(language)
    suggested = "|".join(re.escape(translate(words.name)) for words in PLATFORMS.values())
    name = " ".join(typed.split())[:_MOST_NAME].strip()
    if name and not re.fullmatch(rf"(?:{suggested})(?: [0-9]+)?", name):
        return name
    plain = translate(PLATFORMS[kind].name)
    if re.fullmatch(rf"{re.escape(plain)}(?: [0-9]+)?", name) and name not in taken:
        return name
    if plain not in taken:
        return plain
    return next(name for number in count(2) if (name := f"{plain} {number}") not in taken)


def way_out(kind: Platform) -> tuple[str, ...]:
    """Return the steps from a mini-browser to a browser, as msgids; after the last comes the
    address."""
    return PLATFORMS[kind].way_out or _ANY_WAY_OUT


def steps(slug: str, platform: Platform) -> tuple[str, ...]:
    """Return the steps of installing a file of this format on a platform, as msgids."""
    is_mac = slug == "mobileconfig" and platform is Platform.MACOS
    first = _MAC_STEPS if is_mac else _STEPS.get(slug, _ANY_STEPS)
    return (*first, _LAST_STEPS.get(slug, _LAST_STEP))
