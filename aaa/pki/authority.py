"""The service's own authorities and the server's certificate, made and renewed in time.

Nobody has to do anything for it: each start and each day of housekeeping calls :func:`ensure`. A
root is followed by the next one five years before its end. Profiles carry both from then on, and
devices get certificates of the newest, while the server goes on showing one of the oldest root that
lives long enough, which is in every profile. So a profile works on for years after the next root
was made, without being installed anew.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import snapshot
from aaa.errors import Invalid
from aaa.model import Authority, ServerCertificate, Use
from aaa.pki import contents, identity
from aaa.pki.contents import SERVER_VALIDITY, Signer
from aaa.secret import Keyring

# How long before its end each is followed by the next one.
RENEW_SERVER: Final = timedelta(days=30)
RENEW_AUTHORITY: Final = timedelta(days=5 * 365)
# PostgreSQL's advisory lock of whoever makes authorities and server certificates.
_LOCK: Final = 0x504B49
_PURPOSES: Final = {Use.EAP: contents.SERVER, Use.RADSEC: contents.SERVER_AND_CLIENT}


async def is_due(
    session: AsyncSession, *, names: Sequence[str], now: datetime, use: Use = Use.EAP
) -> bool:
    """Return whether :func:`ensure` has anything to make, without waiting for anybody."""
    return await _needs_authority(session, now) or await _needs_server(session, use, names, now)


async def ensure(
    session: AsyncSession,
    keyring: Keyring,
    *,
    names: Sequence[str],
    federation_name: str,
    now: datetime,
    use: Use = Use.EAP,
) -> bool:
    """Make what is missing, near its end, not valid yet, or named otherwise than ``names``, which
    come first in the server's certificate for ``use``; return whether anything was made.

    Not valid yet is what was made while the clock was ahead: nobody could use it until then. Of
    several processes one makes it. Raises Invalid where the key file is not the database's.
    """
    await _take_turn(session)
    needs_authority = await _needs_authority(session, now)
    if needs_authority:
        await _make_authority(session, keyring, federation_name, now)
    needs_server = await _needs_server(session, use, names, now)
    if needs_server:
        await _make_server_certificate(session, keyring, use, names, now)
    return needs_authority or needs_server


async def renew_server(
    session: AsyncSession,
    keyring: Keyring,
    *,
    names: Sequence[str],
    now: datetime,
    use: Use = Use.EAP,
) -> ServerCertificate:
    """Make and return the next certificate of the server for a use now, with a new key."""
    await _take_turn(session)
    return await _make_server_certificate(session, keyring, use, names, now)


async def renew_authority(
    session: AsyncSession, keyring: Keyring, *, federation_name: str, now: datetime
) -> Authority:
    """Make and return the next authority; those there are stay, until they expire."""
    await _take_turn(session)
    return await _make_authority(session, keyring, federation_name, now)


async def listed(session: AsyncSession) -> Sequence[Authority]:
    """Return every authority, the oldest first."""
    return (await session.scalars(select(Authority).order_by(Authority.id))).all()


async def newest_signer(
    session: AsyncSession, keyring: Keyring, now: datetime
) -> tuple[Authority, Signer]:
    """Return the authority that signs certificates of devices; raise Invalid before the first."""
    newest = await _newest(session)
    if newest is None or not newest.valid_from <= now < newest.expires_at:
        raise Invalid("there is no authority yet: start the service, or use `farandole ca renew`")
    return newest, open_signer(keyring, newest)


def open_signer(keyring: Keyring, authority: Authority) -> Signer:
    """Return an authority ready to sign; raise Invalid where another key file sealed its key."""
    key = identity.open_key(keyring, authority.sealed_key, f"authority {authority.id}")
    return contents.read_signer(authority.certificate, key)


async def _take_turn(session: AsyncSession) -> None:
    """Wait until nobody else makes anything here, and then see what they made. SQLite has one
    writer, whose turn it is."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def _newest(session: AsyncSession) -> Authority | None:
    return await session.scalar(select(Authority).order_by(Authority.id.desc()).limit(1))


async def _make_authority(
    session: AsyncSession, keyring: Keyring, federation_name: str, now: datetime
) -> Authority:
    taken = {contents.name_of(each.certificate) for each in await listed(session)}
    numbered = (contents.authority_name(federation_name, now.year, each) for each in count(1))
    key = contents.new_key()
    certificate = contents.authority(key, next(name for name in numbered if name not in taken), now)
    made = Authority(
        certificate=certificate.public_bytes(Encoding.DER),
        sealed_key=keyring.seal(contents.key_octets(key).reveal(), identity.PRIVATE_KEY),
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )
    session.add(made)
    await session.flush()
    await snapshot.touch(session)
    return made


async def _needs_authority(session: AsyncSession, now: datetime) -> bool:
    newest = await _newest(session)
    return newest is None or newest.valid_from > now or newest.expires_at - now < RENEW_AUTHORITY


async def _needs_server(
    session: AsyncSession, use: Use, names: Sequence[str], now: datetime
) -> bool:
    current = await identity.server_certificate(session, use)
    return (
        current is None
        or current.valid_from > now
        or current.expires_at - now < RENEW_SERVER
        or list(names) != current.names[: len(names)]
    )


async def _make_server_certificate(
    session: AsyncSession, keyring: Keyring, use: Use, names: Sequence[str], now: datetime
) -> ServerCertificate:
    """Make the server's next certificate for a use. It keeps every name that it ever had, for the
    profiles and partners that check those."""
    current = await identity.server_certificate(session, use)
    all_names = list(dict.fromkeys([*names, *(current.names if current else ())]))
    authority = _signing(await listed(session), now)
    key = contents.new_key()
    signer = open_signer(keyring, authority)
    certificate = contents.server(key.public_key(), signer, all_names, now, _PURPOSES[use])
    made = ServerCertificate(
        use=use,
        authority_id=authority.id,
        certificate=certificate.public_bytes(Encoding.DER),
        sealed_key=keyring.seal(contents.key_octets(key).reveal(), identity.PRIVATE_KEY),
        names=all_names,
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )
    session.add(made)
    await session.flush()
    await snapshot.touch(session)
    return made


def _signing(authorities: Sequence[Authority], now: datetime) -> Authority:
    """Return the oldest authority that outlives what it signs now, else the newest."""
    if not authorities:
        raise Invalid("there is no authority yet: start the service once")
    lasting = (
        each
        for each in authorities
        if each.valid_from <= now and each.expires_at >= now + SERVER_VALIDITY
    )
    return next(lasting, authorities[-1])
