"""The authorization endpoint: a partner's portal sends a citizen here (OpenID Connect Core 1.0
section 3.1.2)."""

from aaa import identifier
from aaa.errors import Invalid
from aaa.snapshot import CollectivityEntry, Snapshot
from federation.trust.publishing import organisation
from portal import throttling
from portal.answers import Answer, Go, throttled
from portal.openid import clients, hints, outcomes, sign_ins, views
from portal.openid.clients import KnownClient
from portal.openid.outcomes import Endpoint, Unanswerable
from portal.openid.parameters import Error, Parameters, Refused, with_query
from portal.openid.requests import MOST_STATE, Asked, check
from portal.parts import Parts


async def authorize(parts: Parts, parameters: Parameters, source: str) -> Answer:
    """Begin a log-in, and return the way to its page; or the way back with an error. Whoever is no
    client, or asks to be answered elsewhere, is answered by a page and sent nowhere (RFC 6749
    section 4.1.2.1)."""
    client_id, redirect_uri = parameters.get("client_id"), parameters.get("redirect_uri")
    client = clients.find(parts.partners.current, client_id)
    if client is None:
        suspended = parts.partners.current.by_entity.get(client_id or "")
        name = suspended.name if suspended else None
        outcomes.refuse(parts, Endpoint.AUTHORIZE, Unanswerable.UNKNOWN_CLIENT, name)
        return views.unanswerable()
    name = client.partner.name
    if redirect_uri is None or redirect_uri not in client.metadata.redirect_uris:
        outcomes.refuse(parts, Endpoint.AUTHORIZE, Unanswerable.WRONG_REDIRECT_URI, name)
        return views.unanswerable()
    understood = _understood(parts, client, parameters)
    if isinstance(understood, Refused):
        outcomes.refuse(parts, Endpoint.AUTHORIZE, understood, name)
        return Go(
            with_query(
                redirect_uri,
                error=understood.error,
                error_description=understood.why,
                state=parameters.visible("state", MOST_STATE),
                iss=parts.settings.portal.public_url,
            )
        )
    asked, hinted_citizen_id = understood
    tries = [(throttling.SIGN_INS_PER_SOURCE, throttling.network_of(source))]
    if throttle := await throttling.admit(parts.database, parts.keyring, tries, parts.clock()):
        return throttled(throttle)
    async with parts.database.write("sign_in") as session:
        reference = await sign_ins.begin(
            session,
            partner=client.partner,
            place=_place(parts.snapshot, asked.login_hint),
            redirect_uri=redirect_uri,
            asked=asked,
            hinted_citizen_id=hinted_citizen_id,
            now=parts.clock(),
        )
    return Go(sign_ins.way_to(parts.keyring, reference))


def _understood(
    parts: Parts, client: KnownClient, parameters: Parameters
) -> tuple[Asked, int | None] | Refused:
    """Return what a client asks for, and the citizen whose log-in alone it wants, if it names
    one."""
    asked = check(parameters)
    if isinstance(asked, Refused) or asked.id_token_hint is None:
        return asked if isinstance(asked, Refused) else (asked, None)
    hint = hints.read(parts, asked.id_token_hint)
    if hint is None or hint.entity != client.entity:
        return Refused(Error.INVALID_REQUEST, "the id_token_hint is no ID token of ours for you")
    return asked, hint.citizen_id


def _place(snapshot: Snapshot, login_hint: str | None) -> CollectivityEntry:
    """Return whose pages to show: those of the realm that was typed there, else of all of us."""
    try:
        realm = identifier.parse(login_hint or "").realm
    except Invalid:
        realm = None
    return snapshot.by_realm.get(realm or "") or organisation(snapshot)
