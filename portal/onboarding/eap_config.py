"""The .eap-config file of geteduroam's apps: one file for Android, iOS, Windows and macOS.

The format is that of eduroam's Configuration Assistant Tool and of the Internet-Draft
draft-winter-opsawg-eap-metadata; elements are in the order that its schema demands.
"""

import base64
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from portal.onboarding import pkcs12
from portal.onboarding.filenames import file_name
from portal.onboarding.markup import element, write
from portal.onboarding.profile import ClientCertificate, Profile, ProfileFile, WifiSecret

_EAP_TLS: Final = "13"
_EAP_TTLS: Final = "21"
_PAP: Final = "1"


def build(profile: Profile) -> ProfileFile:
    """Return the .eap-config file of one device."""
    root = element("EAPIdentityProviderList", _provider(profile))
    return ProfileFile(
        file_name(profile, "eap-config"),
        "application/eap-config",
        write(root),
    )


def _provider(profile: Profile) -> Element:
    """What the apps take for an institution; the realm is its ID, as with eduroam's."""
    return element(
        "EAPIdentityProvider",
        *_validity(profile),
        element("AuthenticationMethods", _method(profile)),
        element("CredentialApplicability", *_networks(profile)),
        _about(profile),
        ID=profile.realm,
        namespace="urn:RFC4282:realm",
        lang=profile.language,
        version="1",
    )


def _validity(profile: Profile) -> Iterator[Element]:
    if isinstance(profile.credential, ClientCertificate):
        yield element("ValidUntil", profile.credential.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _method(profile: Profile) -> Element:
    credential = profile.credential
    outer = element("OuterIdentity", profile.outer_identity)
    server = element(
        "ServerSideCredential",
        *(_certificate("CA", "X.509", anchor) for anchor in profile.network.anchors),
        element("ServerID", profile.network.server_name),
    )
    if isinstance(credential, WifiSecret):
        return element(
            "AuthenticationMethod",
            element("EAPMethod", element("Type", _EAP_TTLS)),
            server,
            element(
                "ClientSideCredential",
                outer,
                element("UserName", credential.identity),
                element("Password", credential.secret.reveal().decode()),
            ),
            element(
                "InnerAuthenticationMethod", element("NonEAPAuthMethod", element("Type", _PAP))
            ),
        )
    return element(
        "AuthenticationMethod",
        element("EAPMethod", element("Type", _EAP_TLS)),
        server,
        element(
            "ClientSideCredential",
            outer,
            _certificate("ClientCertificate", "PKCS12", pkcs12.protect(credential)),
            element("Passphrase", pkcs12.passphrase(credential)),
        ),
    )


def _certificate(name: str, kind: str, content: bytes) -> Element:
    return element(name, base64.b64encode(content).decode(), format=kind, encoding="base64")


def _networks(profile: Profile) -> Iterator[Element]:
    """Conditions in one element hold together, so that each network has one of its own."""
    network = profile.network
    yield element("IEEE80211", element("SSID", network.ssid), element("MinRSNProto", "CCMP"))
    for consortium in network.roaming_consortiums:
        yield element("IEEE80211", element("ConsortiumOID", consortium))


def _about(profile: Profile) -> Element:
    children = [
        element("DisplayName", profile.network.name),
        element("Description", profile.collectivity),
    ]
    if contact := profile.contact:
        kind = _contact_kind(contact)
        children.append(element("Helpdesk", element(kind, contact)))
    return element("ProviderInfo", *children)


def _contact_kind(contact: str) -> str:
    if contact.startswith(("http://", "https://")):
        return "WebAddress"
    return "EmailAddress" if "@" in contact else "Phone"
