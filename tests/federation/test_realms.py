"""Where names lead."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from federation.realms import (
    Local,
    RealmTable,
    Route,
    ToPartner,
    Unknown,
    UnknownRealm,
    check_pattern,
)

BAD = Unknown(UnknownRealm.BAD_REALM)
NOWHERE = Unknown(UnknownRealm.NO_ROUTE)
TABLE = RealmTable(
    ["vence.example", "forêt.example"],
    {
        "liguria.example": "liguria",
        "*.liguria.example": "liguria",
        "genova.liguria.example": "genova",
        "*.genova.liguria.example": "genova",
        "*.edu": "eduroam",
        "Città.Example": "citta",
        "guests.vence.example": "guests",
    },
)


@pytest.mark.parametrize(
    ("user_name", "route"),
    [
        ("anna", Local(None)),
        ("aa-bb-cc-dd-ee-ff", Local(None)),
        ("TOWN\\anna", Local(None)),
        ("", Local(None)),
        ("anna@vence.example", Local("vence.example")),
        ("anna@VENCE.Example", Local("vence.example")),
        ("@vence.example", Local("vence.example")),
        ("anna@liguria.example@vence.example", Local("vence.example")),
        ("anna@vence.example@liguria.example", ToPartner("liguria", "liguria.example")),
        ("anna@xn--fort-ipa.example", Local("xn--fort-ipa.example")),
        ("anna@FORÊT.example", Local("xn--fort-ipa.example")),
        ("bea@liguria.example", ToPartner("liguria", "liguria.example")),
        ("bea@imperia.liguria.example", ToPartner("liguria", "imperia.liguria.example")),
        ("bea@a.b.liguria.example", ToPartner("liguria", "a.b.liguria.example")),
        ("bea@genova.liguria.example", ToPartner("genova", "genova.liguria.example")),
        ("bea@a.genova.liguria.example", ToPartner("genova", "a.genova.liguria.example")),
        ("bea@notliguria.example", NOWHERE),
        ("carl@a.edu", ToPartner("eduroam", "a.edu")),
        ("carl@edu", BAD),
        ("dora@città.example", ToPartner("citta", "xn--citt-3na.example")),
        ("eve@guests.vence.example", ToPartner("guests", "guests.vence.example")),
        ("eve@wifi.vence.example", Unknown(UnknownRealm.BELOW_OURS)),
        ("eve@", BAD),
        ("eve@gmail", BAD),
        ("eve@vence..example", BAD),
        ("eve@vence.example.", BAD),
        ("eve@.vence.example", BAD),
        ("eve@ vence.example", BAD),
        ("eve@vence.example ", BAD),
        ("eve@vence. example", BAD),
        ("eve@vence.example\n", BAD),
        ("eve@-vence.example", BAD),
        ("eve@*.liguria.example", BAD),
        (f"eve@{'a' * 64}.example", BAD),
        ("eve@nobody.example", NOWHERE),
    ],
)
def test_names_lead_by_their_realm(user_name: str, route: Route) -> None:
    assert TABLE.route(user_name) == route


def test_all_that_nobody_has_goes_to_the_default() -> None:
    table = RealmTable(["vence.example"], {"*": "hub", "*.edu": "eduroam"})
    assert table.route("a@nobody.example") == ToPartner("hub", "nobody.example")
    assert table.route("a@a.edu") == ToPartner("eduroam", "a.edu")
    assert table.route("a@vence.example") == Local("vence.example")
    assert table.route("a@below.vence.example") == Unknown(UnknownRealm.BELOW_OURS)
    assert table.route("a@gmail") == BAD


def test_no_partner_takes_a_realm_of_ours() -> None:
    table = RealmTable(["vence.example"], {"vence.example": "thief", "*.example": "thief"})
    assert table.route("a@vence.example") == Local("vence.example")


def test_a_combining_accent_is_the_same_realm() -> None:
    assert TABLE.route(unicodedata.normalize("NFD", "a@forêt.example")) == Local(
        "xn--fort-ipa.example"
    )


@given(st.text(max_size=60))
def test_any_name_leads_somewhere(user_name: str) -> None:
    route = TABLE.route(user_name)
    assert isinstance(route, Local | ToPartner | Unknown)
    assert isinstance(route, Local) or "@" in user_name


@given(st.text(max_size=20), st.sampled_from(["anna@vence.example", "bea@liguria.example"]))
def test_what_stands_before_the_last_at_changes_nothing(prefix: str, user_name: str) -> None:
    assert TABLE.route(prefix + user_name) == TABLE.route(user_name)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Liguria.Example", "liguria.example"),
        ("*.Liguria.Example", "*.liguria.example"),
        ("*.edu", "*.edu"),
        (" * ", "*"),
        ("*.città.example", "*.xn--citt-3na.example"),
    ],
)
def test_patterns_are_folded(text: str, pattern: str) -> None:
    assert check_pattern(text) == pattern


@pytest.mark.parametrize(
    "text", ["", "*.", "**", "*edu", "edu", "a.*.example", "*.*.example", "*. edu", "**.edu"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        check_pattern(text)
