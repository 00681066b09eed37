"""What stands for a partner where everything else looks: a collectivity, a hotspot for all of its
places, and a NAS for its servers where they send to us."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.access_points import (
    check_network,
    check_secret,
    expect_certificates,
    new_secret,
    same_network,
)
from aaa.collectivities import check_timezone
from aaa.errors import Invalid
from aaa.locality import check_country, check_language
from aaa.model import Collectivity, Hotspot, Nas, Policy
from aaa.secret import Keyring, Secret
from aaa.snapshot import NAS_SECRET, RadsecPeerEntry

# Nobody can have a name below it (RFC 2606 section 2).
_NOBODYS: Final = "partner.invalid"


class NameTaken(Invalid):
    """The name that a partner shall have is something else's; `reason` says whose."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: choose another name")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where a partner is: its title for people, ISO country, language, time zone."""

    title: str
    country: str = "FR"
    language: str = "fr"
    timezone: str = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class Sender:
    """Where a partner's servers send requests from: over UDP out of a network (CIDR) with a
    secret, over TLS from anywhere with one of some certificates; or both."""

    network: str | None = None
    secret: Secret | None = None
    peers: tuple[RadsecPeerEntry, ...] = ()


async def place(session: AsyncSession, name: str, where: Place, now: datetime) -> Hotspot:
    """Make, or find again, the hotspot of a partner and the collectivity that it is in.

    Raises Invalid where one of ours has the name.
    """
    collectivity = await session.scalar(select(Collectivity).where(Collectivity.slug == name))
    hotspot = await session.scalar(select(Hotspot).where(Hotspot.slug == name))
    if collectivity is not None and not collectivity.is_partner:
        raise NameTaken(f"a collectivity of ours is called “{name}”")
    if hotspot is not None and (collectivity is None or hotspot.collectivity_id != collectivity.id):
        raise NameTaken(f"a hotspot of ours is called “{name}”")
    if collectivity is None:
        collectivity = Collectivity(
            slug=name, name=where.title, realm=realm_for(name, []), is_partner=True, created_at=now
        )
        session.add(collectivity)
        await session.flush()
    if hotspot is None:
        hotspot = Hotspot(
            slug=name, name=where.title, collectivity_id=collectivity.id, created_at=now
        )
        session.add(hotspot)
    write_place(collectivity, hotspot, where)
    await session.flush()
    return hotspot


def write_place(collectivity: Collectivity, hotspot: Hotspot, where: Place) -> None:
    """Write down how a partner is called and where it is. Raises Invalid."""
    collectivity.name = hotspot.name = where.title.strip()
    collectivity.country = check_country(where.country)
    collectivity.language = check_language(where.language)
    collectivity.timezone = check_timezone(where.timezone)


async def hotspot_of(session: AsyncSession, collectivity_id: int) -> Hotspot:
    """Return the hotspot that stands for all places of a partner."""
    query = select(Hotspot).where(Hotspot.collectivity_id == collectivity_id)
    return (await session.scalars(query)).one()


def realm_for(name: str, patterns: Sequence[str]) -> str:
    """Return what stands where one realm is wanted: a partner's first whole one, else a name that
    nobody can have."""
    whole = (pattern for pattern in patterns if not pattern.startswith("*"))
    return next(whole, f"{name}.{_NOBODYS}")


async def client(
    session: AsyncSession, keyring: Keyring, hotspot: Hotspot, sender: Sender, now: datetime
) -> Nas:
    """Make, or change, the NAS that a partner's servers are to us.

    Raises Invalid where the name or the address is another NAS'.
    """
    nas = await session.scalar(select(Nas).where(Nas.name == hotspot.slug))
    if nas is not None and nas.hotspot_id != hotspot.id:
        raise NameTaken(f"a NAS of ours is called “{nas.name}”")
    if sender.network and sender.secret is None and (nas is None or nas.network is None):
        raise Invalid("over UDP a shared secret proves who sends: give --from-secret-file")
    if nas is None:
        # Over TLS alone nothing is proven by a secret: one that nobody is told is as good as none.
        secret = keyring.seal(new_secret().reveal(), NAS_SECRET)
        nas = Nas(name=hotspot.slug, hotspot_id=hotspot.id, vendor="generic", secret=secret)
        nas.created_at = now
        session.add(nas)
    nas.network = check_network(sender.network) if sender.network else None
    if sender.secret is not None:
        nas.secret = keyring.seal(check_secret(sender.secret).reveal(), NAS_SECRET)
    await session.flush()
    if nas.network and (other := await same_network(session, nas)):
        raise Invalid(
            f"NAS “{other}” has the address {nas.network} already: a partner sends from addresses "
            "of its own"
        )
    await expect_certificates(session, nas, sender.peers)
    return nas


async def remove(session: AsyncSession, collectivity: Collectivity, nas: Nas | None) -> bool:
    """Delete all that stands for a partner; return False where a session on record names it.

    It stays then, with no way in, and its realm is free.
    """
    hotspots = select(Hotspot.id).where(Hotspot.collectivity_id == collectivity.id)
    in_it = (Policy.collectivity_id == collectivity.id) | Policy.hotspot_id.in_(hotspots)
    if nas is not None:
        await expect_certificates(session, nas, ())
    try:
        async with session.begin_nested():
            await session.execute(delete(Policy).where(in_it))
            await session.execute(delete(Nas).where(Nas.hotspot_id.in_(hotspots)))
            await session.execute(delete(Hotspot).where(Hotspot.collectivity_id == collectivity.id))
            await session.execute(delete(Collectivity).where(Collectivity.id == collectivity.id))
    except IntegrityError:
        collectivity.realm = realm_for(collectivity.slug, [])
        if nas is not None:
            nas.network = nas.former_secret = nas.former_secret_until = None
        await session.flush()
        return False
    return True
