"""Orders of a home to the place that its citizen visits (RFC 5176, RFC 8559): pure.

    sent            an order about a citizen of ours, as the partner whose place it is gets it
    settles         whether what the partner answered is the end of it
    is_stale        whether a partner's order is too old to be obeyed
    read            a partner's order about a citizen of its own, understood or refused
    Order.means     whether a session is the one that is meant
    bounded         what of the change that is ordered holds here

What names a session is the visited place's own: Acct-Session-Id, NAS-Identifier and the rest come
back as its accounting told them, and nothing that it did not tell.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aaa import mac
from aaa.errors import Invalid
from aaa.identifier import check_realm
from federation.contracts import PLAIN, Contract, crossing
from radius.wire.attributes import Attributes
from radius.wire.dictionary import Oid
from radius.wire.packet import Code, Packet
from radius.wire.values import Value

CURRENT: Final = timedelta(seconds=300)
"""How far from our clock an order may be dated (RFC 5176 section 6.3)."""
# RFC 5580 section 4.1: the namespace of realms.
_REALM: Final = "1"
_PROXY_STATE: Final = (33,)
# What an order may change, and the least that it may be: RFC 2869 section 2.1 for the last.
_LEAST: Final = {"Session-Timeout": 1, "Idle-Timeout": 1, "Acct-Interim-Interval": 60}
# RFC 5176 section 3.5: not routable, a proxy's trouble, no resources. Another server may do better,
# and so may this one, later.
_PASSING: Final = frozenset((502, 505, 506))


class Cause(StrEnum):
    """Why an order is not obeyed: Error-Cause by its name (RFC 5176 section 3.5)."""

    UNSUPPORTED_ATTRIBUTE = "Unsupported-Attribute"
    MISSING_ATTRIBUTE = "Missing-Attribute"
    NAS_IDENTIFICATION_MISMATCH = "NAS-Identification-Mismatch"
    INVALID_REQUEST = "Invalid-Request"
    UNSUPPORTED_SERVICE = "Unsupported-Service"
    INVALID_ATTRIBUTE_VALUE = "Invalid-Attribute-Value"
    ADMINISTRATIVELY_PROHIBITED = "Administratively-Prohibited"
    NOT_ROUTABLE = "Request-Not-Routable"
    SESSION_NOT_FOUND = "Session-Context-Not-Found"
    PROXY_ERROR = "Other-Proxy-Processing-Error"
    RESOURCES_UNAVAILABLE = "Resources-Unavailable"
    SEVERAL_SESSIONS = "Multiple-Session-Selection-Unsupported"


@dataclass(frozen=True, slots=True)
class Subject:
    """A session as the place that is visited names it; "" and None where it does not say."""

    acct_session_id: str
    device_mac: str
    user_name: str | None
    nas_identifier: str
    operator_name: str
    operator_nas_identifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a partner wants of a session; None where it does not say. `changes` holds the attributes
    to set, in seconds; none where the session is to end."""

    acct_session_id: str | None
    device_mac: str | None
    user_name: str | None
    nas_identifier: str | None
    realm: str | None
    """Of the collectivity where the session is, folded."""
    changes: Mapping[str, int] = field(default_factory=dict)

    def means(self, subject: Subject) -> bool:
        """Whether a session has every name that the order says (RFC 5176 section 3)."""
        same = (
            (self.acct_session_id, subject.acct_session_id),
            (self.device_mac, subject.device_mac),
            (self.user_name and self.user_name.casefold(), (subject.user_name or "").casefold()),
            (self.nas_identifier, subject.nas_identifier),
            (self.realm, subject.operator_name.removeprefix(_REALM)),
        )
        return all(said is None or said == known for said, known in same)


def sent(
    code: Code,
    subject: Subject,
    changes: Sequence[tuple[str, Value]],
    now: datetime,
    contract: Contract = PLAIN,
) -> Attributes:
    """Return the attributes of an order to a partner: the session by the partner's own names for
    it, when it was given, and what is to change, as far as the contract lets it out."""
    names: dict[str, Value | None] = {
        "User-Name": subject.user_name,
        "NAS-Identifier": subject.nas_identifier,
        "Acct-Session-Id": subject.acct_session_id,
        # As RFC 3580 section 3.21 has it.
        "Calling-Station-Id": subject.device_mac.replace(":", "-").upper(),
        "Operator-Name": subject.operator_name,
        "Operator-NAS-Identifier": subject.operator_nas_identifier,
        "Event-Timestamp": now,
    }
    named = [(name, value) for name, value in names.items() if value]
    return crossing(Attributes.of(*named, *changes), contract.order_out.get(code, frozenset()))


