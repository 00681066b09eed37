"""The CoovaChilli UAM dialect, and uspot's variant of it.

The NAS signs its redirect with ``md``, takes CHAP or PAP at ``/logon`` and comes back with
``res=``. Source: coova-chilli 1.9 ``src/redir.c``; uspot ``src/uam.c``.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

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
from aaa.nas.destinations import is_own_host, web_url
from aaa.policy import Grant

_CHECKSUM: Final = "&md="
_ARRIVALS: Final = {
    "notyet": Arrival.NOT_YET,
    "splash": Arrival.NOT_YET,
    "challenge": Arrival.NOT_YET,
    "wispr": Arrival.NOT_YET,
    "success": Arrival.SUCCESS,
    "failed": Arrival.FAILED,
    "reject": Arrival.FAILED,  # uspot's word
    "already": Arrival.ALREADY,
    "logoff": Arrival.LOGGED_OFF,
}
_AFTER_LOG_IN: Final = (Arrival.SUCCESS, Arrival.ALREADY)


class CoovaChilli:
    """CoovaChilli 1.x with ``uamserver`` and, if it is wise, ``uamsecret``."""

    def parse_redirect(self, raw_query: str, door: Door) -> Redirect | BadRedirect:
        """Return what the gateway said. With a uamsecret ``md`` must be right: MD5, in capitals,
        over the whole URL as it was sent, up to ``&md=``, and the secret."""
        if door.uam_secret is not None:
            signed, separator, checksum = raw_query.rpartition(_CHECKSUM)
            if not separator:
                return BadRedirect(RedirectFlaw.MISSING_CHECKSUM)
            url = f"{door.portal_url}?{signed}".encode()
            right = _md5(url + door.uam_secret.reveal()).hex().upper()
            if not hmac.compare_digest(right.encode(), checksum.encode()):
                return BadRedirect(RedirectFlaw.WRONG_CHECKSUM)
            raw_query = signed
        # A query may repeat a key: the gateway's own parameters come first.
        query = dict(reversed(parse_qsl(raw_query, errors="replace", max_num_fields=100)))
        arrival = _ARRIVALS.get(query.get("res", ""))
        host, port = query.get("uamip", ""), query.get("uamport", "3990")
        if arrival is None or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            return BadRedirect(RedirectFlaw.INCOMPLETE)
        if not is_own_host(host, door):
            return BadRedirect(RedirectFlaw.FOREIGN_HOST)
        seconds = query.get("timeleft", "")
        parameters = {"host": host, "port": port}
        challenge = query.get("challenge", "").lower()
        if challenge or arrival not in _AFTER_LOG_IN:
            parameters["challenge"] = challenge
        return Redirect(
            arrival=arrival,
            device_mac=mac.normalize(query.get("mac")),
            device_address=query.get("ip"),
            original_url=web_url(query.get("userurl") or query.get("redirurl")),
            called_station_mac=mac.station(query.get("called"))[0],
            session_id=query.get("sessionid"),
            seconds_left=int(seconds) if seconds.isdecimal() and len(seconds) < 10 else None,
            reply_message=query.get("reply"),
            failure=query.get("reason"),
            language=query.get("lang"),
            parameters=parameters,
        )

    def login(
        self, parameters: dict[str, str], user_name: str, ticket: str, return_url: str, door: Door
    ) -> Navigate | Submit:
        """Return the log-on URL: CHAP on the gateway's challenge, or PAP where the NAS is set to
        it or has ``nochallenge``. The gateway returns to its own ``uamserver``.

        Who has been logged in came back without a challenge, and the last one may have expired:
        then the gateway is asked for one, and redirects anew.
        """
        if "challenge" not in parameters:
            return Navigate(_prelogin(parameters))
        challenge = _challenge(parameters["challenge"], door)
        fields = {"username": user_name}
        if challenge is None:
            fields["password"] = ticket
        elif door.uses_pap:
            fields["password"] = self._pap(ticket, challenge, door)
        else:
            fields["response"] = _md5(b"\0" + ticket.encode() + challenge).hex()
        return Navigate(f"{_gateway(parameters)}/logon?{urlencode(fields)}")

    def _pap(self, ticket: str, challenge: bytes, door: Door) -> str:
        """Return a password as the gateway takes it: under the challenge, secret or not."""
        return _masked(ticket, challenge)

    def entry_url(self, parameters: dict[str, str]) -> str | None:
        """Return the gateway's ``/prelogin``; it redirects who is online too."""
        return _prelogin(parameters)

    def logout_url(self, parameters: dict[str, str]) -> str | None:
        """Return the gateway's ``/logoff``."""
        return f"{_gateway(parameters)}/logoff"

    def reply_attributes(self, grant: Grant) -> Sequence[ReplyAttribute]:
        """Return the limits; volume in ChilliSpot's attributes, rates in WISPr's bits a second."""
        return [
            *limits.standard(grant),
            *limits.wispr_rate(grant),
            *limits.volume(grant, "ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
        ]

    def is_input_download(self, view_point: int | None) -> bool:
        """Return what the gateway declares: the citizen's view, unless it has ``swapoctets``."""
        return view_point == CLIENT_VIEW_POINT

    @property
    def session_attributes(self) -> Sequence[str]:
        """User-Name and Acct-Session-Id, which CoovaChilli compares; without the first it keeps
        silent."""
        return ("User-Name", "Acct-Session-Id", "Event-Timestamp", "Message-Authenticator")


class Uspot(CoovaChilli):
    """OpenWrt's uspot: the same dialect, to which the differences in words are mapped above. Its
    challenge never changes for a device, so that only one-time tickets are safe with it."""

    def entry_url(self, parameters: dict[str, str]) -> str | None:
        """Return None: uspot's log-in port redirects nobody, and it answers RFC 8908 itself."""
        return None

    def _pap(self, ticket: str, challenge: bytes, door: Door) -> str:
        """Return a password as uspot takes it: plain where there is no secret."""
        return _masked(ticket, challenge) if door.uam_secret else ticket

    @property
    def session_attributes(self) -> Sequence[str]:
        """What uspot knows: neither Event-Timestamp nor Message-Authenticator."""
        return ("User-Name", "Acct-Session-Id")


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def _challenge(text: str, door: Door) -> bytes | None:
    """Return the challenge as the gateway will use it: hashed with the uamsecret it shares."""
    try:
        challenge = bytes.fromhex(text)
    except ValueError:
        return None
    if not challenge:
        return None
    return _md5(challenge + door.uam_secret.reveal()) if door.uam_secret else challenge


def _masked(ticket: str, challenge: bytes) -> str:
    """Return a PAP password under the challenge; tickets are no longer than its 16 octets, which
    is all that uspot takes."""
    padded = ticket.encode().ljust(len(challenge), b"\0")
    return bytes(a ^ b for a, b in zip(padded, challenge, strict=True)).hex()


def _prelogin(parameters: dict[str, str]) -> str:
    return f"{_gateway(parameters)}/prelogin"


def _gateway(parameters: dict[str, str]) -> str:
    host = parameters["host"]
    return f"http://{f'[{host}]' if ':' in host else host}:{parameters['port']}"
