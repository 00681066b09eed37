import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.secret import Keyring, Secret, create_key_file, load_keyring
from aaa.settings import ConfigurationError

KEYRING = Keyring(bytes(range(32)))


def test_a_secret_hides_itself() -> None:
    secret = Secret("très secret")
    assert "secret" not in f"{secret} {secret!r} {[secret]} { ({'a': secret}) }".replace(
        "Secret(***)", ""
    )
    assert secret.reveal() == "très secret".encode()
    assert secret == Secret("très secret") != Secret("autre")


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_for_its_purpose_only(value: bytes) -> None:
    sealed = KEYRING.seal(value, "ticket")
    assert KEYRING.open(sealed, "ticket") == value
    assert KEYRING.open(sealed, "nas-secret") is None
    assert Keyring(bytes(32)).open(sealed, "ticket") is None
    assert KEYRING.open(sealed[:-1], "ticket") is None


@given(st.binary(max_size=80))
def test_nothing_that_was_not_sealed_opens(value: bytes) -> None:
    assert KEYRING.open(value, "ticket") is None


def test_digests_depend_on_key_and_purpose() -> None:
    digests = {
        KEYRING.digest("a", "code"),
        KEYRING.digest("a", "visit"),
        KEYRING.digest("b", "code"),
        Keyring(bytes(32)).digest("a", "code"),
    }
    assert len(digests) == 4
    assert KEYRING.fingerprint != Keyring(bytes(32)).fingerprint


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "farandole.key"
    made = create_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keyring(path).fingerprint == made.fingerprint
    with pytest.raises(FileExistsError):
        create_key_file(path)


@pytest.mark.parametrize("content", [b"", b"not base64!", b"c2hvcnQ="])
def test_a_broken_key_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "farandole.key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="Restore it"):
        load_keyring(path)


def test_a_missing_or_unreadable_key_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Restore it from the backup"):
        load_keyring(tmp_path / "none")
    os.mkdir(tmp_path / "directory")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_keyring(tmp_path / "directory")
