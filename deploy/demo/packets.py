"""The attributes of a CoovaChilli gateway's requests, names and order as it sends them.

Source: coova-chilli 1.9, ``chilli_req_attrs()`` and ``acct_req()`` in ``src/chilli.c``, and
``redir_radius()`` in ``src/redir.c``.
Deviation: Message-Authenticator, which CoovaChilli appends, is put first by `radius.wire`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aaa.secret import Secret
from deploy.demo.session import Ending, Session
from radius.wire.attributes import Attributes

_VERSION: Final = "1.8"
_GIGAWORD: Final = 1 << 32
# ChilliSpot-Acct-View-Point: "input" is what the client received.
_VIEW_OF_CLIENT: Final = 2
_NO_STATION: Final = "00-00-00-00-00-00"
_PACKET_OCTETS: Final = 900

Named = Sequence[tuple[str, str | int | bytes]]


@dataclass(frozen=True, slots=True)
class AccessServer:
    """How one simulated gateway is set up: what ``/etc/chilli/config`` would say.

    ``portal_url`` is its ``uamserver``; ``mac`` its own, ``AA-BB-CC-DD-EE-FF``.
    """

    name: str
    mac: str
    ssid: str
    place: str
    portal_url: str
    secret: Secret
    uam_secret: Secret


@dataclass(frozen=True, slots=True)
class Station:
    """A phone as the gateway knows it. ``login_port`` is where its log-on page listens."""

    mac: str
    address: str
    port: int
    login_port: int


def log_on(
    nas: AccessServer, station: Station, user_name: str, session_id: str, proof: Named
) -> Attributes:
    """Return the Access-Request of a log-on by a person; ``proof`` is CHAP or PAP."""
    return Attributes.of(
        ("User-Name", user_name),
        *proof,
        ("Service-Type", "Login"),
        *_about(nas, station, session_id),
        ("WISPr-Logoff-URL", f"http://127.0.0.1:{station.login_port}/logoff"),
    )


def mac_authentication(
    nas: AccessServer, station: Station, session_id: str, hidden_password: bytes
) -> Attributes:
    """Return the Access-Request that asks whether a phone may in without a page."""
    return Attributes.of(
        ("User-Name", station.mac),
        ("User-Password", hidden_password),
        ("Service-Type", "Framed"),
        *_about(nas, station, session_id),
    )


def accounting(
    nas: AccessServer, station: Station, session: Session, status: str, counted: Named
) -> Attributes:
    """Return an Accounting-Request about a session: Start, Interim-Update or Stop."""
    return (
        Attributes.of(
            ("User-Name", session.user_name),
            *counted,
            ("Acct-Status-Type", status),
            *_about(nas, station, session.id),
            ("ChilliSpot-Acct-View-Point", _VIEW_OF_CLIENT),
        )
        + session.echoed
    )


def counters(session: Session, now: datetime, ending: Ending | None = None) -> Named:
    """Return what a session carried so far and, in its Stop, why it ended."""
    down, up = session.download_octets, session.upload_octets
    cause = [("Acct-Terminate-Cause", ending.cause)] if ending else []
    return [
        ("Acct-Input-Octets", down % _GIGAWORD),
        ("Acct-Output-Octets", up % _GIGAWORD),
        ("Acct-Input-Gigawords", down // _GIGAWORD),
        ("Acct-Output-Gigawords", up // _GIGAWORD),
        ("Acct-Input-Packets", down // _PACKET_OCTETS),
        ("Acct-Output-Packets", up // _PACKET_OCTETS),
        ("Acct-Session-Time", session.seconds(now)),
        *cause,
    ]


def announcement(nas: AccessServer, status: str) -> Attributes:
    """Return the Accounting-Request of a gateway that was switched on or off."""
    reboot = [("Acct-Terminate-Cause", "NAS-Reboot")] if status == "Accounting-Off" else []
    return Attributes.of(
        *reboot,
        ("Acct-Status-Type", status),
        ("NAS-Port-Type", "Wireless-802.11"),
        ("Calling-Station-Id", _NO_STATION),
        *_about_itself(nas),
    )


def _about(nas: AccessServer, station: Station, session_id: str) -> Named:
    return [
        ("Acct-Session-Id", session_id),
        ("Framed-IP-Address", station.address),
        ("NAS-Port-Type", "Wireless-802.11"),
        ("NAS-Port", station.port),
        ("NAS-Port-Id", f"{station.port:08d}"),
        ("Calling-Station-Id", station.mac),
        *_about_itself(nas),
    ]


def _about_itself(nas: AccessServer) -> Named:
    return [
        ("Called-Station-Id", nas.mac),
        ("NAS-IP-Address", "127.0.0.1"),
        ("NAS-Identifier", nas.name),
        ("WISPr-Location-ID", f"isocc=,cc=,ac=,network={nas.ssid}"),
        ("WISPr-Location-Name", nas.place),
        ("ChilliSpot-Version", _VERSION),
    ]
