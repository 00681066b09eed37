"""Attributes: building and reading by name, nesting, and what does not fit."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given

from radius.wire.attributes import Attributes
from radius.wire.values import Tagged, Value
from tests.radius.wire import generated


def test_values_are_read_by_name_and_type() -> None:
    attributes = Attributes.of(
        ("User-Name", "élodie"),
        ("NAS-IP-Address", IPv4Address("192.0.2.1")),
        ("NAS-IPv6-Address", "2001:db8::1"),
        ("Session-Timeout", 300),
        ("Acct-Status-Type", "Start"),
        ("Event-Timestamp", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Class", b"\0\1"),
        ("Tunnel-Type", Tagged(1, "VLAN")),
        ("Tunnel-Private-Group-ID", Tagged(1, "100")),
    )
    assert attributes.text("User-Name") == "élodie"
    assert attributes.address("NAS-IP-Address") == IPv4Address("192.0.2.1")
    assert attributes.address("NAS-IPv6-Address") == IPv6Address("2001:db8::1")
    assert attributes.integer("Session-Timeout") == 300
    assert attributes.integer("Acct-Status-Type") == 1
    assert attributes.date("Event-Timestamp") == datetime(2026, 3, 1, tzinfo=UTC)
    assert attributes.octets("Class") == b"\0\1"
    assert attributes.integer("Tunnel-Type") == 13
    assert attributes.text("Tunnel-Private-Group-ID") == "100"
    assert attributes.all("Tunnel-Private-Group-ID") == (Tagged(1, "100"),)
    assert attributes.has("Class")


def test_what_is_absent_is_none() -> None:
    empty = Attributes()
    assert empty.text("User-Name") is None
    assert empty.octets("WISPr-Location-ID") is None
    assert empty.integer("IP-Port-Range-Limit") is None
    assert empty.address("NAS-IP-Address") is None
    assert empty.date("Event-Timestamp") is None
    assert empty.all("Proxy-State") == ()
    assert not empty.has("EAP-Message")
    assert not empty


def test_the_first_of_several_is_read_and_all_are_in_order() -> None:
    attributes = Attributes.of(
        ("Proxy-State", b"1"), ("Class", b"x"), ("Proxy-State", b"2"), ("Proxy-State", b"1")
    )
    assert attributes.octets("Proxy-State") == b"1"
    assert attributes.all("Proxy-State") == (b"1", b"2", b"1")


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Session-Timeout", b"\0\0\1"),
        ("Session-Timeout", b"\0\0\0\0\1"),
        ("NAS-IP-Address", b"\1\2\3"),
        ("NAS-IPv6-Address", bytes(15)),
        ("Event-Timestamp", b"\0"),
        ("Framed-IPv6-Prefix", b"\0"),
        ("Framed-IPv6-Prefix", b"\0\x81" + bytes(16)),
        ("Framed-Interface-Id", bytes(7)),
        ("Tunnel-Type", b"\x20\0\0\x0d"),
        ("Tunnel-Type", b"\1\0\x0d"),
        ("HS20-AP-Version", b"\0\1"),
        ("Cambium-Authorize-Bytes-Left", bytes(4)),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_left_as_octets(name: str, octets: bytes) -> None:
    attributes = Attributes.of((name, octets))
    assert list(attributes.decoded()) == [(name, octets)]
    assert attributes.all(name) == (octets,)
    assert attributes.integer(name) is None
    assert attributes.address(name) is None
    assert attributes.date(name) is None


def test_text_may_be_broken_or_hold_nul() -> None:
    assert Attributes.of(("User-Name", b"a\xffb")).text("User-Name") == "a\ufffdb"
    assert Attributes.of(("Reply-Message", "no\0Reason=1")).text("Reply-Message") == "no\0Reason=1"


def test_text_that_could_pass_for_a_tag_gets_the_empty_tag() -> None:
    attributes = Attributes.of(("Tunnel-Private-Group-ID", "\x01x"))
    assert list(attributes) == [(81, b"\0\1x")]
    assert attributes.text("Tunnel-Private-Group-ID") == "\x01x"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("User-Nam", "x", "no attribute is called 'User-Nam'"),
        ("Attr-300", b"x", "no attribute is called 'Attr-300'"),
        ("Attr-1.2", b"x", "no attribute is called 'Attr-1.2'"),
        ("Attr-26.16777216.1", b"x", "no attribute"),
        ("Attr-26.26.300", b"x", "no attribute"),
        ("Session-Timeout", -1, "Session-Timeout: -1 is outside 0..4294967295"),
        ("Session-Timeout", 1 << 32, "Session-Timeout: 4294967296 is outside"),
        ("Session-Timeout", "soon", "Session-Timeout: an integer is needed, not str"),
        ("Acct-Status-Type", "Strat", "Acct-Status-Type: no value is named 'Strat'"),
        ("User-Name", 7, "User-Name: text is needed, not int"),
        ("User-Name", "", "User-Name: an empty value is left out"),
        ("User-Name", "x" * 254, "User-Name: 254 octets, at most 253 fit"),
        ("WISPr-Location-ID", "x" * 248, "WISPr-Location-ID: 253 octets|at most"),
        ("Operator-NAS-Identifier", bytes(253), "Operator-NAS-Identifier: 253 octets, at most 252"),
        ("NAS-IP-Address", "2001:db8::1", "NAS-IP-Address: "),
        ("Event-Timestamp", datetime(2026, 3, 1), "time zone"),  # noqa: DTZ001
        ("User-Password", "hunter2", "User-Password: it is encrypted"),
        ("MS-MPPE-Send-Key", "x", "MS-MPPE-Send-Key: it is encrypted"),
        ("Tunnel-Password", Tagged(1, "x"), "Tunnel-Password: it is encrypted"),
        ("Tunnel-Type", Tagged(32, 13), "Tunnel-Type: tag 32 is outside 0..31"),
        ("Tunnel-Type", Tagged(1, 1 << 24), "Tunnel-Type: 16777216 is outside 0..16777215"),
        ("User-Name", Tagged(1, "x"), "User-Name: it has no tag"),
        ("Class", "x", "Class: octets takes octets, not str"),
        ("Framed-Interface-Id", "1:2", "is not an interface identifier"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(
    name: str, value: Value | Tagged, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Attributes.of((name, value))


def test_reading_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no attribute is called 'User-Nam'"):
        Attributes().text("User-Nam")


def test_several_vendor_attributes_may_share_one_attribute_26() -> None:
    shared = Attributes(((26, bytes.fromhex("0000372a 0103 61 0203 62")),))
    assert list(shared.decoded()) == [("WISPr-Location-ID", "a"), ("WISPr-Location-Name", "b")]
    assert shared.text("WISPr-Location-Name") == "b"
    assert list(shared.without("WISPr-Location-ID").decoded()) == [("WISPr-Location-Name", "b")]


@pytest.mark.parametrize(
    "inside",
    ["", "0000", "0000372a", "0000372a01", "0000372a0101", "0000372a010461", "0100372a010361"],
)
def test_a_broken_attribute_26_is_one_value(inside: str) -> None:
    octets = bytes.fromhex(inside)
    assert list(Attributes(((26, octets),)).decoded()) == [("Vendor-Specific", octets)]


def test_a_long_value_needs_all_its_fragments() -> None:
    whole = Attributes.of(("Attr-245.7", bytes(600)))
    assert [len(value) for _, value in whole] == [253, 253, 100]
    assert whole.octets("Attr-245.7") == bytes(600)
    *first, last = whole
    for broken in (tuple(first), (*first, (245, b"\x08\0x")), (*first, (246, last[1]))):
        attributes = Attributes(broken)
        assert attributes.octets("Attr-245.7") is None
        assert len(attributes.all("Extended-Attribute-5")) >= 2


def test_a_fragment_that_is_not_full_has_no_next() -> None:
    attributes = Attributes(((245, b"\x07\x80x"), (245, b"\x07\x00y")))
    assert list(attributes.decoded()) == [
        ("Extended-Attribute-5", b"\x07\x80x"),
        ("Attr-245.7", b"y"),
    ]


def test_eap_is_split_and_put_together_only_where_it_is_contiguous() -> None:
    attributes = Attributes.of(("EAP-Message", bytes(600)), ("User-Name", "x"))
    assert [number for number, _ in attributes] == [79, 79, 79, 1]
    assert attributes.octets("EAP-Message") == bytes(600)
    interrupted = Attributes(((79, b"a"), (1, b"x"), (79, b"b")))
    assert interrupted.all("EAP-Message") == (b"a", b"b")


def test_tlvs_in_one_attribute_are_separate_values() -> None:
    attributes = Attributes(((241, bytes.fromhex("06 0906 00000400 0a06 000007ff 0b03 61")),))
    assert list(attributes.decoded()) == [
        ("IP-Port-Range-Range-Start", 1024),
        ("IP-Port-Range-Range-End", 2047),
        ("IP-Port-Range-Local-Id", "a"),
    ]
    kept = attributes.without("IP-Port-Range-Local-Id")
    assert kept.integer("IP-Port-Range-Range-End") == 2047
    assert not kept.has("IP-Port-Range-Local-Id")
    assert not attributes.without("IP-Port-Range").has("IP-Port-Range-Range-Start")


def test_a_broken_tlv_is_its_container() -> None:
    attributes = Attributes(((241, bytes.fromhex("06 0906 00000400 0a09")),))
    assert list(attributes.decoded()) == [("IP-Port-Range", bytes.fromhex("090600000400 0a09"))]


def test_attributes_are_added_and_taken_away_in_copies() -> None:
    first = Attributes.of(("User-Name", "x"), ("Class", b"1"))
    second = first.with_("Class", b"2")
    assert second.all("Class") == (b"1", b"2")
    assert first.all("Class") == (b"1",)
    assert not second.without("Class", "User-Name")
    assert first + Attributes.of(("Class", b"2")) == second
    assert hash(first + Attributes.of(("Class", b"2"))) == hash(second)
    assert len(second) == 3


def test_a_whole_vendor_can_be_taken_away() -> None:
    attributes = Attributes.of(
        ("WISPr-Location-ID", "a"), ("Mikrotik-Rate-Limit", "1M"), ("Attr-26.14122.99", b"x")
    )
    remaining = list(attributes.without("Attr-26.14122").decoded())
    assert remaining == [("Mikrotik-Rate-Limit", "1M")]
    assert not attributes.without("Vendor-Specific")


def test_repr_names_attributes_and_never_shows_values() -> None:
    shown = repr(Attributes.of(("User-Name", "camille"), ("CHAP-Password", b"hunter2")))
    assert shown == "<Attributes User-Name, CHAP-Password>"


def test_prefixes_lose_the_bits_beyond_their_length() -> None:
    attributes = Attributes.of(("Framed-IPv6-Prefix", bytes.fromhex("0020 20010db8ffff")))
    assert attributes.all("Framed-IPv6-Prefix") == (IPv6Network("2001:db8::/32"),)


@pytest.mark.fuzz
@given(generated.named_values(generated.leaf_definitions()))
def test_what_is_built_is_what_is_read(named: list[generated.NamedValue]) -> None:
    attributes = Attributes.of(*named)
    assert list(attributes.decoded()) == named
    assert Attributes.of(*attributes.decoded()) == attributes
