"""Certificates of devices: issued, and packed so that the device can take key and all in."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import DeviceCertificate
from aaa.pki import authority, contents, packing
from aaa.secret import Keyring, Secret

# Eight characters of base32.
_NAME_OCTETS: Final = 5


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
    """Return key, certificate and root as one PKCS 12 file (RFC 7292); devices show ``name``."""
    return packing.protect(issued.certificate, issued.key, passphrase, name, [issued.issuer])


def _random_name() -> str:
    return base64.b32encode(secrets.token_bytes(_NAME_OCTETS)).decode().lower()
