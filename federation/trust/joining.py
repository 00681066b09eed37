"""Two members join hands: one invites, the other accepts, and each knows the other from then on.

inviting                              invited
invite: a code is printed
                                      accepting.meet: read the code, fetch the statement, see
                                      that the key of the code signed it
                                      accepting.accept: rehearse that it could be kept
                                      request_from -> a signed request with its own statement
check_awaited, read_request, welcome:
the token proves who asks,
the partner is kept  ->  an answer
                                      the answer is by the key of the code: the partner is kept
"""

import hmac
import re
import secrets
import string
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
from aaa.settings import Settings, is_out_of_reach
from aaa.snapshot import Snapshot
from federation.model import Invitation, Partner
from federation.stand_ins import NameTaken
from federation.trust import description, invitations, membership, publishing, statements
from federation.trust.description import Description
from federation.trust.invitations import REFERENCE, REFERENCE_SIGNS, Code
from federation.trust.membership import Canaries
from federation.trust.publishing import OwnKeys
from federation.trust.statements import Signer

REQUEST: Final = "farandole-join-request+jwt"
ANSWER: Final = "farandole-join-answer+jwt"
_TOKEN: Final = "invitation"
_PLAIN: Final = string.ascii_letters + string.digits
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
        # It is typed after a command: none that could be taken for an option.
        reference="".join(secrets.choice(_PLAIN) for _ in range(REFERENCE_SIGNS)),
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


@dataclass(frozen=True, slots=True)
class Request:
    """A request to join hands, signed by who sent it: for `audience`, by an invitation and the
    proof of having it."""

    member: Member
    audience: str
    reference: str
    proof: str


async def check_awaited(session: AsyncSession, text: str, now: datetime) -> None:
    """Raise Invalid where a request names no invitation that is open: whoever has none makes us
    look, and verify nothing."""
    await _invitation(session, str(statements.kept(text).get("invitation")), now)


def read_request(text: str, now: datetime) -> Request:
    """Return a request that is signed by the member whose statement is in it. Raises Invalid."""
    member = read_statement(str(statements.kept(text).get("statement")), now)
    claims = statements.verify(text, member.described.keys, REQUEST, now)
    if claims.get("iss") != member.described.entity:
        raise Invalid("the request is signed by somebody else than it says")
    told = (str(claims.get(name)) for name in ("aud", "invitation", "proof"))
    return Request(member, *told)


async def welcome(
    session: AsyncSession, keyring: Keyring, us: Ourselves, request: Request, now: datetime
) -> tuple[Partner, str]:
    """Return the partner that a request makes of who sent it, and our answer. An invitation serves
    one member; the same may send the same once more, where the answer was lost. Raises Invalid,
    its message for those who sent it."""
    member = request.member
    invitation = await _invitation(session, request.reference, now)
    token = _token_of(invitation, keyring)
    entity = member.described.entity
    expected = invitations.proof(token, us.entity, entity, member.thumbprint)
    is_proven = hmac.compare_digest(expected.encode(), request.proof.encode(errors="replace"))
    if not is_proven or request.audience != us.entity:
        raise Invalid("the request does not prove that it has the invitation: paste the code anew")
    if invitation.used_by not in (None, entity):
        raise Invalid("this invitation was used by somebody else: ask for another one")
    _check_realms(member.described, invitation.realms)
    invitation.used_by = entity
    try:
        partner = await keep(session, keyring, us, member, token, invitation.name, now)
    except NameTaken as error:
        raise Invalid(
            f"{error.reason} here: ask for an invitation that has another name for you, "
            "`farandole partner invite --name …`"
        ) from None
    note(session, "portal", partner, member, now)
    answer = {"iss": us.entity, "aud": entity, **statements.times(now, _MESSAGE_LIFETIME)}
    return partner, statements.sign(answer, us.signer, ANSWER)


async def _invitation(session: AsyncSession, reference: str, now: datetime) -> Invitation:
    found = None
    if re.fullmatch(REFERENCE, reference, re.ASCII):
        query = select(Invitation).where(Invitation.reference == reference).with_for_update()
        found = await session.scalar(query)
    if found is None:
        raise Invalid("there is no such invitation: paste the code anew, or ask for another one")
    if found.expires_at <= now:
        raise Invalid(
            f"this invitation expired on {found.expires_at:%Y-%m-%d}: ask for another one"
        )
    return found


def _token_of(invitation: Invitation, keyring: Keyring) -> Secret:
    token = keyring.open(invitation.sealed_token, _TOKEN)
    if token is None:
        raise Invalid("this invitation cannot be used any more: ask for another one")
    return Secret(token)


def _check_realms(described: Description, expected: Sequence[str] | None) -> None:
    claimed = [each.realm for each in described.realms]
    if expected is not None and (unexpected := set(claimed) - set(expected)):
        raise Invalid(
            f"the invitation is for {', '.join(expected)}, and not for "
            f"{', '.join(sorted(unexpected))}: ask for another one"
        )


async def keep(
    session: AsyncSession,
    keyring: Keyring,
    us: Ourselves,
    member: Member,
    token: Secret,
    name: str | None,
    now: datetime,
) -> Partner:
    """Return the partner that a member is from now on, with canaries both ways. Raises Invalid,
    NameTaken."""
    there = member.described
    if there.entity == us.entity:
        raise Invalid("this is our own invitation: it is for somebody else to accept")
    if is_out_of_reach(there.entity) and not is_out_of_reach(us.entity):
        raise Invalid(
            f"{there.entity} is an address that only its own machine reaches: its operator sets "
            "portal.public_url to what others reach its portal by"
        )
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


def note(
    session: AsyncSession, actor: str, partner: Partner, member: Member, now: datetime
) -> None:
    """Write down who joined."""
    audit.note(
        session,
        actor=actor,
        action="partner.join",
        subject=f"partner:{partner.name}",
        now=now,
        entity=member.described.entity,
        realms=[each.realm for each in member.described.realms],
    )
