"""A device and its profiles: one with a Wi-Fi secret, one with a certificate; all keys are real."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aaa.pki import contents
from aaa.pki.contents import Signer as Authority
from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from portal.onboarding.profile import ClientCertificate, Network, Profile, WifiSecret

# Other programs look at the clock, so that these certificates are of today.
NOW = datetime.now(UTC).replace(microsecond=0)
REALM = "saint-veran.example"
SERVER_NAME = "radius.wifi.saint-veran.example"
SECRET = "kqzm-t7wd-x3nb-9r5v"
IDENTITY = f"anna@{REALM}"


@cache
def authority(name: str = "Farandole Wi-Fi CA 2026") -> Authority:
    key = contents.new_key()
    return Authority(contents.authority(key, name, NOW), key)


@cache
def server() -> ServerIdentity:
    """The server's certificate is the older root's; the next root is there already."""
    key = contents.new_key()
    certificate = contents.server(key.public_key(), authority(), [SERVER_NAME], NOW)
    return ServerIdentity(
        (certificate.public_bytes(Encoding.DER),),
        contents.key_octets(key),
        (_der(authority().certificate), _der(authority("Farandole Wi-Fi CA 2041").certificate)),
        (SERVER_NAME,),
    )


@cache
def certificate() -> ClientCertificate:
    identity = f"d-k3x7m2pq@{REALM}"
    key = contents.new_key()
    issued = contents.client(key.public_key(), authority(), identity, None, NOW)
    return ClientCertificate(
        identity,
        _der(issued),
        contents.key_octets(key),
        _der(authority().certificate),
        issued.not_valid_after_utc,
    )


@cache
def secret_profile() -> Profile:
    network = Network(
        "Farandole", "Farandole", ("5A03BA0000", "004096"), SERVER_NAME, server().anchors
    )
    return Profile(
        network=network,
        realm=REALM,
        device_id=42,
        device_name="Anna’s phone",
        credential=WifiSecret(IDENTITY, Secret(SECRET)),
        collectivity="Saint-Véran",
        contact="wifi@saint-veran.example",
        language="en",
    )


def certificate_profile() -> Profile:
    return replace(secret_profile(), credential=certificate())


def without_consortiums(profile: Profile) -> Profile:
    return replace(profile, network=replace(profile.network, roaming_consortiums=()))


def _der(each: x509.Certificate) -> bytes:
    return each.public_bytes(Encoding.DER)
