"""The key file and the database that is sealed with it belong together."""

from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Installation
from aaa.secret import Keyring, create_key_file, load_keyring
from aaa.settings import ConfigurationError

FINGERPRINT: Final = "key_fingerprint"


async def opened(session: AsyncSession, path: Path) -> Keyring:
    """Return the keyring of a key file; raise ConfigurationError where it is not the database's."""
    return _match(path, await _fingerprint(session))


async def settled(session: AsyncSession, path: Path) -> Keyring:
    """Return the keyring of a database, which gets the key file at hand, or else a new one, where
    it has none yet."""
    fingerprint = await _fingerprint(session)
    if fingerprint is not None:
        return _match(path, fingerprint)
    keyring = _found_or_created(path)
    session.add(Installation(name=FINGERPRINT, value=keyring.fingerprint))
    return keyring


async def _fingerprint(session: AsyncSession) -> str | None:
    query = select(Installation.value).where(Installation.name == FINGERPRINT)
    return (await session.scalars(query)).one_or_none()


def _match(path: Path, fingerprint: str | None) -> Keyring:
    keyring = load_keyring(path)
    if keyring.fingerprint != fingerprint:
        raise ConfigurationError(
            "state.directory",
            f"key file {path} is not the one that this database is sealed with",
            "Restore the key file that was backed up with the database",
        )
    return keyring


def _found_or_created(path: Path) -> Keyring:
    if path.exists():
        return load_keyring(path)
    try:
        return create_key_file(path)
    except OSError as error:
        raise ConfigurationError(
            "state.directory",
            f"key file {path} cannot be written ({error.strerror})",
            "Create the directory and give it to the service's account, or name another one",
        ) from None
