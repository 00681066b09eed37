"""Real readers take the files for Linux: wpa_supplicant itself, and NetworkManager's library."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aaa.secret import Secret
from portal.onboarding import linux
from portal.onboarding.profile import Profile, WifiSecret
from tests import counterparts
from tests.portal.onboarding import device

# What libnm makes of a file, by Debian's Python, which has the bindings.
_READ_KEYFILE = """
import json, sys, gi
gi.require_version("NM", "1.0")
from gi.repository import GLib, NM
file = GLib.KeyFile()
file.load_from_file(sys.argv[1], GLib.KeyFileFlags.NONE)
complaints = []
def complain(_, __, kind, handler, data):
    complaints.append(str(kind))
    return True
read = NM.keyfile_read(file, "/", NM.KeyfileHandlerFlags.NONE, complain, None)
read.verify()
read.verify_secrets()
eap = read.get_setting_802_1x()
print(json.dumps({
    "complaints": complaints,
    "id": read.get_id(),
    "uuid": read.get_uuid(),
    "needs": read.need_secrets()[0],
    "ssid": read.get_setting_wireless().get_ssid().get_data().decode(),
    "key_management": read.get_setting_wireless_security().get_key_mgmt(),
    "method": eap.get_eap_method(0),
    "inner": eap.get_phase2_auth(),
    "identity": eap.get_identity(),
    "anonymous": eap.get_anonymous_identity(),
    "password": eap.get_password(),
    "server": eap.get_domain_match(),
    "roots": eap.get_ca_cert_blob().get_data().decode().count("BEGIN CERTIFICATE"),
    "key": eap.get_private_key_format().value_nick,
    "passphrase": eap.get_private_key_password(),
}))
"""
NASTY = [
    '"\nprivate_key="/etc/shadow',
    "}\nnetwork={\n\tkey_mgmt=NONE",
    "\\n[802-1x]\\s;#",
    "  spaces ",
    "été à Gênes",
    "12;13;",
]


@contextmanager
def _libnm() -> Iterator[str]:
    python = shutil.which("python3", path="/usr/bin")
    probe = "import gi; gi.require_version('NM', '1.0'); from gi.repository import NM"
    if not python or subprocess.run([python, "-c", probe], capture_output=True).returncode:
        pytest.skip(
            "libnm is not there; on Debian or Ubuntu: apt-get install python3-gi gir1.2-nm-1.0"
        )
    yield python


def network_manager(profile: Profile, folder: Path) -> dict[str, Any]:
    file = folder / "farandole.nmconnection"
    file.write_bytes(linux.build_network_manager(profile).content)
    with _libnm() as python:
        result = subprocess.run([python, "-c", _READ_KEYFILE, file], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def with_names(name: str) -> Profile:
    """A profile in which every text that could be anything is this one."""
    plain = device.secret_profile()
    return replace(
        plain,
        device_name=name,
        collectivity=name,
        credential=WifiSecret(device.IDENTITY, Secret(name)),
        network=replace(plain.network, name=name, ssid=name),
    )


@pytest.mark.interop
def test_network_manager_reads_a_secret(tmp_path: Path) -> None:
    read = network_manager(device.secret_profile(), tmp_path)
    assert read == {
        "complaints": [],
        "id": "Farandole",
        "uuid": str(device.secret_profile().uuid("network-manager")),
        "needs": None,
        "ssid": "Farandole",
        "key_management": "wpa-eap",
        "method": "ttls",
        "inner": "pap",
        "identity": device.IDENTITY,
        "anonymous": f"anonymous@{device.REALM}",
        "password": device.SECRET,
        "server": device.SERVER_NAME,
        "roots": 2,
        "key": "unknown",
        "passphrase": None,
    }


@pytest.mark.interop
def test_network_manager_reads_a_certificate(tmp_path: Path) -> None:
    read = network_manager(device.certificate_profile(), tmp_path)
    assert read["complaints"] == []
    assert read["needs"] is None
    assert read["method"] == "tls"
    assert read["key"] == "pkcs12"
    assert read["identity"] == f"anonymous@{device.REALM}"
    assert read["server"] == device.SERVER_NAME
    assert read["roots"] == 2


@pytest.mark.interop
@pytest.mark.parametrize("name", NASTY)
def test_network_manager_reads_any_name_as_it_is(name: str, tmp_path: Path) -> None:
    read = network_manager(with_names(name), tmp_path)
    assert (read["id"], read["ssid"], read["password"]) == (name, name, name)
    assert (read["method"], read["server"]) == ("ttls", device.SERVER_NAME)


def wpa_supplicant(profile: Profile, folder: Path) -> str:
    """Return what wpa_supplicant says when it loads the file and begins, on no network at all."""
    file = folder / "wpa_supplicant.conf"
    file.write_bytes(linux.build_wpa_supplicant(profile).content)
    program = counterparts.require("wpa_supplicant")
    with subprocess.Popen(
        [program, "-c", file, "-i", "lo", "-D", "none", "-dd", "-K"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Added interface" in line or "Failed to" in line:
                break
        process.terminate()
    return "".join(said)


@pytest.mark.interop
@pytest.mark.parametrize(
    ("profile", "blobs"),
    [
        (device.secret_profile(), ["anchors"]),
        (device.certificate_profile(), ["anchors", "identity"]),
        (device.without_consortiums(device.secret_profile()), ["anchors"]),
    ],
)
def test_wpa_supplicant_takes_the_file(profile: Profile, blobs: list[str], tmp_path: Path) -> None:
    said = wpa_supplicant(profile, tmp_path)
    assert "Added interface lo" in said
    assert "ssid='Farandole'" in said
    assert "start of a new network block" in said
    assert "start of a new cred block" in said
    assert [blob for blob in ("anchors", "identity") if f"new named blob '{blob}'" in said] == blobs
    assert [line for line in said.splitlines() if "nvalid" in line or "unknown" in line] == []


@pytest.mark.interop
@pytest.mark.parametrize("name", NASTY)
def test_wpa_supplicant_takes_any_name_as_it_is(name: str, tmp_path: Path) -> None:
    profile = replace(with_names(name), credential=device.secret_profile().credential)
    said = wpa_supplicant(profile, tmp_path)
    assert "Added interface lo" in said
    assert said.count("start of a new network block") == 1
    assert "key_mgmt: 0x4" not in said
    assert "/etc/shadow" not in linux.build_wpa_supplicant(profile).content.decode()
