"""The end of a log-in: ask the policy, issue a ticket, send the browser to the NAS with it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, authorization, devices, tickets
from aaa.citizens import CitizenRecord
from aaa.nas.adapter import Navigate
from aaa.nas.registry import adapter
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from aaa.tickets import Bearer, OfCitizen, OfVisitor
from aaa.visitors import VisitorRecord
from portal.answers import Answer, Go, Show
from portal.captive import attempts, views
from portal.captive.attempts import Attempt, token_of
from portal.captive.flow import STATUS_LIFETIME, denial
from portal.captive.gateway import door_to
from portal.parts import Parts


async def finish(parts: Parts, attempt: Attempt) -> Answer:
    """Return the way to the NAS with a ticket, or why who is proven may not connect here now."""
    match attempt.person:
        case CitizenRecord() as citizen:
            return await _finish(parts, attempt, citizen)
        case VisitorRecord() as visitor:
            return await _finish_visitor(parts, attempt, visitor)
    return views.to_visit(parts, attempt)


async def _finish(parts: Parts, attempt: Attempt, citizen: CitizenRecord) -> Answer:
    now = parts.clock()
    async with parts.database.write("finish") as session:
        decision = await authorization.authorize(
            session,
            parts.snapshot,
            citizen=citizen,
            hotspot=attempt.hotspot,
            device_mac=attempt.device_mac,
            now=now,
        )
        if isinstance(decision, Denied):
            _note(session, citizen, "login.denied", now, attempt, reason=decision.reason.value)
            result: Secret | Denied = decision
        else:
            result = await _issue_ticket(session, parts, attempt, OfCitizen(citizen.id), now)
            await _remember(session, parts, attempt, citizen, now)
    if isinstance(result, Denied):
        return views.denied(parts, attempt, result.reason)
    return _to_nas(parts, attempt, citizen.nai, result)


async def _finish_visitor(parts: Parts, attempt: Attempt, visitor: VisitorRecord) -> Answer:
    now = parts.clock()
    partner = parts.partners.current.by_collectivity.get(visitor.home_collectivity_id)
    if partner is None or not partner.is_active:
        return views.denied(parts, attempt, DenyReason.PARTNER_SUSPENDED)
    decision = authorization.authorize_visitor(parts.snapshot, attempt.hotspot, now)
    if isinstance(decision, Denied):
        return views.denied(parts, attempt, decision.reason)
    async with parts.database.write("finish") as session:
        ticket = await _issue_ticket(session, parts, attempt, OfVisitor(visitor.id), now)
    return _to_nas(parts, attempt, visitor.user_name, ticket)


async def tell_denial(parts: Parts, attempt: Attempt) -> Answer:
    """Return why RADIUS refused the visit's ticket. It is told once: who comes back to the visit
    after it, tries again."""
    reason = denial(attempt.progress)
    if reason is None:
        return views.to_visit(parts, attempt)
    async with parts.database.write("denial") as session:
        await attempts.change(session, attempt, **attempts.NOT_FINISHED)
    return views.denied(parts, attempt, reason)


async def _issue_ticket(
    session: AsyncSession, parts: Parts, attempt: Attempt, bearer: Bearer, now: datetime
) -> Secret:
    ticket, ticket_id = await tickets.issue(
        session,
        parts.keyring,
        bearer=bearer,
        nas_id=attempt.nas.id,
        device_mac=attempt.device_mac,
        now=now,
    )
    await attempts.change(
        session,
        attempt,
        ticket_id=ticket_id,
        ticket_issued_at=now,
        expires_at=now + STATUS_LIFETIME,
    )
    return ticket


async def _remember(
    session: AsyncSession, parts: Parts, attempt: Attempt, citizen: CitizenRecord, now: datetime
) -> None:
    """Remember the device where its citizen wishes, and the place allows it."""
    days = views.remember_days(parts.snapshot, attempt)
    if not attempt.wants_remembering or attempt.device_mac is None or days is None:
        return
    await devices.remember(
        session,
        citizen_id=citizen.id,
        mac=attempt.device_mac,
        # What its citizen knows it by later: where they first used it.
        name=attempt.hotspot.name[:100],
        days=days,
        now=now,
    )
    _note(session, citizen, "device.remember", now, attempt, days=days)


def _to_nas(parts: Parts, attempt: Attempt, user_name: str, ticket: Secret) -> Answer:
    public_url = parts.settings.portal.public_url
    token = token_of(parts.keyring, attempt.reference)
    way = adapter(attempt.nas.vendor).login(
        attempt.parameters,
        user_name,
        ticket.reveal().decode(),
        f"{public_url}/visit/{token}/status",
        door_to(attempt.nas, public_url),
    )
    if isinstance(way, Navigate):
        return Go(way.url)
    return Show("handover.html", attempt, context={"url": way.url, "fields": way.fields})


def _note(
    session: AsyncSession,
    citizen: CitizenRecord,
    action: str,
    now: datetime,
    attempt: Attempt,
    **detail: object,
) -> None:
    audit.note(
        session,
        actor="portal",
        action=action,
        subject=f"citizen:{citizen.id}",
        now=now,
        hotspot=attempt.hotspot.slug,
        **detail,
    )
