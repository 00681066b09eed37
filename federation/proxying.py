"""What becomes of a packet between a NAS and its citizen's home: pure.

    outbound            a request of a partner's citizen at our hotspot, for their home
    delayed             the same, of accounting that waited
    inbound             the home's answer, for our NAS
    within              what our own policy makes of that answer
    admitted            a request of a citizen of ours, as a partner sent it
    answer_to_partner   our answer to that

Each is bounded by the partner's contract last, so that nothing passes that it does not name.
Message-Authenticator, and how passwords and keys are hidden, is of one hop, and the transport's:
here they are in clear.

What makes a session unique at its home: Acct-Session-Id crosses as the NAS chose it, since that is
what the home would have to name in a Disconnect-Request. Two NAS may choose the same, so that
NAS-Identifier is ours to write, another one for each of our NAS, and Operator-Name tells it from
those of other members. What keys sessions by the device, as Farandole's own ledger does, has
Calling-Station-Id. Operator-NAS-Identifier (RFC 8559 section 3.4) would say no more than that
NAS-Identifier, in a type that old home servers do not know: we give none.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aaa import cui, mac
from aaa.errors import Invalid
from aaa.identifier import check_realm
from federation.contracts import PLAIN, Allowed, Check, Contract, crossing
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Oid
from radius.wire.packet import HEADER_OCTETS, MAXIMUM_OCTETS, Code, Packet
from radius.wire.values import Value

MOST_PROXIES: Final = 10
"""More Proxy-States than any tree of federations has levels: such a request goes in circles."""
_MARK_OCTETS: Final = 16
_HEADER_OF_ATTRIBUTE: Final = 2
_MESSAGE_AUTHENTICATOR_OCTETS: Final = 18
_HIDDEN_BLOCK_OCTETS: Final = 16
_LEAST_INTERIM_SECONDS: Final = 60
# A NAS that counts more never knew when it was.
_LONGEST_DELAY: Final = timedelta(days=1)
# RFC 5580 section 4.1: the namespace of realms.
_REALM: Final = "1"
# RFC 4372 section 2.1: who sends this asks for the identity.
_ASKED: Final = b"\0"
_SESSION_EVENTS: Final = frozenset((1, 2, 3))
_TIMEOUTS: Final = ("Session-Timeout", "Idle-Timeout")
_USER_NAME: Final = 1
_USER_PASSWORD: Final = 2
_REPLY_MESSAGE: Final = 18
_CLASS: Final = 25
_VENDOR_SPECIFIC: Final = 26
_PROXY_STATE: Final = 33
_CUI: Final = 89
# Acct-Input-* and Acct-Output-*: octets, packets, gigawords.
_OTHER_SIDE: Final = {42: 43, 43: 42, 47: 48, 48: 47, 52: 53, 53: 52}


class Refusal(StrEnum):
    """Why a request is not sent on; a metric label."""

    LOOP = "loop"
    """It was here before, or goes back to where it came from."""
    TOO_LONG = "too_long"
    """It would have more than 4096 octets."""
    NOT_FORWARDED = "not_forwarded"
    """It is about no citizen: a NAS that starts, a Status-Server, a code for nobody's home."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on its way through us, from a NAS to a partner."""

    partner: str
    """The partner whose citizen it is, by name."""
    realm: str
    """What the request was routed by, folded."""
    operator: str
    """The realm of the collectivity where the device is."""
    nas_identifier: str
    """What the partner knows the NAS by: for ever the same, and no other NAS' of ours."""
    mark: bytes
    """Our Proxy-State: see :func:`proxy_mark`."""
    proxy_states: tuple[bytes, ...]
    """Those of the request as it came, in order; its answer carries them back."""
    received_at: datetime
    is_our_class: Callable[[bytes], bool]
    """Whether a Class was sealed by us."""
    sender: str | None = None
    """The partner that sent us the request; None for a NAS of ours."""
    is_input_download: bool = False
    """Whether the NAS counts as the device does, and not as RFC 2866 section 5.3 has it."""
    contract: Contract = PLAIN


def proxy_mark(key: bytes, realm: str) -> bytes:
    """Return our Proxy-State in requests for a realm: 16 octets that need `key` to be made.

    Nobody guesses it. Those who see it, the homes of that realm, could only have requests refused
    that they send us for the realm that is theirs, which are refused in any case.
    """
    return hmac.digest(key, realm.encode(), "sha256")[:_MARK_OCTETS]


def proxy_states(request: Packet) -> tuple[bytes, ...]:
    """Return every Proxy-State, in order."""
    return tuple(octets for number, octets in request.attributes if number == _PROXY_STATE)


