"""Profiles as devices read them: each format turned into the words of wpa_supplicant.

What a network block says here, a profile has said: the method, the identities, whom to believe and
what to prove oneself by. Where a format leaves something to the system that reads it, the reader
does as that system does, and says so. Certificates and keys are taken out with openssl.
"""

import base64
import email
import hashlib
import json
import plistlib
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from tests.openssl import answer

_METHODS: Final = {"13": "TLS", "21": "TTLS"}
_INNER_PAP: Final = {"PAP", "pap", "1", "PAPAuthentication"}
_TLS_VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3")
# What a radio needs, and 802.1X on a wire has no use for.
_OF_THE_AIR: Final = ("key_mgmt", "proto", "pairwise", "ieee80211w")


@dataclass(frozen=True, slots=True)
class Device:
    """Where a profile is installed. `directory` keeps its certificates; `authority` is a file with
    the roots (PEM) that somebody fetched from the portal, and `typed` the identity and the secret
    that they type, for formats that come without."""

    directory: Path
    authority: Path
    typed: tuple[str, str] | None = None

    def keep_anchors(self, anchors: Iterable[bytes]) -> Path:
        """Write roots (DER) to a file; return it."""
        file = self.directory / "anchors.pem"
        file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, anchors)))
        return file

    def keep_identity(self, pkcs12: bytes, passphrase: str) -> Path:
        """Open a PKCS 12 file; write its certificate and key to another, and return that."""
        closed, opened = self.directory / "identity.p12", self.directory / "identity.pem"
        closed.write_bytes(pkcs12)
        opened.write_bytes(
            answer("pkcs12", "-in", closed, "-passin", f"pass:{passphrase}", "-nodes")
        )
        return opened


