"""Devices are given credentials and the profiles built from them, and are taken off the list."""

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, devices
from aaa.devices import DeviceView, ListFull, NoSuchDevice
from monitoring import metrics
from portal.answers import Answer, Download, Go
from portal.onboarding import credentials, enrolments, network, signing, views, words
from portal.onboarding.credentials import Credential
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
    """Give a new device a credential that suits it, and return the way to its page.

    The same form sent once more, before anybody has downloaded the profile, is a second tap: it
    makes no second device.
    """
    if parts.snapshot.server_identity is None:
        return views.not_ready(enrolment)
    platform = words.platform(kind)
    try:
        async with parts.database.write("make_device") as session:
            await enrolments.take_turn(session, enrolment)
            listed = await devices.of_citizen(session, enrolment.citizen.id)
            waiting = await credentials.waiting(session, enrolment.id, platform)
            taken = {each.name for each in listed if each.revoked_at is None} - waiting.keys()
            name = words.device_name(typed, platform, asking.language, taken)
            device_id = waiting.get(name)
            if device_id is None:
                device_id = await _store(session, parts, enrolment, platform, name)
    except ListFull:
        return await views.start(parts, enrolment, asking, Mistake.TOO_MANY_DEVICES, name=typed)
    return _to_device(parts, enrolment, device_id)


async def _store(
    session: AsyncSession, parts: Parts, enrolment: OpenEnrolment, platform: Platform, name: str
) -> int:
    """Store a new device and what its profiles are built from; return its id."""
    credential, device_id = await credentials.issue(
        session,
        parts.keyring,
        parts.settings,
        citizen=enrolment.citizen,
        platform=platform,
        name=name,
        now=parts.clock(),
    )
    _keep(session, parts, enrolment, device_id, credential, platform)
    _note(session, parts, enrolment, device_id, "device.add", credential=_kind(credential))
    return device_id


async def renew(parts: Parts, enrolment: OpenEnrolment, device_id: int, asking: Asking) -> Answer:
    """Give a device another credential, and return the way to its page. Once more, before anybody
    has downloaded the profile, changes nothing."""
    if parts.snapshot.server_identity is None:
        return views.not_ready(enrolment)
    try:
        async with parts.database.write("renew_device") as session:
            await enrolments.take_turn(session, enrolment)
            kept = await credentials.find(
                session, parts.keyring, enrolment_id=enrolment.id, device_id=device_id
            )
            if kept is None or kept.is_downloaded:
                device = await _of(session, enrolment, device_id)
                platform = kept.platform if kept else None
                await _renew(session, parts, enrolment, device, asking, platform)
    except ListFull:
        return await views.start(parts, enrolment, asking, Mistake.TOO_MANY_DEVICES)
    except NoSuchDevice:
        return not_found()
    return _to_device(parts, enrolment, device_id)


async def _renew(
    session: AsyncSession,
    parts: Parts,
    enrolment: OpenEnrolment,
    device: DeviceView,
    asking: Asking,
    platform: Platform | None,
) -> None:
    credential = await credentials.renew(
        session,
        parts.keyring,
        parts.settings,
        citizen=enrolment.citizen,
        device_id=device.id,
        kind=device.kind,
        now=parts.clock(),
    )
    runs = platform or credentials.platform_of(device.kind, asking.platform)
    await credentials.forget(session, device.id)
    _keep(session, parts, enrolment, device.id, credential, runs)
    _note(session, parts, enrolment, device.id, "device.renew", credential=_kind(credential))


async def revoke(parts: Parts, enrolment: OpenEnrolment, device_id: int) -> Answer:
    """Take a device off its citizen's list: it is offline now, and never comes back by itself."""
    citizen, now = enrolment.citizen, parts.clock()
    try:
        async with parts.database.write("revoke_device") as session:
            device = await _of(session, enrolment, device_id)
            ended = await devices.revoke(
                session, citizen_id=citizen.id, device_id=device_id, now=now
            )
            await credentials.forget(session, device_id)
            if device.revoked_at is None or ended:
                _note(session, parts, enrolment, device_id, "device.revoke", sessions=ended)
    except NoSuchDevice:
        return not_found()
    return to_start(parts, enrolment)


async def _of(session: AsyncSession, enrolment: OpenEnrolment, device_id: int) -> DeviceView:
    """Return a device of an enrolment's citizen; raise NoSuchDevice."""
    for each in await devices.of_citizen(session, enrolment.citizen.id):
        if each.id == device_id:
            return each
    raise NoSuchDevice(f"there is no device {device_id} of this citizen")


def _keep(
    session: AsyncSession,
    parts: Parts,
    enrolment: OpenEnrolment,
    device_id: int,
    credential: Credential,
    platform: Platform,
) -> None:
    credentials.keep(
        session,
        parts.keyring,
        credential,
        enrolment_id=enrolment.id,
        device_id=device_id,
        platform=platform,
    )


def _note(
    session: AsyncSession,
    parts: Parts,
    enrolment: OpenEnrolment,
    device_id: int,
    action: str,
    **detail: object,
) -> None:
    audit.note(
        session,
        actor="portal",
        action=action,
        subject=f"device:{device_id}",
        now=parts.clock(),
        citizen=enrolment.citizen.id,
        **detail,
    )


def _kind(credential: Credential) -> str:
    return "wifi_secret" if isinstance(credential, WifiSecret) else "certificate"


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
        kept = await credentials.find(
            session, parts.keyring, enrolment_id=enrolment.id, device_id=device_id
        )
        listed = await devices.of_citizen(session, enrolment.citizen.id)
    name = next((each.name for each in listed if each.id == device_id), None)
    if kept is None or name is None:
        return to_start(parts, enrolment)
    home = enrolment.citizen.collectivity
    profile = Profile(
        network=network.describe(parts.settings, identity),
        realm=home.realm,
        device_id=device_id,
        device_name=name,
        credential=kept.credential,
        collectivity=home.name,
        contact=home.contact,
        language=language,
        timezone=home.timezone,
    )
    if not kept.is_downloaded:
        async with parts.database.write("download") as session:
            await credentials.note_download(session, device_id, parts.clock())
    file = wanted.build(profile, parts.signer or signing.of_server(identity))
    metrics.profiles.labels(wanted.slug).inc()
    return Download(file)


def to_start(parts: Parts, enrolment: OpenEnrolment) -> Go:
    """Return the way to an enrolment's page."""
    return Go(enrolments.way_to(parts.keyring, enrolment.reference))


def _to_device(parts: Parts, enrolment: OpenEnrolment, device_id: int) -> Go:
    return Go(f"{enrolments.way_to(parts.keyring, enrolment.reference)}/devices/{device_id}")
