"""Who has a certificate that will expire is told once, in time to renew it."""

import pytest
from sqlalchemy import select, update

from aaa import citizens
from aaa.errors import Outage, Unavailable
from aaa.model import Citizen, CitizenState, DeviceCertificate
from aaa.pki.contents import CLIENT_VALIDITY
from portal.languages import write_date
from portal.mail import Mailer, Message
from portal.onboarding.reminders import BEFORE, Reminders
from tests.portal.onboarding.visitors import ANDROID, IPHONE, browser, device_in, enrol
from tests.portal.visitor import Portal


class FullMailer:
    """Takes no message."""

    def send(self, message: Message) -> None:
        raise Unavailable("mail", Outage.UNAVAILABLE, "full")


def reminders(portal: Portal, mailer: Mailer | None = None) -> Reminders:
    parts = portal.parts
    return Reminders(
        settings=parts.settings,
        database=parts.database,
        directory=parts.directory,
        mailer=mailer or portal.mailbox,
        pages=parts.pages,
        clock=parts.clock,
    )


async def make(portal: Portal, kind: str) -> str:
    opened = browser(portal, {"ios": IPHONE, "android": ANDROID}[kind])
    link = await enrol(portal, opened)
    return device_in(await opened.post(f"{link}/devices", name="Anna’s <phone>", kind=kind))


async def test_a_citizen_is_reminded_once_a_month_before(secure: Portal) -> None:
    clock = secure.village.clock
    await make(secure, "ios")
    await make(secure, "android")
    async with secure.village.database.read("test") as session:
        (expires_at,) = await session.scalars(select(DeviceCertificate.expires_at))
    clock.advance(seconds=(expires_at - BEFORE - clock()).total_seconds() - 1)
    await reminders(secure).send()
    assert list(secure.mailbox) == []
    clock.advance(seconds=1)
    await reminders(secure, FullMailer()).send()
    for _ in range(2):
        await reminders(secure).send()
    (mail,) = secure.mailbox
    assert mail.recipient == "anna@mail.example"
    # The home speaks French.
    assert write_date(expires_at, "fr", "Europe/Paris") in mail.subject
    assert "Anna’s <phone>" in mail.text
    assert "Anna’s &lt;phone&gt;" in mail.html
    assert "https://wifi.example/secure\n" in mail.text


@pytest.mark.parametrize("change", ["renewed", "revoked", "expired", "closed", "no address"])
async def test_nobody_is_reminded_of_what_needs_no_renewal(
    small_secure: Portal, change: str
) -> None:
    village = small_secure.village
    device = await make(small_secure, "ios")
    opened = browser(small_secure, IPHONE)
    village.clock.advance(days=(CLIENT_VALIDITY - BEFORE).days)
    there = f"{await enrol(small_secure, opened)}/devices/{device.rpartition('/')[2]}"
    if change == "renewed":
        await opened.post(f"{there}/renew")
    elif change == "revoked":
        await opened.post(f"{there}/revoke")
    elif change == "expired":
        village.clock.advance(days=BEFORE.days + 1)
    async with village.database.write("test") as session:
        if change == "closed":
            await citizens.set_state(session, village.anna, CitizenState.CLOSED)
        elif change == "no address":
            await session.execute(update(Citizen).values(email=None))
    await reminders(small_secure).send()
    assert list(small_secure.mailbox) == []
