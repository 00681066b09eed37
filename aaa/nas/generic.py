"""Dialects with nothing of their own: a form posted to the NAS, and plain RADIUS."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from aaa import mac
from aaa.nas import limits
from aaa.nas.adapter import (
    CLIENT_VIEW_POINT,
    Arrival,
    BadRedirect,
    Door,
    Navigate,
    Redirect,
    RedirectFlaw,
    ReplyAttribute,
    Submit,
)
from aaa.nas.destinations import is_own_url, web_url
from aaa.policy import Grant

_ARRIVALS: Final = {"failed": Arrival.FAILED, "logoff": Arrival.LOGGED_OFF}


class Generic:
    """A NAS that redirects with ``login_url``, ``mac`` and, if it likes, ``ip``, ``url``,
    ``called``, ``logout_url``, ``error``; and takes ``username``, ``password`` and ``url`` by
    POST."""

    def parse_redirect(self, raw_query: str, door: Door) -> Redirect | BadRedirect:
        """Return what the NAS said; its log-in page must be inside the site or on record."""
        query = dict(reversed(parse_qsl(raw_query, errors="replace", max_num_fields=100)))
        login_url, device_mac = query.get("login_url", ""), mac.normalize(query.get("mac"))
        if not login_url or device_mac is None:
            return BadRedirect(RedirectFlaw.INCOMPLETE)
        logout_url = query.get("logout_url", "")
        if not is_own_url(login_url, door) or (logout_url and not is_own_url(logout_url, door)):
            return BadRedirect(RedirectFlaw.FOREIGN_HOST)
        is_failure = "error" in query
        arrival = Arrival.FAILED if is_failure else _ARRIVALS.get(query.get("res", ""))
        return Redirect(
            arrival=arrival or Arrival.NOT_YET,
            device_mac=device_mac,
            device_address=query.get("ip"),
            original_url=web_url(query.get("url")),
            called_station_mac=mac.station(query.get("called"))[0],
            failure=query.get("error"),
            parameters={"login_url": login_url, "logout_url": logout_url},
        )

    def login(
        self, parameters: dict[str, str], user_name: str, ticket: str, return_url: str, door: Door
    ) -> Navigate | Submit:
        """Return the form; ``url`` asks the NAS to send the browser back to the portal."""
        return Submit(
            parameters["login_url"],
            (("username", user_name), ("password", ticket), ("url", return_url)),
        )

    def entry_url(self, parameters: dict[str, str]) -> str | None:
        """Return None: nothing is known of such a page."""
        return None

    def logout_url(self, parameters: dict[str, str]) -> str | None:
        """Return what the NAS gave as ``logout_url``, if it did."""
        return parameters.get("logout_url") or None

    def reply_attributes(self, grant: Grant) -> Sequence[ReplyAttribute]:
        """Return the standard limits, the rates as WISPr has them, and the VLAN."""
        return [*limits.standard(grant), *limits.wispr_rate(grant), *limits.vlan(grant)]

    def is_input_download(self, view_point: int | None) -> bool:
        """Return what the NAS declares; without a word it counts as the RFC has it."""
        return view_point == CLIENT_VIEW_POINT

    @property
    def session_attributes(self) -> Sequence[str]:
        """The session by every name that it has in RFC 5176 section 3, dated and signed."""
        return (
            "User-Name",
            "Acct-Session-Id",
            "Calling-Station-Id",
            "Event-Timestamp",
            "Message-Authenticator",
        )


class Hostapd(Generic):
    """hostapd has no page of its own, and no use for rates."""

    def reply_attributes(self, grant: Grant) -> Sequence[ReplyAttribute]:
        """Return the standard limits, and the VLAN."""
        return [*limits.standard(grant), *limits.vlan(grant)]
