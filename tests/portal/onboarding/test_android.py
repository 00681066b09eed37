"""The Passpoint file is read as Android reads it, header by header."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portal.onboarding import android
from portal.onboarding.profile import Profile
from tests.portal.onboarding import device, openssl

PROFILE = "application/x-passpoint-profile"
ROOT = "application/x-x509-ca-cert"
IDENTITY = "application/x-pkcs12"


def headers(lines: Iterator[str]) -> dict[str, str]:
    """Android refuses every header but these two, whatever MIME allows."""
    read = {}
    for line in lines:
        if not line.strip():
            break
        name, _, value = line.partition(":")
        read[name] = value.strip()
    assert read.keys() == {"Content-Type", "Content-Transfer-Encoding"}
    assert read["Content-Transfer-Encoding"] == "base64"
    return read


def parts(profile: Profile) -> dict[str, bytes]:
    lines = iter(base64.b64decode(android.build(profile).content).decode("latin-1").split("\n"))
    kind, _, boundary = headers(lines)["Content-Type"].partition("; boundary=")
    assert kind == "multipart/mixed"
    assert next(lines) == f"--{boundary}"
    read: dict[str, bytes] = {}
    while True:
        media_type, text = headers(lines)["Content-Type"], ""
        for line in lines:
            if line.startswith(f"--{boundary}"):
                break
            text += line
        assert media_type not in read, "a second part of a kind would replace the first"
        read[media_type] = base64.b64decode(text, validate=True)
        if line == f"--{boundary}--":
            return read


def values(content: bytes) -> dict[str, str]:
    """The leaves of the tree by their path, below the node of the subscription."""
    space = "{syncml:dmddf1.2}"

    def leaves(node: ElementTree.Element, path: str) -> Iterator[tuple[str, str]]:
        name = f"{path}/{node.findtext(f'{space}NodeName')}"
        if (value := node.findtext(f"{space}Value")) is not None:
            yield name, value
        for child in node.findall(f"{space}Node"):
            yield from leaves(child, name)

    tree = ElementTree.fromstring(content)
    assert tree.tag == f"{space}MgmtTree"
    root = tree.find(f"{space}Node")
    assert root is not None
    kind = root.findtext(f"{space}RTProperties/{space}Type/{space}DDFName")
    assert kind == "urn:wfa:mo:hotspot2dot0-perprovidersubscription:1.0"
    return {
        path.removeprefix("/PerProviderSubscription/Subscription/"): value
        for path, value in leaves(root, "")
    }


@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_it_comes_as_chrome_hands_it_to_the_system(profile: Profile) -> None:
    file = android.build(profile)
    assert file.media_type == "application/x-wifi-config"
    assert file.headers == (("Content-Transfer-Encoding", "base64"),)


def test_ttls_with_pap_inside() -> None:
    read = parts(device.secret_profile())
    assert read.keys() == {PROFILE, ROOT}
    tree = values(read[PROFILE])
    assert tree == {
        "HomeSP/FriendlyName": "Farandole",
        "HomeSP/FQDN": device.SERVER_NAME,
        "HomeSP/RoamingConsortiumOI": "5A03BA0000,004096",
        "Credential/Realm": device.REALM,
        "Credential/UsernamePassword/Username": "anna",
        "Credential/UsernamePassword/Password": base64.b64encode(device.SECRET.encode()).decode(),
        "Credential/UsernamePassword/MachineManaged": "true",
        "Credential/UsernamePassword/EAPMethod/EAPType": "21",
        "Credential/UsernamePassword/EAPMethod/InnerMethod": "PAP",
    }


def test_tls_by_a_certificate_that_opens_without_a_passphrase(tmp_path: Path) -> None:
    read = parts(device.certificate_profile())
    assert read.keys() == {PROFILE, ROOT, IDENTITY}
    (opened,) = openssl.opened(read[IDENTITY], "", tmp_path)
    certificate = opened.public_bytes(Encoding.DER)
    assert certificate == device.certificate().certificate
    tree = values(read[PROFILE])
    assert tree["Credential/DigitalCertificate/CertificateType"] == "x509v3"
    fingerprint = tree["Credential/DigitalCertificate/CertSHA256Fingerprint"]
    assert fingerprint == hashlib.sha256(certificate).hexdigest()


def test_the_one_root_is_the_one_that_signs_the_servers_certificate() -> None:
    assert parts(device.secret_profile())[ROOT] == device.server().anchors[0]


def test_without_consortiums_the_realm_finds_the_network() -> None:
    tree = values(parts(device.without_consortiums(device.secret_profile()))[PROFILE])
    assert "HomeSP/RoamingConsortiumOI" not in tree
    assert tree["Credential/Realm"] == device.REALM


def test_any_name_can_be_written() -> None:
    profile = device.secret_profile()
    network = replace(profile.network, name="<Wi-Fi> & \x01 more")
    tree = values(parts(replace(profile, network=network))[PROFILE])
    assert tree["HomeSP/FriendlyName"] == "<Wi-Fi> &  more"
