"""Configuration profiles (.mobileconfig) for iOS, iPadOS and macOS.

Keys are those of Apple's device management reference: the top level, and the payloads
`com.apple.wifi.managed`, `com.apple.security.root` and `com.apple.security.pkcs12`.
"""

import hashlib
import plistlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from portal.languages import write_date
from portal.onboarding import pkcs12
from portal.onboarding.filenames import file_name
from portal.onboarding.markup import clean
from portal.onboarding.phrases import phrases
from portal.onboarding.profile import ClientCertificate, Profile, ProfileFile, WifiSecret

_MEDIA_TYPE: Final = "application/x-apple-aspen-config"
_EAP_TLS: Final = 13
_EAP_TTLS: Final = 21
# Without a maximum, systems that know TLS 1.3 do not use it.
_TLS_MINIMUM: Final = "1.2"
_TLS_MAXIMUM: Final = "1.3"

Payload = dict[str, Any]


def build(profile: Profile) -> ProfileFile:
    """Return the configuration profile of one device, not signed yet."""
    readable = replace(
        profile, device_name=clean(profile.device_name), collectivity=clean(profile.collectivity)
    )
    return ProfileFile(
        file_name(profile, "mobileconfig"), _MEDIA_TYPE, plistlib.dumps(_configuration(readable))
    )


def _configuration(profile: Profile) -> Payload:
    _ = phrases(profile.language)
    values = {"network": profile.network.name, "collectivity": profile.collectivity}
    consent = (
        _(
            "This profile connects your device to %(network)s, the free public Wi-Fi. It comes "
            "from %(collectivity)s, holds a key for this device only, and changes nothing else. "
            "You can remove it at any time in the settings."
        )
        % values
    )
    if isinstance(profile.credential, ClientCertificate):
        until = write_date(profile.credential.expires_at, profile.language, profile.timezone)
        consent += " " + _(
            "It is valid until %(date)s and then removes itself: before, make a new one on our "
            "page, which replaces it."
        ) % {"date": until}
    configuration = _payload(
        profile,
        "profile",
        "Configuration",
        profile.network.name,
        PayloadDescription=_("Connects this device to %(network)s, encrypted and by itself.")
        % values,
        PayloadRemovalDisallowed=False,
        ConsentText={"default": consent},
        PayloadContent=[*_anchors(profile), *_identities(profile), *_networks(profile)],
    )
    if isinstance(profile.credential, ClientCertificate):
        # A property list has no time zones: its dates are in UTC.
        configuration["RemovalDate"] = profile.credential.expires_at.astimezone(UTC).replace(
            tzinfo=None, microsecond=0
        )
    return configuration


def _payload(profile: Profile, part: str, kind: str, name: str, **keys: object) -> Payload:
    """Return what every payload has, and its own keys. Identifier and UUID stay the same, so that
    a new profile of the same device replaces the old one."""
    realm = ".".join(reversed(profile.realm.split(".")))
    identifier = f"{realm}.wifi.{profile.device_id}"
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier if part == "profile" else f"{identifier}.{part}",
        "PayloadUUID": _uuid(profile, part),
        "PayloadDisplayName": name,
        "PayloadOrganization": profile.collectivity,
        **keys,
    }


def _uuid(profile: Profile, part: str) -> str:
    return str(profile.uuid(f"apple/{part}")).upper()


def _anchor_part(anchor: bytes) -> str:
    return f"root-{hashlib.sha256(anchor).hexdigest()[:8]}"


def _anchors(profile: Profile) -> Iterator[Payload]:
    for anchor in profile.network.anchors:
        yield _payload(
            profile,
            _anchor_part(anchor),
            "com.apple.security.root",
            profile.network.name,
            PayloadCertificateFileName="root.cer",
            PayloadContent=anchor,
        )


def _identities(profile: Profile) -> Iterator[Payload]:
    if isinstance(profile.credential, ClientCertificate):
        yield _payload(
            profile,
            "identity",
            "com.apple.security.pkcs12",
            profile.device_name,
            PayloadCertificateFileName="identity.p12",
            PayloadContent=pkcs12.protect(profile.credential),
            Password=pkcs12.passphrase(profile.credential),
        )


def _networks(profile: Profile) -> Iterator[Payload]:
    """The network by its name, and wherever Passpoint announces it."""
    network = profile.network
    yield _wifi(profile, "ssid", SSID_STR=network.ssid)
    # A hotspot that announces only consortiums is not joined where realms are given too.
    found_by: Payload = (
        {"RoamingConsortiumOIs": list(network.roaming_consortiums)}
        if network.roaming_consortiums
        else {"NAIRealmNames": [profile.realm]}
    )
    yield _wifi(
        profile,
        "passpoint",
        IsHotspot=True,
        ServiceProviderRoamingEnabled=True,
        DomainName=profile.realm,
        DisplayedOperatorName=network.name,
        **found_by,
    )


def _wifi(profile: Profile, part: str, **keys: object) -> Payload:
    payload = _payload(
        profile,
        part,
        "com.apple.wifi.managed",
        profile.network.name,
        AutoJoin=True,
        HIDDEN_NETWORK=False,
        EncryptionType="WPA2",
        ProxyType="None",
        EAPClientConfiguration=_eap(profile),
        **keys,
    )
    if isinstance(profile.credential, ClientCertificate):
        payload["PayloadCertificateUUID"] = _uuid(profile, "identity")
    return payload


def _eap(profile: Profile) -> Payload:
    """EAPClientConfiguration: whom to believe, and how to prove oneself. Nobody is asked whether
    to trust another server: that question is how credentials are stolen."""
    credential = profile.credential
    server: Payload = {
        "TLSTrustedServerNames": [profile.network.server_name],
        "PayloadCertificateAnchorUUID": [
            _uuid(profile, _anchor_part(anchor)) for anchor in profile.network.anchors
        ],
        "TLSAllowTrustExceptions": False,
        "TLSMinimumVersion": _TLS_MINIMUM,
        "TLSMaximumVersion": _TLS_MAXIMUM,
    }
    if isinstance(credential, WifiSecret):
        return {
            "AcceptEAPTypes": [_EAP_TTLS],
            "TTLSInnerAuthentication": "PAP",
            "OuterIdentity": profile.outer_identity,
            "UserName": credential.identity,
            "UserPassword": credential.secret.reveal().decode(),
            "OneTimeUserPassword": False,
            **server,
        }
    # With EAP-TLS, UserName is what the device answers an Identity request with.
    return {"AcceptEAPTypes": [_EAP_TLS], "UserName": profile.outer_identity, **server}
