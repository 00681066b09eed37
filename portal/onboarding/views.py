"""The pages of the secure network, with what each of them shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from markupsafe import Markup
from sqlalchemy import func, select

from aaa import devices
from aaa.devices import DeviceKind, DeviceView
from aaa.model import Session
from aaa.snapshot import HotspotEntry
from portal.answers import Answer, Go, Show
from portal.captive.views import CORRECT_IT, masked
from portal.onboarding import credentials, enrolments, formats, qr, words
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.formats import Platform
from portal.onboarding.phrases import phrases
from portal.onboarding.profile import WifiSecret
from portal.pages import Mistake
from portal.parts import Parts
from portal.throttling import Throttled

log = structlog.get_logger()

_PLATFORMS: Final = tuple(words.PLATFORMS)


@dataclass(frozen=True, slots=True)
class Asking:
    """The browser that asks: what it runs on, whether it can take files, and its language."""

    platform: Platform
    is_mini: bool
    language: str


@dataclass(frozen=True, slots=True)
class Line:
    """A device in its citizen's list; ``can_install``: its profile can still be downloaded."""

    id: int
    name: str
    kind: str
    created_at: datetime
    seen_at: datetime | None
    can_install: bool


async def start(
    parts: Parts,
    enrolment: OpenEnrolment,
    asking: Asking,
    error: Mistake | None = None,
    *,
    name: str = "",
    is_sent: bool = False,
) -> Show:
    """Return the page of an enrolment: what fits the device that asks, and the citizen's devices.

    ``name`` is what was typed into a form that was not taken; ``is_sent``: a mail with the link is
    on its way.
    """
    if parts.snapshot.server_identity is None:
        return not_ready(enrolment)
    lines = await _lines(parts, enrolment)
    email = enrolment.citizen.email
    translate = phrases(asking.language)
    return Show(
        "secure.html",
        enrolment=enrolment,
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "network": parts.settings.federation.ssid,
            "nai": enrolment.citizen.nai,
            "device_name": name or translate(words.PLATFORMS[asking.platform].name),
            "platform": asking.platform.value,
            "others": [
                (other.value, words.PLATFORMS[other].label)
                for other in _PLATFORMS
                if other is not asking.platform
            ],
            "devices": lines,
            "address": masked(email) if email and parts.mailer else None,
            "is_sent": is_sent,
            **await _ways(parts, enrolment, asking),
        },
    )


async def device(parts: Parts, enrolment: OpenEnrolment, device_id: int, asking: Asking) -> Answer:
    """Return the page of a device that was made in this enrolment: its profile, and what to do
    with it. Of any other device nothing is left to show."""
    if parts.snapshot.server_identity is None:
        return not_ready(enrolment)
    async with parts.database.read("device_page") as session:
        found = await credentials.find(
            session, parts.keyring, enrolment_id=enrolment.id, device_id=device_id
        )
        listed = await devices.of_citizen(session, enrolment.citizen.id)
    shown = next((each for each in listed if each.id == device_id), None)
    if found is None or shown is None:
        return Go(f"/secure/{enrolments.token_of(parts.keyring, enrolment.reference)}")
    credential, platform = found
    best = next(iter((*formats.suited(platform), *formats.FORMATS.values())))
    typed = credential if isinstance(credential, WifiSecret) else None
    email = enrolment.citizen.email
    return Show(
        "secure_device.html",
        enrolment=enrolment,
        context={
            "network": parts.settings.federation.ssid,
            "server_name": parts.snapshot.server_identity.names[0],
            "realm": enrolment.citizen.collectivity.realm,
            "device": shown,
            "label": words.PLATFORMS[platform].label,
            # "Another device" may well be the one that asks.
            "is_elsewhere": platform not in (asking.platform, Platform.UNKNOWN),
            "best": best,
            "steps": words.steps(best.slug),
            "formats": tuple(formats.FORMATS.values()),
            "identity": typed.identity if typed else None,
            "secret": typed.secret.reveal().decode() if typed else None,
            "address": masked(email) if email and parts.mailer else None,
            "is_sent": False,
            **await _ways(parts, enrolment, asking),
        },
    )


