"""NAS and the access points behind them: register, change, rotate a secret, retire."""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final, TypedDict, Unpack

from sqlalchemy import bindparam, case, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import mac
from aaa.collectivities import hotspot_by_slug
from aaa.errors import Invalid
from aaa.identifier import check_slug
from aaa.model import (
    AccessPoint,
    Collectivity,
    Hotspot,
    MessageAuthenticatorRule,
    Nas,
    RadsecPeer,
    Ticket,
)
from aaa.nas.registry import adapter
from aaa.secret import Keyring, Secret
from aaa.snapshot import NAS_SECRET, UAM_SECRET, RadsecPeerEntry, touch

# RFC 2865 section 3 asks for 16 octets; the RADIUS deprecation draft for 24 random ones.
LEAST_SECRET: Final = 16
# Consecutive signed requests after which a NAS must always sign.
LEARNED_AFTER: Final = 50
_SEEN_WITHIN: Final = timedelta(minutes=1)
_KEPT_AS_GIVEN: Final = ("login_host", "uses_pap", "coa_port", "message_authenticator")

_NAS: Final = Nas.__table__.c
_SIGNED: Final = _NAS.signed_requests * bindparam("kept") + bindparam("signed")
_COUNT: Final = case((_SIGNED > LEARNED_AFTER, LEARNED_AFTER), else_=_SIGNED)
_SEE: Final = (
    update(Nas.__table__)  # type: ignore[arg-type]
    .where(
        _NAS.id == bindparam("nas_id"),
        _NAS.last_seen_at.is_(None)
        | (_NAS.last_seen_at < bindparam("long_ago"))
        | (_NAS.signed_requests != _COUNT),
    )
    .values(last_seen_at=bindparam("seen_at"), signed_requests=_COUNT)
)


class NasChanges(TypedDict, total=False):
    """What shall be different of a NAS: what is left out stays as it is, None takes it away."""

    hotspot: str
    network: str | None
    identifier: str | None
    login_host: str | None
    uses_pap: bool
    coa_port: int | None
    message_authenticator: MessageAuthenticatorRule
    uam_secret: Secret | None


def new_secret() -> Secret:
    """Return a random shared secret: 24 octets of entropy in 32 characters."""
    return Secret(secrets.token_urlsafe(24))


def check_secret(secret: Secret) -> Secret:
    """Return a shared secret fit for use; raise Invalid where it is too short or too long."""
    if not LEAST_SECRET <= len(secret) <= 128:
        raise Invalid(
            f"a shared secret has {LEAST_SECRET} to 128 octets; this one has {len(secret)}: "
            "leave --secret-file out and one is made for you"
        )
    return secret


