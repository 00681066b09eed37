"""What a device is given to prove itself by: which kind suits it, and how it is kept an hour."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices, wifi_secrets
from aaa.citizens import CitizenRecord
from aaa.devices import DeviceKind
from aaa.errors import Invalid
from aaa.model import Device
from aaa.pki import devices as certificates
from aaa.secret import Keyring, Secret
from aaa.settings import Settings
from portal.model import EnrolledDevice
from portal.onboarding.formats import Platform
from portal.onboarding.profile import ClientCertificate, WifiSecret

# Apple's systems take key, certificate and settings in one file with two taps, and their keychain
# keeps the key from then on. Everywhere else a certificate means a password to type, a prompt for
# a screen lock (Android), a store to choose (Windows) or a file to look after (Linux): there a
# Wi-Fi secret is as unguessable, sits in the profile, and can be typed by hand where all else
# fails.
_TAKE_CERTIFICATES: Final = frozenset({Platform.IOS, Platform.MACOS})
_PURPOSE: Final = "enrolled-device"

Credential = WifiSecret | ClientCertificate


@dataclass(frozen=True, slots=True)
class Kept:
    """What profiles of a device are built from, what it runs, and whether one was downloaded."""

    credential: Credential = field(repr=False)
    platform: Platform
    is_downloaded: bool


async def issue(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    *,
    citizen: CitizenRecord,
    platform: Platform,
    name: str,
    now: datetime,
) -> tuple[Credential, int]:
    """Store a new device with a credential of its own; return the credential and the device's id.

    Raises ListFull where the citizen has too many devices.
    """
    if platform not in _TAKE_CERTIFICATES:
        secrets = wifi_secrets.WifiSecrets(keyring, settings.eap.challenges)
        secret, device_id = await secrets.issue(session, citizen_id=citizen.id, name=name, now=now)
        return WifiSecret(citizen.nai, secret), device_id
    device = await devices.add(session, citizen_id=citizen.id, name=name, now=now)
    return await _certify(session, keyring, settings, citizen, device.id, now), device.id


async def renew(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    *,
    citizen: CitizenRecord,
    device_id: int,
    kind: DeviceKind,
    now: datetime,
) -> Credential:
    """Give a device another credential of the kind it has, and return it. A Wi-Fi secret takes the
    place of the former at once; a certificate that it has stays valid until it expires, so that
    the device is offline at no time.

    Raises NoSuchDevice and ListFull as :func:`aaa.devices.to_renew` does.
    """
    if kind is DeviceKind.WIFI_SECRET:
        secrets = wifi_secrets.WifiSecrets(keyring, settings.eap.challenges)
        secret = await secrets.renew(session, citizen_id=citizen.id, device_id=device_id, now=now)
        return WifiSecret(citizen.nai, secret)
    await devices.to_renew(session, citizen_id=citizen.id, device_id=device_id, now=now)
    return await _certify(session, keyring, settings, citizen, device_id, now)


async def _certify(
    session: AsyncSession,
    keyring: Keyring,
    settings: Settings,
    citizen: CitizenRecord,
    device_id: int,
    now: datetime,
) -> ClientCertificate:
    issued = await certificates.issue(
        session,
        keyring,
        device_id=device_id,
        realm=citizen.collectivity.realm,
        crl_url=f"{settings.portal.public_url}/crl",
        now=now,
    )
    return ClientCertificate(
        identity=issued.identity,
        certificate=issued.certificate,
        key=issued.key,
        issuer=issued.issuer,
        expires_at=issued.expires_at,
    )


def platform_of(kind: DeviceKind, asking: Platform) -> Platform:
    """Return what a device with a credential of this kind runs, by all we know: the same as the
    browser that asks, where that takes such credentials."""
    if kind is DeviceKind.CERTIFICATE:
        return asking if asking in _TAKE_CERTIFICATES else Platform.IOS
    return Platform.UNKNOWN if asking in _TAKE_CERTIFICATES else asking


def keep(
    session: AsyncSession,
    keyring: Keyring,
    credential: Credential,
    *,
    enrolment_id: int,
    device_id: int,
    platform: Platform,
) -> None:
    """Keep a device's credential, sealed, until its enrolment is over."""
    session.add(
        EnrolledDevice(
            device_id=device_id,
            enrolment_id=enrolment_id,
            platform=platform.value,
            sealed_credential=keyring.seal(_written(credential), _PURPOSE),
        )
    )


async def find(
    session: AsyncSession, keyring: Keyring, *, enrolment_id: int, device_id: int
) -> Kept | None:
    """Return what is kept of a device that was given its credential in this enrolment."""
    row = await session.scalar(
        select(EnrolledDevice).where(
            EnrolledDevice.enrolment_id == enrolment_id, EnrolledDevice.device_id == device_id
        )
    )
    if row is None:
        return None
    text = keyring.open(row.sealed_credential, _PURPOSE)
    if text is None:
        raise Invalid(
            "a device's credential was sealed with another key: "
            "restore the key file that belongs to this database"
        )
    return Kept(_read(text), Platform(row.platform), row.downloaded_at is not None)


async def note_download(session: AsyncSession, device_id: int, now: datetime) -> None:
    """Keep that a device's profile was downloaded."""
    await session.execute(
        update(EnrolledDevice)
        .where(EnrolledDevice.device_id == device_id)
        .values(downloaded_at=now)
    )


async def waiting(session: AsyncSession, enrolment_id: int, platform: Platform) -> dict[str, int]:
    """Return the devices of a platform whose profile was made in this enrolment, and downloaded by
    nobody yet: the id by the name."""
    rows = await session.execute(
        select(Device.name, Device.id)
        .join(EnrolledDevice, EnrolledDevice.device_id == Device.id)
        .where(
            EnrolledDevice.enrolment_id == enrolment_id,
            EnrolledDevice.platform == platform.value,
            EnrolledDevice.downloaded_at.is_(None),
            Device.revoked_at.is_(None),
        )
    )
    return {row[0]: row[1] for row in rows}


async def made_in(session: AsyncSession, enrolment_id: int) -> list[int]:
    """Return the devices that were made in an enrolment, the newest first."""
    query = select(EnrolledDevice.device_id).where(EnrolledDevice.enrolment_id == enrolment_id)
    return list(await session.scalars(query.order_by(EnrolledDevice.device_id.desc())))


async def forget(session: AsyncSession, device_id: int) -> None:
    """Delete what is kept of a device's credential."""
    await session.execute(delete(EnrolledDevice).where(EnrolledDevice.device_id == device_id))


def _written(credential: Credential) -> bytes:
    if isinstance(credential, WifiSecret):
        kept = {"identity": credential.identity, "secret": credential.secret.reveal().decode()}
    else:
        kept = {
            "identity": credential.identity,
            "certificate": base64.b64encode(credential.certificate).decode(),
            "key": base64.b64encode(credential.key.reveal()).decode(),
            "issuer": base64.b64encode(credential.issuer).decode(),
            "expires_at": credential.expires_at.isoformat(),
        }
    return json.dumps(kept).encode()


def _read(text: bytes) -> Credential:
    kept: dict[str, Any] = json.loads(text)
    if "secret" in kept:
        return WifiSecret(kept["identity"], Secret(kept["secret"]))
    return ClientCertificate(
        identity=kept["identity"],
        certificate=base64.b64decode(kept["certificate"]),
        key=Secret(base64.b64decode(kept["key"])),
        issuer=base64.b64decode(kept["issuer"]),
        expires_at=datetime.fromisoformat(kept["expires_at"]),
    )
