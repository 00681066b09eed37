"""Signing of profiles, so that a device can tell who made them."""

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from aaa.errors import Invalid
from aaa.secret import Secret

_OPTIONS: Final = [PKCS7Options.Binary, PKCS7Options.NoCapabilities]


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs profiles: certificates in DER, the signer's own first; its key as PKCS 8 in DER."""

    chain: tuple[bytes, ...]
    key: Secret = field(repr=False)


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