def check_network(text: str) -> str:
    """Return an address or network as CIDR; raise Invalid otherwise."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise Invalid(
            f"“{text}” is no address or network: write 192.0.2.7 or 192.0.2.0/24"
        ) from None


def fold_identifier(text: str) -> str:
    """Return a NAS-Identifier or Called-Station-Id in the form we compare."""
    return mac.station(text)[0] or text.strip().casefold()


async def register(
    session: AsyncSession,
    keyring: Keyring,
    *,
    name: str,
    hotspot: str,
    vendor: str,
    network: str | None,
    identifier: str | None,
    secret: Secret,
    uam_secret: Secret | None,
    login_host: str | None,
    uses_pap: bool,
    coa_port: int | None,
    now: datetime,
) -> Nas:
    """Create a NAS; it is served from the next packet on. Raises Invalid."""
    adapter(vendor)
    nas = Nas(
        name=check_slug(name),
        hotspot_id=(await hotspot_by_slug(session, hotspot)).id,
        vendor=vendor,
        network=check_network(network) if network else None,
        identifier=fold_identifier(identifier) if identifier else None,
        secret=keyring.seal(check_secret(secret).reveal(), NAS_SECRET),
        uam_secret=_sealed_uam_secret(keyring, uam_secret),
        login_host=login_host,
        uses_pap=uses_pap,
        coa_port=coa_port,
        created_at=now,
    )
    await _check_known_by(session, nas)
    try:
        async with session.begin_nested():
            session.add(nas)
    except IntegrityError:
        raise Invalid(f"NAS “{name}” or its identifier exists already") from None
    await touch(session)
    return nas


async def change(
    session: AsyncSession, keyring: Keyring, nas: Nas, **changes: Unpack[NasChanges]
) -> None:
    """Change what is named of a NAS; it is served so from the next packet on. Raises Invalid.

    Where its signing is to be learned, its signed requests are counted anew.
    """
    for key, value in changes.items():
        if key in _KEPT_AS_GIVEN:
            setattr(nas, key, value)
    if changes.get("message_authenticator") is MessageAuthenticatorRule.LEARN:
        nas.signed_requests = 0
    if "uam_secret" in changes:
        nas.uam_secret = _sealed_uam_secret(keyring, changes["uam_secret"])
    if "hotspot" in changes:
        nas.hotspot_id = (await hotspot_by_slug(session, changes["hotspot"])).id
    if "network" in changes:
        nas.network = check_network(changes["network"]) if changes["network"] else None
    if "identifier" in changes:
        nas.identifier = fold_identifier(changes["identifier"]) if changes["identifier"] else None
    await _check_known_by(session, nas)
    try:
        await session.flush()
    except IntegrityError:
        raise Invalid(f"another NAS has the identifier “{changes.get('identifier')}”") from None
    await touch(session)


def _sealed_uam_secret(keyring: Keyring, secret: Secret | None) -> bytes | None:
    return keyring.seal(secret.reveal(), UAM_SECRET) if secret else None


async def _check_known_by(session: AsyncSession, nas: Nas) -> None:
    """Raise Invalid where nothing tells whose packets are this NAS': no address and no identifier,
    or no identifier and the address of another that has none."""
    if nas.identifier is not None:
        return
    if nas.network is None:
        raise Invalid(
            "a NAS is known by --address (192.0.2.7) or by --identifier (its NAS-Identifier or "
            "Called-Station-Id): give one, or both"
        )
    if other := await same_network(session, nas):
        raise Invalid(
            f"NAS “{other}” has this address already: give --identifier to tell them apart"
        )


async def same_network(session: AsyncSession, nas: Nas) -> str | None:
    """Return the name of another NAS that nothing but the same network would tell from this."""
    query = select(Nas.name).where(
        Nas.network == nas.network, Nas.identifier.is_(None), Nas.name != nas.name
    )
    found: str | None = await session.scalar(query)
    return found


async def by_name(session: AsyncSession, name: str) -> Nas:
    """Return a NAS; raise Invalid where there is none of this name."""
    nas = await session.scalar(select(Nas).where(Nas.name == name))
    if nas is None:
        known = (await session.scalars(select(Nas.name).order_by(Nas.name).limit(10))).all()
        there = f"there are: {', '.join(known)}" if known else "add one with `farandole nas add`"
        raise Invalid(f"there is no NAS “{name}”; {there}")
    return nas


async def expect_certificates(
    session: AsyncSession, nas: Nas, peers: Collection[RadsecPeerEntry]
) -> None:
    """Replace the certificates that a NAS may connect with over TLS; none: it may not."""
    await session.execute(delete(RadsecPeer).where(RadsecPeer.nas_id == nas.id))
    session.add_all(
        RadsecPeer(
            nas_id=nas.id,
            anchor=peer.anchor,
            name=peer.name,
            fingerprint=peer.fingerprint,
            policy=peer.policy,
        )
        for peer in peers
    )
    await session.flush()
    await touch(session)


async def rotate_secret(
    session: AsyncSession,
    keyring: Keyring,
    nas: Nas,
    secret: Secret,
    overlap: timedelta,
    now: datetime,
) -> None:
    """Give a NAS a new secret; the former stays valid for ``overlap``."""
    nas.former_secret, nas.former_secret_until = nas.secret, now + overlap
    nas.secret = keyring.seal(check_secret(secret).reveal(), NAS_SECRET)
    await touch(session)


async def remove(session: AsyncSession, nas: Nas) -> None:
    """Retire a NAS, with its tickets and the log-ins under way there.

    Raises Invalid where it has had a session: the record of those names it; and where it stands
    for a partner.
    """
    hotspot = await session.get_one(Hotspot, nas.hotspot_id)
    if (await session.get_one(Collectivity, hotspot.collectivity_id)).is_partner:
        raise Invalid(f"NAS “{nas.name}” is a partner's: `farandole partner remove {nas.name}`")
    try:
        async with session.begin_nested():
            for kind in (AccessPoint, RadsecPeer, Ticket):
                await session.execute(delete(kind).where(kind.nas_id == nas.id))
            await session.delete(nas)
    except IntegrityError:
        raise Invalid(
            f"NAS “{nas.name}” has sessions on record: rotate its secret to shut it out, and "
            "remove it when they have passed retention"
        ) from None
    await touch(session)


async def add_access_point(
    session: AsyncSession, *, nas: str, hotspot: str, name: str, address: str, now: datetime
) -> AccessPoint:
    """Tell which hotspot an access point behind a NAS hangs in, by its Called-Station-Id."""
    normalized = mac.normalize(address)
    if normalized is None:
        raise Invalid(f"“{address}” is no MAC address: write it like 00-11-22-AA-BB-CC")
    access_point = AccessPoint(
        nas_id=(await by_name(session, nas)).id,
        hotspot_id=(await hotspot_by_slug(session, hotspot)).id,
        name=name.strip(),
        mac=normalized,
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(access_point)
    except IntegrityError:
        raise Invalid(f"access point {address} exists already") from None
    await touch(session)
    return access_point


async def note_seen(
    session: AsyncSession,
    signed: Mapping[int, int],
    seen: Mapping[int, datetime],
    restarted: Collection[int] = (),
) -> None:
    """Store what arrived since the last call: signed requests by NAS id, and the time of each
    NAS' latest packet. The NAS in ``restarted`` left one unsigned, so that their count begins
    anew. A NAS that has signed often enough in a row must sign from now on.

    A time that is a minute old at most stays, unless the count moves: NAS that are busy all day
    are not written all day."""
    rows = [
        {
            "nas_id": nas_id,
            "seen_at": seen_at,
            "long_ago": seen_at - _SEEN_WITHIN,
            "kept": 0 if nas_id in restarted else 1,
            "signed": signed.get(nas_id, 0),
        }
        for nas_id, seen_at in sorted(seen.items())
    ]
    if rows:
        await session.execute(_SEE, rows)
    learned = await session.execute(
        update(Nas)
        .where(
            Nas.message_authenticator == MessageAuthenticatorRule.LEARN,
            Nas.signed_requests >= LEARNED_AFTER,
        )
        .values(message_authenticator=MessageAuthenticatorRule.REQUIRED)
    )
    if learned.rowcount:  # type: ignore[attr-defined]
        await touch(session)


async def keep_entry(session: AsyncSession, nas_id: int, url: str) -> None:
    """Store where a NAS' own page is that redirects to the portal; what is known is not written
    again, since each change has every process load anew."""
    changed = await session.execute(
        update(Nas)
        .where(Nas.id == nas_id, Nas.entry_url.is_distinct_from(url))
        .values(entry_url=url)
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        await touch(session)
