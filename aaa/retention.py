"""Delete what told for a year who was connected where, by which device, and who changed what."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices
from aaa.model import AuditEvent, DailyUsage, Device, DeviceCertificate, Instruction, Session
from aaa.pki import revocation

# What French law asks of whoever gives the public access to the Internet.
KEPT: Final = timedelta(days=365)


async def purge(session: AsyncSession, now: datetime, most: int = 1000) -> int:
    """Delete what is older than a year: sessions that have stopped, with their instructions, the
    usage of days, audit events, certificates that have expired, devices that are revoked or
    forgotten; no more than ``most`` of each. Return how many. A closed account's certificates go
    as soon as revocation lists need them no more."""
    before = now - KEPT
    # It stopped after it started, which has an index.
    ended = select(Session.id).where(Session.started_at < before, Session.stopped_at < before)
    sessions = (await session.scalars(ended.limit(most))).all()
    key = tuple_(DailyUsage.citizen_id, DailyUsage.day)
    days = select(DailyUsage.citizen_id, DailyUsage.day).where(DailyUsage.day < before.date())
    events = select(AuditEvent.id).where(AuditEvent.at < before)
    await session.execute(delete(Instruction).where(Instruction.session_id.in_(sessions)))
    gone = [
        await session.execute(delete(Session).where(Session.id.in_(sessions))),
        await session.execute(delete(DailyUsage).where(key.in_(days.limit(most)))),
        await session.execute(delete(AuditEvent).where(AuditEvent.id.in_(events.limit(most)))),
    ]
    counts: list[int] = [result.rowcount for result in gone]  # type: ignore[attr-defined]
    return sum(counts) + await _purge_devices(session, now, before, most)


async def _purge_devices(session: AsyncSession, now: datetime, before: datetime, most: int) -> int:
    is_listed_no_more = DeviceCertificate.expires_at < now - revocation.VALIDITY
    past = select(DeviceCertificate.id).where(
        (DeviceCertificate.expires_at < before)
        | (DeviceCertificate.device_id.is_(None) & is_listed_no_more)
    )
    certificates = (await session.scalars(past.limit(most))).all()
    await session.execute(delete(DeviceCertificate).where(DeviceCertificate.id.in_(certificates)))
    has_certificate = exists().where(DeviceCertificate.device_id == Device.id)
    has_nothing = Device.mac.is_(None) & Device.secret_digest.is_(None) & ~has_certificate
    ended = select(Device.id).where(
        (Device.revoked_at < before)
        | (Device.remembered_until < before)
        | ((Device.created_at < before) & has_nothing),
        ~exists().where(Session.device_id == Device.id),
    )
    found = (await session.scalars(ended.limit(most))).all()
    dropped = await devices.drop(session, select(Device.id).where(Device.id.in_(found)), now)
    return len(certificates) + dropped
