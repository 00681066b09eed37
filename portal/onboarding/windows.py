"""Windows: a PowerShell script that installs all there is, and the bare WLAN profile.

`netsh wlan add profile` takes the bare one, and Windows asks for the credentials when it connects.
The script is one text for everybody: what is a citizen's own is base64 in it, of JSON, and is never
run or put into a command line.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from portal.onboarding import pkcs12, wlan_profile
from portal.onboarding.filenames import file_name
from portal.onboarding.markup import text, write
from portal.onboarding.phrases import phrases
from portal.onboarding.profile import ClientCertificate, Profile, ProfileFile

_SCRIPT: Final = Path(__file__).with_name("install.ps1").read_text(encoding="ascii")
_DATA: Final = "@DATA@"


def build_script(profile: Profile) -> ProfileFile:
    """Return the script that installs certificates, profiles and credentials, for this user only,
    and takes all out again where it fails. It is ASCII, which no version of Windows misreads."""
    data = base64.b64encode(json.dumps(_kit(profile)).encode()).decode()
    script = _SCRIPT.replace(_DATA, data).replace("\n", "\r\n")
    return ProfileFile(file_name(profile, "ps1"), "application/octet-stream", script.encode())


def build_xml(profile: Profile) -> ProfileFile:
    """Return the WLAN profile alone, without credentials."""
    return ProfileFile(
        file_name(profile, "xml"), "application/xml", write(wlan_profile.by_name(profile))
    )


def _kit(profile: Profile) -> dict[str, Any]:
    """What the script reads; its names are the script's own."""
    network = profile.network
    passpoint = {
        "name": wlan_profile.passpoint_name(profile),
        "xml": text(wlan_profile.by_passpoint(profile)),
    }
    return {
        "texts": _texts(profile),
        "certificates": _certificates(profile),
        "network": {"name": network.ssid, "xml": text(wlan_profile.by_name(profile))},
        "passpoint": [passpoint] if network.roaming_consortiums else [],
        "credentials": text(wlan_profile.credentials(profile)),
    }


def _certificates(profile: Profile) -> list[dict[str, str]]:
    certificates = [("Root", anchor, "") for anchor in profile.network.anchors]
    if isinstance(credential := profile.credential, ClientCertificate):
        certificates.append(("My", pkcs12.protect(credential), pkcs12.passphrase(credential)))
    return [
        {
            "store": store,
            "content": base64.b64encode(content).decode(),
            "passphrase": passphrase,
        }
        for store, content, passphrase in certificates
    ]


def _texts(profile: Profile) -> dict[str, str]:
    _ = phrases(profile.language)
    start = _("This connects your computer to %(network)s, the free public Wi-Fi.")
    return {
        "start": start % {"network": profile.network.name},
        "certificates": _(
            "Windows asks whether you trust a certificate: by it, your computer will tell the "
            "real network from a false one. Answer Yes."
        ),
        "network": _("Adding the network…"),
        "no_adapter": _("This computer has no Wi-Fi, or it is switched off."),
        "done": _("That is all. Wherever the network is, your device connects by itself."),
        "failed": _("It did not work. Everything is as it was before."),
        "restored": _(
            "The network that was there before is back. Windows may ask for its password once."
        ),
        "close": _("Press Enter to close this window"),
    }
