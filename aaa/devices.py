"""The devices of citizens: known by a MAC that we remember until a date, or by a credential.

What a credential is stands elsewhere: :mod:`aaa.wifi_secrets`, and certificates in `aaa.pki`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import outbox
from aaa.errors import Invalid
from aaa.model import Citizen, Device, DeviceCertificate, Session
from aaa.policy import Denied, DenyReason

# More than anybody carries. Remembered MACs and expired certificates count not: they end by
# themselves.
MOST_ACTIVE: Final = 20
_MOST_NAME: Final = 100
# PostgreSQL's advisory locks of devices: any 16 bits, and the 48 of the MAC.
_LOCKS: Final = 0x4445 << 48


class ListFull(Invalid):
    """The citizen has as many devices as anybody may."""


class NoSuchDevice(Invalid):
    """The citizen has no device of this number."""


@dataclass(frozen=True, slots=True)
class RememberedDevice:
    """A device that may come back without a page."""

    id: int
    citizen_id: int
    remembered_until: datetime


async def remember(
    session: AsyncSession,
    *,
    citizen_id: int,
    mac: str,
    name: str,
    days: int,
    now: datetime,
) -> None:
    """Remember a device for ``days``; a device belongs to the citizen who asked last. It is taken
    from a former owner, whose sessions on it are asked to end.

    Until the transaction ends, no other remembers this MAC.
    """
    await _take_turn(session, mac)
    await _take_from_others(session, citizen_id, mac, now)
    device = await session.scalar(
        select(Device).where(Device.citizen_id == citizen_id, Device.mac == mac)
    )
    if device is None:
        device = Device(citizen_id=citizen_id, mac=mac, name=name, created_at=now)
        session.add(device)
    device.remembered_until = now + timedelta(days=days)
    device.revoked_at = None
    await session.flush()


async def _take_from_others(
    session: AsyncSession, citizen_id: int, mac: str, now: datetime
) -> None:
    is_open = (Session.device_mac == mac) & Session.stopped_at.is_(None)
    # As `revoke` does.
    await session.execute(
        select(Session.id)
        .where(is_open, Session.citizen_id != citizen_id)
        .with_for_update(read=True, key_share=True)
    )
    former = await session.scalar(
        select(Device)
        .where(Device.mac == mac, Device.citizen_id != citizen_id, Device.revoked_at.is_(None))
        .with_for_update()
    )
    if former is None:
        return
    former.revoked_at = now
    ending = await session.scalars(
        select(Session.id).where(is_open, Session.citizen_id == former.citizen_id)
    )
    await outbox.disconnect(session, ending.all(), DenyReason.DEVICE_REVOKED, now)


async def _take_turn(session: AsyncSession, mac: str) -> None:
    """Wait until nobody else remembers this MAC, and then see what they wrote: no row could be
    locked for a device that is new. SQLite has one writer, whose turn it is."""
    if session.get_bind().dialect.name == "postgresql":
        lock = _LOCKS | int(mac.replace(":", ""), 16)
        await session.execute(select(func.pg_advisory_xact_lock(lock)))


class DeviceKind(StrEnum):
    """What a device proves itself by."""

    REMEMBERED = "remembered"
    WIFI_SECRET = "wifi_secret"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as its citizen sees it; ``mac`` only of one that is remembered by it."""

    id: int
    kind: DeviceKind
    name: str
    mac: str | None
    created_at: datetime
    expires_at: datetime | None
    """When the MAC is forgotten or the last certificate expires; a Wi-Fi secret does not."""
    revoked_at: datetime | None

    def is_over(self, now: datetime) -> bool:
        """Return whether the device has nothing left to prove itself by, but time alone took it."""
        return self.expires_at is not None and self.expires_at <= now


