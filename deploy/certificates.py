"""The service's own certificates: made when it starts, renewed while it runs, watched."""

from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from aaa import audit
from aaa.database import Database
from aaa.model import Authority, Use
from aaa.pki import authority, identity
from aaa.pki.files import CertificateFiles, FileSetting
from aaa.settings import RadiusSettings
from deploy.installation import Installation
from monitoring import metrics

log = structlog.get_logger()

_ACTOR: Final = "service"
# As the audit names them.
_SUBJECTS: Final = {Use.EAP: "server", Use.RADSEC: "radsec"}


def of_operator(settings: RadiusSettings) -> CertificateFiles | None:
    """Return the files of the certificate to show over TLS; None where we make that ourselves.
    Raises ConfigurationError where they are of no use."""
    if not settings.radsec_certificate_file:
        return None
    certificate, key = (
        FileSetting(f"radius.{name}", Path(getattr(settings, name)))
        for name in ("radsec_certificate_file", "radsec_key_file")
    )
    return CertificateFiles(certificate, key)


async def keep(installation: Installation, now: datetime) -> None:
    """Make what is missing, near its end, not valid yet or named otherwise than the settings say.
    What is in order is only read: a full disk keeps no service from starting.

    Raises Invalid where a name cannot be in a certificate.
    """
    settings = installation.settings
    for use, name in ((Use.EAP, settings.server_name), (Use.RADSEC, settings.radsec_name)):
        await _keep(installation, use, name, now)


async def _keep(installation: Installation, use: Use, name: str, now: datetime) -> None:
    database, names = installation.database, [name]
    async with database.read("certificates") as session:
        is_due = await authority.is_due(session, names=names, now=now, use=use)
    if is_due:
        async with database.write("certificates") as session:
            made = await authority.ensure(
                session,
                installation.keyring,
                names=names,
                federation_name=installation.settings.federation.name,
                now=now,
                use=use,
            )
            if made:
                audit.note(
                    session,
                    actor=_ACTOR,
                    action="ca.renew",
                    subject=f"{_SUBJECTS[use]}:{name}",
                    now=now,
                )
        if made:
            log.info("a certificate of the service was made", use=use.value, server_name=name)


async def measure(database: Database) -> None:
    """Show in the metrics until when the server's certificates and the root are valid."""
    async with database.read("certificates") as session:
        server = await identity.server_certificate(session)
        if server is None:
            return
        issuer = await session.get_one(Authority, server.authority_id)
        radsec = await identity.server_certificate(session, Use.RADSEC)
    expiries = {"server": server.expires_at, "authority": issuer.expires_at}
    if radsec is not None:
        expiries["radsec"] = radsec.expires_at
    for which, expires_at in expiries.items():
        metrics.certificate_expires.labels(which).set(expires_at.timestamp())
