"""What may cross between a partner and us, attribute by attribute: pure, and all of it data.

Whatever a contract does not name stays where it is: attributes that nobody knows, and of those
inside others (vendor-specific, extended types, TLVs) each one by its own place. So it is never
enough to hide a VLAN in a vendor's attribute, or behind one that may pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from radius.wire import nesting
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Oid
from radius.wire.nesting import Pair
from radius.wire.packet import Code

Allowed = Mapping[Code, frozenset[Oid]]
"""The places that may cross in each kind of packet; of a kind that is not there, none."""


Check = Callable[[bytes], bool]
"""Whether a value may cross."""
_UNCHECKED: Final[Mapping[Oid, Check]] = {}


@dataclass(frozen=True, slots=True)
class Contract:
    """What may cross, by direction."""

    request_out: Allowed
    """Of requests about the partner's citizens at our hotspots."""
    reply_in: Allowed
    """Of the partner's answers, to those and to our orders."""
    request_in: Allowed
    """Of requests about our citizens at the partner's hotspots."""
    reply_out: Allowed
    """Of our answers, to those and to the partner's orders."""
    order_out: Allowed
    """Of orders about our citizens at the partner's hotspots."""
    order_in: Allowed
    """Of orders about the partner's citizens at our hotspots."""


def crossing(
    attributes: Attributes, allowed: frozenset[Oid], checks: Mapping[Oid, Check] = _UNCHECKED
) -> Attributes:
    """Return the attributes whose places are allowed, and whose values pass the check of the place.

    They keep their order, and their octets. Where one attribute holds several, and not all may
    cross, those that may are wrapped anew, each by itself.
    """
    kept: list[Pair] = []
    for pairs, leaves in nesting.groups(tuple(attributes)):
        passed = [
            (place, octets)
            for place, octets in leaves
            if place in allowed and (place not in checks or checks[place](octets))
        ]
        if len(passed) == len(leaves):
            kept += pairs
        else:
            for place, octets in passed:
                kept += nesting.wrap(DICTIONARY.placed(place), octets)
    return Attributes(tuple(kept))


def places(*names: str) -> frozenset[Oid]:
    """Return where the attributes of these names are. Raises ValueError for an unknown name."""
    return frozenset(DICTIONARY.named(name).oid for name in names)


# Who and where: enough to tell one device's sessions from another's and to see the SSID. Neither
# the NAS' addresses and ports nor the device's: a home has no use for them. No location beyond the
# operator (RFC 5580 sections 4.2-4.7): nobody is asked for it, nobody told, whatever policy
# a Basic-Location-Policy-Rules would put on it.
_PLACE: Final = places(
    "User-Name",
    "Service-Type",
    "Called-Station-Id",
    "Calling-Station-Id",
    "NAS-Identifier",
    "Proxy-State",
    "NAS-Port-Type",
    "Connect-Info",
    "Chargeable-User-Identity",
    "Operator-Name",
)
_ACCESS: Final = _PLACE | places(
    "User-Password",
    "CHAP-Password",
    "CHAP-Challenge",
    # MS-CHAPv2 alone: MS-CHAP is broken, and changing a password is no visited place's business.
    "MS-CHAP-Challenge",
    "MS-CHAP2-Response",
    "EAP-Message",
    "State",
    # How large an EAP fragment may be (RFC 3579 section 2.4).
    "Framed-MTU",
    "WLAN-Pairwise-Cipher",
    "WLAN-Group-Cipher",
    "WLAN-AKM-Suite",
)
_ACCOUNTING: Final = _PLACE | places(
    "Class",
    "Acct-Status-Type",
    "Acct-Delay-Time",
    "Acct-Input-Octets",
    "Acct-Output-Octets",
    "Acct-Session-Id",
    "Acct-Authentic",
    "Acct-Session-Time",
    "Acct-Input-Packets",
    "Acct-Output-Packets",
    "Acct-Terminate-Cause",
    "Acct-Multi-Session-Id",
    "Acct-Link-Count",
    "Acct-Input-Gigawords",
    "Acct-Output-Gigawords",
    "Event-Timestamp",
)
_REQUEST: Final = {Code.ACCESS_REQUEST: _ACCESS, Code.ACCOUNTING_REQUEST: _ACCOUNTING}
# What an answer needs so that the conversation ends as it should. Where the device goes (Tunnel-*,
# VLANs, filters, pools, routes, rates, redirections) is for the visited place alone.
_CONVERSATION: Final = places("EAP-Message", "Reply-Message", "Proxy-State")
_ANSWER: Final = {
    Code.ACCESS_ACCEPT: _CONVERSATION
    | places(
        "User-Name",
        "Class",
        "Chargeable-User-Identity",
        "Session-Timeout",
        "Idle-Timeout",
        "Acct-Interim-Interval",
        "MS-MPPE-Send-Key",
        "MS-MPPE-Recv-Key",
        "MS-CHAP2-Success",
    ),
    Code.ACCESS_CHALLENGE: _CONVERSATION | places("State", "Session-Timeout", "Error-Cause"),
    Code.ACCESS_REJECT: _CONVERSATION | places("MS-CHAP-Error", "Error-Cause"),
    Code.ACCOUNTING_RESPONSE: places("Proxy-State"),
    Code.PROTOCOL_ERROR: places("Proxy-State", "Error-Cause"),
    Code.DISCONNECT_ACK: places("Proxy-State"),
    Code.DISCONNECT_NAK: places("Proxy-State", "Error-Cause"),
    Code.COA_ACK: places("Proxy-State"),
    Code.COA_NAK: places("Proxy-State", "Error-Cause"),
}
# What our citizens' sessions are recorded with elsewhere, where a partner cares to say it.
_TOLD_BY_OTHERS: Final = places(
    *("NAS-IP-Address", "NAS-IPv6-Address", "NAS-Port", "NAS-Port-Id", "Framed-IP-Address"),
    "Operator-NAS-Identifier",
)
# Which session (RFC 5176 section 3, RFC 8559 section 3.4), and that it is now.
_SESSION: Final = places(
    "User-Name",
    "NAS-Identifier",
    "Acct-Session-Id",
    "Calling-Station-Id",
    "Operator-Name",
    "Operator-NAS-Identifier",
    "Event-Timestamp",
    "Proxy-State",
)
CHANGEABLE: Final = places("Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval")
"""What a home may change while its citizen is online: it bounds their time. What becomes of their
traffic is for the visited place alone."""
_ORDER: Final = {
    Code.DISCONNECT_REQUEST: _SESSION,
    Code.COA_REQUEST: _SESSION | CHANGEABLE,
}
# A home that takes its partner's proxy for the NAS says so.
_TAKEN_FOR_NAS: Final = places("NAS-IP-Address", "NAS-IPv6-Address")

PLAIN: Final = Contract(
    request_out=_REQUEST,
    reply_in=_ANSWER,
    request_in={code: allowed | _TOLD_BY_OTHERS for code, allowed in _REQUEST.items()},
    # The same Session-Timeout and so on: ours are bounds, which the visited place may lower.
    reply_out=_ANSWER,
    order_out=_ORDER,
    order_in={code: allowed | _TAKEN_FOR_NAS for code, allowed in _ORDER.items()},
)
"""The contract of a partner with whom nothing else was agreed."""
