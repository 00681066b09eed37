"""A partner's portal says that somebody leaves (OpenID Connect RP-Initiated Logout 1.0).

There is no browser session of ours that could end. What does end, once the citizen says so: codes
that were not redeemed, and what they have open at that partner's places. Who leaves, and where to,
is sealed into the address of the page that asks them.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, outbox
from aaa.model import Session
from aaa.secret import Keyring
from federation.directory import PartnerEntry
from federation.trust.publishing import organisation
from portal.answers import Answer, Go, Show
from portal.openid import clients, hints, outcomes, sign_ins, views
from portal.openid.outcomes import Endpoint, Unanswerable
from portal.openid.parameters import Parameters, with_query
from portal.openid.requests import MOST_STATE, language_of
from portal.parts import Parts

_LIFETIME: Final = timedelta(hours=1)
_PURPOSE: Final = "openid-log-out"
# How far the clock of a NAS may be behind ours.
_LEEWAY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Departure:
    """Who leaves which partner, and where they go from here, if anywhere."""

    citizen_id: int
    partner: PartnerEntry
    onward: str | None


def begin(parts: Parts, parameters: Parameters) -> Answer:
    """Return the way to the page that asks whether to end what is open there."""
    departure = _understood(parts, parameters)
    if departure is None:
        outcomes.refuse(parts, Endpoint.LOG_OUT, Unanswerable.WRONG_HINT, None)
        return views.unanswerable()
    language = language_of(parameters)
    way = f"/openid/log-out/{_seal(parts.keyring, departure, parts.clock())}"
    return Go(f"{way}?lang={language}" if language else way)


def ask(parts: Parts, sealed: str) -> Answer:
    """Return the page that asks: the standard wants it, since there is no session of ours that the
    ID token could be of (section 2)."""
    departure = _unseal(parts, sealed)
    if departure is None:
        return Show("expired.html", status=410)
    return _show(parts, "log_out.html", departure)


async def confirm(parts: Parts, sealed: str) -> Answer:
    """End what a citizen has open at a partner's places, and go on."""
    now, departure = parts.clock(), _unseal(parts, sealed)
    if departure is None:
        return Show("expired.html", status=410)
    citizen_id, partner = departure.citizen_id, departure.partner
    async with parts.database.write("log_out") as session:
        await sign_ins.void(session, citizen_id, partner.id)
        ended = await end_sessions(session, citizen_id, partner, "citizen", now)
        audit.note(
            session,
            actor="portal",
            action="openid.log_out",
            subject=f"citizen:{citizen_id}",
            now=now,
            partner=partner.name,
            sessions=ended,
        )
    outcomes.count(Endpoint.LOG_OUT, outcomes.ACCEPTED)
    return _show(parts, "logged_out.html", departure)


async def end_sessions(
    session: AsyncSession,
    citizen_id: int,
    partner: PartnerEntry,
    reason: str,
    now: datetime,
    since: datetime | None = None,
) -> int:
    """Ask for the end of what a citizen has open at a partner's places, or of what of it began
    since a time; return how many sessions."""
    is_its = (
        (Session.citizen_id == citizen_id)
        & (Session.hotspot_id == partner.hotspot.id)
        & Session.stopped_at.is_(None)
    )
    if since is not None:
        is_its &= Session.started_at > since - _LEEWAY
    found = (await session.scalars(select(Session.id).where(is_its))).all()
    return await outbox.disconnect(session, found, reason, now)


def _understood(parts: Parts, parameters: Parameters) -> Departure | None:
    """Return who leaves where, by an ID token of ours; None where that cannot be told."""
    hint = hints.read(parts, parameters.get("id_token_hint") or "")
    client = clients.find(parts.partners.current, hint.entity if hint else None)
    if hint is None or client is None or parameters.repeated:
        return None
    if parameters.get("client_id") not in (None, client.entity):
        return None
    uri = parameters.get("post_logout_redirect_uri")
    if uri is not None and uri not in client.metadata.post_logout_redirect_uris:
        return None
    onward = with_query(uri, state=parameters.visible("state", MOST_STATE)) if uri else None
    return Departure(hint.citizen_id, client.partner, onward)


def _seal(keyring: Keyring, departure: Departure, now: datetime) -> str:
    expires_at = int((now + _LIFETIME).timestamp())
    told = [departure.citizen_id, departure.partner.id, departure.onward, expires_at]
    return base64.urlsafe_b64encode(keyring.seal(json.dumps(told).encode(), _PURPOSE)).decode()


def _unseal(parts: Parts, sealed: str) -> Departure | None:
    try:
        opened = parts.keyring.open(base64.b64decode(sealed, b"-_", validate=True), _PURPOSE)
    except (ValueError, binascii.Error):
        return None
    if opened is None:
        return None
    citizen_id, partner_id, onward, expires_at = json.loads(opened)
    partner = parts.partners.current.by_id.get(partner_id)
    if partner is None or parts.clock().timestamp() >= expires_at:
        return None
    return Departure(citizen_id, partner, onward)


def _show(parts: Parts, page: str, departure: Departure) -> Show:
    context = {
        "asking": sign_ins.title_of(departure.partner),
        "asking_logo": views.logo_of(departure.partner),
        "onward": departure.onward,
    }
    return Show(page, collectivity=organisation(parts.snapshot), context=context)
