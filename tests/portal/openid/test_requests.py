"""What an authorization request may say, decided without any store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.openid.parameters import Parameters, Refused, with_query
from portal.openid.requests import Asked, check, language_of

RIGHT = {
    "response_type": "code",
    "scope": "openid",
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
NAMES = [*RIGHT, "prompt", "max_age", "request", "login_hint", "operator_name", "ui_locales"]


def asked(**more: str) -> Asked | Refused:
    return check(Parameters((RIGHT | more).items()))


def test_what_is_right_is_understood() -> None:
    found = asked(login_hint="anna@village.example", ui_locales="de it", prompt="login consent")
    assert isinstance(found, Asked)
    assert (found.state, found.nonce) == ("a state", "a nonce")
    assert (found.language, found.wants_consent) == ("it", True)
    assert found.login_hint == "anna@village.example"


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ("1village.example", "1village.example"),
        ("4village.example", None),
        ("1Village", None),
        ("1", None),
        ("1" + "a" * 253, None),
    ],
)
def test_an_operator_is_a_realm_or_is_left_out(sent: str, understood: str | None) -> None:
    found = asked(operator_name=sent)
    assert isinstance(found, Asked)
    assert found.operator == understood


@pytest.mark.parametrize("hint", ["", "a\0b", "a" * 255, "\u202eanna"])
def test_a_hint_that_cannot_be_shown_is_left_out(hint: str) -> None:
    found = asked(login_hint=hint)
    assert isinstance(found, Asked)
    assert found.login_hint is None


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text())), st.booleans())
def test_any_request_is_answered_or_refused(sent: list[tuple[str, str]], is_more: bool) -> None:
    parameters = Parameters([*RIGHT.items(), *sent] if is_more else sent)
    found = check(parameters)
    if isinstance(found, Refused):
        assert found.why.isascii()
        assert not set(found.why) & set('"\\')
    else:
        assert found.state.isascii()
        assert found.nonce.isascii()
        assert found.login_hint is None or found.login_hint.isprintable()
    assert language_of(parameters) in {None, "fr", "it", "en"}


def test_the_query_of_a_place_is_kept() -> None:
    assert with_query("https://x.example/", code="a b", state=None) == "https://x.example/?code=a+b"
    assert with_query("https://x.example/?w=2", code="é") == "https://x.example/?w=2&code=%C3%A9"
    assert with_query("https://x.example/", state=None) == "https://x.example/"
