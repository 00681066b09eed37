"""A device's certificate and key in one PKCS 12 file (RFC 7292)."""

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)

from aaa.errors import Invalid
from aaa.secret import Secret

_KEY_ROUNDS: Final = 2048


def protect(
    certificate: bytes, key: Secret, passphrase: Secret, name: str, roots: Sequence[bytes] = ()
) -> bytes:
    """Return a file under a passphrase; devices show ``name``. Certificates are DER, the key is
    PKCS 8 in DER.

    Deviation: encrypted by triple DES and SHA-1 instead of AES and SHA-256 (RFC 9579). It is what
    every system reads: Android before 14, Apple's before 2022 and older Windows call anything
    newer a wrong password. The passphrase travels next to the file and is used once, so that
    the way to the device keeps both secret, not the cipher.
    """
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_KEY_ROUNDS)
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())  # noqa: S303
        .build(passphrase.reveal())
    )
    return _serialize(certificate, key, name, roots, encryption)


def bare(certificate: bytes, key: Secret, name: str) -> bytes:
    """Return a file with an empty passphrase and the one certificate."""
    return _serialize(certificate, key, name, (), NoEncryption())


def _serialize(
    certificate: bytes,
    key: Secret,
    name: str,
    roots: Sequence[bytes],
    encryption: KeySerializationEncryption,
) -> bytes:
    loaded = load_der_private_key(key.reveal(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise Invalid("a device's key is one of an elliptic curve")
    return serialize_key_and_certificates(
        name.encode(),
        loaded,
        x509.load_der_x509_certificate(certificate),
        [x509.load_der_x509_certificate(root) for root in roots] or None,
        encryption,
    )
