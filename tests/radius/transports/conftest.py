"""Certificates for RADIUS over TLS: the village's own, and those of a partner."""

import pytest

from aaa.pki.identity import ServerIdentity
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.radsec import GATE, certify
from tests.village import Village


@pytest.fixture
async def ours(village: Village) -> ServerIdentity:
    """The village's own certificate."""
    return await certify(village)


@pytest.fixture
def root() -> Authority:
    return Authority("Partner Root")


@pytest.fixture
def gate(root: Authority) -> Issued:
    """What the partner shows as a client."""
    return root.peer(GATE)
