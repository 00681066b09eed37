"""Portals whose RADIUS server has its certificate, so that there is a secure network."""

import pytest

from aaa.pki import authority
from tests.portal.visitor import Portal

SERVER_NAME = "radius.wifi.example"


async def _certify(portal: Portal) -> Portal:
    village = portal.village
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=[SERVER_NAME],
            federation_name="Farandole",
            now=village.clock(),
        )
    await village.directory.refresh()
    assert village.snapshot.server_identity is not None
    return portal


@pytest.fixture
async def secure(portal: Portal) -> Portal:
    """A portal with a secure network, on SQLite and on PostgreSQL."""
    return await _certify(portal)


@pytest.fixture
async def small_secure(small_portal: Portal) -> Portal:
    """A portal with a secure network, on SQLite alone."""
    return await _certify(small_portal)
