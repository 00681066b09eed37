"""Who comes back from the pages of their home: the code is redeemed, what the home says checked."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from aaa.authentication import Method
from aaa.errors import Unavailable
from aaa.policy import DenyReason
from aaa.visitors import LONGEST_REALM
from federation import visitor_class
from federation.directory import PartnerEntry
from federation.realms import ToPartner
from federation.trust.description import Provider
from portal.answers import Answer, Show
from portal.captive import attempts, views
from portal.captive.attempts import Attempt
from portal.homes import id_tokens, openid
from portal.homes.entering import count, enter
from portal.homes.id_tokens import Expected, Flaw, Told
from portal.homes.openid import Begun
from portal.parts import Parts

_LONGEST_CODE: Final = 2048
# RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6.
_ERRORS: Final = {
    "access_denied": DenyReason.HOME_REFUSED,
    "login_required": DenyReason.HOME_REFUSED,
    "consent_required": DenyReason.HOME_REFUSED,
    "interaction_required": DenyReason.HOME_REFUSED,
    "server_error": DenyReason.HOME_UNREACHABLE,
    "temporarily_unavailable": DenyReason.HOME_UNREACHABLE,
}
_OUTCOMES: Final = {
    DenyReason.HOME_REFUSED: "reject",
    DenyReason.HOME_UNREACHABLE: "unreachable",
    DenyReason.PARTNER_SUSPENDED: "suspended",
}


@dataclass(frozen=True, slots=True)
class Returned:
    """The parameters that a browser came back with; "" where there is none (RFC 6749 section
    4.1.2, RFC 9207)."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str
    error: str


async def come_back(parts: Parts, returned: Returned) -> Answer:
    """Let a visit go on whose reader the home has vouched for, or say why it did not. A `state`
    that is none, late, or used before leads nowhere."""
    now = parts.clock()
    async with parts.database.write("home_visit") as session:
        begun = await openid.end(session, parts.keyring, returned.state, now)
        attempt = (
            await attempts.by_id(session, parts.snapshot, begun.attempt_id, now) if begun else None
        )
    if begun is None or attempt is None:
        return Show("expired.html", status=410)
    partner = parts.partners.current.by_entity.get(begun.issuer)
    if partner is None or not partner.is_active:
        return views.denied(parts, attempt, DenyReason.PARTNER_SUSPENDED)
    outcome = await _ask(parts, partner, begun, returned)
    if isinstance(outcome, Told):
        return await enter(
            parts, attempt, partner, outcome.realm, outcome.vouched, Method.HOME_PAGE
        )
    return _refuse(parts, attempt, partner, outcome)


async def _ask(
    parts: Parts, partner: PartnerEntry, begun: Begun, returned: Returned
) -> Told | Flaw | DenyReason:
    """Return what the home says, or why it says nothing that counts."""
    provider = partner.described.provider if partner.described else None
    if provider is None:
        return DenyReason.HOME_UNREACHABLE
    # Before anything else is believed: whose answer is it (RFC 9207 section 2.4).
    if returned.issuer != provider.issuer:
        return Flaw.WRONG_SENDER
    if returned.error:
        return _ERRORS.get(returned.error, Flaw.UNKNOWN_ERROR)
    if not 0 < len(returned.code) <= _LONGEST_CODE:
        return Flaw.NO_CODE
    us, signer = parts.settings.portal.public_url, parts.partners.current.keys.client.must_sign()
    form = openid.token_request(begun, returned.code, us, signer, parts.clock())
    try:
        token = await parts.token_endpoint.redeem(provider.token_endpoint, form)
    except Unavailable:
        return DenyReason.HOME_UNREACHABLE
    if isinstance(token, Flaw):
        return token
    told = _read(parts, begun, provider, token)
    if told is Flaw.UNKNOWN_KEY and (renewed := await _renewed(parts, partner)):
        # Its keys follow each other: what it published since is looked at, once.
        told = _read(parts, begun, renewed, token)
    return _in_its_realm(parts, partner, told) if isinstance(told, Told) else told


def _read(parts: Parts, begun: Begun, provider: Provider, token: str) -> Told | Flaw:
    expected = Expected(
        issuer=provider.issuer,
        client_id=parts.settings.portal.public_url,
        nonce=begun.nonce,
        keys=provider.keys,
        is_our_class=partial(visitor_class.is_ours, parts.keyring),
        now=parts.clock(),
    )
    return id_tokens.read(token, expected)


async def _renewed(parts: Parts, partner: PartnerEntry) -> Provider | None:
    """Return the provider as the partner describes it now; None where that could not be had."""
    if not await parts.renew_partner(partner):
        return None
    await parts.directory.refresh()
    current = (await parts.partners.refresh()).by_id.get(partner.id)
    return current.described.provider if current and current.described else None


def _in_its_realm(parts: Parts, partner: PartnerEntry, told: Told) -> Told | Flaw:
    """Return what was told with its realm folded, where that leads to the very home that told."""
    route = parts.partners.current.routes.route(f"@{told.realm}")
    if not isinstance(route, ToPartner) or route.name != partner.name:
        return Flaw.FOREIGN_REALM
    is_short = len(route.realm) <= LONGEST_REALM
    return replace(told, realm=route.realm) if is_short else Flaw.BAD_CLAIM


def _refuse(
    parts: Parts, attempt: Attempt, partner: PartnerEntry, outcome: Flaw | DenyReason
) -> Show:
    if isinstance(outcome, DenyReason):
        count(attempt, partner, Method.HOME_PAGE, _OUTCOMES[outcome])
        return views.denied(parts, attempt, outcome)
    count(attempt, partner, Method.HOME_PAGE, "unusable")
    parts.warnings.warn(
        "what a home answered is of no use",
        partner.name,
        parts.clock(),
        flaw=outcome.value,
        remedy="tell the partner's people: docs/federation.md lists what each of these means",
    )
    return views.denied(parts, attempt, DenyReason.HOME_ANSWER_UNUSABLE)