def affinity(request: Packet) -> bytes:
    """Return what stays the same through an EAP conversation, and tells devices apart: the MAC
    address of the device, or else the User-Name."""
    attributes = request.attributes
    device = mac.station(attributes.text("Calling-Station-Id"))[0]
    return device.encode() if device else attributes.octets("User-Name") or b""


def outbound(request: Packet, hop: Hop) -> Attributes | Refusal:
    """Return the attributes of a request for the home of its citizen, or why it is not sent."""
    if _goes_in_circles(request, hop):
        return Refusal.LOOP
    match request.code:
        case Code.ACCESS_REQUEST:
            attributes = _access_outbound(request.attributes)
        case Code.ACCOUNTING_REQUEST if _is_of_session(request.attributes):
            attributes = _accounting_outbound(request.attributes, hop)
        case _:
            return Refusal.NOT_FORWARDED
    attributes = attributes.without("NAS-Identifier", "Operator-Name") + Attributes.of(
        ("NAS-Identifier", hop.nas_identifier.encode()),
        # Ours to say, whatever the NAS does (RFC 5580 section 4.1).
        ("Operator-Name", (_REALM + hop.operator).encode()),
        ("Proxy-State", hop.mark),
    )
    attributes = crossing(attributes, _allowed(hop.contract.request_out, request.code))
    return Refusal.TOO_LONG if _octets(attributes) > MAXIMUM_OCTETS else attributes


def delayed(attributes: Attributes, seconds: int) -> Attributes:
    """Return the attributes of an Accounting-Request that waited here for so long: its
    Acct-Delay-Time is more by that (RFC 2866 section 5.2)."""
    waited = (attributes.integer("Acct-Delay-Time") or 0) + max(0, seconds)
    return attributes.without("Acct-Delay-Time").with_("Acct-Delay-Time", min(waited, 0xFFFF_FFFF))


def inbound(reply: Packet, hop: Hop) -> Attributes:
    """Return what a home's answer may say to the NAS, and the request's Proxy-States.

    A User-Name of another realm stays out, since accounting would follow it there; so does a
    Class that we sealed, since accounting would find a citizen of ours by it. Numbers that are
    none, and an Acct-Interim-Interval under 60 seconds (RFC 2869 section 2.1), stay out. A
    Reply-Message is let in where there is no EAP-Message (RFC 3579 section 2.6.5), as
    text that can be shown.
    """
    is_eap = reply.attributes.has("EAP-Message")
    checks: dict[Oid, Check] = _NUMBERS | {
        (_USER_NAME,): lambda octets: _is_of_realm(octets, hop.realm),
        (_CLASS,): lambda octets: not hop.is_our_class(octets),
        (_CUI,): _is_identity,
        (_REPLY_MESSAGE,): lambda octets: not is_eap and _is_text(octets),
    }
    attributes = reply.attributes.without("Proxy-State")
    attributes += Attributes(tuple((_PROXY_STATE, octets) for octets in hop.proxy_states))
    return crossing(attributes, _allowed(hop.contract.reply_in, reply.code), checks)


def within(let_in: Attributes, own: Attributes) -> Attributes:
    """Return what a NAS is told of a partner's citizen: what was let in and our own attributes.

    Of Session-Timeout and Idle-Timeout, the smaller of the two; of all else that both have but for
    Class, ours. Our Class stands behind theirs.
    """
    bounds: list[tuple[str, Value]] = []
    for name in _TIMEOUTS:
        stated = (let_in.integer(name), own.integer(name))
        if least := min((seconds for seconds in stated if seconds is not None), default=None):
            bounds.append((name, least))
    own_numbers = {number for number, _ in own} - {_CLASS, _VENDOR_SPECIFIC}
    theirs = Attributes(tuple(pair for pair in let_in if pair[0] not in own_numbers))
    return theirs.without(*_TIMEOUTS) + own.without(*_TIMEOUTS) + Attributes.of(*bounds)


def admitted(request: Packet, contract: Contract = PLAIN) -> Attributes:
    """Return what a partner's request may say here of our citizens.

    Accounting that is of no session (a NAS that starts or stops) loses its Acct-Status-Type: one
    NAS of many behind a partner would end the sessions of all. What remains is acknowledged, and
    means nothing.
    """
    attributes = crossing(request.attributes, _allowed(contract.request_in, request.code))
    if request.code is Code.ACCOUNTING_REQUEST and not _is_of_session(attributes):
        return attributes.without("Acct-Status-Type")
    return attributes


