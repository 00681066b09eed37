"""What the portal is made of: built once by ``deploy.assemble``, handed to every route."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aaa.database import Database
from aaa.passwords import PasswordHashing
from aaa.secret import Keyring
from aaa.settings import Settings
from aaa.snapshot import Directory, Snapshot
from federation.directory import PartnerDirectory
from monitoring.logging import RepeatedWarnings
from portal.mail import Mailer
from portal.onboarding.signing import Signer
from portal.pages import Pages


@dataclass(frozen=True, slots=True)
class Parts:
    """The long-lived objects of one portal process. ``mailer`` is None where no mail can be sent:
    then nobody is offered the way by e-mail. ``signer`` signs profiles; None: the RADIUS server."""

    settings: Settings
    database: Database
    directory: Directory
    partners: PartnerDirectory
    keyring: Keyring
    hashing: PasswordHashing
    mailer: Mailer | None
    pages: Pages
    warnings: RepeatedWarnings
    clock: Callable[[], datetime]
    signer: Signer | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The collectivities, hotspots and NAS of now."""
        return self.directory.current
