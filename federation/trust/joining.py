"""Two members join hands: one invites, the other accepts, and each knows the other from then on.

inviting                              invited
invite: a code is printed
                                      read the code, fetch the statement, see that the key of
                                      the code signed it
                                      request_from -> a signed request with its own statement
welcome: the token proves who asks,
the partner is kept  ->  an answer
                                      accept: the answer is by the key of the code,
                                      the partner is kept
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit
from aaa.errors import Invalid
from aaa.identifier import check_realm, check_slug
from aaa.secret import Keyring, Secret
from aaa.settings import Settings
from aaa.snapshot import Snapshot
from federation.model import Invitation, Partner
from federation.trust import description, invitations, membership, publishing, statements
from federation.trust.description import Description
from federation.trust.invitations import REFERENCE_SIGNS, Code
from federation.trust.membership import Canaries
from federation.trust.publishing import OwnKeys
from federation.trust.statements import Claims, Signer

REQUEST: Final = "farandole-join-request+jwt"
ANSWER: Final = "farandole-join-answer+jwt"
_TOKEN: Final = "invitation"
_MESSAGE_LIFETIME: Final = timedelta(minutes=10)
# How long an invitation that has expired is told from one that never was.
_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Member:
    """What a member shows of itself: read, and as it was signed, by which key."""

    described: Description
    statement: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Ourselves:
    """What we are to whom we join hands with. `keeps_text`: the setting ``eap.challenges``."""

    member: Member
    signer: Signer
    snapshot: Snapshot
    keeps_text: bool

    @property
    def entity(self) -> str:
        """Our entity identifier."""
        return self.member.described.entity


def ourselves(settings: Settings, snapshot: Snapshot, keys: OwnKeys, now: datetime) -> Ourselves:
    """Return what we show of ourselves now, and sign with. Raises Invalid where there is nothing to
    show yet."""
    described = publishing.describe(settings, snapshot, keys)
    signer = keys.member.must_sign()
    statement = publishing.publish(described, signer, now)
    member = Member(described, statement, signer.key.thumbprint())
    return Ourselves(member, signer, snapshot, settings.eap.challenges)


def read_statement(statement: str, now: datetime) -> Member:
    """Return the member that signed a statement about itself. Whether it is the one that is meant
    is for the caller to see, by the thumbprint. Raises Invalid."""
    claims, thumbprint = statements.self_signed(statement, now)
    return Member(description.read(claims), statement, thumbprint)


async def invite(
    session: AsyncSession,
    keyring: Keyring,
    *,
    entity: str,
    signer: Signer,
    name: str | None,
    realms: Sequence[str],
    lifetime: timedelta,
    now: datetime,
) -> Code:
    """Keep an invitation; return its code. `name`: how we shall call who accepts it; `realms`:
    the only ones that it may bring, any where none is given. Raises Invalid."""
    code = Code(
        entity=entity,
        reference=secrets.token_urlsafe(REFERENCE_SIGNS * 3 // 4),
        token=Secret(secrets.token_urlsafe(24)),
        thumbprint=signer.key.thumbprint(),
    )
    await session.execute(delete(Invitation).where(Invitation.expires_at < now - _KEPT))
    session.add(
        Invitation(
            reference=code.reference,
            sealed_token=keyring.seal(code.token.reveal(), _TOKEN),
            name=check_slug(name) if name else None,
            realms=[check_realm(realm) for realm in realms] or None,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    return code


def request_from(code: Code, us: Ourselves, now: datetime) -> str:
    """Return the request of whom a code invites: signed, and proven by the token."""
    claims = {
        "iss": us.entity,
        "aud": code.entity,
        **statements.times(now, _MESSAGE_LIFETIME),
        "invitation": code.reference,
        "statement": us.member.statement,
        "proof": invitations.proof(code.token, code.entity, us.entity, us.member.thumbprint),
    }
    return statements.sign(claims, us.signer, REQUEST)


async def welcome(
    session: AsyncSession, keyring: Keyring, us: Ourselves, request: str, now: datetime
) -> tuple[Partner, str]:
    """Return the partner that a request makes of who sent it, and our answer. An invitation serves
    one member; the same may send the same once more, where the answer was lost. Raises Invalid."""
    member, claims = _read_request(request, now)
    invitation, token = await _invitation(session, keyring, str(claims.get("invitation")), now)
    entity = member.described.entity
    expected = invitations.proof(token, us.entity, entity, member.thumbprint)
    is_proven = hmac.compare_digest(expected, str(claims.get("proof")))
    if not is_proven or claims.get("aud") != us.entity:
        raise Invalid("the request does not prove that it has the invitation: paste the code anew")
    if invitation.used_by not in (None, entity):
        raise Invalid("this invitation was used by somebody else: ask for another one")
    _check_realms(member.described, invitation.realms)
    invitation.used_by = entity
    partner = await _keep(session, keyring, us, member, token, invitation.name, now)
    _note(session, "portal", partner, member, now)
    answer = {"iss": us.entity, "aud": entity, **statements.times(now, _MESSAGE_LIFETIME)}
    return partner, statements.sign(answer, us.signer, ANSWER)


def check_inviting(code: Code, member: Member) -> None:
    """Raise Invalid where a member is not the one that a code was printed by."""
    if member.described.entity != code.entity or member.thumbprint != code.thumbprint:
        raise Invalid(
            f"what answers at {code.entity} is not who printed this invitation: its key is another "
            "one. Ask for a new invitation; if that says the same, somebody is in between"
        )


async def accept(
    session: AsyncSession,
    keyring: Keyring,
    us: Ourselves,
    code: Code,
    inviting: Member,
    answer: str,
    name: str | None,
    actor: str,
    now: datetime,
) -> Partner:
    """Return the partner that the inviting member is now, by its answer. Raises Invalid."""
    claims = statements.verify(answer, inviting.described.keys, ANSWER, now)
    if (claims.get("iss"), claims.get("aud")) != (code.entity, us.entity):
        raise Invalid("the answer is by, or for, somebody else: paste the code anew")
    partner = await _keep(session, keyring, us, inviting, code.token, name, now)
    _note(session, actor, partner, inviting, now)
    return partner


def _read_request(request: str, now: datetime) -> tuple[Member, Claims]:
    """Return who sent a request, by the statement in it, and what it says."""
    member = read_statement(str(statements.kept(request).get("statement")), now)
    claims = statements.verify(request, member.described.keys, REQUEST, now)
    if claims.get("iss") != member.described.entity:
        raise Invalid("the request is signed by somebody else than it says")
    return member, claims


async def _invitation(
    session: AsyncSession, keyring: Keyring, reference: str, now: datetime
) -> tuple[Invitation, Secret]:
    query = select(Invitation).where(Invitation.reference == reference).with_for_update()
    found = await session.scalar(query)
    token = keyring.open(found.sealed_token, _TOKEN) if found else None
    if found is None or token is None:
        raise Invalid("there is no such invitation: paste the code anew, or ask for another one")
    if found.expires_at <= now:
        raise Invalid(
            f"this invitation expired on {found.expires_at:%Y-%m-%d}: ask for another one"
        )
    return found, Secret(token)


def _check_realms(described: Description, expected: Sequence[str] | None) -> None:
    claimed = [each.realm for each in described.realms]
    if expected is not None and (unexpected := set(claimed) - set(expected)):
        raise Invalid(
            f"the invitation is for {', '.join(expected)}, and not for "
            f"{', '.join(sorted(unexpected))}: ask for another one"
        )


async def _keep(
    session: AsyncSession,
    keyring: Keyring,
    us: Ourselves,
    member: Member,
    token: Secret,
    name: str | None,
    now: datetime,
) -> Partner:
    there = member.described
    if there.entity == us.entity:
        raise Invalid("this is our own invitation: it is for somebody else to accept")
    partner = await membership.admit(
        session, keyring, described=there, statement=member.statement, name=name, now=now
    )
    here = us.member.described
    await membership.exchange_canaries(
        session,
        keyring,
        us.snapshot,
        partner=partner,
        realms=(there.realms[0].realm, here.realms[0].realm),
        canaries=Canaries(
            theirs=invitations.canary(token, here.entity, there.entity),
            ours=invitations.canary(token, there.entity, here.entity),
        ),
        keeps_text=us.keeps_text,
        now=now,
    )
    return partner


def _note(
    session: AsyncSession, actor: str, partner: Partner, member: Member, now: datetime
) -> None:
    audit.note(
        session,
        actor=actor,
        action="partner.join",
        subject=f"partner:{partner.name}",
        now=now,
        entity=member.described.entity,
        realms=[each.realm for each in member.described.realms],
    )
