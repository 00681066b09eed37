"""The demo's partner: another region, over the border, with a service of its own. It is joined as
members join, so that its citizen logs in here on the pages of home."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens, collectivities, snapshot
from aaa.model import Collectivity
from aaa.passwords import PasswordHashing
from aaa.secret import Secret
from aaa.settings import Settings
from deploy import installation, ourselves
from deploy.assemble import Part, Service, assemble
from deploy.installation import Installation
from federation import partners
from federation.model import Partner
from federation.trust import joining, membership
from federation.trust.joining import Ourselves
from portal.mail import MailboxMailer

NAME: Final = "riviera"
TITLE: Final = "Riviera dei Limoni"
REALM: Final = "riviera-dei-limoni.example"
CITIZEN: Final = "giulia"
NAI: Final = f"{CITIZEN}@{NAME}"
PASSWORD: Final = "tre limoni e una barca"
_PARTS: Final = frozenset({Part.RADIUS, Part.PORTAL})
_LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<path d="M10 40q22 20 44 0L50 34q-18 12-36 0z" fill="#1d5c8f"/>'
    '<ellipse cx="32" cy="24" rx="15" ry="12" fill="#e6b800"/></svg>'
)


def settings(directory: Path, portal_port: int, ports: dict[str, int]) -> Settings:
    """Return the settings of its service on loopback; ``ports`` are those of RADIUS, by setting."""
    given: dict[str, dict[str, Any]] = {
        "state": {"directory": str(directory)},
        "radius": {"address": "127.0.0.1", **ports},
        "eap": {"server_name": f"radius.{REALM}"},
        "portal": {
            "address": "127.0.0.1",
            "port": portal_port,
            "public_url": f"http://127.0.0.1:{portal_port}",
        },
        "federation": {"servers": f"127.0.0.1:{ports['radsec_port']}"},
        "monitoring": {"address": "127.0.0.1", "port": 0},
    }
    return Settings.model_validate(given)


@asynccontextmanager
async def opened(chosen: Settings) -> AsyncIterator[Installation]:
    """Yield its installation, made where it is not there yet."""
    await installation.upgrade(chosen)
    async with installation.opened(chosen) as found:
        yield found


async def settle(there: Installation, hashing: PasswordHashing, now: datetime) -> None:
    """Give it its one collectivity and its citizen, where the database has none yet."""
    async with there.database.write("demo") as session:
        if (await snapshot.load(session, there.keyring)).collectivities:
            return
        await collectivities.add_collectivity(
            session,
            slug=NAME,
            name=TITLE,
            realm=REALM,
            parent=None,
            country="IT",
            language="it",
            timezone="Europe/Rome",
            now=now,
        )
    await _welcome(there, await hashing.hash(Secret(PASSWORD)), now)


async def _welcome(there: Installation, password_hash: str, now: datetime) -> None:
    async with there.database.write("demo") as session:
        home = (await snapshot.load(session, there.keyring)).by_realm[REALM]
        row = await session.get_one(Collectivity, home.id)
        row.colour, row.logo_svg = "#1d5c8f", _LOGO
        row.contact = f"wifi@{REALM}"
        citizen_id = await citizens.add(
            session,
            name=CITIZEN,
            collectivity=home,
            email=None,
            password_hash=password_hash,
            language="it",
            now=now,
        )
        await citizens.accept_terms(session, citizen_id, home, now)
        await snapshot.touch(session)


async def start(
    there: Installation,
    mailbox: MailboxMailer,
    stack: AsyncExitStack,
    clock: Callable[[], datetime],
) -> Service:
    """Return its service, ports held."""
    return await assemble(there, _PARTS, stack, clock=clock, mailer=mailbox)


async def join(here: Installation, there: Installation, now: datetime) -> None:
    """Have the two know each other: what an invitation does that is accepted."""
    token = Secret(secrets.token_urlsafe(24))
    one, other = await ourselves.shown(here, now), await ourselves.shown(there, now)
    for host, us, guest in ((here, one, other), (there, other, one)):
        async with host.database.write("demo") as session:
            await _forget_former(session, guest, now)
            await joining.keep(session, host.keyring, us, guest.member, token, None, now)


async def _forget_former(session: AsyncSession, guest: Ourselves, now: datetime) -> None:
    """Remove the same partner at another address: a former run of the demo had other ports."""
    query = select(Partner).where(Partner.name == guest.member.described.slug)
    former = await session.scalar(query)
    if former is None or await membership.by_entity(session, guest.entity) is not None:
        return
    await membership.end(session, former, now)
    await partners.discard_accounting(session, former)
    await partners.remove(session, former)
