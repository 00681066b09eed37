"""The .eap-config file has the elements of its format, in the order that its schema demands.

`SEQUENCES` is what we rely on of that schema (draft-winter-opsawg-eap-metadata), in our words:
which children an element may have, in which order, and which of them more than once.
"""

import base64
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portal.onboarding import eap_config
from portal.onboarding.profile import Profile
from tests.portal.onboarding import device, openssl

SEQUENCES = {
    "EAPIdentityProviderList": ["EAPIdentityProvider+"],
    "EAPIdentityProvider": [
        *("ValidUntil?", "AuthenticationMethods", "CredentialApplicability", "ProviderInfo?"),
    ],
    "AuthenticationMethods": ["AuthenticationMethod+"],
    "AuthenticationMethod": [
        *("EAPMethod", "ServerSideCredential?", "ClientSideCredential?"),
        "InnerAuthenticationMethod*",
    ],
    "EAPMethod": ["Type"],
    "NonEAPAuthMethod": ["Type"],
    "InnerAuthenticationMethod": ["EAPMethod?", "NonEAPAuthMethod?"],
    "ServerSideCredential": ["CA*", "ServerID*"],
    "ClientSideCredential": [
        *("OuterIdentity?", "UserName?", "Password?", "ClientCertificate?", "Passphrase?"),
    ],
    "CredentialApplicability": ["IEEE80211*"],
    "IEEE80211": ["SSID?", "ConsortiumOID?", "MinRSNProto?"],
    "ProviderInfo": ["DisplayName*", "Description*", "Helpdesk?"],
    "Helpdesk": ["EmailAddress*", "WebAddress*", "Phone*"],
}
ATTRIBUTES = {
    "EAPIdentityProvider": {"ID", "namespace", "version", "lang"},
    "CA": {"format", "encoding"},
    "ClientCertificate": {"format", "encoding"},
}


def check(element: ElementTree.Element) -> None:
    """Fail where an element has children or attributes that the format does not know there."""
    assert element.attrib.keys() == ATTRIBUTES.get(element.tag, set()), element.tag
    children = [child.tag for child in element]
    for rule in SEQUENCES.get(element.tag, []):
        name, often = rule.rstrip("?*+"), rule[-1]
        count = 0
        while children and children[0] == name:
            children.pop(0)
            count += 1
        assert count <= 1 or often in "*+", f"{name} more than once in {element.tag}"
        assert count >= 1 or often in "?*", f"no {name} in {element.tag}"
    assert children == [], f"not in {element.tag}, or not there"
    for child in element:
        check(child)


def provider(profile: Profile) -> ElementTree.Element:
    root = ElementTree.fromstring(eap_config.build(profile).content)
    check(root)
    return root[0]


@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_it_names_the_realm_the_networks_and_who_helps(profile: Profile) -> None:
    found = provider(profile)
    assert found.attrib == {
        "ID": device.REALM,
        "namespace": "urn:RFC4282:realm",
        "version": "1",
        "lang": "en",
    }
    networks = found.findall("CredentialApplicability/IEEE80211")
    assert [network.findtext("SSID") for network in networks] == ["Farandole", None, None]
    assert networks[0].findtext("MinRSNProto") == "CCMP"
    consortiums = [network.findtext("ConsortiumOID") for network in networks]
    assert consortiums == [None, "5A03BA0000", "004096"]
    assert found.findtext("ProviderInfo/DisplayName") == "Farandole"
    assert found.findtext("ProviderInfo/Helpdesk/EmailAddress") == "wifi@saint-veran.example"


@pytest.mark.parametrize(
    ("contact", "kind"),
    [("https://saint-veran.example/wifi", "WebAddress"), ("+33 4 92 00 00 00", "Phone")],
)
def test_help_by_other_ways(contact: str, kind: str) -> None:
    found = provider(replace(device.secret_profile(), contact=contact))
    assert found.findtext(f"ProviderInfo/Helpdesk/{kind}") == contact
    assert provider(replace(device.secret_profile(), contact=None)).find(".//Helpdesk") is None


@pytest.mark.parametrize("profile", [device.secret_profile(), device.certificate_profile()])
def test_it_believes_every_root_and_one_name(profile: Profile) -> None:
    server = provider(profile).find(
        "AuthenticationMethods/AuthenticationMethod/ServerSideCredential"
    )
    assert server is not None
    roots = [base64.b64decode(root.text or "") for root in server.findall("CA")]
    assert roots == list(device.server().anchors)
    assert {root.attrib["format"] for root in server.findall("CA")} == {"X.509"}
    assert server.findtext("ServerID") == device.SERVER_NAME


def test_ttls_with_pap_inside() -> None:
    found = provider(device.secret_profile())
    method = found.find("AuthenticationMethods/AuthenticationMethod")
    assert method is not None
    assert method.findtext("EAPMethod/Type") == "21"
    assert method.findtext("InnerAuthenticationMethod/NonEAPAuthMethod/Type") == "1"
    client = method.find("ClientSideCredential")
    assert client is not None
    assert {child.tag: child.text for child in client} == {
        "OuterIdentity": f"anonymous@{device.REALM}",
        "UserName": device.IDENTITY,
        "Password": device.SECRET,
    }
    assert found.find("ValidUntil") is None


def test_tls_by_a_certificate_that_opens_with_its_passphrase(tmp_path: Path) -> None:
    found = provider(device.certificate_profile())
    method = found.find("AuthenticationMethods/AuthenticationMethod")
    assert method is not None
    assert method.findtext("EAPMethod/Type") == "13"
    assert method.find("InnerAuthenticationMethod") is None
    file = method.find("ClientSideCredential/ClientCertificate")
    assert file is not None
    assert file.attrib == {"format": "PKCS12", "encoding": "base64"}
    passphrase = method.findtext("ClientSideCredential/Passphrase") or ""
    (opened,) = openssl.opened(base64.b64decode(file.text or ""), passphrase, tmp_path)
    assert opened.public_bytes(Encoding.DER) == device.certificate().certificate
    until = datetime.fromisoformat(found.findtext("ValidUntil") or "")
    assert until == device.certificate().expires_at


def test_any_name_can_be_written() -> None:
    profile = replace(device.secret_profile(), collectivity="<b>&\x07'\ud800", language="fr")
    assert provider(profile).findtext("ProviderInfo/Description") == "<b>&'"
