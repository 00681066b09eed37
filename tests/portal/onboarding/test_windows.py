"""The WLAN profile has Windows' namespaces and order, and the script runs nothing that it carries.

There is no Windows here: what is held is the structure, and that data stays data.
"""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portal.onboarding import windows
from portal.onboarding.profile import Profile
from tests.portal.onboarding import device, openssl

WLAN = "{http://www.microsoft.com/networking/WLAN/profile/v1}"
ONEX = "{http://www.microsoft.com/networking/OneX/v1}"
HOST = "{http://www.microsoft.com/provisioning/EapHostConfig}"
COMMON = "{http://www.microsoft.com/provisioning/EapCommon}"
TTLS = "{http://www.microsoft.com/provisioning/EapTtlsConnectionPropertiesV1}"
BASE = "{http://www.microsoft.com/provisioning/BaseEapConnectionPropertiesV1}"
TLS = "{http://www.microsoft.com/provisioning/EapTlsConnectionPropertiesV%d}"
USER = "{http://www.microsoft.com/provisioning/EapHostUserCredentials}"
NASTY = [
    '"; rm -rf /',
    "'@\nRemove-Item C:\\ -Recurse",
    "$(calc)",
    "`n&|<>%PATH%",
    "@DATA@",
    "é\x00",
]


def script(profile: Profile) -> str:
    return windows.build_script(profile).content.decode("ascii")


def kit(profile: Profile) -> dict[str, Any]:
    found = re.search(r"^\$data = '([A-Za-z0-9+/=]+)'\r$", script(profile), re.MULTILINE)
    assert found
    read: dict[str, Any] = json.loads(base64.b64decode(found[1], validate=True))
    return read


def security(profile: Profile) -> ElementTree.Element:
    root = ElementTree.fromstring(windows.build_xml(profile).content)
    found = root.find(f"{WLAN}MSM/{WLAN}security")
    assert found is not None
    return found


def eap(profile: Profile) -> ElementTree.Element:
    found = security(profile).find(f"{ONEX}OneX/{ONEX}EAPConfig/{HOST}EapHostConfig")
    assert found is not None
    return found


def tags(element: ElementTree.Element | None) -> list[str]:
    assert element is not None
    return [child.tag.rpartition("}")[2] for child in element]


def thumbprint(certificate: bytes) -> str:
    digest = hashlib.sha1(certificate).hexdigest().upper()
    return " ".join(re.findall("..", digest))


def roots() -> list[str]:
    return [thumbprint(anchor) for anchor in device.server().anchors]


def test_the_profile_names_the_network_and_asks_for_802_1x() -> None:
    root = ElementTree.fromstring(windows.build_xml(device.secret_profile()).content)
    assert root.tag == f"{WLAN}WLANProfile"
    assert tags(root) == [
        *("name", "SSIDConfig", "connectionType", "connectionMode", "autoSwitch", "MSM"),
    ]
    ssid = root.find(f"{WLAN}SSIDConfig/{WLAN}SSID")
    assert ssid is not None
    assert bytes.fromhex(ssid.findtext(f"{WLAN}hex") or "") == b"Farandole"
    encryption = security(device.secret_profile()).find(f"{WLAN}authEncryption")
    assert encryption is not None
    assert [child.text for child in encryption] == ["WPA2", "AES", "true"]


def test_ttls_with_pap_inside() -> None:
    host = eap(device.secret_profile())
    method = host.find(f"{HOST}EapMethod")
    assert method is not None
    assert [(child.tag, child.text) for child in method] == [
        (f"{COMMON}Type", "21"),
        (f"{COMMON}VendorId", "0"),
        (f"{COMMON}VendorType", "0"),
        (f"{COMMON}AuthorId", "311"),
    ]
    ttls = host.find(f"{HOST}Config/{TTLS}EapTtls")
    assert tags(ttls) == ["ServerValidation", "Phase2Authentication", "Phase1Identity"]
    assert ttls is not None
    server = ttls.find(f"{TTLS}ServerValidation")
    assert server is not None
    assert [child.text for child in server] == [device.SERVER_NAME, *roots(), "true"]
    assert tags(ttls.find(f"{TTLS}Phase2Authentication")) == ["PAPAuthentication"]
    identity = ttls.findtext(f"{TTLS}Phase1Identity/{TTLS}AnonymousIdentity")
    assert identity == f"anonymous@{device.REALM}"


def test_tls_with_the_one_certificate() -> None:
    config = eap(device.certificate_profile()).find(f"{HOST}Config/{BASE}Eap")
    assert config is not None
    assert config.findtext(f"{BASE}Type") == "13"
    tls = config.find(f"{TLS % 1}EapType")
    assert tls is not None
    server = tls.find(f"{TLS % 1}ServerValidation")
    assert server is not None
    assert [child.text for child in server] == ["true", device.SERVER_NAME, *roots()]
    assert tls.findtext(f"{TLS % 2}PerformServerValidation") == "true"
    assert tls.findtext(f"{TLS % 2}AcceptServerName") == "true"
    assert [each.text for each in tls.iter(f"{TLS % 3}IssuerHash")] == [
        thumbprint(device.certificate().issuer)
    ]