async def of_citizen(session: AsyncSession, citizen_id: int) -> Sequence[DeviceView]:
    """Return every device that a citizen ever had, the newest first."""
    expires_at = func.max(DeviceCertificate.expires_at)
    rows = await session.execute(
        select(Device, expires_at)
        .outerjoin(DeviceCertificate, DeviceCertificate.device_id == Device.id)
        .where(Device.citizen_id == citizen_id)
        .group_by(Device.id)
        .order_by(Device.id.desc())
    )
    return [_view(device, expires_at) for device, expires_at in rows]


def _view(device: Device, certified_until: datetime | None) -> DeviceView:
    if device.mac is not None:
        kind = DeviceKind.REMEMBERED
    elif device.secret_digest is not None:
        kind = DeviceKind.WIFI_SECRET
    else:
        kind = DeviceKind.CERTIFICATE
    return DeviceView(
        id=device.id,
        kind=kind,
        name=device.name,
        mac=device.mac,
        created_at=device.created_at,
        expires_at=device.remembered_until or certified_until,
        revoked_at=device.revoked_at,
    )


async def add(session: AsyncSession, *, citizen_id: int, name: str, now: datetime) -> Device:
    """Store a new device that is to be given a credential; return it, with its id.

    Raises ListFull where the citizen has :data:`MOST_ACTIVE` already, Invalid where the name is
    none.
    """
    await _hold_place(session, Device.citizen_id == citizen_id, citizen_id, now)
    device = Device(citizen_id=citizen_id, name=check_name(name), created_at=now)
    session.add(device)
    await session.flush()
    return device


async def to_renew(
    session: AsyncSession, *, citizen_id: int, device_id: int, now: datetime
) -> Device:
    """Return a device that is to be given another credential; until the transaction ends, nobody
    else changes it.

    Raises NoSuchDevice where the citizen has none of this number that has a credential of its own,
    ListFull where its own has expired and others have taken its place.
    """
    others = (Device.citizen_id == citizen_id) & (Device.id != device_id)
    await _hold_place(session, others, citizen_id, now)
    device = await session.scalar(
        select(Device)
        .where(_is_theirs(citizen_id, device_id), Device.mac.is_(None), Device.revoked_at.is_(None))
        .with_for_update()
    )
    if device is None:
        raise _no_such_device(device_id)
    return device


async def _hold_place(
    session: AsyncSession, counted: ColumnElement[bool], citizen_id: int, now: datetime
) -> None:
    """Raise ListFull where devices that may connect leave no place for one more. Until the
    transaction ends, no other takes it: two at once might both be the last."""
    await session.execute(
        select(Citizen.id).where(Citizen.id == citizen_id).with_for_update(key_share=True)
    )
    has_certificate = select(DeviceCertificate.id).where(DeviceCertificate.device_id == Device.id)
    is_over = (
        has_certificate.exists()
        & ~has_certificate.where(DeviceCertificate.expires_at > now).exists()
    )
    active = await session.scalar(
        select(func.count())
        .select_from(Device)
        .where(counted, Device.mac.is_(None), Device.revoked_at.is_(None), ~is_over)
    )
    if (active or 0) >= MOST_ACTIVE:
        raise ListFull(
            f"there are {MOST_ACTIVE} devices already: revoke one that is not used any more"
        )


