"""Partners: add, change, suspend, remove. Every change moves the revision of snapshots on, so that
each process knows it within a second."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.access_points import check_secret
from aaa.errors import Invalid
from aaa.identifier import check_slug
from aaa.model import Collectivity, Nas
from aaa.secret import Keyring, Secret
from aaa.snapshot import touch
from federation import agreements, stand_ins
from federation.agreements import Term
from federation.directory import HOME_SERVER_SECRET, DiscoveryEntry, address
from federation.model import (
    Discovery,
    ForwardedAccounting,
    HomeServer,
    Partner,
    PartnerRealm,
    PartnerState,
    PartnerTerm,
    Transport,
)
from federation.realms import check_pattern
from federation.stand_ins import Place, Sender


@dataclass(frozen=True, slots=True)
class NewServer:
    """A home server as an operator names it; see :class:`federation.model.HomeServer`."""

    transport: Transport
    host: str
    auth_port: int
    acct_port: int
    priority: int = 0
    secret: Secret | None = None
    anchor: bytes | None = field(default=None, repr=False)
    certificate_name: str | None = None
    fingerprint: str | None = None
    coa_port: int | None = None

    @property
    def address(self) -> str:
        """How commands name it: ``udp://host:port``."""
        return address(self.transport, self.host, self.auth_port)


async def by_name(session: AsyncSession, name: str) -> Partner:
    """Return a partner; raise Invalid naming those there are."""
    found = await session.scalar(select(Partner).where(Partner.name == name))
    if found is None:
        known = (await session.scalars(select(Partner.name).order_by(Partner.name))).all()
        there = (
            f"there are: {', '.join(known[:10])}" if known else "add one: `farandole partner add`"
        )
        raise Invalid(f"there is no partner “{name}”; {there}")
    return found


async def add(
    session: AsyncSession,
    keyring: Keyring,
    *,
    name: str,
    place: Place,
    realms: Sequence[str],
    servers: Sequence[NewServer],
    sender: Sender | None,
    now: datetime,
    discovery: DiscoveryEntry | None = None,
) -> Partner:
    """Create a partner, the collectivity and hotspot that stand for it, and the NAS that its
    servers are where it has a sender. One that was removed takes up where it left off.

    Raises Invalid.
    """
    if await session.scalar(select(Partner.id).where(Partner.name == check_slug(name))):
        raise Invalid(f"partner “{name}” exists already: `farandole partner change` changes it")
    hotspot = await stand_ins.place(session, name, place, now)
    partner = Partner(
        name=name,
        collectivity_id=hotspot.collectivity_id,
        state=PartnerState.ACTIVE,
        created_at=now,
    )
    session.add(partner)
    await session.flush()
    await change_realms(session, partner, added=realms, removed=())
    if not servers and discovery is None:
        raise Invalid(
            f"partner “{name}” needs somebody to ask: give its servers (--home), or have them "
            "looked up in DNS (--discover)"
        )
    for server in servers:
        await add_server(session, keyring, partner, server)
    if discovery is not None:
        await discover(session, partner, discovery)
    if sender is not None:
        await change_sender(session, keyring, partner, sender, now)
    return partner


async def discover(session: AsyncSession, partner: Partner, terms: DiscoveryEntry) -> None:
    """Have the servers of a partner's realms looked up in DNS, by these terms in the place of
    those before."""
    await session.merge(
        Discovery(
            partner_id=partner.id,
            service=terms.service.text,
            anchors=terms.anchors,
            proof=terms.proof,
            policies=list(terms.policies),
        )
    )
    await session.flush()
    await touch(session)


async def stop_discovering(session: AsyncSession, partner: Partner) -> None:
    """Look up no servers of a partner any more. Raises Invalid where it has named none."""
    if not await _servers(session, partner):
        raise Invalid(
            f"partner “{partner.name}” has no other servers: add one first, or use "
            "`farandole partner suspend`"
        )
    await session.execute(delete(Discovery).where(Discovery.partner_id == partner.id))
    await touch(session)


async def change_place(session: AsyncSession, partner: Partner, place: Place) -> None:
    """Change how a partner is called and where it is. Raises Invalid."""
    collectivity = await session.get_one(Collectivity, partner.collectivity_id)
    hotspot = await stand_ins.hotspot_of(session, partner.collectivity_id)
    stand_ins.write_place(collectivity, hotspot, place)
    await touch(session)


async def place_of(session: AsyncSession, partner: Partner) -> Place:
    """Return how a partner is called and where it is."""
    row = await session.get_one(Collectivity, partner.collectivity_id)
    return Place(row.name, row.country, row.language, row.timezone)