def settles(answer: Packet) -> bool:
    """Whether an answer of a partner is the end of an order, and not one to be given once more."""
    return answer.attributes.integer("Error-Cause") not in _PASSING


def is_stale(request: Packet, now: datetime) -> bool:
    """Whether an order is dated so far from `now` that it is to be ignored."""
    stated = request.attributes.date("Event-Timestamp")
    return stated is not None and abs(now - stated) > CURRENT


def read(
    request: Packet,
    our_realms: Container[str],
    our_nas: Container[str],
    contract: Contract = PLAIN,
) -> Order | Cause:
    """Return what a partner orders, or why it cannot be obeyed, whichever session it is.

    An order that says more than the contract lets in is refused whole: with a name of the session
    left out it would be about another one, with a change left out it would be done by halves
    (RFC 5176 section 2.2). It has to name one session, by Acct-Session-Id or by the device.
    """
    attributes = request.attributes.without("Message-Authenticator")
    if flaw := _flaw(attributes, request.code, contract.order_in.get(request.code, frozenset())):
        return flaw
    realm = operator_realm(attributes.text("Operator-Name"))
    if realm is not None and realm not in our_realms:
        # Nobody crosses us in transit.
        return Cause.NOT_ROUTABLE
    nas_identifier = _text(attributes, "NAS-Identifier")
    if attributes.has("Operator-NAS-Identifier") or (
        nas_identifier is not None and nas_identifier not in our_nas
    ):
        # We give our NAS no other name than the NAS-Identifier.
        return Cause.NAS_IDENTIFICATION_MISMATCH
    return Order(
        acct_session_id=_text(attributes, "Acct-Session-Id"),
        device_mac=mac.station(attributes.text("Calling-Station-Id"))[0],
        user_name=_text(attributes, "User-Name"),
        nas_identifier=nas_identifier,
        realm=realm,
        changes={name: seconds for name in _LEAST if (seconds := attributes.integer(name))},
    )


def bounded(changes: Mapping[str, int], own: Attributes) -> list[tuple[str, int]]:
    """Return what a NAS of ours is told of a change: of each number that is ordered and of our own
    for this session, which may have none, the smaller."""
    return [(name, min(seconds, own.integer(name) or seconds)) for name, seconds in changes.items()]


def operator_realm(operator_name: str | None) -> str | None:
    """Return the realm in an Operator-Name, "" where that is of another namespace or none."""
    if operator_name is None:
        return None
    try:
        return check_realm(operator_name[1:]) if operator_name.startswith(_REALM) else ""
    except Invalid:
        return ""


def _flaw(attributes: Attributes, code: Code, allowed: frozenset[Oid]) -> Cause | None:
    """Return what is wrong with an order, whatever it is about."""
    counted = Counter(place for place, _ in attributes.leaves())
    if attributes.has("Service-Type"):
        return Cause.UNSUPPORTED_SERVICE
    if not counted.keys() <= allowed:
        return Cause.UNSUPPORTED_ATTRIBUTE
    if any(count > 1 for place, count in counted.items() if place != _PROXY_STATE):
        return Cause.INVALID_REQUEST
    has_name = attributes.has("Acct-Session-Id") or attributes.has("Calling-Station-Id")
    has_change = code is not Code.COA_REQUEST or any(map(attributes.has, _LEAST))
    if not (has_name and has_change and attributes.has("Event-Timestamp")):
        return Cause.MISSING_ATTRIBUTE
    return None if all(_is_sound(attributes)) else Cause.INVALID_ATTRIBUTE_VALUE


def _is_sound(attributes: Attributes) -> Iterator[bool]:
    """Yield, of each value that has to be one of some, whether it is."""
    yield attributes.date("Event-Timestamp") is not None
    for name in ("Acct-Session-Id", "User-Name"):
        yield not attributes.has(name) or _text(attributes, name) != ""
    device = attributes.text("Calling-Station-Id")
    yield device is None or mac.station(device)[0] is not None
    for name, least in _LEAST.items():
        yield not attributes.has(name) or (attributes.integer(name) or 0) >= least


def _text(attributes: Attributes, name: str) -> str | None:
    """Return a text as it is recorded: without NUL."""
    text = attributes.text(name)
    return text.replace("\0", "") if text is not None else None
