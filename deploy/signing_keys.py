"""The keys that sign what we say to other members: made when the service starts, renewed while it
runs."""

from datetime import datetime

import structlog

from deploy.installation import Installation
from federation.trust import keys

log = structlog.get_logger()


async def keep(installation: Installation, now: datetime) -> None:
    """Make the next keys where it is time; what is in order is only read."""
    database = installation.database
    async with database.read("signing_keys") as session:
        is_due = await keys.is_due(session, now)
    if is_due:
        async with database.write("signing_keys") as session:
            await keys.keep(session, installation.keyring, now)
        log.info("signing keys were renewed")
