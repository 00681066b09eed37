"""Over generated packets: nothing that no contract names crosses, in any direction, and what has to
cross does so unchanged.

Whatever may not cross is recognized in two ways: by its place, and by octets that nothing else has.
"""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from federation.contracts import PLAIN, Allowed
from federation.orders import Order, Subject, read, sent
from federation.proxying import (
    Refusal,
    admitted,
    answer_to_partner,
    inbound,
    outbound,
    proxy_states,
    within,
)
from radius.wire.attributes import Attributes
from radius.wire.dictionary import Oid
from radius.wire.nesting import Pair
from radius.wire.packet import Code, Packet, encode_attributes
from radius.wire.values import Tagged, Value
from tests.federation.crossings import (
    CAME,
    HOP,
    KEY,
    MARK,
    NOON,
    OPERATOR,
    OUR_CLASS,
    REALM,
    attributes,
    hop,
    octets_of,
)

STATE, CLASS, PROXY_STATE, EAP_MESSAGE = 24, 25, 33, 79
CANARY = b"canary"
REQUESTS = st.sampled_from([Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST])
REPLIES = st.sampled_from(
    [Code.ACCESS_ACCEPT, Code.ACCESS_CHALLENGE, Code.ACCESS_REJECT, Code.ACCOUNTING_RESPONSE]
)


def microsoft(*types: int) -> set[Oid]:
    return {(26, 311, kind) for kind in types}


def places(*numbers: int) -> set[Oid]:
    return {(number,) for number in numbers}


# Said once more here than the contract says it, so that a slip there does not pass for a decision.
_IDENTITY = places(1, 6, 30, 31, 32, 33, 61, 77, 89, 126)
_COUNTED = places(25, *range(40, 52), 52, 53, 55)
_OPERATOR_NAS = {(241, 8)}
_SESSION = places(1, 31, 32, 33, 44, 55, 126) | _OPERATOR_NAS
MAY_LEAVE = {
    Code.ACCESS_REQUEST: _IDENTITY
    | places(2, 3, 12, 24, 60, 79, 186, 187, 188)
    | microsoft(11, 25),
    Code.ACCOUNTING_REQUEST: _IDENTITY | _COUNTED,
}
MAY_ENTER = {
    code: told | places(4, 5, 8, 87, 95) | _OPERATOR_NAS for code, told in MAY_LEAVE.items()
}
MAY_ANSWER = {
    Code.ACCESS_ACCEPT: places(1, 18, 25, 27, 28, 33, 79, 85, 89) | microsoft(16, 17, 26),
    Code.ACCESS_CHALLENGE: places(18, 24, 27, 33, 79, 101),
    Code.ACCESS_REJECT: places(18, 33, 79, 101) | microsoft(2),
    Code.ACCOUNTING_RESPONSE: places(33),
}
MAY_ORDER = {
    Code.DISCONNECT_REQUEST: _SESSION,
    Code.COA_REQUEST: _SESSION | places(27, 28, 85),
}
ORDERS = st.sampled_from([*MAY_ORDER])
Bounds = Mapping[Code, set[Oid]]


def is_within(told: Attributes, code: Code, bounds: Bounds) -> bool:
    return {place for place, _ in told.leaves()} <= bounds[code]


def marked(told: Attributes, allowed: Allowed, code: Code) -> Attributes:
    """The same with a canary in all that may not cross."""
    pairs: list[Pair] = []
    for number, octets in told:
        alone = Attributes(((number, octets),)).leaves()
        if not {place for place, _ in alone} & allowed[code]:
            octets = (octets + CANARY)[-253:]
        pairs.append((number, octets))
    return Attributes(tuple(pairs))


@given(attributes(), REQUESTS)
def test_no_request_tells_a_home_more_than_it_may(told: Attributes, code: Code) -> None:
    told = marked(told, PLAIN.request_out, code)
    if code is Code.ACCOUNTING_REQUEST:
        told = told.without("Acct-Status-Type").with_("Acct-Status-Type", "Start")
    request = Packet(code, 1, CAME, told)
    sent = outbound(request, HOP)
    assert isinstance(sent, Attributes)
    assert is_within(sent, code, MAY_LEAVE)
    assert CANARY not in encode_attributes(sent)
    assert octets_of(sent, PROXY_STATE) == [*octets_of(told, PROXY_STATE), MARK]
    if code is Code.ACCESS_REQUEST:
        assert octets_of(sent, STATE) == octets_of(told, STATE)
        assert octets_of(sent, EAP_MESSAGE) == octets_of(told, EAP_MESSAGE)
    else:
        theirs = [each for each in octets_of(told, CLASS) if not each.startswith(OUR_CLASS)]
        assert octets_of(sent, CLASS) == theirs


@given(attributes(), REPLIES, st.lists(st.binary(min_size=1, max_size=9), max_size=4))
def test_no_answer_of_a_home_says_more_than_it_may(
    told: Attributes, code: Code, states: list[bytes]
) -> None:
    told = marked(told, PLAIN.reply_in, code)
    let_in = inbound(Packet(code, 1, bytes(16), told), hop(*states))
    assert is_within(let_in, code, MAY_ANSWER)
    assert CANARY not in encode_attributes(let_in)
    assert octets_of(let_in, PROXY_STATE) == states
    if code is not Code.ACCOUNTING_RESPONSE:
        assert octets_of(let_in, EAP_MESSAGE) == octets_of(told, EAP_MESSAGE)
    if code is Code.ACCESS_CHALLENGE:
        assert octets_of(let_in, STATE) == octets_of(told, STATE)
    if code is Code.ACCESS_ACCEPT:
        theirs = [each for each in octets_of(told, CLASS) if not each.startswith(OUR_CLASS)]
        assert octets_of(let_in, CLASS) == theirs
    assert all(str(name).endswith(f"@{REALM}") for name in let_in.all("User-Name"))


