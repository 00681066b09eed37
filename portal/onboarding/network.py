"""The federation's network as profiles describe it."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from aaa.pki.identity import ServerIdentity
from aaa.settings import Settings
from portal.onboarding.profile import Network


def describe(settings: Settings, identity: ServerIdentity) -> Network:
    """Return the network with the RADIUS server's name and its roots, the root that signs the
    server's certificate now before the others: Android takes one only."""
    return Network(
        name=settings.federation.name,
        ssid=settings.federation.ssid,
        roaming_consortiums=settings.federation.roaming_consortium_list,
        server_name=identity.names[0],
        anchors=tuple(
            sorted(identity.anchors, key=lambda anchor: not _signed(anchor, identity.chain[-1]))
        ),
    )


def _signed(anchor: bytes, certificate: bytes) -> bool:
    issuer = x509.load_der_x509_certificate(anchor)
    try:
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
