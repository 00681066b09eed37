"""Devices that their citizens let us remember, by MAC, until a date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Device
from aaa.policy import Denied, DenyReason

# PostgreSQL's advisory locks of devices: any 16 bits, and the 48 of the MAC.
_LOCKS: Final = 0x4445 << 48


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
    """Remember a device for ``days``; a device belongs to the citizen who asked last.

    Until the transaction ends, no other remembers this MAC.
    """
    await _take_turn(session, mac)
    await session.execute(
        update(Device)
        .where(Device.mac == mac, Device.citizen_id != citizen_id, Device.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    device = await session.scalar(
        select(Device).where(Device.citizen_id == citizen_id, Device.mac == mac)
    )
    if device is None:
        device = Device(citizen_id=citizen_id, mac=mac, name=name, created_at=now)
        session.add(device)
    device.remembered_until = now + timedelta(days=days)
    device.revoked_at = None
    await session.flush()


async def _take_turn(session: AsyncSession, mac: str) -> None:
    """Wait until nobody else remembers this MAC, and then see what they wrote: no row could be
    locked for a device that is new. SQLite has one writer, whose turn it is."""
    if session.get_bind().dialect.name == "postgresql":
        lock = _LOCKS | int(mac.replace(":", ""), 16)
        await session.execute(select(func.pg_advisory_xact_lock(lock)))


async def of_citizen(session: AsyncSession, citizen_id: int) -> Sequence[Device]:
    """Return every device that a citizen ever had remembered, the newest first."""
    query = select(Device).where(Device.citizen_id == citizen_id).order_by(Device.id.desc())
    return (await session.scalars(query)).all()


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
