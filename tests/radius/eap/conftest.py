"""What the tests of EAP share: authorities, whose keys take a moment to make."""

import pytest

from tests.radius.eap.certificates import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("Village Root")


@pytest.fixture(scope="session")
def foreign_authority() -> Authority:
    return Authority("Foreign Root")
