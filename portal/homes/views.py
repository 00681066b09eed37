"""The pages by which a partner's citizen finds home."""

from federation.directory import PartnerEntry
from portal.answers import CORRECT_IT, Show
from portal.captive.attempts import Attempt
from portal.homes.identifiers import realm_of
from portal.homes.listing import Listing
from portal.pages import Mistake


def homes(attempt: Attempt, listing: Listing) -> Show:
    """Return the page with the list of homes."""
    context = {"homes": listing.homes, "hidden": listing.hidden, "query": listing.query}
    return Show("homes.html", attempt, context=context | {"has_search": listing.has_search})


def password(
    attempt: Attempt, partner: PartnerEntry, error: Mistake | None = None, *, identifier: str = ""
) -> Show:
    """Return the page that asks for identifier and password of a home without pages of its own."""
    realm = realm_of(partner)
    if realm is not None:
        identifier = identifier.removesuffix(f"@{realm}")
    return Show(
        "home_password.html",
        attempt,
        status=CORRECT_IT if error else 200,
        error=error,
        context={
            "home": partner.name,
            "title": partner.title,
            "realm": realm,
            "identifier": identifier,
        },
    )


def way(attempt: Attempt, partner: PartnerEntry, url: str) -> Show:
    """Return the page that leads on to a home, which alone takes the password."""
    return Show("home_way.html", attempt, context={"title": partner.title, "url": url})
