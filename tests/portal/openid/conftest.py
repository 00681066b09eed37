"""A portal with a partner, Liguria, whose portal asks about the village's citizens."""

import pytest

from tests.portal.openid.relying import RelyingParty, make_keys
from tests.portal.visitor import Portal


@pytest.fixture
async def liguria(portal: Portal) -> RelyingParty:
    """The portal of a partner, on SQLite and on PostgreSQL."""
    return await _joined(portal)


@pytest.fixture
async def small_liguria(small_portal: Portal) -> RelyingParty:
    """The same on SQLite alone, for what does not depend on the database."""
    return await _joined(small_portal)


async def _joined(portal: Portal) -> RelyingParty:
    await make_keys(portal)
    party = RelyingParty(portal)
    await party.join()
    return party
