"""Secrets that hide themselves, and the key that seals them at rest."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aaa.errors import Invalid
from aaa.settings import ConfigurationError

_KEY_OCTETS: Final = 32
_NONCE_OCTETS: Final = 12
# What decides where the key file is.
_SETTING: Final = "state.directory"


class Secret:
    """Octets that never show in repr, logs or errors; :meth:`reveal` is the one way to them."""

    __redacted__ = True
    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else value

    def reveal(self) -> bytes:
        """Return the octets themselves."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)


class Keyring:
    """Seals and opens what is stored encrypted, with keys derived from one key file.

    AES-256-GCM; the purpose ("nas-secret", "ticket") separates keys, so that a value sealed for
    one purpose does not open as another.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_OCTETS:
            raise Invalid(f"the key must be {_KEY_OCTETS} octets, base64; this one is {len(key)}")
        self._key = key
        self._ciphers: dict[str, AESGCM] = {}

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self.derive(f"seal:{purpose}"))
        return cipher

    def derive(self, purpose: str) -> bytes:
        """Return a 32-octet key of its own for ``purpose``."""
        return hmac.digest(self._key, purpose.encode(), "sha256")

    def seal(self, value: bytes, purpose: str) -> bytes:
        """Return nonce || ciphertext || tag: 28 octets longer than ``value``."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        return nonce + self._cipher(purpose).encrypt(nonce, value, None)

    def open(self, sealed: bytes, purpose: str) -> bytes | None:
        """Return the value, or None where it was not sealed with this key for this purpose."""
        try:
            nonce, ciphertext = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
            return self._cipher(purpose).decrypt(nonce, ciphertext, None)
        except (InvalidTag, ValueError):
            return None

    def digest(self, value: str, purpose: str) -> str:
        """Return a keyed hash (64 hex digits) to look ``value`` up by without storing it."""
        return hmac.digest(self.derive(f"digest:{purpose}"), value.encode(), "sha256").hex()

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that tell one key from another and nothing else."""
        return hashlib.sha256(b"farandole key fingerprint" + self._key).hexdigest()[:16]


def load_keyring(path: Path) -> Keyring:
    """Return the keyring of a key file; raise ConfigurationError where it cannot be."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            _SETTING,
            f"key file {path} does not exist",
            "Restore it from the backup; an empty database gets a new one from "
            "`farandole database upgrade`",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            _SETTING,
            f"key file {path} cannot be read ({error.strerror})",
            "Let the service's account read it, and nobody else (mode 0600)",
        ) from None
    try:
        return Keyring(base64.b64decode(text.strip(), validate=True))
    except (ValueError, Invalid):
        raise ConfigurationError(
            _SETTING,
            f"key file {path} is not a Farandole key (32 octets in base64)",
            "Restore it from the backup",
        ) from None


def create_key_file(path: Path) -> Keyring:
    """Write a new key file (mode 0600, durable), and return its keyring; never overwrite one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(_KEY_OCTETS)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return load_keyring(path)
