"""A portal with a partner that has an OpenID provider, and one that only speaks RADIUS."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from portal.app import create_app
from portal.homes.token_endpoint import TokenEndpoint
from tests.federation import partnering
from tests.federation.homes import Home, home
from tests.portal.homes import provider as providing
from tests.portal.homes.provider import Provider
from tests.portal.visitor import Portal


@pytest.fixture
async def liguria(small_portal: Portal) -> AsyncIterator[Provider]:
    """The partner with pages of its own."""
    provider = Provider(small_portal.village)
    await providing.join(small_portal, provider)
    endpoint = TokenEndpoint(httpx.MockTransport(provider.serve), seconds=0.5)
    small_portal.parts = replace(small_portal.parts, token_endpoint=endpoint)
    small_portal.app = create_app(small_portal.parts)
    yield provider
    await endpoint.close()


@pytest.fixture
async def basil(small_portal: Portal) -> AsyncIterator[Home]:
    """The partner that only speaks RADIUS."""
    with home() as found:
        await partnering.add(
            small_portal.village, "basil", servers=[found.server], sender=partnering.FROM_TLS
        )
        await providing.refresh(small_portal)
        yield found
