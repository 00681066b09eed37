"""Windows' description of a wireless network: the WLAN profile, and the credentials for it.

The schemas are Microsoft's: WLAN_profile v1, OneX v1, EapHostConfig, and the connection and user
properties of its own EAP-TTLS and EAP-TLS. Elements stand in the order that they demand.
"""

import hashlib
from typing import Final
from xml.etree.ElementTree import Element

from portal.onboarding.markup import element
from portal.onboarding.profile import ClientCertificate, Profile, WifiSecret

_NETWORKING: Final = "http://www.microsoft.com/networking"
_PROVISIONING: Final = "http://www.microsoft.com/provisioning"
_COMMON: Final = f"{_PROVISIONING}/EapCommon"
_TTLS: Final = f"{_PROVISIONING}/EapTtlsConnectionPropertiesV1"
_TLS: Final = f"{_PROVISIONING}/EapTlsConnectionPropertiesV"

_EAP_TLS: Final = "13"
_EAP_TTLS: Final = "21"
# Microsoft, as the author of the EAP-TTLS that Windows has since version 8.
_TTLS_AUTHOR: Final = "311"


def by_name(profile: Profile) -> Element:
    """Return the profile of the network with the SSID, by which it is called."""
    return _profile(profile, profile.network.ssid)


def by_passpoint(profile: Profile) -> Element:
    """Return the profile of all networks that announce the federation's consortiums. In one
    profile with the SSID, Windows would join neither reliably."""
    consortiums = (element("OUI", each) for each in profile.network.roaming_consortiums)
    return _profile(
        profile,
        passpoint_name(profile),
        element(
            "Hotspot2",
            element("DomainName", profile.realm),
            element("NAIRealm", element("name", profile.realm)),
            element("RoamingConsortium", *consortiums),
        ),
    )


def passpoint_name(profile: Profile) -> str:
    """Return what the profile of :func:`by_passpoint` is called."""
    return f"{profile.network.name} Passpoint"


def _profile(profile: Profile, name: str, *hotspot: Element) -> Element:
    ssid = profile.network.ssid
    return element(
        "WLANProfile",
        element("name", name),
        element(
            "SSIDConfig",
            element("SSID", element("hex", ssid.encode().hex().upper()), element("name", ssid)),
        ),
        *hotspot,
        element("connectionType", "ESS"),
        element("connectionMode", "auto"),
        element("autoSwitch", "false"),
        element("MSM", element("security", *_security(profile))),
        xmlns=f"{_NETWORKING}/WLAN/profile/v1",
    )


def _security(profile: Profile) -> tuple[Element, ...]:
    return (
        element(
            "authEncryption",
            element("authentication", "WPA2"),
            element("encryption", "AES"),
            element("useOneX", "true"),
        ),
        element("PMKCacheMode", "enabled"),
        element(
            "OneX",
            element("cacheUserData", "true"),
            element("authMode", "user"),
            element("EAPConfig", _eap(profile)),
            xmlns=f"{_NETWORKING}/OneX/v1",
        ),
    )


def _eap(profile: Profile) -> Element:
    host = f"{_PROVISIONING}/EapHostConfig"
    if isinstance(profile.credential, WifiSecret):
        kind, author, config = _EAP_TTLS, _TTLS_AUTHOR, _ttls(profile)
    else:
        kind, author, config = _EAP_TLS, "0", _tls(profile, profile.credential)
    return element(
        "EapHostConfig",
        element(
            "EapMethod",
            element("Type", kind, xmlns=_COMMON),
            element("VendorId", "0", xmlns=_COMMON),
            element("VendorType", "0", xmlns=_COMMON),
            element("AuthorId", author, xmlns=_COMMON),
        ),
        element("Config", config),
        xmlns=host,
    )


def _ttls(profile: Profile) -> Element:
    network = profile.network
    return element(
        "EapTtls",
        element(
            "ServerValidation",
            element("ServerNames", network.server_name),
            *(element("TrustedRootCAHash", thumbprint(each)) for each in network.anchors),
            element("DisablePrompt", "true"),
        ),
        element("Phase2Authentication", element("PAPAuthentication")),
        element(
            "Phase1Identity",
            element("IdentityPrivacy", "true"),
            element("AnonymousIdentity", profile.outer_identity),
        ),
        xmlns=_TTLS,
    )


def _tls(profile: Profile, credential: ClientCertificate) -> Element:
    """EAP-TLS with the one certificate that our authority issued, whatever else is in the store;
    its alternative name is the identity."""
    network = profile.network
    return element(
        "Eap",
        element("Type", _EAP_TLS),
        element(
            "EapType",
            element(
                "CredentialsSource",
                element("CertificateStore", element("SimpleCertSelection", "true")),
            ),
            element(
                "ServerValidation",
                element("DisableUserPromptForServerValidation", "true"),
                element("ServerNames", network.server_name),
                *(element("TrustedRootCA", thumbprint(each)) for each in network.anchors),
            ),
            element("DifferentUsername", "false"),
            element("PerformServerValidation", "true", xmlns=f"{_TLS}2"),
            element("AcceptServerName", "true", xmlns=f"{_TLS}2"),
            element("TLSExtensions", _issued_by(credential.issuer), xmlns=f"{_TLS}2"),
            xmlns=f"{_TLS}1",
        ),
        xmlns=f"{_PROVISIONING}/BaseEapConnectionPropertiesV1",
    )


def _issued_by(issuer: bytes) -> Element:
    hashes = element("CAHashList", element("IssuerHash", thumbprint(issuer)), Enabled="true")
    return element("FilteringInfo", hashes, xmlns=f"{_TLS}3")


def credentials(profile: Profile) -> Element:
    """Return what proves the user, which no WLAN profile can carry: an EapHostUserCredentials."""
    credential = profile.credential
    if isinstance(credential, WifiSecret):
        kind, author, content = _EAP_TTLS, _TTLS_AUTHOR, _secret(credential)
    else:
        kind, author, content = _EAP_TLS, "0", _chosen(credential)
    return element(
        "EapHostUserCredentials",
        element(
            "EapMethod",
            element("Type", kind, xmlns=_COMMON),
            element("AuthorId", author, xmlns=_COMMON),
        ),
        element("Credentials", content),
        xmlns=f"{_PROVISIONING}/EapHostUserCredentials",
    )


def _secret(credential: WifiSecret) -> Element:
    return element(
        "EapTtls",
        element("Username", credential.identity),
        element("Password", credential.secret.reveal().decode()),
        xmlns=f"{_PROVISIONING}/EapTtlsUserPropertiesV1",
    )


def _chosen(credential: ClientCertificate) -> Element:
    return element(
        "Eap",
        element("Type", _EAP_TLS),
        element(
            "EapType",
            element("Username", credential.identity),
            element("UserCert", thumbprint(credential.certificate)),
            xmlns=f"{_PROVISIONING}/EapTlsUserPropertiesV1",
        ),
        xmlns=f"{_PROVISIONING}/BaseEapUserPropertiesV1",
    )


def thumbprint(certificate: bytes) -> str:
    """Return Windows' name for a certificate: its SHA-1, in hexadecimal octets with spaces."""
    return hashlib.sha1(certificate, usedforsecurity=False).digest().hex(" ").upper()