@dataclass(frozen=True, slots=True)
class Network:
    """802.1X as a profile describes it. `found_by` are the names of networks (SSID) and the roaming
    consortiums (lower-case hexadecimal) that the device looks for; `server` is wpa_supplicant's
    word for how a server's name is checked, and the name; `outer` goes over the air in place of
    `identity`."""

    found_by: frozenset[str]
    method: str
    anchors: Path
    server: tuple[str, str]
    identity: str | None = None
    outer: str | None = None
    inner: str | None = None
    secret: str | None = None
    certificate: Path | None = None
    tls: str | None = None

    def configuration(self) -> str:
        """Return the network block, for a wire."""
        quoted = {
            "identity": self.identity,
            "anonymous_identity": self.outer,
            "ca_cert": self.anchors,
            self.server[0]: self.server[1],
            "phase1": self.tls,
            "password": self.secret,
            "client_cert": self.certificate,
            "private_key": self.certificate,
        }
        if self.inner is not None:
            assert self.inner in _INNER_PAP
            quoted["phase2"] = "auth=PAP"
        settings = {"key_mgmt": "IEEE8021X", "eapol_flags": "0", "eap": _METHODS[self.method]}
        settings |= {key: f'"{value}"' for key, value in quoted.items() if value is not None}
        return "\n".join(["network={", *(f"\t{key}={it}" for key, it in settings.items()), "}\n"])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a profile makes a device do: what it looks for, and how wpa_supplicant logs in there."""

    found_by: frozenset[str]
    configuration: str


def read(slug: str, content: bytes, device: Device) -> Reading:
    """Return what a profile in the format of that slug makes a device do, on a wire."""
    if slug == "wpa-supplicant":
        return _wpa_supplicant(content.decode())
    network = _READERS[slug](content, device)
    return Reading(network.found_by, network.configuration())


def _wpa_supplicant(configuration: str) -> Reading:
    """wpa_supplicant: its file as it is, but without WPA, since its network is 802.1X alone."""
    ssid = re.search(r"^\tssid=([0-9a-f]+)$", configuration, re.MULTILINE)
    consortiums = re.search(r'^\troaming_consortiums="(.+)"$', configuration, re.MULTILINE)
    assert ssid and consortiums
    found_by = {bytes.fromhex(ssid[1]).decode(), *consortiums[1].lower().split(",")}
    of_the_air = re.compile(rf"^\t({'|'.join(_OF_THE_AIR)})=.*\n", re.MULTILINE)
    bare, count = of_the_air.subn("", configuration)
    assert count == len(_OF_THE_AIR)
    on_a_wire = bare.replace("network={", "network={\n\tkey_mgmt=IEEE8021X\n\teapol_flags=0")
    return Reading(frozenset(found_by), on_a_wire)


def _mobileconfig(content: bytes, device: Device) -> Network:
    """iOS: the signature is checked, and every payload found by its UUID. The network that is known
    by its name and the one that Passpoint finds must be entered alike."""
    signed = device.directory / "profile.mobileconfig"
    signed.write_bytes(content)
    # The certificate is a server's, in place of one for signing.
    trust = ("-CAfile", device.authority, "-purpose", "any")
    plist = plistlib.loads(answer("cms", "-verify", "-inform", "DER", "-in", signed, *trust))
    payloads = {each["PayloadUUID"]: each for each in plist["PayloadContent"]}
    networks = [
        each for each in payloads.values() if each["PayloadType"] == "com.apple.wifi.managed"
    ]
    return _merged(_apple_network(each, payloads, device) for each in networks)


def _merged(networks: Iterable[Network]) -> Network:
    """Return the networks that one profile has as one; they must be entered alike."""
    one, *others = networks
    found_by = one.found_by.union(*(each.found_by for each in others))
    assert all(replace(each, found_by=one.found_by) == one for each in others)
    return replace(one, found_by=found_by)


def _apple_network(
    payload: dict[str, Any], payloads: Mapping[str, dict[str, Any]], device: Device
) -> Network:
    eap = payload["EAPClientConfiguration"]
    anchors = [payloads[uuid] for uuid in eap["PayloadCertificateAnchorUUID"]]
    assert {each["PayloadType"] for each in anchors} == {"com.apple.security.root"}
    # Whoever may be asked to believe another server can be talked into it.
    assert eap["TLSAllowTrustExceptions"] is False
    certificate = None
    if uuid := payload.get("PayloadCertificateUUID"):
        pkcs12 = payloads[uuid]
        certificate = device.keep_identity(pkcs12["PayloadContent"], pkcs12["Password"])
    (method,) = eap["AcceptEAPTypes"]
    ssid = [payload["SSID_STR"]] if "SSID_STR" in payload else []
    return Network(
        found_by=_found_by(ssid, payload.get("RoamingConsortiumOIs", [])),
        method=str(method),
        anchors=device.keep_anchors(each["PayloadContent"] for each in anchors),
        server=("domain_match", ";".join(eap["TLSTrustedServerNames"])),
        identity=eap["UserName"],
        outer=eap.get("OuterIdentity"),
        inner=eap.get("TTLSInnerAuthentication"),
        secret=eap.get("UserPassword"),
        certificate=certificate,
        tls=_tls_versions(eap["TLSMinimumVersion"], eap["TLSMaximumVersion"]),
    )


def _found_by(ssids: Iterable[str], consortiums: Iterable[str]) -> frozenset[str]:
    return frozenset([*ssids, *(each.lower() for each in consortiums)])


def _tls_versions(least: str, most: str) -> str:
    return " ".join(
        f"tls_disable_tlsv{version.replace('.', '_')}={0 if least <= version <= most else 1}"
        for version in _TLS_VERSIONS
    )


def _android(content: bytes, device: Device) -> Network:
    """Android's Passpoint: the server is the provider's FQDN or below it, the outer identity is
    "anonymous" in the realm, and the user name goes inside the tunnel as it is."""
    message = email.message_from_bytes(base64.b64decode(content))
    parts: dict[str, Any] = {
        part.get_content_type(): part.get_payload(decode=True) for part in message.walk()
    }
    tree = _nodes(ElementTree.fromstring(parts["application/x-passpoint-profile"]))
    credential = tree["Credential"]
    shared: dict[str, Any] = {
        "found_by": _found_by([], tree["HomeSP"]["RoamingConsortiumOI"].split(",")),
        "anchors": device.keep_anchors([parts["application/x-x509-ca-cert"]]),
        "server": ("domain_suffix_match", tree["HomeSP"]["FQDN"]),
        "outer": f"anonymous@{credential['Realm']}",
    }
    if user := credential.get("UsernamePassword"):
        return Network(
            method=user["EAPMethod"]["EAPType"],
            inner=user["EAPMethod"]["InnerMethod"],
            identity=user["Username"],
            secret=base64.b64decode(user["Password"]).decode(),
            **shared,
        )
    certificate = device.keep_identity(parts["application/x-pkcs12"], "")
    fingerprint = hashlib.sha256(_first_certificate(certificate)).hexdigest()
    assert credential["DigitalCertificate"]["CertSHA256Fingerprint"] == fingerprint
    return Network(method="13", certificate=certificate, **shared)


def _nodes(root: ElementTree.Element) -> dict[str, Any]:
    """Return what stands under PerProviderSubscription's only node, by the names of nodes."""
    space = {"": "syncml:dmddf1.2"}

    def below(node: ElementTree.Element) -> Any:
        value = node.findtext("Value", None, space)
        if value is not None:
            return value
        return {each.findtext("NodeName", "", space): below(each) for each in _children(node)}

    def _children(node: ElementTree.Element) -> list[ElementTree.Element]:
        return node.findall("Node", space)

    (subscription,) = _children(root)
    (instance,) = _children(subscription)
    found: dict[str, Any] = below(instance)
    return found


