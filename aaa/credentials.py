"""Whose a device's credential is, and whether it still opens anything."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Executable, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens
from aaa.citizens import CitizenRecord
from aaa.identifier import Nai
from aaa.model import Citizen, Device, DeviceCertificate
from aaa.policy import Denied, DenyReason
from aaa.secret import Keyring, Secret
from aaa.snapshot import CollectivityEntry, Snapshot
from aaa.wifi_secrets import digest_of

_DEVICE: Final = Device.__table__.c
_CERTIFICATE: Final = DeviceCertificate.__table__.c
_HOLDER: Final = (
    _DEVICE.id.label("device_id"),
    _DEVICE.revoked_at.label("device_revoked_at"),
    *citizens.COLUMNS,
)
_BY_DIGEST: Final[Executable] = (
    select(*_HOLDER)
    .join(Citizen, Citizen.id == _DEVICE.citizen_id)
    .where(
        _DEVICE.secret_digest == bindparam("digest"),
        Citizen.name == bindparam("name"),
        Citizen.collectivity_id.in_(bindparam("homes", expanding=True)),
    )
)
_BY_FINGERPRINT: Final[Executable] = (
    select(
        *_HOLDER,
        _CERTIFICATE.id.label("certificate_id"),
        _CERTIFICATE.revoked_at,
        _CERTIFICATE.expires_at,
    )
    .join(Citizen, Citizen.id == _DEVICE.citizen_id)
    .join(DeviceCertificate, DeviceCertificate.device_id == _DEVICE.id)
    .where(_CERTIFICATE.fingerprint == bindparam("fingerprint"))
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a credential is: the citizen, and which of their devices and its certificates."""

    citizen: CitizenRecord
    device_id: int
    denied: Denied | None
    """Why it opens nothing any more, though it is theirs."""
    certificate_id: int | None = None


async def by_wifi_secret(
    session: AsyncSession,
    keyring: Keyring,
    snapshot: Snapshot,
    *,
    nai: Nai,
    at: CollectivityEntry,
    secret: Secret,
) -> Holder | None:
    """Return the holder of a Wi-Fi secret that was sent, of those that an identifier written at
    ``at`` may name; None where it is none of theirs. One query; none for what can be no secret."""
    digest = digest_of(keyring, secret)
    if digest is None:
        return None
    parameters = {
        "digest": digest,
        "name": nai.name,
        "homes": citizens.homes(snapshot, nai, at),
    }
    row = (await session.execute(_BY_DIGEST, parameters)).one_or_none()
    if row is None:
        return None
    citizen = citizens.record(row, snapshot)
    return Holder(citizen, row.device_id, _revoked(row.device_revoked_at))


async def by_certificate(
    session: AsyncSession, snapshot: Snapshot, der: bytes, now: datetime
) -> Holder | None:
    """Return the holder of a client certificate (DER), whose key was proven and whose chain was
    verified; None where we gave it to nobody."""
    parameters = {"fingerprint": hashlib.sha256(der).hexdigest()}
    row = (await session.execute(_BY_FINGERPRINT, parameters)).one_or_none()
    if row is None:
        return None
    denied = _revoked(row.device_revoked_at or row.revoked_at)
    if denied is None and row.expires_at <= now:
        denied = Denied(DenyReason.CERTIFICATE_EXPIRED)
    return Holder(citizens.record(row, snapshot), row.device_id, denied, row.certificate_id)


def _revoked(revoked_at: datetime | None) -> Denied | None:
    return Denied(DenyReason.DEVICE_REVOKED) if revoked_at is not None else None
