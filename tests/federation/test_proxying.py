"""What becomes of packets between a NAS and a home, attribute by attribute."""

import hmac
from dataclasses import replace
from datetime import timedelta

import pytest

from federation.contracts import PLAIN, Contract, places
from federation.proxying import (
    MOST_PROXIES,
    Refusal,
    admitted,
    affinity,
    answer_to_partner,
    delayed,
    inbound,
    outbound,
    proxy_mark,
    proxy_states,
    within,
)
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request
from radius.wire.hop import hide_request
from radius.wire.packet import MAXIMUM_OCTETS, Code, Packet
from radius.wire.values import Tagged, Value
from tests.federation.crossings import (
    CITIZEN,
    HOP,
    KEY,
    MARK,
    NOON,
    OPERATOR,
    OUR_CLASS,
    REALM,
    answer,
    hop,
    octets_of,
    packet,
)

NAMED = ("User-Name", CITIZEN)
START = ("Acct-Status-Type", "Start")


def sent(request: Packet) -> Attributes:
    attributes = outbound(request, HOP)
    assert isinstance(attributes, Attributes)
    return attributes


def test_what_a_home_is_told_of_a_request() -> None:
    request = packet(
        Code.ACCESS_REQUEST,
        NAMED,
        ("NAS-IP-Address", "10.0.0.1"),
        ("NAS-Identifier", "ap-7"),
        ("NAS-Port", 3),
        ("Called-Station-Id", "02-00-00-00-00-01:Provence"),
        ("Calling-Station-Id", "02-00-00-00-00-02"),
        ("Framed-IP-Address", "10.0.0.9"),
        ("EAP-Message", b"\x02\x01\x00\x06\x01a"),
        ("State", b"theirs"),
        ("Framed-MTU", 1400),
        ("Operator-Name", "1other.example"),
        ("Location-Capable", "Geo-Location"),
        ("Message-Authenticator", bytes(16)),
    )
    assert list(sent(request).decoded()) == [
        NAMED,
        ("Called-Station-Id", "02-00-00-00-00-01:Provence"),
        ("Calling-Station-Id", "02-00-00-00-00-02"),
        ("EAP-Message", b"\x02\x01\x00\x06\x01a"),
        ("State", b"theirs"),
        ("Framed-MTU", 1400),
        ("Chargeable-User-Identity", b"\0"),
        ("NAS-Identifier", "square"),
        ("Operator-Name", f"1{OPERATOR}"),
        ("Proxy-State", MARK),
    ]


@pytest.mark.parametrize(
    "proof",
    [
        (("User-Password", b"correct horse"),),
        (("CHAP-Password", bytes(17)), ("CHAP-Challenge", b"a challenge")),
        (("MS-CHAP-Challenge", bytes(16)), ("MS-CHAP2-Response", bytes(50))),
    ],
)
def test_a_proof_crosses_as_it_is(proof: tuple[tuple[str, bytes], ...]) -> None:
    kept = list(sent(packet(Code.ACCESS_REQUEST, NAMED, *proof)).decoded())
    assert kept[1 : 1 + len(proof)] == list(proof)


def test_the_identity_of_a_device_s_previous_user_is_no_business_of_this_home() -> None:
    request = packet(Code.ACCESS_REQUEST, NAMED, ("Chargeable-User-Identity", b"somebody else"))
    assert octets_of(sent(request), 89) == [b"\0"]


def test_our_proxy_state_comes_behind_all_others() -> None:
    others = [("Proxy-State", b"first"), ("Proxy-State", b"second"), ("Proxy-State", b"first")]
    request = packet(Code.ACCESS_REQUEST, others[0], NAMED, *others[1:])
    assert octets_of(sent(request), 33) == [b"first", b"second", b"first", MARK]
    assert proxy_states(request) == (b"first", b"second", b"first")


def test_a_request_that_was_here_is_refused() -> None:
    request = packet(Code.ACCESS_REQUEST, NAMED)
    again = Packet(Code.ACCESS_REQUEST, 1, bytes(16), sent(request))
    assert outbound(again, HOP) is Refusal.LOOP