def _eap_config(content: bytes, device: Device) -> Network:
    """geteduroam: the only method there is; the server is one of those that are named."""
    root = ElementTree.fromstring(content)
    (method,) = root.iter("AuthenticationMethod")
    server, client = method.find("ServerSideCredential"), method.find("ClientSideCredential")
    assert server is not None and client is not None
    shared: dict[str, Any] = {
        "found_by": _found_by(
            (each.text or "" for each in root.iter("SSID")),
            (each.text or "" for each in root.iter("ConsortiumOID")),
        ),
        "method": method.findtext("EAPMethod/Type", ""),
        "anchors": device.keep_anchors(map(_decoded, server.findall("CA"))),
        "server": (
            "domain_suffix_match",
            ";".join(each.text or "" for each in server.findall("ServerID")),
        ),
    }
    pkcs12 = client.find("ClientCertificate")
    if pkcs12 is not None:
        passphrase = client.findtext("Passphrase", "")
        return Network(
            identity=client.findtext("OuterIdentity"),
            certificate=device.keep_identity(_decoded(pkcs12), passphrase),
            **shared,
        )
    return Network(
        identity=client.findtext("UserName"),
        outer=client.findtext("OuterIdentity"),
        inner=method.findtext("InnerAuthenticationMethod/NonEAPAuthMethod/Type"),
        secret=client.findtext("Password"),
        **shared,
    )


def _decoded(element: ElementTree.Element) -> bytes:
    return base64.b64decode(element.text or "")


def _windows(content: bytes, device: Device) -> Network:
    """Windows' installer: certificates go into the stores that it names, where thumbprints find
    them; the credentials belong to both networks, which must be entered alike."""
    found = re.search(r"^\$data = '([^']+)'\r$", content.decode("ascii"), re.MULTILINE)
    assert found
    kit = json.loads(base64.b64decode(found[1]))
    networks = [kit["network"], *kit["passpoint"]]
    stores: dict[str, dict[str, Any]] = {"Root": {}, "My": {}}
    for each in kit["certificates"]:
        octets = base64.b64decode(each["content"])
        if each["store"] == "My":
            certificate = device.keep_identity(octets, each["passphrase"])
            stores["My"][_thumbprint(_first_certificate(certificate))] = certificate
        else:
            stores["Root"][_thumbprint(octets)] = octets
    return _merged(
        _windows_network(each["xml"], kit["credentials"], stores, device) for each in networks
    )


