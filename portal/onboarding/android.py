"""Passpoint for Android (6 and later): an application/x-wifi-config file.

It is MIME inside base64, of a profile and its certificates: the Passpoint Release 1 file of
Android's documentation. Chrome hands it to the system where a link to it is tapped; the answer
must have no Content-Disposition. Android's reader is strict: it knows two headers, and no others.
"""

import base64
import hashlib
from typing import Final
from xml.etree.ElementTree import Element

from portal.onboarding import pkcs12
from portal.onboarding.filenames import file_name
from portal.onboarding.markup import element, write
from portal.onboarding.profile import ClientCertificate, Profile, ProfileFile, WifiSecret

_MEDIA_TYPE: Final = "application/x-wifi-config"
_SUBSCRIPTION: Final = "urn:wfa:mo:hotspot2dot0-perprovidersubscription:1.0"
_EAP_TTLS: Final = "21"
# Nothing in base64 looks like it: a boundary is announced by two hyphens.
_BOUNDARY: Final = "passpoint"
_LINE: Final = 76


def build(profile: Profile) -> ProfileFile:
    """Return the Passpoint file of one device."""
    parts = [("application/x-passpoint-profile", write(_tree(profile)))]
    # Of several roots Android keeps one: here it is the one that signs the server's certificate.
    parts.append(("application/x-x509-ca-cert", profile.network.anchors[0]))
    if isinstance(profile.credential, ClientCertificate):
        parts.append(("application/x-pkcs12", pkcs12.bare(profile.credential)))
    return ProfileFile(
        file_name(profile, "wifi-config"),
        _MEDIA_TYPE,
        _base64(_multipart(parts)).encode(),
        headers=(("Content-Transfer-Encoding", "base64"),),
    )


def _multipart(parts: list[tuple[str, bytes]]) -> bytes:
    lines = [
        f"Content-Type: multipart/mixed; boundary={_BOUNDARY}",
        "Content-Transfer-Encoding: base64",
        "",
    ]
    for media_type, content in parts:
        lines += [
            f"--{_BOUNDARY}",
            f"Content-Type: {media_type}",
            "Content-Transfer-Encoding: base64",
            "",
            _base64(content),
        ]
    return "\n".join([*lines, f"--{_BOUNDARY}--", ""]).encode()


def _base64(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))


def _tree(profile: Profile) -> Element:
    """The PerProviderSubscription management object, as OMA's tree of nodes."""
    subscription = element(
        "Node",
        element("NodeName", "PerProviderSubscription"),
        element("RTProperties", element("Type", element("DDFName", _SUBSCRIPTION))),
        _node("Subscription", _home(profile), _credential(profile)),
    )
    return element("MgmtTree", element("VerDTD", "1.2"), subscription, xmlns="syncml:dmddf1.2")


def _node(name: str, *content: str | Element) -> Element:
    """Return a node with its value, or with the nodes below it."""
    below = (element("Value", part) if isinstance(part, str) else part for part in content)
    return element("Node", element("NodeName", name), *below)


def _home(profile: Profile) -> Element:
    """Whose network it is.

    FQDN is the RADIUS server's name: with a root of the profile's own, Android checks the server's
    certificate against it. AAAServerTrustedNames, which would tell the name apart from the domain,
    makes Android forget that root and believe the public authorities instead.
    """
    network = profile.network
    nodes = [_node("FriendlyName", network.name), _node("FQDN", network.server_name)]
    if network.roaming_consortiums:
        nodes.append(_node("RoamingConsortiumOI", ",".join(network.roaming_consortiums)))
    return _node("HomeSP", *nodes)


def _credential(profile: Profile) -> Element:
    credential = profile.credential
    realm = _node("Realm", profile.realm)
    if isinstance(credential, WifiSecret):
        return _node(
            "Credential",
            realm,
            _node(
                "UsernamePassword",
                _node("Username", credential.identity.removesuffix(f"@{profile.realm}")),
                _node("Password", base64.b64encode(credential.secret.reveal()).decode()),
                _node("MachineManaged", "true"),
                _node("EAPMethod", _node("EAPType", _EAP_TTLS), _node("InnerMethod", "PAP")),
            ),
        )
    return _node(
        "Credential",
        realm,
        _node(
            "DigitalCertificate",
            _node("CertificateType", "x509v3"),
            _node("CertSHA256Fingerprint", hashlib.sha256(credential.certificate).hexdigest()),
        ),
    )
