"""From when until when each of our signing keys signs and is published: pure.

A key is published a while before it signs and stays published for a while after, so that whoever
looks at our keys less often than daily knows each of them in time. That holds after a pause of the
service, and whatever the clock said meanwhile: the former key signs on until the next is known.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

SIGNS_FOR: Final = timedelta(days=180)
"""How long a key signs before the next does."""
OVERLAP: Final = timedelta(days=14)
"""How long a key is published before it signs, and after its last signature."""


class Dated(Protocol):
    """A key by its dates; see :class:`federation.model.SigningKey`."""

    signs_from: datetime
    expires_at: datetime | None


Key = TypeVar("Key", bound=Dated)


def signing(keys: Sequence[Key], now: datetime) -> Key | None:
    """Return the key that signs: the newest whose time has come; where the clock is behind all of
    them, the oldest."""
    usable = [key for key in keys if not _is_expired(key, now)]
    present = [key for key in usable if key.signs_from <= now]
    if present:
        return max(present, key=_signs_from)
    return min(usable, key=_signs_from, default=None)


def planned(keys: Sequence[Key], now: datetime) -> Key | None:
    """Return the key that signs next, where it is there already."""
    to_come = (key for key in keys if now < key.signs_from <= now + OVERLAP)
    return max(to_come, key=_signs_from, default=None)


def next_from(keys: Sequence[Dated], now: datetime) -> datetime | None:
    """Return from when on the next key has to sign; None where none is needed yet."""
    newest = planned(keys, now) or signing(keys, now)
    if newest is None:
        return now
    return now + OVERLAP if newest.signs_from + SIGNS_FOR <= now + OVERLAP else None


def replaced(keys: Sequence[Key], now: datetime) -> Sequence[Key]:
    """Return those that another one signs in the place of, and that have no end yet."""
    newest = signing(keys, now)
    return [
        key
        for key in keys
        if newest is not None and key.signs_from < newest.signs_from and key.expires_at is None
    ]


def expired(keys: Sequence[Key], now: datetime) -> Sequence[Key]:
    """Return those that nobody needs any more."""
    return [key for key in keys if _is_expired(key, now)]


def _signs_from(key: Dated) -> datetime:
    return key.signs_from


def _is_expired(key: Dated, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now
