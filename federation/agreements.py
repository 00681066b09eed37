"""What was agreed with one partner beyond, or short of, what may cross with every partner: pure.

    tell        our requests about its citizens say this, too
    withhold    neither our requests nor our answers nor our orders say this
    let in      its requests and its Access-Accepts may say this, too
    keep out    whatever it says of this stays out

Two things are for nobody to agree on. What a log-in needs is never withheld or kept out. And what
becomes of a device's traffic is for the visited place alone: nothing that puts it into a network
(VLAN, tunnel, filter, route, address) is ever let in, and no vendor's attribute, since any of them
may mean that.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from aaa.errors import Invalid
from federation.contracts import CHANGEABLE, PLAIN, Allowed, Contract, places
from radius.wire.dictionary import DICTIONARY, Oid
from radius.wire.packet import Code


class Way(StrEnum):
    """What is agreed of an attribute."""

    TELL = "tell"
    WITHHOLD = "withhold"
    LET_IN = "let_in"
    KEEP_OUT = "keep_out"


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that was agreed: of an attribute, by its name."""

    way: Way
    attribute: str


# Without these no log-in ends well, and no accounting finds its session.
_NEEDED: Final = places(
    *("User-Name", "User-Password", "CHAP-Password", "CHAP-Challenge", "EAP-Message", "State"),
    *("MS-CHAP-Challenge", "MS-CHAP2-Response", "MS-CHAP2-Success", "MS-CHAP-Error"),
    *("MS-MPPE-Send-Key", "MS-MPPE-Recv-Key", "Proxy-State", "Class", "Service-Type"),
    *("Acct-Status-Type", "Acct-Session-Id", "Acct-Session-Time", "Acct-Delay-Time"),
    *("Acct-Input-Octets", "Acct-Output-Octets", "Acct-Input-Gigawords", "Acct-Output-Gigawords"),
    *("Event-Timestamp", "Operator-Name", "NAS-Identifier", "Chargeable-User-Identity"),
    *("Error-Cause", "Framed-MTU"),
)
_FOR_THE_VISITED_PLACE: Final = (
    *("Tunnel-*", "Filter-Id", "NAS-Filter-Rule", "Egress-*", "Ingress-*", "User-Priority-Table"),
    *(
        "*-Pool",
        "Framed-*",
        "Login-*",
        "Callback-*",
        "Delegated-*",
        "DNS-*",
        "Route-*",
        "IP-Port-*",
    ),
    *("Management-*", "Ascend-*", "Attr-*", "Message-Authenticator", "Prompt", "Password-Retry"),
)
_LET_IN: Final = frozenset((Code.ACCESS_ACCEPT, Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST))


def check(term: Term) -> Term:
    """Return a term that can be agreed on; raise Invalid where it is none."""
    name = term.attribute
    if name not in DICTIONARY.by_name:
        raise Invalid(f"“{name}” is no attribute: write its name as RFCs and dictionaries do")
    place = DICTIONARY.named(name).oid
    if term.way in (Way.WITHHOLD, Way.KEEP_OUT) and place in _NEEDED:
        raise Invalid(f"{name} is needed by every log-in, or by its accounting: it has to cross")
    if term.way is Way.LET_IN and (len(place) > 1 or _is_for_the_visited_place(name)):
        raise Invalid(
            f"{name} may say what becomes of a device's traffic, which no partner decides here: "
            "set it by `farandole policy set`"
        )
    if term.way is Way.TELL and name in ("Message-Authenticator", "Tunnel-Password"):
        raise Invalid(f"{name} belongs to one hop, and says nothing to the next")
    return term


def agreed(terms: Collection[Term], plain: Contract = PLAIN) -> Contract:
    """Return what may cross with a partner with whom these terms were agreed."""
    if not terms:
        return plain
    named: dict[Way, frozenset[Oid]] = {
        way: places(*(term.attribute for term in terms if term.way is way)) for way in Way
    }
    let_in, kept_out = named[Way.LET_IN], named[Way.KEEP_OUT]
    told, withheld = named[Way.TELL], named[Way.WITHHOLD]
    return replace(
        plain,
        request_out=_changed(plain.request_out, told, withheld),
        reply_out=_changed(plain.reply_out, frozenset(), withheld),
        request_in=_changed(plain.request_in, let_in, kept_out),
        reply_in=_changed(plain.reply_in, let_in, kept_out),
        order_out=_changed(plain.order_out, frozenset(), withheld),
        # What names the session is our own, as we told it.
        order_in=_changed(plain.order_in, frozenset(), kept_out & CHANGEABLE),
    )


def _changed(
    allowed: Allowed, added: frozenset[Oid], removed: frozenset[Oid]
) -> Mapping[Code, frozenset[Oid]]:
    return {
        code: (found | added if code in _LET_IN else found) - removed
        for code, found in allowed.items()
    }


def _is_for_the_visited_place(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _FOR_THE_VISITED_PLACE)
