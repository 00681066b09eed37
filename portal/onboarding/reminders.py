"""Citizens are told, once, that the certificate of a device of theirs will expire."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from aaa import citizens
from aaa.database import Database
from aaa.errors import Unavailable
from aaa.pki import devices as certificates
from aaa.pki.devices import EndingCertificate
from aaa.settings import Settings
from aaa.snapshot import Directory
from portal.mail import Mailer
from portal.onboarding import letters
from portal.pages import Pages

BEFORE: Final = timedelta(days=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reminders:
    """Writes to those whose certificates expire within :data:`BEFORE`."""

    settings: Settings
    database: Database
    directory: Directory
    mailer: Mailer
    pages: Pages
    clock: Callable[[], datetime]

    async def send(self) -> None:
        """Send what is due; what the mailer does not take now is due the next time."""
        now = self.clock()
        async with self.database.read("reminders") as session:
            due = await certificates.ending(session, now=now, before=now + BEFORE)
        for certificate in due:
            try:
                await self._send(certificate, now)
            except Unavailable as error:
                log.warning(
                    "reminders have to wait",
                    reason=str(error),
                    remedy="they are sent by themselves the next time",
                )
                return

    async def _send(self, certificate: EndingCertificate, now: datetime) -> None:
        async with self.database.write("reminder") as session:
            citizen = await citizens.by_id(session, self.directory.current, certificate.citizen_id)
            if citizen is None or citizen.email is None:
                return
            # Of several processes one sends it. What is not taken, was not sent: nothing is kept.
            if await certificates.note_reminder(session, certificate.id, now):
                self.mailer.send(
                    letters.reminder(self.settings, self.pages, citizen.email, citizen, certificate)
                )
