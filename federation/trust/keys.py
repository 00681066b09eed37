"""Our signing keys: made when they are needed, followed by the next in time, never in a hurry.

A key is published a while before it signs and stays published for a while after, so that whoever
looks at our keys less often than daily knows each of them in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from joserfc.jwk import ECKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.pki import contents
from aaa.secret import Keyring
from aaa.snapshot import touch
from federation.model import KeyUse, SigningKey
from federation.trust.statements import ALGORITHM, Jwk, Signer

SIGNS_FOR: Final = timedelta(days=180)
"""How long a key signs before the next does."""
OVERLAP: Final = timedelta(days=14)
"""How long a key is published before it signs, and after its last signature."""
_PURPOSE: Final = "signing-key"


@dataclass(frozen=True, slots=True)
class Keys:
    """Those of one use: what signs now, and all that are published. `signer` is None before the
    first was made."""

    signer: Signer | None = field(default=None, repr=False)
    published: tuple[Jwk, ...] = ()

    def must_sign(self) -> Signer:
        """Return what signs; raise Invalid before the first key was made."""
        if self.signer is None:
            raise Invalid("there is no signing key yet: start the service once")
        return self.signer


NO_KEYS: Final = Keys()


async def load(session: AsyncSession, keyring: Keyring, use: KeyUse, now: datetime) -> Keys:
    """Return the keys of a use. Raises Invalid where the key file is another database's."""
    rows = await _rows(session, use)
    published = tuple(_public(row, keyring) for row in rows)
    signing = [row for row in rows if row.signs_from <= now and row.expires_at is None]
    if not signing:
        return Keys(None, published)
    newest = max(signing, key=lambda row: row.signs_from)
    return Keys(Signer(_open(newest, keyring), newest.kid), published)


async def is_due(session: AsyncSession, now: datetime) -> bool:
    """Return whether :func:`keep` has anything to do, without waiting for anybody."""
    for use in KeyUse:
        rows = await _rows(session, use)
        if _next_from(rows, now) or _replaced(rows, now) or _expired(rows, now):
            return True
    return False


async def keep(session: AsyncSession, keyring: Keyring, now: datetime) -> None:
    """Make what is missing or due, retire what the next one signs in the place of, and delete what
    has expired."""
    for use in KeyUse:
        rows = await _rows(session, use)
        if (signs_from := _next_from(rows, now)) is not None:
            _add(session, keyring, use, now, signs_from)
        for row in _replaced(rows, now):
            row.expires_at = now + OVERLAP
        for row in _expired(rows, now):
            await session.delete(row)
    await session.flush()
    await touch(session)


async def rotate(session: AsyncSession, keyring: Keyring, use: KeyUse, now: datetime) -> None:
    """Have the next key of a use signed with from the end of the overlap on, whatever the age of
    the present one."""
    _add(session, keyring, use, now, signs_from=now + OVERLAP)
    await session.flush()
    await touch(session)


def _next_from(rows: Sequence[SigningKey], now: datetime) -> datetime | None:
    """Return from when on the next key of a use has to sign; None where none is needed yet."""
    planned = [row.signs_from for row in rows if row.expires_at is None]
    newest = max(planned, default=None)
    # Later than a key is planned for: the clock was ahead when it was made.
    if newest is None or newest > now + OVERLAP:
        return now
    is_old = newest + SIGNS_FOR - OVERLAP <= now
    return max(newest + SIGNS_FOR, now) if is_old else None


def _replaced(rows: Sequence[SigningKey], now: datetime) -> Sequence[SigningKey]:
    signing = [row for row in rows if row.expires_at is None and row.signs_from <= now]
    return sorted(signing, key=lambda row: row.signs_from)[:-1]


def _expired(rows: Sequence[SigningKey], now: datetime) -> Sequence[SigningKey]:
    return [row for row in rows if row.expires_at is not None and row.expires_at < now]


async def _rows(session: AsyncSession, use: KeyUse) -> Sequence[SigningKey]:
    query = select(SigningKey).where(SigningKey.use == use).order_by(SigningKey.id)
    return (await session.scalars(query)).all()


def _add(
    session: AsyncSession, keyring: Keyring, use: KeyUse, now: datetime, signs_from: datetime
) -> None:
    octets = contents.key_octets(contents.new_key()).reveal()
    row = SigningKey(
        use=use,
        kid=ECKey.import_key(octets).thumbprint(),
        sealed_key=keyring.seal(octets, _PURPOSE),
        created_at=now,
        signs_from=signs_from,
    )
    session.add(row)


def _open(row: SigningKey, keyring: Keyring) -> ECKey:
    octets = keyring.open(row.sealed_key, _PURPOSE)
    if octets is None:
        raise Invalid(
            "a signing key was sealed with another key: restore the key file that belongs to "
            "this database"
        )
    return ECKey.import_key(octets)


def _public(row: SigningKey, keyring: Keyring) -> Jwk:
    public = _open(row, keyring).as_dict(private=False)
    return {**public, "kid": row.kid, "use": "sig", "alg": ALGORITHM}
