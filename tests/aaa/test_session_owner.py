import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.authentication import Method
from aaa.secret import Keyring
from aaa.session_owner import METHODS, SessionOwner, seal, unseal

KEYRING = Keyring(b"k" * 32)
OWNER = SessionOwner(Method.TICKET, 7, None)


@given(
    st.sampled_from(list(METHODS)), st.integers(1, 2**63 - 1), st.none() | st.integers(1, 2**63 - 1)
)
def test_what_is_sealed_opens(method: Method, citizen_id: int, device_id: int | None) -> None:
    owner = SessionOwner(method, citizen_id, device_id)
    sealed = seal(KEYRING, owner)
    assert unseal(KEYRING, sealed.encode()) == owner
    assert len(sealed) == 64
    assert sealed.isascii()


def test_only_partners_citizens_have_sessions_by_other_methods() -> None:
    assert set(Method) - METHODS.keys() == {Method.HOME_PAGE, Method.HOME_PASSWORD}


@pytest.mark.parametrize("octets", [None, b"", b"foreign", b"\0\xff", b"A" * 64, b"=" * 64])
def test_what_is_not_ours_is_nobodys(octets: bytes | None) -> None:
    assert unseal(KEYRING, octets) is None


def test_another_installations_class_is_nobodys() -> None:
    assert unseal(Keyring(b"x" * 32), seal(KEYRING, OWNER).encode()) is None


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_one_changed_character_is_enough(position: int, character: str) -> None:
    """The last ones are padding, half of it without meaning."""
    sealed = seal(KEYRING, OWNER)
    changed = sealed[:position] + character + sealed[position + 1 :]
    assert (unseal(KEYRING, changed.encode()) == OWNER) is (changed == sealed)
