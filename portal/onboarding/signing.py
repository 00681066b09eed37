"""Signing of profiles, so that a device can tell who made them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from aaa.errors import Invalid
from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from aaa.settings import ConfigurationError, PortalSettings

_CERTIFICATE: Final = "portal.signing_certificate_file"
_KEY: Final = "portal.signing_key_file"
_OPTIONS: Final = [PKCS7Options.Binary, PKCS7Options.NoCapabilities]


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs profiles: certificates in DER, the signer's own first; its key as PKCS 8 in DER."""

    chain: tuple[bytes, ...]
    key: Secret = field(repr=False)


def configured(settings: PortalSettings) -> Signer | None:
    """Return the signer of the operator's two files, None where there are none.

    Raises ConfigurationError where a file cannot be used, or the two do not belong together.
    """
    if not settings.signing_certificate_file:
        return None
    try:
        chain = x509.load_pem_x509_certificates(
            _read(_CERTIFICATE, settings.signing_certificate_file)
        )
    except ValueError as error:
        raise ConfigurationError(
            _CERTIFICATE, f"holds no certificates ({error})", "Give a PEM file"
        ) from None
    try:
        key = load_pem_private_key(_read(_KEY, settings.signing_key_file), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            _KEY, "holds no key that can be read", "Give a PEM file without a passphrase"
        ) from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ConfigurationError(_KEY, "signs no profiles", "Use an RSA or an elliptic curve key")
    spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*spki) != chain[0].public_key().public_bytes(*spki):
        raise ConfigurationError(
            _KEY, f"is not the key of the first certificate in {_CERTIFICATE}", "Give its own key"
        )
    return Signer(
        tuple(certificate.public_bytes(Encoding.DER) for certificate in chain),
        Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
    )


def _read(setting: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            setting, f"{file} cannot be read ({error.strerror})", "Check the path and permissions"
        ) from None


def of_server(identity: ServerIdentity) -> Signer:
    """Return the RADIUS server as a signer: a device shows the profile as signed, but not as
    verified, since it does not know that authority."""
    return Signer(identity.chain, identity.key)


def sign(content: bytes, signer: Signer) -> bytes:
    """Return `content` inside a CMS SignedData (RFC 5652 section 5) with the signer's whole chain,
    in DER. Raises Invalid where the key is neither RSA nor of an elliptic curve."""
    key = load_der_private_key(signer.key.reveal(), None)
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise Invalid("profiles are signed with an RSA or an elliptic curve key")
    own, *others = (x509.load_der_x509_certificate(certificate) for certificate in signer.chain)
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(own, key, SHA256())
    for certificate in others:
        builder = builder.add_certificate(certificate)
    return builder.sign(Encoding.DER, _OPTIONS)
