"""Revocation: at once for ourselves, and as lists (RFC 5280 section 5) for whoever else asks.

The RADIUS server looks into the database at each authentication, never into a list.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Authority, Device, DeviceCertificate
from aaa.pki import authority, contents
from aaa.pki.contents import Signer
from aaa.secret import Keyring

VALIDITY: Final = timedelta(days=7)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def revoke(session: AsyncSession, serial: str, now: datetime) -> bool:
    """Revoke one certificate; return whether it was valid until now. A device that is revoked
    itself needs no such call: none of its certificates is believed any more."""
    revoked = await session.execute(
        update(DeviceCertificate)
        .where(
            DeviceCertificate.serial == serial,
            DeviceCertificate.revoked_at.is_(None),
            DeviceCertificate.expires_at > now,
        )
        .values(revoked_at=now)
    )
    return bool(revoked.rowcount)  # type: ignore[attr-defined]


async def revocation_list(
    session: AsyncSession, keyring: Keyring, authority_id: int, now: datetime
) -> bytes | None:
    """Return an authority's list in DER: what it signed, is revoked by itself or with its device,
    and expired no longer ago than a list is valid (RFC 5280 section 3.3 asks for one list after
    that). None where there is no such authority; raises Invalid where the key file
    is not the database's."""
    found = await session.get(Authority, authority_id)
    if found is None:
        return None
    revoked_at = func.coalesce(DeviceCertificate.revoked_at, Device.revoked_at)
    rows = (
        await session.execute(
            select(DeviceCertificate.serial, revoked_at)
            .outerjoin(Device, Device.id == DeviceCertificate.device_id)
            .where(
                DeviceCertificate.authority_id == authority_id,
                revoked_at.is_not(None),
                DeviceCertificate.expires_at > now - VALIDITY,
            )
            .order_by(DeviceCertificate.id)
        )
    ).all()
    return _signed(authority.open_signer(keyring, found), rows, now)


def _signed(signer: Signer, revoked: Sequence[tuple[str, datetime]], now: datetime) -> bytes:
    """Return a signed list. Its number is the time in microseconds, which grows by itself."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(now.replace(microsecond=0))
        .next_update((now + VALIDITY).replace(microsecond=0))
        .add_extension(contents.authority_key_identifier(signer), critical=False)
        .add_extension(x509.CRLNumber((now - _EPOCH) // _MICROSECOND), critical=False)
    )
    for serial, revoked_at in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(int(serial, 16))
            .revocation_date(revoked_at.replace(microsecond=0))
            .build()
        )
    return builder.sign(signer.key, SHA256()).public_bytes(Encoding.DER)
