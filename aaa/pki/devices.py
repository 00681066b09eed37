"""Certificates of devices: issued, and packed so that the device can take key and all in."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from aaa.model import Citizen, CitizenState, Device, DeviceCertificate
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


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """The last certificate of a device, which expires soon, and whose device it is."""

    id: int
    citizen_id: int
    device_name: str
    expires_at: datetime


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


async def ending(
    session: AsyncSession, *, now: datetime, before: datetime, most: int = 200
) -> Sequence[EndingCertificate]:
    """Return the certificates that expire before a date, without which their devices have none,
    and whose citizens have an e-mail address and have not been reminded; the most urgent first."""
    later = aliased(DeviceCertificate)
    is_followed = select(later.id).where(
        later.device_id == DeviceCertificate.device_id,
        later.expires_at > DeviceCertificate.expires_at,
    )
    rows = await session.execute(
        select(DeviceCertificate.id, Device.citizen_id, Device.name, DeviceCertificate.expires_at)
        .join(Device, Device.id == DeviceCertificate.device_id)
        .join(Citizen, Citizen.id == Device.citizen_id)
        .where(
            DeviceCertificate.expires_at > now,
            DeviceCertificate.expires_at <= before,
            DeviceCertificate.revoked_at.is_(None),
            DeviceCertificate.reminded_at.is_(None),
            Device.revoked_at.is_(None),
            Citizen.state == CitizenState.ACTIVE,
            Citizen.email.is_not(None),
            ~is_followed.exists(),
        )
        .order_by(DeviceCertificate.expires_at)
        .limit(most)
    )
    return [EndingCertificate(*row) for row in rows]


async def note_reminder(session: AsyncSession, certificate_id: int, now: datetime) -> bool:
    """Keep that the citizen of a certificate is reminded now; return whether nobody else did."""
    noted = await session.execute(
        update(DeviceCertificate)
        .where(DeviceCertificate.id == certificate_id, DeviceCertificate.reminded_at.is_(None))
        .values(reminded_at=now)
    )
    return bool(noted.rowcount)  # type: ignore[attr-defined]


def pkcs12(issued: IssuedCertificate, passphrase: Secret, name: str) -> bytes:
    """Return key, certificate and root as one PKCS 12 file (RFC 7292); devices show ``name``."""
    return packing.protect(issued.certificate, issued.key, passphrase, name, [issued.issuer])


def _random_name() -> str:
    return base64.b32encode(secrets.token_bytes(_NAME_OCTETS)).decode().lower()