async def change_realms(
    session: AsyncSession, partner: Partner, *, added: Sequence[str], removed: Sequence[str]
) -> None:
    """Add and take away patterns of realms: `village.example`, `*.example`, `*`.

    Raises Invalid where one is ours or another partner's, or none would be left.
    """
    own = PartnerRealm.partner_id == partner.id
    rows = {row.pattern: row for row in await session.scalars(select(PartnerRealm).where(own))}
    for pattern in map(check_pattern, removed):
        if pattern not in rows:
            held = ", ".join(rows)
            raise Invalid(f"“{pattern}” is no realm of partner “{partner.name}”; it has: {held}")
        await session.delete(rows.pop(pattern))
    await session.flush()
    new = [each for each in dict.fromkeys(map(check_pattern, added)) if each not in rows]
    await _check_are_free(session, new)
    for pattern in new:
        rows[pattern] = PartnerRealm(partner_id=partner.id, pattern=pattern)
    session.add_all(rows[pattern] for pattern in new)
    if not rows:
        raise Invalid(
            f"partner “{partner.name}” needs a realm; to send it nothing any more use "
            "`farandole partner suspend`"
        )
    collectivity = await session.get_one(Collectivity, partner.collectivity_id)
    collectivity.realm = stand_ins.realm_for(partner.name, list(rows))
    await session.flush()
    await touch(session)


async def _check_are_free(session: AsyncSession, patterns: Sequence[str]) -> None:
    """A region has a thousand realms: they are looked up together."""
    ours = select(Collectivity.realm, Collectivity.slug).where(
        Collectivity.realm.in_(patterns), Collectivity.is_partner.is_(False)
    )
    for pattern, slug in await session.execute(ours):
        raise Invalid(
            f"“{pattern}” is our own collectivity “{slug}”: its citizens log in here, and a "
            "partner cannot have them too"
        )
    theirs = (
        select(PartnerRealm.pattern, Partner.name)
        .join(Partner)
        .where(PartnerRealm.pattern.in_(patterns))
    )
    for pattern, name in await session.execute(theirs):
        raise Invalid(
            f"“{pattern}” leads to partner “{name}” already: take it away there first, "
            f"`farandole partner change {name} --remove-realm {pattern}`"
        )


async def check_is_ours(session: AsyncSession, realm: str) -> None:
    """Raise Invalid where a realm that shall be a collectivity's of ours is a partner's."""
    if theirs := await _partner_with(session, check_pattern(realm)):
        raise Invalid(
            f"realm “{realm}” leads to partner “{theirs}”: choose another, or take it away there "
            f"first, `farandole partner change {theirs} --remove-realm {realm}`"
        )


async def whole_realms(session: AsyncSession) -> Sequence[str]:
    """Return the realms of active partners that are written whole, which Passpoint can tell."""
    query = (
        select(PartnerRealm.pattern)
        .join(Partner)
        .where(Partner.state == PartnerState.ACTIVE, PartnerRealm.pattern.not_like("*%"))
        .order_by(PartnerRealm.pattern)
    )
    return (await session.scalars(query)).all()


async def _partner_with(session: AsyncSession, pattern: str) -> str | None:
    query = select(Partner.name).join(PartnerRealm).where(PartnerRealm.pattern == pattern)
    found: str | None = await session.scalar(query)
    return found


async def add_server(
    session: AsyncSession, keyring: Keyring, partner: Partner, server: NewServer
) -> HomeServer:
    """Add a server to ask for a partner's citizens. Raises Invalid."""
    if await _server(session, partner, server.address) is not None:
        raise Invalid(f"partner “{partner.name}” has the server {server.address} already")
    _check_proof(server)
    row = HomeServer(
        partner_id=partner.id,
        transport=server.transport,
        host=server.host,
        auth_port=server.auth_port,
        acct_port=server.acct_port,
        coa_port=server.coa_port,
        priority=server.priority,
        secret=keyring.seal(server.secret.reveal(), HOME_SERVER_SECRET) if server.secret else None,
        anchor=server.anchor,
        certificate_name=server.certificate_name,
        fingerprint=server.fingerprint,
    )
    session.add(row)
    await session.flush()
    await touch(session)
    return row


def _check_proof(server: NewServer) -> None:
    """Raise Invalid where nothing proves a server, or what is given proves nothing there."""
    has_certificate = server.fingerprint is not None or server.anchor is not None
    if server.transport is Transport.UDP:
        if server.secret is None or has_certificate:
            raise Invalid(f"{server.address} proves itself by a shared secret, by no certificate")
        check_secret(server.secret)
    elif server.secret is not None:
        raise Invalid(f"{server.address} proves itself by its certificate: give no secret")
    elif not has_certificate or (server.anchor is not None and server.certificate_name is None):
        raise Invalid(
            f"{server.address} proves itself by its certificate: give the root that signs it "
            "(--anchor) and the name in it (--certificate-name), or its --fingerprint"
        )