def answer_to_partner(
    reply: Packet, request: Packet, cui_key: bytes, contract: Contract = PLAIN
) -> Attributes:
    """Return what our answer to a partner's request may say.

    User-Name is the request's own: who logs in by an anonymous name stays so. Chargeable-User-
    Identity is there where it was asked for (RFC 4372 section 2.2): the pseudonym that `reply` has
    of the citizen at this partner, and where Operator-Name tells several places of the partner
    apart, another one for each of them, which nobody can put together without `cui_key`.
    """
    said: dict[int, bytes | None] = {
        _USER_NAME: request.attributes.octets("User-Name"),
        _CUI: _pseudonym(reply, request, cui_key),
    }
    if reply.attributes.has("EAP-Message"):
        said[_REPLY_MESSAGE] = None
    told = tuple(
        (number, octets)
        for number, own in reply.attributes
        if (octets := said.get(number, own)) is not None
    )
    return crossing(Attributes(told), _allowed(contract.reply_out, reply.code))


def _goes_in_circles(request: Packet, hop: Hop) -> bool:
    """Whether a request was here before, or came from where it would go: from the same partner, or
    from a place that names the very realm which the citizen is of."""
    states = proxy_states(request)
    operator = (request.attributes.text("Operator-Name") or "").casefold()
    return (
        hop.mark in states
        or len(states) > MOST_PROXIES
        or hop.sender == hop.partner
        or operator == _REALM + hop.realm
    )


def _is_of_session(attributes: Attributes) -> bool:
    return attributes.integer("Acct-Status-Type") in _SESSION_EVENTS


def _access_outbound(attributes: Attributes) -> Attributes:
    """An Access-Request that asks for a Chargeable-User-Identity, whether the NAS did or not. What
    else a NAS may have put there is of the device's previous user, and none of this home's
    business."""
    attributes = attributes.without("Chargeable-User-Identity")
    return attributes.with_("Chargeable-User-Identity", _ASKED)


def _accounting_outbound(attributes: Attributes, hop: Hop) -> Attributes:
    """Accounting as RFC 2866 counts, dated, without the Class that we gave the session."""
    swapped = _OTHER_SIDE if hop.is_input_download else {}
    attributes = Attributes(
        tuple(
            (swapped.get(number, number), octets)
            for number, octets in attributes
            if not (number == _CLASS and hop.is_our_class(octets))
            and not (number == _CUI and not _is_identity(octets))
        )
    )
    if attributes.date("Event-Timestamp") is not None:
        return attributes
    delay = min(timedelta(seconds=attributes.integer("Acct-Delay-Time") or 0), _LONGEST_DELAY)
    happened_at = (hop.received_at - delay).replace(microsecond=0)
    return attributes.without("Event-Timestamp").with_("Event-Timestamp", happened_at)


def _pseudonym(reply: Packet, request: Packet, key: bytes) -> bytes | None:
    identity = reply.attributes.octets("Chargeable-User-Identity")
    if identity is None or not request.attributes.has("Chargeable-User-Identity"):
        return None
    operator = request.attributes.octets("Operator-Name")
    if operator is None:
        return identity
    return cui.at_operator(key, identity, operator).encode()


def _is_of_realm(user_name: bytes, realm: str) -> bool:
    try:
        return _is_text(user_name) and check_realm(user_name.decode().rpartition("@")[2]) == realm
    except (UnicodeDecodeError, Invalid):
        return False


def _is_identity(octets: bytes) -> bool:
    return octets.strip(_ASKED) != b""


def _is_text(octets: bytes) -> bool:
    try:
        return octets.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _is_at_least(least: int) -> Check:
    return lambda octets: len(octets) == 4 and int.from_bytes(octets, "big") >= least


_NUMBERS: Final[dict[Oid, Check]] = {
    DICTIONARY.named(name).oid: _is_at_least(least)
    for name, least in (
        ("Session-Timeout", 1),
        ("Idle-Timeout", 1),
        ("Acct-Interim-Interval", _LEAST_INTERIM_SECONDS),
        ("Error-Cause", 1),
    )
}


def _allowed(allowed: Allowed, code: Code) -> frozenset[Oid]:
    return allowed.get(code, frozenset())


def _octets(attributes: Attributes) -> int:
    """How long a packet of these will be at most, once signed and hidden."""
    body = sum(len(octets) + _HEADER_OF_ATTRIBUTE for _, octets in attributes)
    padding = _HIDDEN_BLOCK_OCTETS * sum(number == _USER_PASSWORD for number, _ in attributes)
    return HEADER_OCTETS + _MESSAGE_AUTHENTICATOR_OCTETS + body + padding
