"""The pages of the secure network, with what each of them shows."""

from dataclasses import dataclass
from typing import Final

import structlog
from markupsafe import Markup

from aaa import devices, sessions
from aaa.devices import DeviceKind
from aaa.snapshot import HotspotEntry
from portal.answers import CORRECT_IT, Answer, Go, Show
from portal.mail import masked
from portal.onboarding import credentials, enrolments, formats, listing, qr, words
from portal.onboarding.credentials import Kept
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.formats import Platform
from portal.onboarding.phrases import phrases
from portal.onboarding.profile import WifiSecret
from portal.openid import consents
from portal.pages import Mistake
from portal.parts import Parts

log = structlog.get_logger()

_PLATFORMS: Final = tuple(words.PLATFORMS)


@dataclass(frozen=True, slots=True)
class Asking:
    """The browser that asks: what it runs on, whether it can take files, and its language."""

    platform: Platform
    is_mini: bool
    language: str


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
    async with parts.database.read("my_devices") as session:
        shown = await listing.of_citizen(session, enrolment.citizen.id, parts.clock())
        listed = await devices.of_citizen(session, enrolment.citizen.id)
        waiting = await credentials.waiting(session, enrolment.id, asking.platform)
    # What was just made, and is not on the device yet, is not made twice by whoever goes back.
    taken = {each.name for each in listed if each.revoked_at is None} - waiting.keys()
    return Show(
        "secure.html",
        within=enrolment,
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "network": parts.settings.federation.ssid,
            "nai": enrolment.citizen.nai,
            "device_name": name or words.device_name("", asking.platform, asking.language, taken),
            "platform": asking.platform.value,
            "others": [
                (other.value, words.PLATFORMS[other].label)
                for other in _PLATFORMS
                if other is not asking.platform
            ],
            "devices": shown.lines,
            "hidden": shown.hidden,
            "has_places": bool(await consents.of_citizen(parts, enrolment.citizen.id)),
            "is_sent": is_sent,
            **await _ways(parts, enrolment, asking),
        },
    )


async def device(
    parts: Parts, enrolment: OpenEnrolment, device_id: int, asking: Asking, file: str = ""
) -> Answer:
    """Return the page of a device: its profile in the format ``file``, or in the best, and what to
    do with it; where its profile was not made in this enrolment, how to have a new one."""
    if parts.snapshot.server_identity is None:
        return not_ready(enrolment)
    now, citizen = parts.clock(), enrolment.citizen
    async with parts.database.read("device_page") as session:
        kept = await credentials.find(
            session, parts.keyring, enrolment_id=enrolment.id, device_id=device_id
        )
        listed = await devices.of_citizen(session, citizen.id)
        seen = await sessions.last_seen(session, citizen.id)
    found = next((e for e in listed if e.id == device_id and e.revoked_at is None), None)
    if found is None:
        return Go(enrolments.way_to(parts.keyring, enrolment.reference))
    context = {
        "device": listing.line(found, seen.get(found.id), now),
        "full_name": found.name,
        "is_reminded": citizen.email is not None and parts.mailer is not None,
        "has_certificate": found.kind is DeviceKind.CERTIFICATE,
    }
    if kept is None:
        context["can_renew"] = found.kind is not DeviceKind.REMEMBERED
        return Show("secure_known.html", within=enrolment, context=context)
    context |= _installing(parts, enrolment, kept, asking, file)
    context |= await _ways(parts, enrolment, asking)
    return Show("secure_device.html", within=enrolment, context=context)


def _installing(
    parts: Parts, enrolment: OpenEnrolment, kept: Kept, asking: Asking, file: str
) -> dict[str, object]:
    """Return what the page of a new device says of its profile."""
    identity = parts.snapshot.server_identity
    best = formats.FORMATS.get(file) or formats.suited(kept.platform)[0]
    typed = kept.credential if isinstance(kept.credential, WifiSecret) else None
    return {
        "network": parts.settings.federation.ssid,
        "server_name": identity.names[0] if identity else "",
        "realm": enrolment.citizen.collectivity.realm,
        "label": words.PLATFORMS[kept.platform].label,
        # "Another device" may well be the one that asks.
        "is_elsewhere": kept.platform not in (asking.platform, Platform.UNKNOWN),
        "best": best,
        "steps": words.steps(best.slug, kept.platform),
        "formats": tuple(each for each in formats.FORMATS.values() if each is not best),
        "notes": words.NOTES,
        "identity": typed.identity if typed else None,
        "secret": typed.secret.reveal().decode() if typed else None,
        "is_sent": False,
    }


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
    return Show("secure_not_ready.html", within=enrolment, status=503)


async def _ways(parts: Parts, enrolment: OpenEnrolment, asking: Asking) -> dict[str, object]:
    """Return the ways to this page from another browser: a short address, to type or to scan."""
    now = parts.clock()
    code = enrolments.short_code(parts.keyring, enrolment, now)
    if code is None:
        async with parts.database.write("short_code") as session:
            code = await enrolments.renew_short_code(session, parts.keyring, enrolment, now)
    text = f"{code.text[:4]}-{code.text[4:]}"
    email = enrolment.citizen.email
    public_url = parts.settings.portal.public_url
    title = phrases(asking.language)(words.QR_TITLE)
    return {
        "is_mini": asking.is_mini,
        "way_out": words.way_out(asking.platform),
        "short_host": public_url.partition("://")[2],
        "short_code": text,
        "short_until": code.expires_at,
        "address": masked(email) if email and parts.mailer else None,
        # Made of our own address and nothing else.
        "qr": Markup(qr.draw(f"{public_url}/s/{text}", title)),  # noqa: S704
    }
