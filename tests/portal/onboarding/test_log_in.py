"""A real supplicant logs in by the file as it is: everything in it is used, and is right."""

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from portal.onboarding import linux, signing
from portal.onboarding.profile import Profile
from tests import counterparts
from tests.portal.onboarding import device, openssl
from tests.ports import free_port
from tests.process import Process

CONFIGURATION = """
driver=none
radius_server_clients=clients
radius_server_auth_port={port}
eap_server=1
eap_user_file=users
ca_cert=root.pem
server_cert=server.pem
private_key=server.key
"""
USERS = f"""
* TTLS,TLS
"{device.IDENTITY}" TTLS-PAP "{device.SECRET}" [2]
"""


def log_in(profile: Profile, folder: Path) -> str:
    """Return what eapol_test says of a log-in at hostapd's own EAP server."""
    port = free_port()
    server = device.server()
    files = {
        "hostapd.conf": CONFIGURATION.format(port=port),
        "clients": "127.0.0.1 testing\n",
        "users": USERS,
        "root.pem": ssl.DER_cert_to_PEM_cert(server.anchors[0]),
        "server.pem": ssl.DER_cert_to_PEM_cert(server.chain[0]),
        "server.key": openssl.pem_key(signing.of_server(server)).decode(),
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    file = folder / "profile.conf"
    file.write_bytes(linux.build_wpa_supplicant(profile).content)
    supplicant = [counterparts.require("eapol_test"), "-c", str(file), "-s", "testing", "-t", "20"]
    with Process(counterparts.require("hostapd"), "hostapd.conf", directory=folder) as hostapd:
        hostapd.await_line("AP-ENABLED")
        result = subprocess.run(
            [*supplicant, "-a", "127.0.0.1", "-p", str(port)], capture_output=True, text=True
        )
    return result.stdout


@pytest.mark.interop
@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_the_profile_logs_in(profile: Profile, tmp_path: Path) -> None:
    said = log_in(profile, tmp_path)
    assert "CTRL-EVENT-EAP-SUCCESS" in said
    assert said.splitlines()[-1] == "SUCCESS"


@pytest.mark.interop
@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_it_turns_away_from_a_server_of_another_name(profile: Profile, tmp_path: Path) -> None:
    network = replace(profile.network, server_name="radius.elsewhere.example")
    said = log_in(replace(profile, network=network), tmp_path)
    assert "CTRL-EVENT-EAP-TLS-CERT-ERROR" in said
    assert "Domain mismatch" in said
    assert "CTRL-EVENT-EAP-SUCCESS" not in said


@pytest.mark.interop
@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_it_turns_away_from_a_server_of_another_root(profile: Profile, tmp_path: Path) -> None:
    network = replace(profile.network, anchors=profile.network.anchors[1:])
    said = log_in(replace(profile, network=network), tmp_path)
    assert "CTRL-EVENT-EAP-TLS-CERT-ERROR" in said
    assert "CTRL-EVENT-EAP-SUCCESS" not in said