def test_a_request_that_has_passed_too_many_is_refused() -> None:
    states = [("Proxy-State", bytes((number,))) for number in range(MOST_PROXIES + 1)]
    assert isinstance(outbound(packet(Code.ACCESS_REQUEST, NAMED, *states[1:]), HOP), Attributes)
    assert outbound(packet(Code.ACCESS_REQUEST, NAMED, *states), HOP) is Refusal.LOOP


def test_a_request_does_not_go_back_to_where_it_came_from() -> None:
    request = packet(Code.ACCESS_REQUEST, NAMED)
    assert outbound(request, replace(HOP, sender="liguria")) is Refusal.LOOP
    assert isinstance(outbound(request, replace(HOP, sender="corse")), Attributes)
    at_home = packet(Code.ACCESS_REQUEST, NAMED, ("Operator-Name", f"1{REALM.title()}"))
    assert outbound(at_home, HOP) is Refusal.LOOP


def test_no_octets_that_others_can_know_pass_for_our_mark() -> None:
    for guess in (b"", MARK[:-1], MARK + b"\0", bytes(16), hmac.digest(b"", REALM.encode(), "md5")):
        if guess:
            request = packet(Code.ACCESS_REQUEST, NAMED, ("Proxy-State", guess))
            assert isinstance(outbound(request, HOP), Attributes)
    # What the homes of another realm have seen says nothing of this one.
    seen = proxy_mark(KEY, "corse.example")
    request = packet(Code.ACCESS_REQUEST, NAMED, ("Proxy-State", seen))
    assert isinstance(outbound(request, HOP), Attributes)


def test_what_would_be_too_long_is_not_sent() -> None:
    full = [("EAP-Message", bytes(253)) for _ in range(15)]
    secret, lengths = b"radsec", []
    for octets in range(1, 254):
        request = packet(Code.ACCESS_REQUEST, NAMED, *full, ("EAP-Message", bytes(octets)))
        attributes = outbound(request, HOP)
        if attributes is Refusal.TOO_LONG:
            break
        assert isinstance(attributes, Attributes)
        onward = Packet(Code.ACCESS_REQUEST, 1, bytes(16), attributes)
        lengths.append(len(encode_access_request(onward, secret)))
    assert lengths[-1] == MAXIMUM_OCTETS


@pytest.mark.parametrize("octets", [1, 16, 17, 128])
def test_what_is_sent_has_room_to_be_hidden(octets: int) -> None:
    password = ("User-Password", b"x" * octets)
    full: list[tuple[str, Value | Tagged]] = [("EAP-Message", bytes(253)) for _ in range(15)]
    for fill in range(1, 254):
        last = ("EAP-Message", bytes(fill))
        attributes = outbound(packet(Code.ACCESS_REQUEST, NAMED, password, *full, last), HOP)
        if attributes is Refusal.TOO_LONG:
            return
        assert isinstance(attributes, Attributes)
        onward = hide_request(Packet(Code.ACCESS_REQUEST, 1, bytes(16), attributes), b"radsec")
        assert len(encode_access_request(onward, b"radsec")) <= MAXIMUM_OCTETS
    raise AssertionError("nothing was too long")


@pytest.mark.parametrize(
    "request_",
    [
        packet(Code.STATUS_SERVER),
        packet(Code.DISCONNECT_REQUEST, NAMED),
        packet(Code.ACCOUNTING_REQUEST, NAMED, ("Acct-Status-Type", "Accounting-On")),
        packet(Code.ACCOUNTING_REQUEST, NAMED, ("Acct-Status-Type", "Accounting-Off")),
        packet(Code.ACCOUNTING_REQUEST, NAMED),
    ],
)
def test_what_is_of_no_citizen_is_not_forwarded(request_: Packet) -> None:
    assert outbound(request_, HOP) is Refusal.NOT_FORWARDED


def test_accounting_goes_home_with_the_home_s_class_alone() -> None:
    request = packet(
        Code.ACCOUNTING_REQUEST,
        NAMED,
        START,
        ("Acct-Session-Id", "0001"),
        ("Class", b"home 1"),
        ("Class", OUR_CLASS + b" 1"),
        ("Class", b"home 2"),
        ("Chargeable-User-Identity", b"the home's"),
        ("Framed-IP-Address", "10.0.0.9"),
        ("Event-Timestamp", NOON),
    )
    assert list(sent(request).decoded()) == [
        NAMED,
        ("Acct-Status-Type", 1),
        ("Acct-Session-Id", "0001"),
        ("Class", b"home 1"),
        ("Class", b"home 2"),
        ("Chargeable-User-Identity", b"the home's"),
        ("Event-Timestamp", NOON),
        ("NAS-Identifier", "square"),
        ("Operator-Name", f"1{OPERATOR}"),
        ("Proxy-State", MARK),
    ]


