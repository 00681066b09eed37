"""Our signing keys: made when they are needed, followed by the next in time, never in a hurry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from joserfc.jwk import ECKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.pki import contents
from aaa.secret import Keyring
from aaa.snapshot import touch
from federation.model import KeyUse, SigningKey
from federation.trust.key_calendar import OVERLAP, expired, next_from, planned, replaced, signing
from federation.trust.statements import ALGORITHM, Jwk, Signer

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
    newest = signing(rows, now)
    return Keys(Signer(_open(newest, keyring), newest.kid) if newest else None, published)


async def is_due(session: AsyncSession, now: datetime) -> bool:
    """Return whether :func:`keep` has anything to do, without waiting for anybody."""
    for use in KeyUse:
        rows = await _rows(session, use)
        if next_from(rows, now) or replaced(rows, now) or expired(rows, now):
            return True
    return False


async def keep(session: AsyncSession, keyring: Keyring, now: datetime) -> None:
    """Make what is missing or due, retire what the next one signs in the place of, and delete what
    has expired."""
    for use in KeyUse:
        rows = await _rows(session, use)
        if (signs_from := next_from(rows, now)) is not None:
            _add(session, keyring, use, now, signs_from)
        for row in replaced(rows, now):
            row.expires_at = now + OVERLAP
        for row in expired(rows, now):
            await session.delete(row)
    await session.flush()
    await touch(session)


async def rotate(session: AsyncSession, keyring: Keyring, now: datetime) -> datetime:
    """Make the next key of each use, whatever the age of the present one; return from when on they
    sign. Raises Invalid where the next are made already."""
    for use in KeyUse:
        if ready := planned(await _rows(session, use), now):
            raise Invalid(
                f"the next keys are made already, and sign from {ready.signs_from:%Y-%m-%d} on"
            )
        _add(session, keyring, use, now, signs_from=now + OVERLAP)
    await session.flush()
    await touch(session)
    return now + OVERLAP


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