@given(attributes(), REQUESTS)
def test_no_request_of_a_partner_says_more_than_it_may(told: Attributes, code: Code) -> None:
    told = marked(told, PLAIN.request_in, code)
    inside = admitted(Packet(code, 1, bytes(16), told))
    assert is_within(inside, code, MAY_ENTER)
    assert CANARY not in encode_attributes(inside)
    carried = {STATE, EAP_MESSAGE} if code is Code.ACCESS_REQUEST else {CLASS}
    for number in carried | {PROXY_STATE}:
        assert octets_of(inside, number) == octets_of(told, number)


@given(attributes(), attributes(), REPLIES)
def test_no_answer_of_ours_tells_a_partner_more_than_it_may(
    told: Attributes, asked: Attributes, code: Code
) -> None:
    told = marked(told, PLAIN.reply_out, code)
    request = Packet(Code.ACCESS_REQUEST, 1, bytes(16), asked)
    answered = answer_to_partner(Packet(code, 1, bytes(16), told), request, KEY)
    assert is_within(answered, code, MAY_ANSWER)
    assert CANARY not in encode_attributes(answered)
    assert set(octets_of(answered, 1)) <= set(octets_of(asked, 1)[:1])
    carried = {
        Code.ACCESS_ACCEPT: (CLASS, EAP_MESSAGE),
        Code.ACCESS_CHALLENGE: (STATE, EAP_MESSAGE),
        Code.ACCESS_REJECT: (EAP_MESSAGE,),
        Code.ACCOUNTING_RESPONSE: (),
    }
    for number in (*carried[code], PROXY_STATE):
        assert octets_of(answered, number) == octets_of(told, number)


@given(
    attributes(), ORDERS, *[st.text(max_size=20)] * 4, st.none() | st.binary(min_size=1, max_size=9)
)
def test_no_order_of_ours_says_more_than_it_may(
    told: Attributes,
    code: Code,
    session_id: str,
    user_name: str,
    nas: str,
    operator: str,
    known: bytes | None,
) -> None:
    subject = Subject(session_id, "02:00:5e:00:53:01", user_name, nas, operator, known)
    wanted = marked(told, PLAIN.order_out, code).decoded()
    changes = [(name, value) for name, value in wanted if not isinstance(value, Tagged)]
    ordered = sent(code, subject, changes, NOON)
    assert is_within(ordered, code, MAY_ORDER)
    assert CANARY not in encode_attributes(ordered)
    assert ordered.octets("Acct-Session-Id") == (session_id.encode() or None)


@given(attributes(), ORDERS, st.sets(st.sampled_from(range(3))))
def test_no_order_of_a_partner_is_obeyed_that_says_more_than_it_may(
    told: Attributes, code: Code, left_out: set[int]
) -> None:
    """An order that would do, with something left out, and with whatever comes beside it."""
    named: list[tuple[str, Value]] = [
        ("Acct-Session-Id", "s-1"),
        ("Event-Timestamp", NOON),
        ("Session-Timeout", 60),
    ]
    told += Attributes.of(*[named[place] for place in range(3) if place not in left_out])
    ordered = read(Packet(code, 1, bytes(16), told), {OPERATOR}, {"square"})
    if isinstance(ordered, Order):
        told = told.without("Message-Authenticator", "NAS-IP-Address", "NAS-IPv6-Address")
        assert is_within(told, code, MAY_ORDER)
        assert ordered.acct_session_id or ordered.device_mac
        assert ordered.realm in (OPERATOR, None)
        may_change = {"Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"}
        assert ordered.changes.keys() <= may_change
        assert bool(ordered.changes) is (code is Code.COA_REQUEST)


@given(attributes(), REQUESTS, st.integers(0, 12))
def test_any_octets_are_refused_or_bounded(told: Attributes, code: Code, proxies: int) -> None:
    told += Attributes(tuple((PROXY_STATE, bytes((number,))) for number in range(proxies)))
    request = Packet(code, 1, CAME, told)
    sent = outbound(request, replace(HOP, proxy_states=proxy_states(request)))
    assert isinstance(sent, Refusal) or is_within(sent, code, MAY_LEAVE)
    let_in = inbound(Packet(Code.ACCESS_ACCEPT, 1, bytes(16), told), hop())
    assert is_within(let_in, Code.ACCESS_ACCEPT, MAY_ANSWER)


@given(attributes(), attributes())
def test_our_own_attributes_stand_whatever_a_home_says(told: Attributes, own: Attributes) -> None:
    let_in = inbound(Packet(Code.ACCESS_ACCEPT, 1, bytes(16), told), HOP)
    both = within(let_in, own)
    bounded = ("Session-Timeout", "Idle-Timeout")
    assert set(own.without(*bounded)) <= set(both)
    for name in bounded:
        stated = [seconds for seconds in (let_in.integer(name), own.integer(name)) if seconds]
        assert (both.integer(name) or 0) == min(stated, default=0)
