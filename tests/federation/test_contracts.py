"""What a partner may never hear of, and never set."""

from fnmatch import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.contracts import PLAIN, Allowed, crossing, places
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY
from radius.wire.packet import Code
from tests.federation.crossings import attributes

DIRECTIONS = {
    "request_out": PLAIN.request_out,
    "reply_in": PLAIN.reply_in,
    "request_in": PLAIN.request_in,
    "reply_out": PLAIN.reply_out,
    "order_out": PLAIN.order_out,
    "order_in": PLAIN.order_in,
}
OPERATOR_NAS_IDENTIFIER = (241, 8)
NEVER = (
    *("Tunnel-*", "Filter-Id", "NAS-Filter-Rule", "Egress-*", "Ingress-*", "User-Priority-Table"),
    *("*-Pool", "Framed-IP*v6*", "Framed-Route", "Framed-IP-Netmask", "Login-*", "Callback-*"),
    *("Message-Authenticator", "Location-*", "*-Location-Policy-Rules", "Requested-Location-Info"),
    *("WISPr-*", "ChilliSpot-*", "Mikrotik-*", "Cisco-*", "Aruba-*", "Ruckus-*", "HS20-*"),
    *("MS-Filter", "MS-CHAP-Response", "MS-CHAP*CPW*", "MS-Primary-*", "MS-MPPE-Encryption-*"),
    *("Management-*", "Framed-Management-*", "Delegated-*", "DNS-*", "Attr-*", "IP-Port-*"),
)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_no_contract_names_what_is_for_the_visited_place_to_say(direction: str) -> None:
    named = {
        DICTIONARY.placed(place).name
        for allowed in DIRECTIONS[direction].values()
        for place in allowed
    }
    assert {name for name in named for pattern in NEVER if fnmatch(name, pattern)} == set()


def test_the_patterns_of_what_never_crosses_match_something() -> None:
    names = [*DICTIONARY.by_name, "Attr-200"]
    assert [each for each in NEVER if not any(fnmatch(name, each) for name in names)] == []


@pytest.mark.parametrize(
    ("allowed", "code"),
    [
        (PLAIN.request_out, Code.STATUS_SERVER),
        (PLAIN.request_in, Code.COA_REQUEST),
        (PLAIN.reply_in, Code.ACCESS_REQUEST),
        (PLAIN.reply_out, Code.COA_REQUEST),
        (PLAIN.order_in, Code.ACCESS_REQUEST),
        (PLAIN.order_out, Code.STATUS_SERVER),
    ],
)
def test_of_other_packets_nothing_crosses(allowed: Allowed, code: Code) -> None:
    assert code not in allowed


def test_microsoft_is_the_only_vendor() -> None:
    for allowed in DIRECTIONS.values():
        for place in set().union(*allowed.values()):
            assert len(place) == 1 or place[:2] == (26, 311) or place == OPERATOR_NAS_IDENTIFIER


def test_several_attributes_of_a_vendor_in_one_are_told_apart() -> None:
    inside = bytes((26, 4)) + b"ok" + bytes((22, 6)) + b"vlan" + bytes((26, 4)) + b"no"
    packed = Attributes(((26, (311).to_bytes(4, "big") + inside), (1, b"bea")))
    kept = crossing(packed, places("MS-CHAP2-Success", "User-Name"))
    assert list(kept.decoded()) == [
        ("MS-CHAP2-Success", b"ok"),
        ("MS-CHAP2-Success", b"no"),
        ("User-Name", "bea"),
    ]
    assert b"vlan" not in b"".join(octets for _, octets in kept)


def test_a_broken_vendor_attribute_does_not_cross() -> None:
    broken = (311).to_bytes(4, "big") + bytes((26, 4)) + b"ok" + bytes((22, 200))
    assert not len(crossing(Attributes(((26, broken),)), places("MS-CHAP2-Success")))


def test_a_value_that_fails_its_check_does_not_cross() -> None:
    both = Attributes.of(("Class", b"good"), ("Class", b"bad"), ("State", b"bad"))
    kept = crossing(both, places("Class", "State"), {(25,): lambda octets: octets != b"bad"})
    assert kept == Attributes.of(("Class", b"good"), ("State", b"bad"))


@given(attributes(), st.sampled_from(list(DIRECTIONS.values())), st.data())
def test_nothing_but_what_is_allowed_crosses_and_that_in_its_order(
    told: Attributes, direction: Allowed, data: st.DataObject
) -> None:
    allowed = direction[data.draw(st.sampled_from(list(direction)))]
    kept = crossing(told, allowed)
    assert {place for place, _ in kept.leaves()} <= allowed
    plain = [pair for pair in told if (pair[0],) in allowed]
    assert [pair for pair in kept if pair[0] != 26] == plain
    vendors = [leaf for leaf in told.leaves() if leaf[0][0] == 26 and leaf[0] in allowed]
    assert [leaf for leaf in kept.leaves() if leaf[0][0] == 26] == vendors