def test_an_identity_that_only_asks_is_not_accounted() -> None:
    request = packet(Code.ACCOUNTING_REQUEST, NAMED, START, ("Chargeable-User-Identity", b"\0"))
    assert not sent(request).has("Chargeable-User-Identity")


@pytest.mark.parametrize(
    ("delay_seconds", "ago"),
    [(None, timedelta(0)), (90, timedelta(seconds=90)), (0xFFFF_FFFF, timedelta(days=1))],
)
def test_accounting_without_a_date_gets_one(delay_seconds: int | None, ago: timedelta) -> None:
    named = [("Acct-Delay-Time", delay_seconds)] if delay_seconds is not None else []
    request = packet(Code.ACCOUNTING_REQUEST, NAMED, START, *named)
    assert sent(request).date("Event-Timestamp") == NOON - ago


def test_a_nas_that_counts_as_the_device_does_is_turned_round() -> None:
    counted = {"Octets": (1, 2), "Packets": (3, 4), "Gigawords": (5, 6)}
    named = [
        (f"Acct-{side}-{unit}", counts[side == "Output"])
        for unit, counts in counted.items()
        for side in ("Input", "Output")
    ]
    request = packet(Code.ACCOUNTING_REQUEST, NAMED, START, *named)
    turned = outbound(request, replace(HOP, is_input_download=True))
    straight = sent(request)
    assert isinstance(turned, Attributes)
    for unit, (first, second) in counted.items():
        both = (f"Acct-Input-{unit}", f"Acct-Output-{unit}")
        assert [turned.integer(name) for name in both] == [second, first]
        assert [straight.integer(name) for name in both] == [first, second]


def test_two_nas_with_one_session_id_are_two_at_the_home() -> None:
    request = packet(Code.ACCOUNTING_REQUEST, NAMED, START, ("Acct-Session-Id", "0001"))
    hops = [HOP, replace(HOP, nas_identifier="beach"), replace(HOP, operator="menton.example")]
    keys = set()
    for each in hops:
        told = outbound(request, each)
        assert isinstance(told, Attributes)
        assert told.text("Acct-Session-Id") == "0001"
        keys.add((told.text("NAS-Identifier"), told.text("Operator-Name")))
    assert len(keys) == len(hops)


def test_waiting_adds_to_the_delay() -> None:
    attributes = Attributes.of(("Acct-Delay-Time", 5), ("Acct-Session-Id", "1"))
    assert octets_of(delayed(attributes, 60), 41) == [(65).to_bytes(4, "big")]
    assert delayed(Attributes(), 60).integer("Acct-Delay-Time") == 60
    assert delayed(attributes, -3).integer("Acct-Delay-Time") == 5
    assert delayed(attributes, 1 << 33).integer("Acct-Delay-Time") == 0xFFFF_FFFF


def test_what_a_nas_is_told_of_an_accept() -> None:
    keys = {"MS-MPPE-Send-Key": b"s" * 32, "MS-MPPE-Recv-Key": b"r" * 32}
    reply = answer(
        Code.ACCESS_ACCEPT,
        ("User-Name", f"anonymous@{REALM.upper()}"),
        ("EAP-Message", b"\x03\x01\x00\x04"),
        ("Reply-Message", "welcome"),
        ("Class", b"one"),
        ("Class", b"two"),
        ("Session-Timeout", 3600),
        ("Tunnel-Type", 13),
        ("Tunnel-Private-Group-ID", "666"),
        ("Filter-Id", "all"),
        ("Termination-Action", "RADIUS-Request"),
        ("WISPr-Bandwidth-Max-Down", 1),
        *keys.items(),
        ("Proxy-State", MARK),
        ("Proxy-State", b"forged"),
        ("Message-Authenticator", bytes(16)),
    )
    let_in = inbound(reply, hop(b"nas 1", b"nas 2"))
    names = [name for name, _ in let_in.decoded()]
    assert names == [
        *("User-Name", "EAP-Message", "Class", "Class", "Session-Timeout"),
        *("MS-MPPE-Send-Key", "MS-MPPE-Recv-Key", "Proxy-State", "Proxy-State"),
    ]
    assert octets_of(let_in, 25) == [b"one", b"two"]
    assert octets_of(let_in, 33) == [b"nas 1", b"nas 2"]
    assert {name: let_in.octets(name) for name in keys} == keys


