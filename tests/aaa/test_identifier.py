import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa import identifier
from aaa.errors import Invalid
from aaa.identifier import Nai


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna", Nai("anna", None)),
        ("  Anna@Village.Example ", Nai("anna", "village.example")),
        ("anna@home@village.example", Nai("anna@home", "village.example")),
        ("@village.example", Nai("", "village.example")),
        ("anna@côte.example", Nai("anna", "xn--cte-kna.example")),
        ("ａｎｎａ@village.example", Nai("anna", "village.example")),
    ],
)
def test_parse(text: str, expected: Nai) -> None:
    assert identifier.parse(text) == expected


@pytest.mark.parametrize("text", ["anna@", "anna@gmail", "a@b c.example", "a@.example", "a@b..c"])
def test_a_realm_is_a_domain_name(text: str) -> None:
    with pytest.raises(Invalid, match=r"village\.example"):
        identifier.parse(text)


@pytest.mark.parametrize("name", ["an", "-anna", "anna.", "a b c", "é" * 4, "a" * 33, "anna@x"])
def test_names_keep_their_rule(name: str) -> None:
    with pytest.raises(Invalid, match="letters"):
        identifier.check_name(name)


@given(st.text(max_size=80))
def test_a_suggestion_is_a_name_or_nothing(text: str) -> None:
    suggestion = identifier.suggest(text)
    assert suggestion == "" or identifier.check_name(suggestion) == suggestion


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        nai = identifier.parse(text)
    except Invalid:
        return
    assert identifier.parse(str(nai)) == nai


@pytest.mark.parametrize("text", ["an\0na", "anna\x7f@village.example", "\ud800"])
def test_what_nobody_can_type_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="control"):
        identifier.parse(text)
