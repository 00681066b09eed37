"""Log-ins for partners in the store: begin one, find it by its token, keep what it proved.

Who has the address of one can go on with it. So it gets another when its citizen is proven: whoever
began it and had somebody else log in has an address that leads nowhere any more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import citizens
from aaa.citizens import CitizenRecord
from aaa.secret import Keyring
from aaa.snapshot import CollectivityEntry, Snapshot
from federation.directory import PartnerEntry, Partners
from portal import tokens
from portal.identification import codes
from portal.identification.seeker import Proof
from portal.model import Consent, EmailCode, SignIn
from portal.openid.flow import LIFETIME, Progress
from portal.openid.parameters import Error, with_query
from portal.openid.requests import Asked

_PURPOSE: Final = "sign-in"


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """A log-in for a partner as it is stored, with the entries and records that it names.

    ``email``: where a code that is still good was sent to, or the address that it proved.
    """

    id: int
    reference: str
    partner: PartnerEntry
    place: CollectivityEntry
    redirect_uri: str
    state: str
    login_hint: str | None = field(repr=False)
    hinted_citizen_id: int | None
    language: str | None
    email: str | None = field(repr=False)
    email_code_id: int | None
    proven_email: str | None = field(repr=False)
    citizen: CitizenRecord | None
    progress: Progress

    @property
    def collectivity(self) -> CollectivityEntry:
        """Whose pages its are."""
        return self.citizen.collectivity if self.citizen else self.place

    @property
    def asking(self) -> str:
        """How the place that asks is called."""
        return title_of(self.partner)

    def way(self, keyring: Keyring) -> str:
        """Return the path of its own page, which all others stand below."""
        return way_to(keyring, self.reference)

    def back(self, issuer: str, *, code: str | None = None, error: Error | None = None) -> str:
        """Return the way back to the partner, with a code or an error (RFC 6749 section 4.1.2), and
        with who answers (RFC 9207 section 2)."""
        return with_query(self.redirect_uri, code=code, error=error, state=self.state, iss=issuer)


def title_of(partner: PartnerEntry) -> str:
    """Return how a partner calls itself."""
    return partner.described.title if partner.described else partner.title


def way_to(keyring: Keyring, reference: str) -> str:
    """Return the path of the log-in with this reference."""
    return f"/openid/sign-in/{tokens.token_of(keyring, reference, _PURPOSE)}"


async def begin(
    session: AsyncSession,
    *,
    partner: PartnerEntry,
    place: CollectivityEntry,
    redirect_uri: str,
    asked: Asked,
    hinted_citizen_id: int | None,
    now: datetime,
) -> str:
    """Store a new log-in; return its reference."""
    reference = tokens.new_reference()
    session.add(
        SignIn(
            reference=reference,
            partner_id=partner.id,
            collectivity_id=place.id,
            redirect_uri=redirect_uri,
            state=asked.state,
            nonce=asked.nonce,
            code_challenge=asked.code_challenge,
            operator=asked.operator,
            login_hint=asked.login_hint,
            hinted_citizen_id=hinted_citizen_id,
            wants_consent=asked.wants_consent,
            language=asked.language,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    await session.flush()
    return reference


async def by_token(
    session: AsyncSession,
    keyring: Keyring,
    snapshot: Snapshot,
    partners: Partners,
    token: str,
    now: datetime,
) -> OpenSignIn | None:
    """Return the log-in of a token; None where there is none, it is over, or nobody asks any
    more."""
    reference = tokens.reference_in(keyring, token, _PURPOSE)
    if reference is None:
        return None
    is_its = (Consent.citizen_id == SignIn.citizen_id) & (Consent.partner_id == SignIn.partner_id)
    query = (
        select(SignIn, EmailCode, Consent)
        .outerjoin(EmailCode, EmailCode.id == SignIn.email_code_id)
        .outerjoin(Consent, is_its)
        .where(
            SignIn.reference == reference,
            SignIn.expires_at > now,
            SignIn.code_redeemed_at.is_(None),
        )
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, code, consent = found
    citizen = None
    if row.citizen_id is not None:
        citizen = await citizens.by_id(session, snapshot, row.citizen_id)
    partner = partners.by_id.get(row.partner_id)
    place = snapshot.collectivities.get(row.collectivity_id)
    if partner is None or not partner.is_active or place is None:
        return None
    return OpenSignIn(
        id=row.id,
        reference=row.reference,
        partner=partner,
        place=place,
        redirect_uri=row.redirect_uri,
        state=row.state,
        login_hint=row.login_hint,
        hinted_citizen_id=row.hinted_citizen_id,
        language=row.language,
        email=row.proven_email or _email_of(code),
        email_code_id=row.email_code_id,
        proven_email=row.proven_email,
        citizen=citizen,
        progress=_progress(row, code, consent, citizen, now),
    )


async def change(session: AsyncSession, sign_in: OpenSignIn, **values: object) -> None:
    """Store new values of a log-in's columns."""
    await session.execute(update(SignIn).where(SignIn.id == sign_in.id).values(**values))


async def await_code(session: AsyncSession, sign_in: OpenSignIn, code_id: int) -> None:
    """Keep which code was sent last; nobody is proven until it is typed."""
    await change(
        session,
        sign_in,
        email_code_id=code_id,
        citizen_id=None,
        proven_email=None,
        method=None,
        proven_at=None,
    )


async def prove(session: AsyncSession, sign_in: OpenSignIn, proof: Proof, reference: str) -> None:
    """Keep who a log-in's reader proved to be, and have it go on under another reference. What it
    led to before is over with that."""
    await change(
        session,
        sign_in,
        reference=reference,
        citizen_id=proof.citizen_id,
        proven_email=proof.email,
        method=proof.method,
        proven_at=proof.at,
        consented_at=None,
        code_issued_at=None,
    )


async def void(session: AsyncSession, citizen_id: int, partner_id: int) -> None:
    """Delete a citizen's log-ins for a partner, and with them the codes that they led to."""
    its = (SignIn.citizen_id == citizen_id) & (SignIn.partner_id == partner_id)
    await session.execute(delete(SignIn).where(its))


def _progress(
    row: SignIn,
    code: EmailCode | None,
    consent: Consent | None,
    citizen: CitizenRecord | None,
    now: datetime,
) -> Progress:
    is_remembered = consent is not None and not row.wants_consent
    return Progress(
        has_code=code is not None and codes.is_good(code, now),
        has_proven_email=row.proven_email is not None,
        has_citizen=citizen is not None,
        terms_are_current=citizen is not None and citizen.has_current_terms,
        proven_at=row.proven_at,
        has_consented=is_remembered or row.consented_at is not None,
    )


def _email_of(code: EmailCode | None) -> str | None:
    return None if code is None else code.email