def test_the_bare_profile_holds_no_secret() -> None:
    assert device.SECRET.encode() not in windows.build_xml(device.secret_profile()).content


def test_the_script_carries_roots_profiles_and_the_secret() -> None:
    carried = kit(device.secret_profile())
    stores = [
        (each["store"], base64.b64decode(each["content"])) for each in carried["certificates"]
    ]
    assert stores == [("Root", anchor) for anchor in device.server().anchors]
    assert carried["network"]["name"] == "Farandole"
    assert ElementTree.fromstring(carried["network"]["xml"]).tag == f"{WLAN}WLANProfile"
    credentials = ElementTree.fromstring(carried["credentials"])
    space = "{http://www.microsoft.com/provisioning/EapTtlsUserPropertiesV1}"
    user = credentials.find(f"{USER}Credentials/{space}EapTtls")
    assert user is not None
    assert [(child.tag, child.text) for child in user] == [
        (f"{space}Username", device.IDENTITY),
        (f"{space}Password", device.SECRET),
    ]


def test_the_script_carries_the_certificate_and_chooses_it(tmp_path: Path) -> None:
    carried = kit(device.certificate_profile())
    identity = carried["certificates"][-1]
    assert identity["store"] == "My"
    content = base64.b64decode(identity["content"])
    (opened,) = openssl.opened(content, identity["passphrase"], tmp_path)
    assert opened.public_bytes(Encoding.DER) == device.certificate().certificate
    space = "{http://www.microsoft.com/provisioning/EapTlsUserPropertiesV1}"
    chosen = ElementTree.fromstring(carried["credentials"]).find(f".//{space}UserCert")
    assert chosen is not None
    assert chosen.text == thumbprint(device.certificate().certificate)


def test_passpoint_has_a_profile_of_its_own() -> None:
    (passpoint,) = kit(device.secret_profile())["passpoint"]
    root = ElementTree.fromstring(passpoint["xml"])
    assert root.findtext(f"{WLAN}name") == passpoint["name"]
    assert tags(root)[:3] == ["name", "SSIDConfig", "Hotspot2"]
    hotspot = root.find(f"{WLAN}Hotspot2")
    assert hotspot is not None
    assert tags(hotspot) == ["DomainName", "NAIRealm", "RoamingConsortium"]
    consortiums = [each.text for each in hotspot.iter(f"{WLAN}OUI")]
    assert consortiums == ["5A03BA0000", "004096"]
    assert kit(device.without_consortiums(device.secret_profile()))["passpoint"] == []


@pytest.mark.parametrize("name", NASTY)
def test_no_value_ever_becomes_a_command(name: str) -> None:
    """Two scripts differ in nothing but one word of base64."""
    plain = device.secret_profile()
    nasty = replace(
        plain,
        device_name=name,
        collectivity=name,
        network=replace(plain.network, name=name, ssid=name),
    )

    def around(profile: Profile) -> str:
        text, count = re.subn(r"'[A-Za-z0-9+/=]{200,}'", "''", script(profile))
        assert count == 1
        return text

    assert around(nasty) == around(plain)
    assert kit(nasty)["network"]["name"] == name


def test_a_profile_is_read_before_it_is_replaced_and_put_back_where_a_step_fails() -> None:
    text = script(device.secret_profile())
    adds = text[text.index("function Add-Network") : text.index("function Install-Kit")]
    steps = ["ReadProfile", "undo.Add", "SetProfile", "SetCredentials", "function Restore-Network"]
    places = [adds.index(step) for step in steps]
    assert places == sorted(places)
    # Nothing else takes a profile away.
    assert text.count("$lan.DeleteProfile(") == 1
    assert text.count("Restore-Network $lan") == 2


def test_the_script_is_whole() -> None:
    """Here-strings open and close on lines of their own, and every bracket outside them does."""
    text = script(device.secret_profile())
    assert "\n" not in text.replace("\r\n", "")
    assert re.findall(r"@DATA@", text) == []
    code, count = re.subn(r"@'\r\n.*?\r\n'@", "''", text, flags=re.DOTALL)
    assert count == 1
    code = re.sub(r"#.*|'[^'\r\n]*'", "", code)
    assert "'" not in code
    assert '"' not in code
    open_brackets: list[str] = []
    for bracket in re.findall(r"[][(){}]", code):
        if bracket in "[({":
            open_brackets.append(bracket)
        else:
            assert open_brackets.pop() + bracket in {"[]", "()", "{}"}
    assert open_brackets == []


def test_the_script_speaks_the_citizens_language() -> None:
    texts = kit(replace(device.secret_profile(), language="fr"))["texts"]
    assert texts["start"].startswith("Ceci connecte votre ordinateur à Farandole")
    assert set(re.findall(r"\$kit\.texts\.(\w+)", script(device.secret_profile()))) == texts.keys()
