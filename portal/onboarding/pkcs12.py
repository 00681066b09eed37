"""A client's certificate and key in one PKCS 12 file (RFC 7292), as devices import it.

The issuer is not inside: the server has it, and Android's installer takes one certificate only.
"""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from aaa.errors import Invalid
from portal.onboarding.profile import ClientCertificate

_ROUNDS: Final = 2048


def passphrase(credential: ClientCertificate) -> str:
    """Return the passphrase of :func:`protect`: always the same for the same key, so that building
    a file takes no chance. It stands beside the file in every profile and protects nothing; the
    formats demand one."""
    return hashlib.sha256(b"pkcs12" + credential.key.reveal()).hexdigest()[:32]


def protect(credential: ClientCertificate) -> bytes:
    """Return the file under its passphrase. The encryption is the old one, triple DES and SHA-1:
    the only one that every macOS, Windows and Android in use opens."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())  # noqa: S303
        .build(passphrase(credential).encode())
    )
    return _serialize(credential, encryption)


def bare(credential: ClientCertificate) -> bytes:
    """Return the file with an empty passphrase, as Android's Passpoint installer opens it."""
    return _serialize(credential, NoEncryption())


def _serialize(credential: ClientCertificate, encryption: KeySerializationEncryption) -> bytes:
    key = load_der_private_key(credential.key.reveal(), None)
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise Invalid("a client's key is RSA or of an elliptic curve")
    certificate = x509.load_der_x509_certificate(credential.certificate)
    return serialize_key_and_certificates(b"Wi-Fi", key, certificate, None, encryption)
