"""The way to the home that somebody chose, or whose identifier they typed."""

from aaa.authentication import Method
from aaa.authorization import authorize_visitor
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from federation.directory import PartnerEntry
from federation.trust.description import Provider
from portal import throttling
from portal.answers import Answer, Go, Show, throttled
from portal.captive import views as visit_views
from portal.captive.attempts import Attempt
from portal.homes import openid, passwords, views
from portal.homes.entering import count
from portal.homes.identifiers import Foreign
from portal.homes.listing import list_homes
from portal.homes.openid import Wish
from portal.parts import Parts
from portal.rendering import not_found
from portal.throttling import Throttled


def show_homes(parts: Parts, attempt: Attempt, query: str) -> Show:
    """Return the list of homes, or what of it answers a search."""
    return views.homes(attempt, list_homes(parts.partners.current, query))


async def choose(parts: Parts, attempt: Attempt, name: str, language: str) -> Answer:
    """Return the way to a home that was picked from the list: its own pages, or where it has none
    the form for a password."""
    partner = parts.partners.current.by_name.get(name)
    if partner is None:
        return not_found()
    if refused := _refused(parts, attempt, partner):
        return refused
    provider = _provider(partner)
    if provider is None:
        return views.password(attempt, partner)
    url = await _way(parts, attempt, partner, provider, language, "")
    return throttled(url, attempt) if isinstance(url, Throttled) else Go(url)


async def send_home(
    parts: Parts, attempt: Attempt, home: Foreign, password: Secret, language: str
) -> Answer:
    """Take somebody home whose identifier was typed among ours. The password that came with it is
    the home's to check; one with pages of its own does not even get it from us.

    The way there is a link: browsers hold a form to the addresses that its page may lead to.
    """
    if refused := _refused(parts, attempt, home.partner):
        return refused
    provider = _provider(home.partner)
    if provider is None:
        return await passwords.try_password(parts, attempt, home, password)
    url = await _way(parts, attempt, home.partner, provider, language, home.user_name)
    if isinstance(url, Throttled):
        return throttled(url, attempt)
    return views.way(attempt, home.partner, url)


async def try_password(
    parts: Parts, attempt: Attempt, name: str, typed: str, password: Secret
) -> Answer:
    """Log in by the form of a home without pages of its own."""
    partner = parts.partners.current.by_name.get(name)
    if partner is None or _provider(partner) is not None:
        return not_found()
    if refused := _refused(parts, attempt, partner):
        return refused
    return await passwords.try_typed(parts, attempt, partner, typed, password)


def _provider(partner: PartnerEntry) -> Provider | None:
    return partner.described.provider if partner.described else None


def _refused(parts: Parts, attempt: Attempt, partner: PartnerEntry) -> Show | None:
    """Return why nobody need be asked: the place is closed, or the home is not connected."""
    allowed = authorize_visitor(parts.snapshot, attempt.hotspot, parts.clock())
    if isinstance(allowed, Denied):
        return visit_views.denied(parts, attempt, allowed.reason)
    if not partner.is_active:
        return visit_views.denied(parts, attempt, DenyReason.PARTNER_SUSPENDED)
    return None


async def _way(
    parts: Parts,
    attempt: Attempt,
    partner: PartnerEntry,
    provider: Provider,
    language: str,
    hint: str,
) -> str | Throttled:
    """Return where a browser begins at a home."""
    now = parts.clock()
    tries = [(throttling.WAYS_HOME_PER_DEVICE, attempt.counted_as)]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, now):
        return refused
    async with parts.database.write("home_visit") as session:
        state = await openid.begin(session, parts.keyring, attempt.id, provider, now)
    count(attempt, partner, Method.HOME_PAGE, "begun")
    us, place = parts.settings.portal.public_url, attempt.collectivity.realm
    wish = Wish(us=us, operator=place, language=language, hint=hint)
    return openid.authorization_url(parts.keyring, provider, state, wish)
