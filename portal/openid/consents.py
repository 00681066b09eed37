"""Which places a citizen lets know what a log-in there tells of them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit
from portal.answers import Answer, Go, Show
from portal.model import Consent
from portal.onboarding.enrolments import OpenEnrolment
from portal.openid import sign_ins
from portal.parts import Parts


@dataclass(frozen=True, slots=True)
class Given:
    """A consent that holds: to which partner, by name and title, and since when."""

    partner: str
    title: str
    given_at: datetime


async def give(session: AsyncSession, citizen_id: int, partner_id: int, now: datetime) -> None:
    """Remember a consent until it is taken back; one that was given before stays as it is."""
    given = Consent(citizen_id=citizen_id, partner_id=partner_id, given_at=now)
    with suppress(IntegrityError):
        async with session.begin_nested():
            session.add(given)


async def of_citizen(parts: Parts, citizen_id: int) -> Sequence[Given]:
    """Return the consents of a citizen, the newest first."""
    query = (
        select(Consent)
        .where(Consent.citizen_id == citizen_id)
        .order_by(Consent.given_at.desc(), Consent.partner_id)
    )
    async with parts.database.read("consents") as session:
        rows = (await session.scalars(query)).all()
    partners = parts.partners.current.by_id
    found = [(partners.get(row.partner_id), row.given_at) for row in rows]
    return [
        Given(partner.name, sign_ins.title_of(partner), given_at)
        for partner, given_at in found
        if partner is not None
    ]


async def show(parts: Parts, enrolment: OpenEnrolment) -> Answer:
    """Return the page of a citizen's consents."""
    given = await of_citizen(parts, enrolment.citizen.id)
    return Show("places.html", enrolment, context={"places": given})


async def take_back(parts: Parts, enrolment: OpenEnrolment, partner_name: str) -> Answer:
    """Take a consent back, with the log-ins under way that rest on it, and return to the page."""
    now, citizen_id = parts.clock(), enrolment.citizen.id
    partner = parts.partners.current.by_name.get(partner_name)
    if partner is not None:
        async with parts.database.write("consents") as session:
            await sign_ins.void(session, citizen_id, partner.id)
            await session.execute(
                delete(Consent).where(
                    Consent.citizen_id == citizen_id, Consent.partner_id == partner.id
                )
            )
            audit.note(
                session,
                actor="portal",
                action="consent.take_back",
                subject=f"citizen:{citizen_id}",
                now=now,
                partner=partner.name,
            )
    return Go(f"{enrolment.way(parts.keyring)}/places")
