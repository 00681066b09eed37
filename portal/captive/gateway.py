"""What the portal tells an adapter about a NAS, and asks it about a visit."""

from urllib.parse import urlsplit

from aaa.nas.adapter import BadRedirect, Door, Redirect, RedirectFlaw
from aaa.nas.registry import adapter
from aaa.snapshot import NasEntry
from portal.captive.attempts import Attempt


def door_to(nas: NasEntry, public_url: str) -> Door:
    """Return what an adapter must know of a NAS."""
    return Door(
        portal_url=f"{public_url}/at/{nas.name}/",
        uam_secret=nas.uam_secret,
        login_host=nas.login_host,
        uses_pap=nas.uses_pap,
    )


def read_redirect(nas: NasEntry, raw_query: str, public_url: str) -> Redirect | BadRedirect:
    """Return what a NAS said. Its portal address may be configured with or without the slash at
    the end, and the checksum covers it as it was configured."""
    door = door_to(nas, public_url)
    dialect = adapter(nas.vendor)
    redirect = dialect.parse_redirect(raw_query, door)
    if redirect == BadRedirect(RedirectFlaw.WRONG_CHECKSUM):
        bare = Door(door.portal_url.rstrip("/"), door.uam_secret, door.login_host, door.uses_pap)
        return dialect.parse_redirect(raw_query, bare)
    return redirect


def source_of(attempt: Attempt, public_url: str) -> str | None:
    """Return the NAS' log-in page as a source of a Content-Security-Policy: browsers hold form
    submissions to ``form-action`` through every redirect that follows."""
    door = door_to(attempt.nas, public_url)
    way = adapter(attempt.nas.vendor).login(attempt.parameters, "", "", public_url, door)
    parts = urlsplit(way.url)
    host = parts.hostname or ""
    if ":" in host:
        # The policy's grammar has no IPv6 addresses (CSP3 section 2.3.1).
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}" if host else None