def _windows_xml(content: bytes, device: Device) -> Network:
    """The bare profile: somebody has installed the root from the portal, and types the rest."""
    roots = re.findall(
        r"-----BEGIN.+?-----END CERTIFICATE-----\n", device.authority.read_text(), re.S
    )
    anchors = [ssl.PEM_cert_to_DER_cert(each) for each in roots]
    stores = {"Root": {_thumbprint(each): each for each in anchors}}
    assert device.typed is not None
    identity, secret = device.typed
    typed = f"<Typed><Username>{identity}</Username><Password>{secret}</Password></Typed>"
    return _windows_network(content.decode(), typed, stores, device)


def _windows_network(
    profile: str, credentials: str, stores: Mapping[str, Mapping[str, Any]], device: Device
) -> Network:
    root = ElementTree.fromstring(profile)
    eap, user = _texts(root), _texts(ElementTree.fromstring(credentials))
    thumbprints = eap.get("TrustedRootCAHash") or eap["TrustedRootCA"]
    # No other server is taken, and nobody is asked about it.
    prompt = eap.get("DisablePrompt") or eap["DisableUserPromptForServerValidation"]
    assert prompt == ["true"]
    ssids = [bytes.fromhex(each).decode() for each in eap["hex"]]
    shared: dict[str, Any] = {
        "found_by": _found_by(ssids, eap.get("OUI", [])),
        "method": eap["Type"][0],
        "anchors": device.keep_anchors(stores["Root"][_plain(each)] for each in thumbprints),
        "server": ("domain_match", eap["ServerNames"][0]),
        "identity": user["Username"][0],
    }
    if chosen := user.get("UserCert"):
        return Network(certificate=stores["My"][_plain(chosen[0])], **shared)
    ((inner,),) = (each for each in root.iter() if _name(each) == "Phase2Authentication")
    return Network(
        outer=eap["AnonymousIdentity"][0], inner=_name(inner), secret=user["Password"][0], **shared
    )


def _texts(root: ElementTree.Element) -> dict[str, list[str]]:
    """Return the texts of all elements by their names, whatever their namespaces."""
    found: dict[str, list[str]] = {}
    for element in root.iter():
        found.setdefault(_name(element), []).append(element.text or "")
    return found


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _thumbprint(certificate: bytes) -> str:
    return hashlib.sha1(certificate).hexdigest()


def _plain(thumbprint: str) -> str:
    return thumbprint.replace(" ", "").lower()


def _first_certificate(file: Path) -> bytes:
    """Return the first certificate of a PEM file in DER."""
    return answer("x509", "-in", file, "-outform", "DER")


def _network_manager(content: bytes, device: Device) -> Network:
    """NetworkManager, which hands all of it to wpa_supplicant."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(content.decode())
    eap = parser["802-1x"]
    assert parser["wifi-security"]["key-mgmt"] == "wpa-eap"
    (method,) = eap["eap"].rstrip(";").split(";")
    anchors = device.directory / "anchors.pem"
    anchors.write_bytes(_data(eap["ca-cert"]))
    certificate = None
    if "private-key" in eap:
        assert eap["client-cert"] == eap["private-key"]
        passphrase = eap["private-key-password"]
        certificate = device.keep_identity(_data(eap["private-key"]), passphrase)
    ssid = bytes(map(int, parser["wifi"]["ssid"].rstrip(";").split(";"))).decode()
    return Network(
        found_by=_found_by([ssid], []),
        method={name.lower(): number for number, name in _METHODS.items()}[method],
        anchors=anchors,
        server=("domain_match", eap["domain-match"]),
        identity=eap["identity"],
        outer=eap.get("anonymous-identity"),
        inner=eap.get("phase2-auth"),
        secret=eap.get("password"),
        certificate=certificate,
    )


def _data(url: str) -> bytes:
    kind, _, content = url.partition(",")
    assert kind == "data:;base64"
    return base64.b64decode(content)


_READERS: Final[Mapping[str, Callable[[bytes, Device], Network]]] = {
    "mobileconfig": _mobileconfig,
    "android": _android,
    "windows": _windows,
    "windows-xml": _windows_xml,
    "networkmanager": _network_manager,
    "eap-config": _eap_config,
}
