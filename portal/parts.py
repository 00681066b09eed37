"""What the portal is made of: built once by ``deploy.assemble``, handed to every route."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from aaa.database import Database
from aaa.passwords import PasswordHashing
from aaa.secret import Keyring
from aaa.settings import Settings
from aaa.snapshot import Directory, Snapshot
from federation.directory import PartnerDirectory, PartnerEntry
from federation.verification import Verifier
from monitoring.logging import RepeatedWarnings
from portal.homes.token_endpoint import TokenEndpoint
from portal.mail import Mailer
from portal.onboarding.signing import Signer
from portal.pages import Pages


@dataclass(frozen=True, slots=True)
class Parts:
    """The long-lived objects of one portal process. ``mailer`` is None where no mail can be sent:
    then nobody is offered the way by e-mail. ``verifier`` and ``token_endpoint`` ask partners,
    ``renew_partner`` looks at what one says of itself now, and tells whether that could be had.
    ``signer`` signs profiles; None: the RADIUS server."""

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
    verifier: Verifier
    token_endpoint: TokenEndpoint
    renew_partner: Callable[[PartnerEntry], Awaitable[bool]]
    signer: Signer | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The collectivities, hotspots and NAS of now."""
        return self.directory.current