def check_name(text: str) -> str:
    """Return a device's name as it is kept; raise Invalid where it is none."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= _MOST_NAME or not name.isprintable():
        raise Invalid(f"a device is called by 1 to {_MOST_NAME} characters, such as: Anna’s phone")
    return name


async def rename(session: AsyncSession, *, citizen_id: int, device_id: int, name: str) -> None:
    """Give a device another name; raise Invalid where the citizen has none of this number."""
    is_theirs = _is_theirs(citizen_id, device_id)
    renamed = await session.execute(update(Device).where(is_theirs).values(name=check_name(name)))
    if not renamed.rowcount:  # type: ignore[attr-defined]
        raise _no_such_device(device_id)


async def revoke(session: AsyncSession, *, citizen_id: int, device_id: int, now: datetime) -> int:
    """Take from a device what it proves itself by, and ask for the end of its open sessions;
    return how many. Once more changes nothing, but asks for the end of what is still open.

    Raises NoSuchDevice where the citizen has no device of this number.
    """
    is_open = (Session.citizen_id == citizen_id) & Session.stopped_at.is_(None)
    # In the order in which accounting locks: sessions, then what new ones refer to. Such a session
    # is there before its device is revoked, or written after and ended by the ledger.
    lock_sessions = select(Session.id).where(is_open).with_for_update(read=True, key_share=True)
    await session.execute(lock_sessions)
    device = await session.scalar(
        select(Device).where(_is_theirs(citizen_id, device_id)).with_for_update()
    )
    if device is None:
        raise _no_such_device(device_id)
    if device.revoked_at is None:
        device.revoked_at = now
    device.sealed_secret = None
    await session.execute(
        update(DeviceCertificate)
        .where(DeviceCertificate.device_id == device_id, DeviceCertificate.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    is_its_own = Session.device_id == device_id
    if device.mac is not None:
        # Remembered after it had logged in, a device has sessions without its number.
        is_its_own |= Session.device_mac == device.mac
    ending = await session.scalars(select(Session.id).where(is_open, is_its_own))
    return await outbox.disconnect(session, ending.all(), DenyReason.DEVICE_REVOKED, now)


def _is_theirs(citizen_id: int, device_id: int) -> ColumnElement[bool]:
    return (Device.id == device_id) & (Device.citizen_id == citizen_id)


def _no_such_device(device_id: int) -> NoSuchDevice:
    return NoSuchDevice(f"there is no device {device_id} of this citizen: name one of their list")


async def erase(session: AsyncSession, citizen_id: int, now: datetime) -> None:
    """Delete a citizen's devices with their credentials; what their sessions were is kept, and
    that their certificates are revoked (RFC 5280 section 3.3), but not whose they were."""
    theirs = select(Device.id).where(Device.citizen_id == citizen_id)
    await session.execute(
        update(Session)
        .where(Session.citizen_id == citizen_id, Session.device_id.is_not(None))
        .values(device_id=None)
    )
    await drop(session, theirs, now)


async def drop(session: AsyncSession, device_ids: Select[int], now: datetime) -> int:
    """Delete devices that no session tells of; return how many. Their certificates are revoked,
    and stay without a device until :mod:`aaa.retention` deletes them."""
    await session.execute(
        update(DeviceCertificate)
        .where(DeviceCertificate.device_id.in_(device_ids))
        .values(device_id=None, revoked_at=func.coalesce(DeviceCertificate.revoked_at, now))
        .execution_options(synchronize_session=False)
    )
    dropped = await session.execute(
        delete(Device).where(Device.id.in_(device_ids)).execution_options(synchronize_session=False)
    )
    return dropped.rowcount  # type: ignore[attr-defined, no-any-return]


async def by_mac(session: AsyncSession, mac: str, now: datetime) -> RememberedDevice | Denied:
    """Return the device that is remembered under a MAC, or why none is."""
    rows = await session.execute(
        select(Device.id, Device.citizen_id, Device.remembered_until, Device.revoked_at)
        .where(Device.mac == mac)
        .order_by(Device.revoked_at.is_not(None), Device.remembered_until.desc())
        .limit(1)
    )
    row = rows.one_or_none()
    if row is None:
        return Denied(DenyReason.UNKNOWN_DEVICE)
    if row.revoked_at is not None:
        return Denied(DenyReason.DEVICE_REVOKED)
    if row.remembered_until is None or row.remembered_until <= now:
        return Denied(DenyReason.DEVICE_EXPIRED)
    return RememberedDevice(row.id, row.citizen_id, row.remembered_until)


async def forget(session: AsyncSession, *, citizen_id: int, mac: str, now: datetime) -> bool:
    """Revoke what a citizen had remembered under a MAC; return whether there was anything."""
    revoked = await session.execute(
        update(Device)
        .where(Device.citizen_id == citizen_id, Device.mac == mac, Device.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return bool(revoked.rowcount)  # type: ignore[attr-defined]