def ask(parts: Parts, at: str, error: Mistake | None = None, *, email: str = "") -> Show:
    """Return the page that asks for an address to send a link to; ``at`` names a hotspot."""
    if parts.snapshot.server_identity is None:
        return not_ready(None)
    return Show(
        "secure_ask.html",
        hotspot=place(parts, at),
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "network": parts.settings.federation.ssid,
            "email": email,
            "can_mail": parts.mailer is not None,
        },
    )


def sent(parts: Parts, at: str) -> Show:
    """Return the page that says where to look now, whether or not a mail has left."""
    return Show("secure_sent.html", hotspot=place(parts, at))


def place(parts: Parts, slug: str) -> HotspotEntry | None:
    """Return the hotspot of a slug, whose collectivity's colours a page wears; what stands for a
    partner is no place."""
    places = (each for each in parts.snapshot.hotspots.values() if each.slug == slug)
    return next((each for each in places if not each.collectivity.is_partner), None)


def not_ready(enrolment: OpenEnrolment | None) -> Show:
    """Return the page that says that there is no secure network yet, and tell the operator."""
    log.warning(
        "secure network asked for before it is ready",
        remedy="make the server's certificate: `farandole ca renew`",
    )
    return Show("secure_not_ready.html", enrolment=enrolment, status=503)


def throttled(refused: Throttled, enrolment: OpenEnrolment | None = None) -> Show:
    """Return the page that asks for a break."""
    minutes = max(1, -(-int(refused.retry_after.total_seconds()) // 60))
    return Show(
        "throttled.html",
        enrolment=enrolment,
        status=429,
        retry_after=refused.retry_after,
        context={"retry_minutes": minutes},
    )


def active(listed: Sequence[DeviceView]) -> int:
    """Return how many devices have a credential of their own that counts."""
    return sum(
        each.revoked_at is None and each.kind is not DeviceKind.REMEMBERED for each in listed
    )


async def _ways(parts: Parts, enrolment: OpenEnrolment, asking: Asking) -> dict[str, object]:
    """Return the ways to this page from another browser: a short address, to type or to scan."""
    now = parts.clock()
    code = enrolments.short_code(parts.keyring, enrolment, now)
    if code is None:
        async with parts.database.write("short_code") as session:
            code = await enrolments.renew_short_code(session, parts.keyring, enrolment, now)
    code = f"{code[:4]}-{code[4:]}"
    public_url = parts.settings.portal.public_url
    title = phrases(asking.language)(words.QR_TITLE)
    return {
        "is_mini": asking.is_mini,
        "way_out": words.way_out(asking.platform),
        "short_host": public_url.partition("://")[2],
        "short_code": code,
        # Made of our own address and nothing else.
        "qr": Markup(qr.draw(f"{public_url}/s/{code}", title)),  # noqa: S704
    }


async def _lines(parts: Parts, enrolment: OpenEnrolment) -> list[Line]:
    """Return the devices that may connect now, the newest first."""
    citizen_id, now = enrolment.citizen.id, parts.clock()
    last_seen = (
        select(Session.device_id, func.max(Session.updated_at))
        .where(Session.citizen_id == citizen_id, Session.device_id.is_not(None))
        .group_by(Session.device_id)
    )
    async with parts.database.read("my_devices") as session:
        listed = await devices.of_citizen(session, citizen_id)
        seen = {row[0]: row[1] for row in await session.execute(last_seen)}
        made = await credentials.made_in(session, enrolment.id)
    return [
        Line(
            id=each.id,
            name=each.name,
            kind=words.KINDS[each.kind],
            created_at=each.created_at,
            seen_at=seen.get(each.id),
            can_install=each.id in made,
        )
        for each in listed
        if each.revoked_at is None and (each.expires_at is None or each.expires_at > now)
    ]
