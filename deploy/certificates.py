"""The service's own certificates: made when it starts, renewed while it runs, watched."""

from datetime import datetime
from typing import Final

import structlog

from aaa import audit
from aaa.database import Database
from aaa.model import Authority
from aaa.pki import authority, identity
from deploy.installation import Installation
from monitoring import metrics

log = structlog.get_logger()

_ACTOR: Final = "service"


async def keep(installation: Installation, now: datetime) -> None:
    """Make what is missing, near its end, not valid yet or named otherwise than the settings say.
    What is in order is only read: a full disk keeps no service from starting.

    Raises Invalid where a name cannot be in a certificate.
    """
    database, settings = installation.database, installation.settings
    names = [settings.server_name]
    async with database.read("certificates") as session:
        is_due = await authority.is_due(session, names=names, now=now)
    if is_due:
        async with database.write("certificates") as session:
            made = await authority.ensure(
                session,
                installation.keyring,
                names=names,
                federation_name=settings.federation.name,
                now=now,
            )
            if made:
                audit.note(
                    session, actor=_ACTOR, action="ca.renew", subject=f"server:{names[0]}", now=now
                )
        if made:
            log.info("certificates of the service were made", server_name=names[0])


async def measure(database: Database) -> None:
    """Show in the metrics until when the server's certificate and its root are valid."""
    async with database.read("certificates") as session:
        server = await identity.server_certificate(session)
        if server is None:
            return
        issuer = await session.get_one(Authority, server.authority_id)
    for which, expires_at in (("server", server.expires_at), ("authority", issuer.expires_at)):
        metrics.certificate_expires.labels(which).set(expires_at.timestamp())
