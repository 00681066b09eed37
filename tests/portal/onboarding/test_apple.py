"""Configuration profiles have the structure that Apple's systems ask for."""

import plistlib
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portal.onboarding import apple
from portal.onboarding.profile import Profile
from tests.portal.onboarding import device, openssl

REQUIRED = {"PayloadType", "PayloadVersion", "PayloadIdentifier", "PayloadUUID"}


def configuration(profile: Profile) -> dict[str, Any]:
    loaded: dict[str, Any] = plistlib.loads(apple.build(profile).content)
    return loaded


def payloads(profile: Profile, kind: str) -> list[dict[str, Any]]:
    return [
        each for each in configuration(profile)["PayloadContent"] if each["PayloadType"] == kind
    ]


def wifi(profile: Profile) -> list[dict[str, Any]]:
    return payloads(profile, "com.apple.wifi.managed")


@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_every_payload_is_complete_and_has_names_of_its_own(profile: Profile) -> None:
    whole = configuration(profile)
    parts = [whole, *whole["PayloadContent"]]
    assert whole["PayloadType"] == "Configuration"
    assert [REQUIRED - part.keys() for part in parts] == [set()] * len(parts)
    for key in ("PayloadUUID", "PayloadIdentifier"):
        assert len({part[key] for part in parts}) == len(parts)


def test_a_new_profile_of_the_same_device_replaces_the_old() -> None:
    def names(profile: Profile) -> list[str]:
        whole = configuration(profile)
        parts = [whole, *whole["PayloadContent"]]
        return [part[key] for part in parts for key in ("PayloadUUID", "PayloadIdentifier")]

    profile = device.secret_profile()
    assert names(profile) == names(replace(profile, device_name="Anna’s new name"))
    assert set(names(profile)) & set(names(replace(profile, device_id=43))) == set()


def test_it_can_be_removed_and_says_what_it_is() -> None:
    whole = configuration(device.secret_profile())
    assert whole["PayloadRemovalDisallowed"] is False
    assert "RemovalDate" not in whole
    assert "Saint-Véran" in whole["ConsentText"]["default"]


@pytest.mark.parametrize(
    ("language", "words"), [("fr", "supprimer"), ("it", "rimuoverlo"), ("xx", "remove it")]
)
def test_it_asks_for_consent_in_the_citizens_language(language: str, words: str) -> None:
    profile = replace(device.secret_profile(), language=language)
    assert words in configuration(profile)["ConsentText"]["default"]


def test_ttls_with_pap_inside_believes_our_server_only() -> None:
    profile = device.secret_profile()
    roots = payloads(profile, "com.apple.security.root")
    assert [root["PayloadContent"] for root in roots] == list(profile.network.anchors)
    for network in wifi(profile):
        eap = network["EAPClientConfiguration"]
        assert eap["AcceptEAPTypes"] == [21]
        assert eap["TTLSInnerAuthentication"] == "PAP"
        assert eap["UserName"] == device.IDENTITY
        assert eap["UserPassword"] == device.SECRET
        assert eap["OuterIdentity"] == f"anonymous@{device.REALM}"
        assert eap["TLSTrustedServerNames"] == [device.SERVER_NAME]
        assert eap["PayloadCertificateAnchorUUID"] == [root["PayloadUUID"] for root in roots]
        assert eap["TLSAllowTrustExceptions"] is False
        assert (eap["TLSMinimumVersion"], eap["TLSMaximumVersion"]) == ("1.2", "1.3")
        assert "PayloadCertificateUUID" not in network


def test_tls_by_a_certificate_that_opens_with_its_password(tmp_path: Path) -> None:
    profile = device.certificate_profile()
    (identity,) = payloads(profile, "com.apple.security.pkcs12")
    for network in wifi(profile):
        eap = network["EAPClientConfiguration"]
        assert network["PayloadCertificateUUID"] == identity["PayloadUUID"]
        assert eap["AcceptEAPTypes"] == [13]
        assert eap["UserName"] == f"anonymous@{device.REALM}"
        assert "UserPassword" not in eap
    opened = openssl.opened(identity["PayloadContent"], identity["Password"], tmp_path)
    certificate = device.certificate()
    assert [each.public_bytes(Encoding.DER) for each in opened] == [certificate.certificate]
    removed_at = configuration(profile)["RemovalDate"].replace(tzinfo=UTC)
    assert removed_at == certificate.expires_at


def test_passpoint_looks_for_consortiums_or_for_realms_never_both() -> None:
    by_name, passpoint = wifi(device.secret_profile())
    assert by_name["SSID_STR"] == "Farandole"
    assert "IsHotspot" not in by_name
    assert "SSID_STR" not in passpoint
    assert passpoint["IsHotspot"] is True
    assert passpoint["DomainName"] == device.REALM
    assert passpoint["DisplayedOperatorName"] == "Farandole"
    assert passpoint["RoamingConsortiumOIs"] == ["5A03BA0000", "004096"]
    assert "NAIRealmNames" not in passpoint
    _, passpoint = wifi(device.without_consortiums(device.secret_profile()))
    assert passpoint["NAIRealmNames"] == [device.REALM]
    assert "RoamingConsortiumOIs" not in passpoint


def test_any_name_can_be_written() -> None:
    profile = replace(
        device.certificate_profile(), device_name='</string>&"<\x01', collectivity="A\x00B ]]>"
    )
    names = {part["PayloadDisplayName"] for part in configuration(profile)["PayloadContent"]}
    assert '</string>&"<' in names