@pytest.mark.parametrize(
    "name",
    ["anna@vence.example", "bea", "02-00-00-00-00-02", f"bea@sub.{REALM}", f"bea@{REALM}\n", "@"],
)
def test_a_home_speaks_of_its_own_citizens_alone(name: str) -> None:
    assert not inbound(answer(Code.ACCESS_ACCEPT, ("User-Name", name)), HOP).has("User-Name")


def test_a_home_does_not_give_its_citizens_our_class() -> None:
    reply = answer(Code.ACCESS_ACCEPT, ("Class", OUR_CLASS + b" of anna"), ("Class", b"theirs"))
    assert octets_of(inbound(reply, HOP), 25) == [b"theirs"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Session-Timeout", bytes(4)),
        ("Session-Timeout", b"\1\1"),
        ("Idle-Timeout", bytes(4)),
        ("Acct-Interim-Interval", (59).to_bytes(4, "big")),
        ("Chargeable-User-Identity", b"\0"),
        ("Reply-Message", b"\xff\xfe"),
        ("Reply-Message", b"two\nlines"),
    ],
)
def test_values_without_sense_stay_out(name: str, value: bytes) -> None:
    assert not len(inbound(answer(Code.ACCESS_ACCEPT, (name, value)), HOP))


def test_a_refusal_says_why() -> None:
    named: list[tuple[str, Value | Tagged]] = [
        ("Reply-Message", "Ask at the town hall."),
        ("MS-CHAP-Error", "\1E=691 R=0"),
        ("Error-Cause", 502),
    ]
    assert list(inbound(answer(Code.ACCESS_REJECT, *named), HOP).decoded()) == named
    # RFC 3579 section 2.6.5
    spoken = answer(Code.ACCESS_REJECT, ("EAP-Message", b"\x04\x01\x00\x04"), named[0])
    assert not inbound(spoken, HOP).has("Reply-Message")


def test_our_policy_bounds_what_was_let_in() -> None:
    let_in = Attributes.of(
        ("Session-Timeout", 7200),
        ("Idle-Timeout", 60),
        ("Acct-Interim-Interval", 120),
        ("Class", b"theirs"),
        ("MS-CHAP2-Success", b"\1S=00"),
    )
    own = Attributes.of(
        ("Class", OUR_CLASS),
        ("Session-Timeout", 3600),
        ("Idle-Timeout", 900),
        ("Acct-Interim-Interval", 600),
        ("Tunnel-Private-Group-ID", "12"),
        ("WISPr-Bandwidth-Max-Down", 1000),
    )
    both = within(let_in, own)
    assert [both.integer(name) for name in ("Session-Timeout", "Idle-Timeout")] == [3600, 60]
    assert both.all("Acct-Interim-Interval") == (600,)
    assert octets_of(both, 25) == [b"theirs", OUR_CLASS]
    assert both.has("MS-CHAP2-Success")
    assert both.has("WISPr-Bandwidth-Max-Down")
    assert both.text("Tunnel-Private-Group-ID") == "12"


def test_a_limit_that_only_one_side_has_holds() -> None:
    theirs = within(Attributes.of(("Session-Timeout", 7200)), Attributes())
    ours = within(Attributes(), Attributes.of(("Session-Timeout", 3600)))
    assert (theirs.integer("Session-Timeout"), ours.integer("Session-Timeout")) == (7200, 3600)
    assert not len(within(Attributes(), Attributes()))


def test_a_partner_speaks_of_nothing_that_is_ours() -> None:
    request = packet(
        Code.ACCOUNTING_REQUEST,
        NAMED,
        START,
        ("Class", OUR_CLASS),
        ("NAS-IP-Address", "192.0.2.1"),
        ("ChilliSpot-Acct-View-Point", 2),
        ("Tunnel-Private-Group-ID", "7"),
    )
    names = [name for name, _ in admitted(request).decoded()]
    assert names == ["User-Name", "Acct-Status-Type", "Class", "NAS-IP-Address"]


