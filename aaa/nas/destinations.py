"""Where a browser may be sent: the NAS with a ticket, the citizen's own page without one."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aaa.nas.adapter import Door

_LONGEST_URL: Final = 1000


def is_own_host(host: str, door: Door) -> bool:
    """Return whether a ticket may go to ``host``: an address inside the site, or the host that is
    on record for the NAS."""
    if door.login_host is not None:
        return host.casefold() == door.login_host.casefold()
    # An IPv6 zone ("fe80::1%eth0") means nothing to a browser, and anything may be written in it.
    if "%" in host:
        return False
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def is_own_url(url: str, door: Door) -> bool:
    """Return whether a ticket may go to ``url``."""
    host = _web_host(url)
    return host is not None and is_own_host(host, door)


def web_url(text: str | None) -> str | None:
    """Return the page that the citizen wanted, where it is one."""
    if not text or len(text) > _LONGEST_URL or not text.isprintable():
        return None
    return text if _web_host(text) else None


def _web_host(url: str) -> str | None:
    # Browsers read a backslash as a slash, so that the host would be another one to them.
    if "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        # Reading the port is what finds it out of range.
        is_web = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return None
    return parts.hostname if is_web else None
