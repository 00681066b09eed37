from contextlib import AsyncExitStack

import pytest

from aaa.passwords import PasswordHashing
from aaa.secret import Secret
from aaa.settings import MonitoringSettings, PortalSettings, RadiusSettings, Settings
from deploy import assemble
from deploy.assemble import ALL_PARTS, Part
from deploy.installation import Installation
from tests.village import PASSWORD, entered

SETTINGS = Settings(
    radius=RadiusSettings(address="127.0.0.1", auth_port=0, acct_port=0, radsec_port=0),
    portal=PortalSettings(address="127.0.0.1", port=0),
    monitoring=MonitoringSettings(address="127.0.0.1", port=0),
)


@pytest.mark.parametrize(
    ("parts", "shares"),
    [
        (ALL_PARTS, 2),
        (frozenset({Part.RADIUS}), 1),
        (frozenset({Part.PORTAL}), 1),
        (frozenset({Part.HOUSEKEEPING}), 0),
    ],
)
async def test_passwords_of_one_part_never_wait_for_those_of_another(
    settled_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, parts: frozenset[Part], shares: int
) -> None:
    made: list[PasswordHashing] = []

    def make() -> PasswordHashing:
        made.append(PasswordHashing(threads=1))
        return made[-1]

    monkeypatch.setattr(assemble, "PasswordHashing", make)
    async with entered(settled_sqlite_url) as village, AsyncExitStack() as stack:
        installation = Installation(SETTINGS, village.database, village.keyring)
        await assemble.assemble(installation, parts, stack)
        assert len(made) == shares
        for hashing in made:
            assert not await hashing.verify(None, PASSWORD)
    for hashing in made:
        with pytest.raises(RuntimeError, match="shutdown"):
            await hashing.hash(Secret("too late"))