@pytest.mark.parametrize("status", ["Accounting-On", "Accounting-Off", "Failed"])
def test_a_partner_s_nas_ends_no_sessions_but_its_own(status: str) -> None:
    request = packet(Code.ACCOUNTING_REQUEST, ("Acct-Status-Type", status), NAMED)
    assert list(admitted(request).decoded()) == [NAMED]


def test_what_a_partner_is_told_of_our_citizen() -> None:
    asked = packet(
        Code.ACCESS_REQUEST,
        ("User-Name", "anonymous@vence.example"),
        ("Chargeable-User-Identity", b"\0"),
        ("Proxy-State", b"theirs"),
    )
    reply = packet(
        Code.ACCESS_ACCEPT,
        ("User-Name", "anna@vence.example"),
        ("Class", OUR_CLASS),
        ("Chargeable-User-Identity", b"pseudonym"),
        ("Session-Timeout", 3600),
        ("Tunnel-Private-Group-ID", "12"),
        ("WISPr-Bandwidth-Max-Down", 1000),
        ("EAP-Message", b"\x03\x01\x00\x04"),
        ("Reply-Message", "for nobody"),
        ("Proxy-State", b"theirs"),
    )
    assert list(answer_to_partner(reply, asked, KEY).decoded()) == [
        ("User-Name", "anonymous@vence.example"),
        ("Class", OUR_CLASS),
        ("Chargeable-User-Identity", b"pseudonym"),
        ("Session-Timeout", 3600),
        ("EAP-Message", b"\x03\x01\x00\x04"),
        ("Proxy-State", b"theirs"),
    ]


def test_who_does_not_ask_is_told_no_identity() -> None:
    asked = packet(Code.ACCESS_REQUEST, ("User-Name", "anna@vence.example"))
    reply = packet(Code.ACCESS_ACCEPT, ("Chargeable-User-Identity", b"pseudonym"))
    assert not len(answer_to_partner(reply, asked, KEY))


def test_each_place_of_a_partner_knows_a_citizen_by_another_name() -> None:
    reply = packet(Code.ACCESS_ACCEPT, ("Chargeable-User-Identity", b"pseudonym"))

    def told(operator: str, key: bytes = KEY) -> bytes | None:
        named = (("Operator-Name", operator), ("Chargeable-User-Identity", b"\0"))
        asked = packet(Code.ACCESS_REQUEST, *named)
        return answer_to_partner(reply, asked, key).octets("Chargeable-User-Identity")

    names = ["1genova.example", "1imperia.example"]
    assert [told(name) for name in names] == [told(name) for name in names]
    assert len({b"pseudonym", *(told(name, key) for name in names for key in (KEY, b"k"))}) == 5


def test_a_partner_is_told_a_refusal_in_words() -> None:
    reply = packet(Code.ACCESS_REJECT, ("Reply-Message", "No."), ("Error-Cause", 502))
    told = answer_to_partner(reply, packet(Code.ACCESS_REQUEST, NAMED), KEY)
    assert told == reply.attributes


def test_another_contract_bounds_what_we_add_too() -> None:
    silent: Contract = replace(
        PLAIN, request_out={Code.ACCESS_REQUEST: places("User-Name", "EAP-Message")}
    )
    request = packet(Code.ACCESS_REQUEST, NAMED, ("State", b"theirs"))
    assert outbound(request, replace(HOP, contract=silent)) == Attributes.of(NAMED)


@pytest.mark.parametrize("written", ["02-00-00-00-00-02", "02:00:00:00:00:02", "020000000002"])
def test_a_device_is_the_same_however_it_is_written(written: str) -> None:
    request = packet(Code.ACCESS_REQUEST, NAMED, ("Calling-Station-Id", written))
    assert affinity(request) == b"02:00:00:00:00:02"


def test_without_a_device_the_name_decides() -> None:
    assert affinity(packet(Code.ACCESS_REQUEST, NAMED)) == CITIZEN.encode()
    assert affinity(packet(Code.ACCESS_REQUEST)) == b""
