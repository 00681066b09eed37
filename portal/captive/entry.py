"""The way to a NAS for a browser that does not come from it: a phone that asked the Captive Portal
API is told an address of ours, and only what the NAS redirects can log in."""

from typing import Final

from aaa import access_points
from aaa.nas.adapter import Redirect
from aaa.nas.destinations import is_own_url
from aaa.nas.registry import adapter
from aaa.snapshot import NasEntry
from portal.answers import Answer, Go, Show
from portal.captive.gateway import door_to
from portal.parts import Parts

# A page without TLS, which a gateway can therefore redirect; the name is kept for examples (RFC
# 2606 section 3), so that nobody's own page is asked for.
_INTERCEPTED: Final = "http://example.com/"


def enter(parts: Parts, nas: NasEntry) -> Answer:
    """Return the way to the NAS' own page that redirects to the portal; while none is known, a
    page that says how to be redirected."""
    door = door_to(nas, parts.settings.portal.public_url)
    # Its log-in host may have been changed since the page was learned.
    if nas.entry_url is not None and is_own_url(nas.entry_url, door):
        return Go(nas.entry_url)
    return Show("enter.html", hotspot=nas.hotspot, context={"intercepted_url": _INTERCEPTED})


async def learn(parts: Parts, nas: NasEntry, redirect: Redirect) -> None:
    """Keep where the NAS' own page is, from a redirect that it signed: anybody could write any
    other. So the way is known even when nobody came for days."""
    if nas.uam_secret is None or redirect.parameters is None:
        return
    url = adapter(nas.vendor).entry_url(redirect.parameters)
    if url is None or url == nas.entry_url:
        return
    async with parts.database.write("entry") as session:
        await access_points.keep_entry(session, nas.id, url)
