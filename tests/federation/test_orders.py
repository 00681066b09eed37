"""Orders between homes and visited places: what is sent, what is understood, what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.orders import CURRENT, Cause, Order, Subject, bounded, is_stale, read, sent, settles
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from radius.wire.values import Value
from tests.federation.crossings import NOON, OPERATOR

REALMS, NAS = {OPERATOR}, {"square"}
HERE = Subject("s-1", "02:00:5e:00:53:01", "bea@liguria.example", "square", f"1{OPERATOR}", b"\1x")
DEVICE = "02-00-5E-00-53-01"
Named = tuple[str, Value]
NAMED: dict[str, Value] = {
    "User-Name": "bea@liguria.example",
    "NAS-Identifier": "square",
    "Acct-Session-Id": "s-1",
    "Calling-Station-Id": DEVICE,
    "Operator-Name": f"1{OPERATOR}",
    "Event-Timestamp": NOON,
}


def order(code: Code = Code.DISCONNECT_REQUEST, /, *more: Named, **changed: Value | None) -> Packet:
    """An order that names the session in every way, but for what is changed."""
    changes = {name.replace("_", "-"): value for name, value in changed.items()}
    named = [(name, value) for name, value in (NAMED | changes).items() if value is not None]
    return Packet(code, 1, bytes(16), Attributes.of(*named, *more))


def understood(request: Packet) -> Order | Cause:
    return read(request, REALMS, NAS)


def test_an_order_names_the_session_as_the_partner_told_of_it() -> None:
    assert dict(sent(Code.DISCONNECT_REQUEST, HERE, (), NOON).decoded()) == NAMED | {
        "Operator-NAS-Identifier": b"\1x"
    }
    unnamed = Subject("s-1", "", None, "", "")
    assert dict(sent(Code.DISCONNECT_REQUEST, unnamed, (), NOON).decoded()) == {
        "Acct-Session-Id": "s-1",
        "Event-Timestamp": NOON,
    }


def test_a_change_is_told_as_far_as_it_may_leave() -> None:
    wanted: list[Named] = [
        ("Session-Timeout", 600),
        ("WISPr-Bandwidth-Max-Down", 8_000_000),
        ("Tunnel-Private-Group-ID", "12"),
        ("Acct-Interim-Interval", 300),
    ]
    told = dict(sent(Code.COA_REQUEST, HERE, wanted, NOON).decoded())
    assert {name: told[name] for name in told.keys() - NAMED.keys()} == {
        "Operator-NAS-Identifier": b"\1x",
        "Session-Timeout": 600,
        "Acct-Interim-Interval": 300,
    }
    changes = [("Session-Timeout", 600)]
    assert not sent(Code.DISCONNECT_REQUEST, HERE, changes, NOON).has("Session-Timeout")


def test_what_one_of_us_sends_another_understands() -> None:
    subject = replace(HERE, operator_nas_identifier=None)
    attributes = sent(Code.COA_REQUEST, subject, [("Idle-Timeout", 60)], NOON)
    found = understood(Packet(Code.COA_REQUEST, 1, bytes(16), attributes))
    assert isinstance(found, Order)
    assert found.means(subject)
    assert found.changes == {"Idle-Timeout": 60}


@pytest.mark.parametrize(
    ("request_", "cause"),
    [
        (order(Filter_Id="x"), Cause.UNSUPPORTED_ATTRIBUTE),
        (order(Framed_IP_Address="192.0.2.9"), Cause.UNSUPPORTED_ATTRIBUTE),
        (order(Session_Timeout=60), Cause.UNSUPPORTED_ATTRIBUTE),
        (order(Code.COA_REQUEST, Idle_Timeout=9, Tunnel_Type=13), Cause.UNSUPPORTED_ATTRIBUTE),
        (order(Code.COA_REQUEST, Service_Type="Authorize-Only"), Cause.UNSUPPORTED_SERVICE),
        (order(Code.COA_REQUEST), Cause.MISSING_ATTRIBUTE),
        (order(Event_Timestamp=None), Cause.MISSING_ATTRIBUTE),
        (order(Acct_Session_Id=None, Calling_Station_Id=None), Cause.MISSING_ATTRIBUTE),
        (order(Event_Timestamp=b"soon"[:3]), Cause.INVALID_ATTRIBUTE_VALUE),
        (order(Calling_Station_Id="a telephone"), Cause.INVALID_ATTRIBUTE_VALUE),
        (order(Acct_Session_Id="\0"), Cause.INVALID_ATTRIBUTE_VALUE),
        (order(Code.COA_REQUEST, Session_Timeout=0), Cause.INVALID_ATTRIBUTE_VALUE),
        (order(Code.COA_REQUEST, Acct_Interim_Interval=59), Cause.INVALID_ATTRIBUTE_VALUE),
        (order(Code.COA_REQUEST, Idle_Timeout=b"\1"), Cause.INVALID_ATTRIBUTE_VALUE),
        (
            order(Code.DISCONNECT_REQUEST, ("Acct-Session-Id", "s-2")),
            Cause.INVALID_REQUEST,
        ),
        (order(NAS_Identifier="library"), Cause.NAS_IDENTIFICATION_MISMATCH),
        (order(Operator_NAS_Identifier=b"x"), Cause.NAS_IDENTIFICATION_MISMATCH),
        (order(Operator_Name="1piemonte.example"), Cause.NOT_ROUTABLE),
        (order(Operator_Name=f"4{OPERATOR}"), Cause.NOT_ROUTABLE),
        (order(Operator_Name="1"), Cause.NOT_ROUTABLE),
    ],
    ids=str,
)
def test_what_is_refused(request_: Packet, cause: Cause) -> None:
    assert understood(request_) is cause


def test_what_takes_us_for_the_nas_is_heard() -> None:
    heard = order(NAS_IP_Address="192.0.2.1", Message_Authenticator=bytes(16))
    assert understood(heard) == understood(order())


@pytest.mark.parametrize(
    ("changed", "is_it"),
    [
        ({}, True),
        ({"Acct_Session_Id": None, "User_Name": None, "NAS_Identifier": None}, True),
        ({"Calling_Station_Id": "02005e005301"}, True),
        ({"User_Name": "BEA@liguria.example"}, True),
        ({"Operator_Name": f"1{OPERATOR.upper()}"}, True),
        ({"Acct_Session_Id": "S-1"}, False),
        ({"Calling_Station_Id": "02-00-5E-00-53-02"}, False),
        ({"User_Name": "nina@liguria.example"}, False),
    ],
)
def test_a_session_is_meant_where_every_name_is_its_own(
    changed: dict[str, Value | None], is_it: bool
) -> None:
    found = understood(order(Code.DISCONNECT_REQUEST, **changed))
    assert isinstance(found, Order)
    assert found.means(HERE) is is_it


def test_a_session_at_another_nas_or_place_is_not_meant() -> None:
    found = read(order(), {OPERATOR, "grasse.example"}, {"square", "library"})
    assert isinstance(found, Order)
    assert not found.means(replace(HERE, nas_identifier="library"))
    assert not found.means(replace(HERE, operator_name="1grasse.example"))


@pytest.mark.parametrize(
    ("seconds", "is_ignored"), [(0, False), (300, False), (-300, False), (301, True), (-301, True)]
)
def test_an_order_is_current_for_five_minutes(seconds: int, is_ignored: bool) -> None:
    """RFC 5176 section 6.3."""
    assert is_stale(order(), NOON + timedelta(seconds=seconds)) is is_ignored
    assert timedelta(seconds=300) == CURRENT


@given(
    st.dictionaries(
        st.sampled_from(["Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"]),
        st.integers(1, 0xFFFF_FFFF),
    ),
    st.dictionaries(
        st.sampled_from(["Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval"]),
        st.integers(1, 0xFFFF_FFFF),
    ),
)
def test_a_change_is_within_our_own_limits(ordered: dict[str, int], own: dict[str, int]) -> None:
    told = dict(bounded(ordered, Attributes.of(*own.items())))
    assert told.keys() == ordered.keys()
    assert told == {name: min(ordered[name], own.get(name, ordered[name])) for name in ordered}


@pytest.mark.parametrize(
    ("cause", "is_final"),
    [(None, True), (503, True), (406, True), (501, True), (502, False), (505, False), (506, False)],
)
def test_a_proxy_in_trouble_is_asked_again(cause: int | None, is_final: bool) -> None:
    named: list[Named] = [] if cause is None else [("Error-Cause", cause)]
    answer = Packet(Code.DISCONNECT_NAK, 1, bytes(16), Attributes.of(*named))
    assert settles(answer) is is_final
