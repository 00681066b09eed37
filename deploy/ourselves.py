"""What an installation shows of itself to other members; what is missing of it is made."""

from datetime import datetime

from aaa import snapshot
from deploy import certificates, signing_keys
from deploy.installation import Installation
from federation import directory
from federation.trust import joining
from federation.trust.joining import Ourselves


async def shown(installation: Installation, now: datetime) -> Ourselves:
    """Return what an installation shows and signs with. Raises Invalid before it has a
    collectivity."""
    await certificates.keep(installation, now)
    await signing_keys.keep(installation, now)
    async with installation.database.read("ourselves") as session:
        present = await snapshot.load(session, installation.keyring)
        known = await directory.load(session, installation.keyring, present, now)
    present = snapshot.with_files(present, certificates.of_operator(installation.settings.radius))
    return joining.ourselves(installation.settings, present, known.keys, now)
