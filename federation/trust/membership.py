"""Partners by what they say of themselves: made so, and kept so when they say something else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens
from aaa.errors import Invalid
from aaa.model import Citizen, CitizenState, Nas, RadsecPeer
from aaa.secret import Keyring, Secret
from aaa.snapshot import CollectivityEntry, RadsecPeerEntry, Snapshot, touch
from aaa.wifi_secrets import WifiSecrets
from federation import interconnection, partners
from federation.directory import CANARY_SECRET
from federation.model import (
    Canary,
    Invitation,
    Membership,
    Partner,
    PartnerRealm,
    PartnerState,
    Transport,
)
from federation.partners import NewServer
from federation.stand_ins import NameTaken, Place, Sender
from federation.trust import description, statements
from federation.trust.description import Description
from federation.trust.invitations import CanaryAccount
from federation.trust.statements import ENTITY_STATEMENT, LEEWAY, Claims


@dataclass(frozen=True, slots=True)
class Canaries:
    """`theirs` is the account at their home that we log in with, `ours` the one at ours that they
    do."""

    theirs: CanaryAccount
    ours: CanaryAccount


async def admit(
    session: AsyncSession,
    keyring: Keyring,
    *,
    described: Description,
    statement: str,
    name: str | None,
    now: datetime,
) -> Partner:
    """Return the partner that a member is from now on; one that is known by its entity, and by its
    keys, is brought up to what it says now. `name`: how we shall call it.

    Raises Invalid, NameTaken where the name is something else's.
    """
    check_usable(described)
    known = await by_entity(session, described.entity)
    if known is not None:
        partner = await session.get_one(Partner, known.partner_id)
        try:
            follow(known, statement, now)
        except Invalid as error:
            # Whoever has an invitation must not take the place of a member that is there.
            raise Invalid(
                f"{described.entity} is partner “{partner.name}” already, and {error}; where it "
                f"was set up anew, `farandole partner remove {partner.name}` comes first"
            ) from None
        await apply(session, keyring, known, described, statement, now)
        return partner
    name = name or described.slug
    if await session.scalar(select(Partner.id).where(Partner.name == name)):
        raise NameTaken(f"another partner is called “{name}”")
    partner = await partners.add(
        session,
        keyring,
        name=name,
        place=place_of(described),
        realms=[each.realm for each in described.realms],
        servers=servers_of(described),
        sender=sender_of(described),
        now=now,
    )
    session.add(
        Membership(
            partner_id=partner.id,
            entity=described.entity,
            statement=statement,
            refreshed_at=now,
        )
    )
    await _check_certificates(session, partner, described)
    await session.flush()
    await touch(session)
    return partner


def follow(known: Membership, statement: str, now: datetime) -> Claims:
    """Return the claims of a statement that follows the one that is known of a member: signed by a
    key that this one names, and not before it. Raises Invalid."""
    former = statements.kept(known.statement)
    claims = statements.verify(statement, statements.keys_of(former), ENTITY_STATEMENT, now)
    if (claims.get("iss"), claims.get("sub")) != (known.entity, known.entity):
        raise Invalid("what answers there speaks for somebody else")
    if statements.issued_at(claims) < statements.issued_at(former) - LEEWAY:
        raise Invalid("what it says is older than what is known of it")
    return claims


async def apply(
    session: AsyncSession,
    keyring: Keyring,
    membership: Membership,
    described: Description,
    statement: str,
    now: datetime,
) -> None:
    """Keep a newer statement of a member, and do what it says: other servers, roots and names take
    the place of the former, realms that it gave up lead there no more. A realm that it did not
    have before is for an operator to let in, and one that an operator added for one to take away.
    Raises Invalid."""
    check_usable(described)
    partner = await session.get_one(Partner, membership.partner_id)
    given_up = _claimed(membership) - {each.realm for each in described.realms}
    membership.statement, membership.refreshed_at, membership.failure = statement, now, None
    await partners.change_place(session, partner, place_of(described))
    await partners.replace_servers(session, keyring, partner, servers_of(described))
    await partners.change_sender(session, keyring, partner, sender_of(described), now)
    await _check_certificates(session, partner, described)
    held = set(await realms_of(session, partner))
    if gone := held & given_up:
        # The last one stays, and is reported as drift.
        removed = sorted(gone) if gone != held else sorted(gone)[1:]
        await partners.change_realms(session, partner, added=(), removed=removed)
    await session.flush()
    await touch(session)


def _claimed(membership: Membership) -> set[str]:
    """Return the realms of the statement that is known of a member."""
    former = description.read(statements.kept(membership.statement))
    return {each.realm for each in former.realms}


async def _check_certificates(
    session: AsyncSession, partner: Partner, described: Description
) -> None:
    """Raise Invalid where somebody else connects to us with a certificate that a member says is
    its own: it would be taken for this member. Those of NAS of ours are signed by our own root."""
    rows = await session.execute(
        select(RadsecPeer.name, RadsecPeer.anchor, Nas.name)
        .join(Nas)
        .where(func.lower(RadsecPeer.name).in_(described.names), Nas.id != partner.nas_id)
    )
    for name, anchor, nas in rows:
        if anchor is None or anchor in described.anchors:
            raise Invalid(
                f"it says that the certificate of {name} is its own, which is that of {nas}"
            )


async def by_entity(session: AsyncSession, entity: str) -> Membership | None:
    """Return what is known of a member, or None."""
    return await session.scalar(select(Membership).where(Membership.entity == entity))


async def page_hosts(session: AsyncSession) -> Sequence[str]:
    """Return the hosts of the pages where members' citizens log in, those of active partners."""
    query = (
        select(Membership.statement)
        .join(Partner, Partner.id == Membership.partner_id)
        .where(Partner.state == PartnerState.ACTIVE)
        .order_by(Membership.entity)
    )
    described = [
        description.read(statements.kept(statement)) for statement in await session.scalars(query)
    ]
    urls = [each.provider.authorization_endpoint for each in described if each.provider]
    return [host for url in urls if (host := urlsplit(url).hostname)]


