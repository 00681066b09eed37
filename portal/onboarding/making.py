"""Devices are given credentials, shown how to install them, and taken off the list again."""

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, devices
from aaa.errors import Invalid
from monitoring import metrics
from portal.answers import Answer, Download, Go
from portal.onboarding import credentials, enrolments, network, signing, views, words
from portal.onboarding.enrolments import OpenEnrolment
from portal.onboarding.formats import FORMATS, Platform
from portal.onboarding.profile import Profile, WifiSecret
from portal.onboarding.views import Asking
from portal.pages import Mistake
from portal.parts import Parts
from portal.rendering import not_found


async def make(
    parts: Parts, enrolment: OpenEnrolment, typed: str, kind: str, asking: Asking
) -> Answer:
    """Give a new device a credential that suits it, and return the way to its page."""
    if parts.snapshot.server_identity is None:
        return views.not_ready(enrolment)
    platform = words.platform(kind)
    name = words.device_name(typed, platform, asking.language)
    async with parts.database.write("make_device") as session:
        device_id = await _store(session, parts, enrolment, platform, name)
    if device_id is None:
        return await views.start(parts, enrolment, asking, Mistake.TOO_MANY_DEVICES, name=typed)
    return Go(f"{way_to(parts, enrolment)}/devices/{device_id}")


async def _store(
    session: AsyncSession,
    parts: Parts,
    enrolment: OpenEnrolment,
    platform: Platform,
    name: str,
) -> int | None:
    """Store a new device and what its profiles are built from; None where its citizen has too
    many."""
    citizen, now = enrolment.citizen, parts.clock()
    if views.active(await devices.of_citizen(session, citizen.id)) >= devices.MOST_ACTIVE:
        return None
    credential, device_id = await credentials.issue(
        session,
        parts.keyring,
        parts.settings,
        citizen=citizen,
        platform=platform,
        name=name,
        now=now,
    )
    credentials.keep(
        session,
        parts.keyring,
        credential,
        enrolment_id=enrolment.id,
        device_id=device_id,
        platform=platform,
    )
    audit.note(
        session,
        actor="portal",
        action="device.add",
        subject=f"citizen:{citizen.id}",
        now=now,
        device=device_id,
        platform=platform.value,
        credential="wifi_secret" if isinstance(credential, WifiSecret) else "certificate",
    )
    return device_id


async def revoke(parts: Parts, enrolment: OpenEnrolment, device_id: int) -> Answer:
    """Take a device off its citizen's list: it is offline now, and never comes back by itself."""
    citizen, now = enrolment.citizen, parts.clock()
    async with parts.database.write("revoke_device") as session:
        try:
            ended = await devices.revoke(
                session, citizen_id=citizen.id, device_id=device_id, now=now
            )
        except Invalid:
            return not_found()
        await credentials.forget(session, device_id)
        audit.note(
            session,
            actor="portal",
            action="device.revoke",
            subject=f"citizen:{citizen.id}",
            now=now,
            device=device_id,
            sessions=ended,
        )
    return to_start(parts, enrolment)


async def download(
    parts: Parts, enrolment: OpenEnrolment, device_id: int, slug: str, language: str
) -> Answer:
    """Return a device's profile in one format; made anew each time, always the same."""
    identity = parts.snapshot.server_identity
    if identity is None:
        return views.not_ready(enrolment)
    wanted = FORMATS.get(slug)
    if wanted is None:
        return not_found()
    async with parts.database.read("download") as session:
        found = await credentials.find(
            session, parts.keyring, enrolment_id=enrolment.id, device_id=device_id
        )
        listed = await devices.of_citizen(session, enrolment.citizen.id)
    name = next((each.name for each in listed if each.id == device_id), None)
    if found is None or name is None:
        return to_start(parts, enrolment)
    home = enrolment.citizen.collectivity
    profile = Profile(
        network=network.describe(parts.settings, identity),
        realm=home.realm,
        device_id=device_id,
        device_name=name,
        credential=found[0],
        collectivity=home.name,
        contact=home.contact,
        language=language,
    )
    file = wanted.build(profile, parts.signer or signing.of_server(identity))
    metrics.profiles.labels(wanted.slug).inc()
    return Download(file)


def to_start(parts: Parts, enrolment: OpenEnrolment) -> Go:
    """Return the way to an enrolment's page."""
    return Go(way_to(parts, enrolment))


def way_to(parts: Parts, enrolment: OpenEnrolment) -> str:
    """Return the address of an enrolment's page."""
    return f"/secure/{enrolments.token_of(parts.keyring, enrolment.reference)}"