async def remove_server(session: AsyncSession, partner: Partner, server_address: str) -> None:
    """Ask a server no more. Raises Invalid where it is none, or the last."""
    server = await _server(session, partner, server_address)
    addresses = [_address(row) for row in await _servers(session, partner)]
    if server is None:
        raise Invalid(
            f"partner “{partner.name}” has no server {server_address}; it has: "
            f"{', '.join(addresses)}"
        )
    if len(addresses) == 1 and await session.get(Discovery, partner.id) is None:
        raise Invalid(
            f"{server_address} is the only server of partner “{partner.name}”: add the next one "
            "first, or use `farandole partner suspend`"
        )
    await session.delete(server)
    await session.flush()
    await touch(session)


async def replace_servers(
    session: AsyncSession, keyring: Keyring, partner: Partner, servers: Sequence[NewServer]
) -> None:
    """Ask these servers of a partner, and no others; those that stay as they are keep their
    health. Raises Invalid."""
    rows = {_address(row): row for row in await _servers(session, partner)}
    for server in servers:
        row = rows.pop(server.address, None)
        if row is None:
            await add_server(session, keyring, partner, server)
        else:
            row.priority, row.anchor = server.priority, server.anchor
            row.certificate_name, row.fingerprint = server.certificate_name, server.fingerprint
    for row in rows.values():
        await session.delete(row)
    await session.flush()
    await touch(session)


async def _servers(session: AsyncSession, partner: Partner) -> Sequence[HomeServer]:
    query = select(HomeServer).where(HomeServer.partner_id == partner.id).order_by(HomeServer.id)
    return (await session.scalars(query)).all()


async def _server(session: AsyncSession, partner: Partner, wanted: str) -> HomeServer | None:
    rows = await _servers(session, partner)
    return next((row for row in rows if _address(row) == wanted.lower()), None)


def _address(row: HomeServer) -> str:
    return address(row.transport, row.host, row.auth_port)


async def change_sender(
    session: AsyncSession, keyring: Keyring, partner: Partner, sender: Sender, now: datetime
) -> None:
    """Replace where a partner's servers send from and how they prove themselves. Raises Invalid."""
    hotspot = await stand_ins.hotspot_of(session, partner.collectivity_id)
    partner.nas_id = (await stand_ins.client(session, keyring, hotspot, sender, now)).id
    await session.flush()
    await touch(session)


async def agree(session: AsyncSession, partner: Partner, terms: Sequence[Term]) -> None:
    """Replace what was agreed with a partner of attributes; none: what holds for every partner.
    Raises Invalid."""
    checked = {agreements.check(term) for term in terms}
    await session.execute(delete(PartnerTerm).where(PartnerTerm.partner_id == partner.id))
    session.add_all(
        PartnerTerm(partner_id=partner.id, attribute=term.attribute, way=term.way)
        for term in sorted(checked, key=lambda term: (term.attribute, term.way))
    )
    await session.flush()
    await touch(session)


async def suspend(session: AsyncSession, partner: Partner) -> None:
    """Send a partner nothing and refuse what it sends, from now on; what waits for it waits."""
    partner.state = PartnerState.SUSPENDED
    await touch(session)


async def resume(session: AsyncSession, partner: Partner) -> None:
    """End the suspension of a partner."""
    partner.state = PartnerState.ACTIVE
    await touch(session)


async def waiting(session: AsyncSession, partner: Partner) -> int:
    """Return how many accounting records wait for a partner's home."""
    rows = ForwardedAccounting.partner_id == partner.id
    query = select(func.count()).select_from(ForwardedAccounting).where(rows)
    return await session.scalar(query) or 0


async def discard_accounting(session: AsyncSession, partner: Partner) -> int:
    """Forget the accounting records that wait for a partner's home; return how many."""
    count = await waiting(session, partner)
    rows = ForwardedAccounting.partner_id == partner.id
    await session.execute(delete(ForwardedAccounting).where(rows))
    return count


async def remove(session: AsyncSession, partner: Partner) -> bool:
    """Remove a partner with its realms and servers; return whether all of it is gone.

    Sessions on record name the hotspot and the NAS that stood for it: those stay then, known by
    no address and no certificate, and a partner added under the same name takes them up again.
    Raises Invalid while accounting waits for it.
    """
    if count := await waiting(session, partner):
        raise Invalid(
            f"{count} accounting records wait for partner “{partner.name}”: let its home take "
            "them, or give --discard-accounting"
        )
    collectivity = await session.get_one(Collectivity, partner.collectivity_id)
    nas = await session.get(Nas, partner.nas_id) if partner.nas_id is not None else None
    for kind in (PartnerRealm, HomeServer, Discovery):
        await session.execute(delete(kind).where(kind.partner_id == partner.id))
    await session.delete(partner)
    await session.flush()
    is_gone = await stand_ins.remove(session, collectivity, nas)
    await touch(session)
    return is_gone
