"""Certificates of devices: issued, and packed so that the device can take key and all in."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.model import DeviceCertificate
from aaa.pki import authority, contents
from aaa.secret import Keyring, Secret

# Eight characters of base32.
_NAME_OCTETS: Final = 5
_KEY_ROUNDS: Final = 2048


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A device's new certificate. `certificate` and `issuer`, the root that signed it, are DER;
    `key` is PKCS 8 in DER, and kept by nobody but the device; `serial` is what openssl shows."""

    certificate: bytes
    key: Secret = field(repr=False)
    issuer: bytes
    serial: str
    expires_at: datetime
    identity: str


async def issue(
    session: AsyncSession,
    keyring: Keyring,
    *,
    device_id: int,
    realm: str,
    crl_url: str | None,
    now: datetime,
) -> IssuedCertificate:
    """Sign a certificate for a device and return it, with its key, which is not stored.

    It names nobody: its identity is eight random characters at ``realm``, new each time. What the
    device had before stays valid, so that the device can change over when it likes. ``crl_url`` is
    where the portal serves revocation lists: ``/<authority>.crl`` is added. Raises Invalid before
    the first authority is made, and where the key file is not the database's.
    """
    issuing, signer = await authority.newest_signer(session, keyring, now)
    identity = f"d-{_random_name()}@{realm}"
    key = contents.new_key()
    list_url = None if crl_url is None else f"{crl_url}/{issuing.id}.crl"
    made = contents.client(key.public_key(), signer, identity, list_url, now)
    issued = IssuedCertificate(
        certificate=made.public_bytes(Encoding.DER),
        key=contents.key_octets(key),
        issuer=issuing.certificate,
        serial=contents.serial_text(made),
        expires_at=made.not_valid_after_utc,
        identity=identity,
    )
    session.add(
        DeviceCertificate(
            device_id=device_id,
            authority_id=issuing.id,
            serial=issued.serial,
            fingerprint=contents.fingerprint(issued.certificate),
            valid_from=made.not_valid_before_utc,
            expires_at=issued.expires_at,
        )
    )
    await session.flush()
    return issued


def pkcs12(issued: IssuedCertificate, passphrase: Secret, name: str) -> bytes:
    """Return key, certificate and root as one PKCS 12 file (RFC 7292); devices show ``name``.

    Deviation: encrypted by triple DES and SHA-1 instead of AES and SHA-256 (RFC 9579). It is what
    every system reads: Android before 14, Apple's before 2022 and older Windows call anything
    newer a wrong password. The passphrase travels next to the file and is used once, so that
    the way to the device keeps both secret, not the cipher.
    """
    key = load_der_private_key(issued.key.reveal(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Invalid("a device's key is one of an elliptic curve")
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_KEY_ROUNDS)
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())  # noqa: S303
        .build(passphrase.reveal())
    )
    return serialize_key_and_certificates(
        name.encode(),
        key,
        x509.load_der_x509_certificate(issued.certificate),
        [x509.load_der_x509_certificate(issued.issuer)],
        encryption,
    )


def _random_name() -> str:
    return base64.b32encode(secrets.token_bytes(_NAME_OCTETS)).decode().lower()
