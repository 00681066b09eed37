"""The interface of a NAS dialect, and what passes through it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from aaa.policy import Grant
from aaa.secret import Secret

# (RFC attribute name, value), in the order they are to be sent.
ReplyAttribute = tuple[str, str | int]


# The value of ChilliSpot-Acct-View-Point of a NAS that counts as the citizen's device does.
CLIENT_VIEW_POINT: Final = 2


class Arrival(StrEnum):
    """Why the NAS sent the browser to the portal."""

    NOT_YET = "notyet"
    SUCCESS = "success"
    FAILED = "failed"
    ALREADY = "already"
    LOGGED_OFF = "logoff"


@dataclass(frozen=True, slots=True)
class Redirect:
    """What a NAS told in the redirect: one browser, on one device, before or after a log-in.

    ``parameters`` holds what :meth:`Adapter.login` needs back (text only, so that it can be kept
    with the log-in attempt); it holds no secret.
    """

    arrival: Arrival
    device_mac: str | None
    device_address: str | None
    original_url: str | None
    # MAC of the access point, where the NAS tells (Called-Station-Id).
    called_station_mac: str | None = None
    session_id: str | None = None
    seconds_left: int | None = None
    reply_message: str | None = None
    failure: str | None = None
    language: str | None = None
    parameters: dict[str, str] | None = None


class RedirectFlaw(StrEnum):
    """Why a redirect cannot be used; a metric label, and a page that says what to do."""

    INCOMPLETE = "incomplete"
    WRONG_CHECKSUM = "wrong_checksum"
    MISSING_CHECKSUM = "missing_checksum"
    FOREIGN_HOST = "foreign_host"


@dataclass(frozen=True, slots=True)
class BadRedirect:
    """A redirect that is refused, as a value."""

    flaw: RedirectFlaw


@dataclass(frozen=True, slots=True)
class Navigate:
    """Finish by sending the browser to ``url`` (303)."""

    url: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Finish by a form that the browser posts to ``url``; the page works without script."""

    url: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Door:
    """What an adapter must know of one NAS to talk to a browser behind it.

    ``portal_url`` is the address that the NAS was configured to redirect to, whole and without a
    query; ``login_host`` the host of its log-in page where that is no private address;
    ``uses_pap``: the gateway wants the ticket itself, not a CHAP response.
    """

    portal_url: str
    uam_secret: Secret | None
    login_host: str | None
    uses_pap: bool = False


class Adapter(Protocol):
    """One vendor's dialect. Adapters hold no state."""

    def parse_redirect(self, raw_query: str, door: Door) -> Redirect | BadRedirect:
        """Return what the NAS said, or why it is not believed; ``raw_query`` as it was sent."""

    def login(
        self, parameters: dict[str, str], user_name: str, ticket: str, return_url: str, door: Door
    ) -> Navigate | Submit:
        """Return how the browser takes the ticket to the NAS; it comes back to ``return_url``
        where the dialect lets the portal choose."""

    def entry_url(self, parameters: dict[str, str]) -> str | None:
        """Return the NAS' own page that redirects a browser to the portal anew, for who does not
        come from there; None where the dialect has none."""

    def logout_url(self, parameters: dict[str, str]) -> str | None:
        """Return where the browser ends its own session, or None: then by Disconnect-Request."""

    def reply_attributes(self, grant: Grant) -> Sequence[ReplyAttribute]:
        """Return the grant's limits in the vendor's attributes, standard ones first."""

    def is_input_download(self, view_point: int | None) -> bool:
        """Return whether Acct-Input-Octets counts what the citizen received; RFC 2866 section 5.3
        has it the other way. ``view_point`` is ChilliSpot-Acct-View-Point, where there is one."""

    @property
    def session_attributes(self) -> Sequence[str]:
        """The names of the attributes that a Disconnect-Request or CoA-Request is made of: those
        that the NAS finds a session by, and none that it answers with a NAK (RFC 5176)."""