async def realms_of(session: AsyncSession, partner: Partner) -> Sequence[str]:
    """Return the patterns of realms that lead to a partner."""
    query = select(PartnerRealm.pattern).where(PartnerRealm.partner_id == partner.id)
    return (await session.scalars(query)).all()


def check_usable(described: Description) -> None:
    """Raise Invalid where a description is too little for a partner."""
    for what, found in (
        ("realm", described.realms),
        ("RadSec server", described.servers),
        ("root of its certificates", described.anchors),
        ("name in its certificate", described.names),
    ):
        if not found:
            raise Invalid(f"{described.entity} names no {what}: its operator has to see to it")


async def exchange_canaries(
    session: AsyncSession,
    keyring: Keyring,
    snapshot: Snapshot,
    *,
    partner: Partner,
    realms: tuple[str, str],
    canaries: Canaries,
    keeps_text: bool,
    now: datetime,
) -> None:
    """Keep the account that a partner has for us, and make the one that it has here. `realms`: of
    theirs and of ours; `keeps_text`: the setting ``eap.challenges``."""
    theirs, ours = realms
    await keep_canary(
        session, keyring, partner, f"{canaries.theirs.name}@{theirs}", canaries.theirs.secret
    )
    membership = await session.get_one(Membership, partner.id)
    account = await _account(session, canaries.ours.name, snapshot.by_realm[ours], now)
    if membership.canary_citizen_id not in (None, account.id):
        await citizens.close(session, membership.canary_citizen_id, now)
    membership.canary_citizen_id = account.id
    if account.is_open:
        return
    await WifiSecrets(keyring, keeps_text).bring(
        session,
        citizen_id=account.id,
        name=f"canary of {partner.name}",
        secret=canaries.ours.secret,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class _Account:
    """A citizen's id, and whether its secret is there already."""

    id: int
    is_open: bool


async def _account(
    session: AsyncSession, name: str, home: CollectivityEntry, now: datetime
) -> _Account:
    """Return the account of a name that nobody can have by chance: made, or opened again where it
    was closed, since the same invitation may serve after a partner was removed here."""
    query = select(Citizen).where(Citizen.collectivity_id == home.id, Citizen.name == name)
    known = await session.scalar(query)
    if known is not None:
        is_open = known.state is CitizenState.ACTIVE
        if not is_open:
            await citizens.set_state(session, known.id, CitizenState.ACTIVE)
        return _Account(known.id, is_open)
    made = await citizens.add(
        session,
        name=name,
        collectivity=home,
        email=None,
        password_hash=None,
        language=None,
        now=now,
    )
    return _Account(made, False)


async def keep_canary(
    session: AsyncSession, keyring: Keyring, partner: Partner, identity: str, secret: Secret
) -> None:
    """Log in at a partner's by this account from now on, to see whether that works."""
    sealed = keyring.seal(secret.reveal(), CANARY_SECRET)
    await session.merge(Canary(partner_id=partner.id, identity=identity, sealed_secret=sealed))
    await session.flush()
    await touch(session)


async def end(session: AsyncSession, partner: Partner, now: datetime) -> None:
    """Close the account that a partner had here, forget its links and the invitations that let it
    in; belongs before its removal."""
    membership = await session.get(Membership, partner.id)
    await interconnection.forget(session, membership.entity if membership else partner.name)
    if membership is None:
        return
    await session.execute(delete(Invitation).where(Invitation.used_by == membership.entity))
    if membership.canary_citizen_id is None:
        return
    citizen = await session.get(Citizen, membership.canary_citizen_id)
    if citizen is not None and citizen.state is not CitizenState.CLOSED:
        await citizens.close(session, citizen.id, now)


def place_of(described: Description) -> Place:
    """Return how a member is called and where it is."""
    return Place(described.title, described.country, described.language, described.timezone)


def servers_of(described: Description) -> tuple[NewServer, ...]:
    """Return where to ask for a member's citizens, in the order that it gives."""
    anchor = b"".join(described.anchors)
    return tuple(
        NewServer(
            transport=Transport.TLS,
            host=server.host,
            auth_port=server.port,
            acct_port=server.port,
            priority=priority,
            anchor=anchor,
            certificate_name=server.name,
        )
        for priority, server in enumerate(described.servers)
    )


def sender_of(described: Description) -> Sender:
    """Return which certificates a member connects to us with."""
    return Sender(
        peers=tuple(
            RadsecPeerEntry(anchor, name, None)
            for anchor in described.anchors
            for name in described.names
        )
    )
