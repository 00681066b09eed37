"""What is signed, and what is not believed."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from aaa.errors import Invalid
from federation.trust import statements
from federation.trust.statements import ENTITY_STATEMENT, MOST_OCTETS, Jwk
from tests.federation.members import (
    ENTITY,
    LIGURIA,
    claims_of,
    liguria,
    new_signer,
    public,
    signed,
    statement_of,
)
from tests.village import NOON

KEYS = (public(LIGURIA),)
STRANGER = new_signer()
CLAIMS = claims_of(liguria())
HEADER = {"alg": "ES256", "typ": ENTITY_STATEMENT, "kid": LIGURIA.kid}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def hmacked(header: object, claims: object, secret: bytes) -> str:
    told = f"{segment(header)}.{segment(claims)}"
    proof = hmac.digest(secret, told.encode(), "sha256")
    return f"{told}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"


def test_what_was_signed_is_read_again() -> None:
    token = statement_of(liguria())
    assert statements.verify(token, KEYS, ENTITY_STATEMENT, NOON) == CLAIMS
    assert statements.self_signed(token, NOON) == (CLAIMS, LIGURIA.key.thumbprint())
    assert statements.kept(token) == CLAIMS
    assert statements.expiry(CLAIMS) == NOON + timedelta(days=7)


def test_the_key_that_is_named_counts_and_the_others_wait() -> None:
    both = (public(STRANGER), *KEYS)
    assert statements.verify(statement_of(liguria()), both, ENTITY_STATEMENT, NOON) == CLAIMS


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (f"{segment(HEADER | {'alg': 'none'})}.{segment(CLAIMS)}.", "not by a key"),
        (
            # The classic mix-up: what everybody may know, taken for a secret.
            hmacked(HEADER | {"alg": "HS256"}, CLAIMS, LIGURIA.key.as_pem(private=False)),
            "not by a key",
        ),
        (
            signed(
                HEADER | {"alg": "RS256"}, CLAIMS, RSAKey.generate_key(2048, {"kid": LIGURIA.kid})
            ),
            "not by a key",
        ),
        (signed(HEADER, CLAIMS, STRANGER.key), "not by a key"),
        (signed(HEADER | {"kid": STRANGER.kid}, CLAIMS, STRANGER.key), "not by a key"),
        (signed(HEADER | {"typ": "JWT"}, CLAIMS), "is no entity-statement"),
        (signed(HEADER | {"typ": "farandole-join-answer+jwt"}, CLAIMS), "is no entity-statement"),
        (statements.sign(CLAIMS, LIGURIA, ENTITY_STATEMENT) + "A", "not by a key"),
        ("a" * (2 * MOST_OCTETS + 1), "octets"),
    ],
    ids=(
        *("unsigned", "public key as secret", "another algorithm", "stranger with our name"),
        *("stranger", "any JWT", "another message", "one sign more", "oversized"),
    ),
)
def test_what_proves_nothing_is_refused(token: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        statements.verify(token, KEYS, ENTITY_STATEMENT, NOON)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ({"exp": None}, "from when until when"),
        ({"iat": "now"}, "from when until when"),
        # Years that no calendar has.
        ({"exp": (1 << 40) - 1}, "from when until when"),
        ({"exp": -1}, "from when until when"),
        ({"iat": int(NOON.timestamp()) + 301}, "one of the two clocks"),
        ({"exp": int(NOON.timestamp()) - 301}, "it expired on 2026-03-03"),
    ],
)
def test_a_statement_is_good_in_its_time(times: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        statements.self_signed(statement_of(liguria(), **times), NOON)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clocks_may_be_a_little_apart(minutes: int) -> None:
    token = statement_of(liguria(), exp=int((NOON + timedelta(minutes=5)).timestamp()))
    assert statements.self_signed(token, NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"sub": "https://wifi.piemonte.example"}, "about somebody else"),
        ({"jwks": None}, "names no keys"),
        ({"jwks": {"keys": []}}, "names no keys"),
        ({"jwks": {"keys": [public(LIGURIA)] * 17}}, "names no keys"),
        ({"jwks": {"keys": [dict(LIGURIA.key.as_dict(private=True), kid=LIGURIA.kid)]}}, "public"),
        ({"jwks": {"keys": [dict(public(LIGURIA), kid="")]}}, "has no name"),
        ({"jwks": {"keys": [dict(public(LIGURIA), kid=["x"])]}}, "has no name"),
        ({"jwks": {"keys": [dict(public(LIGURIA), x="AA")]}}, "no elliptic curve"),
        ({"jwks": {"keys": [LIGURIA.key.as_pem(private=False).decode()]}}, "is none"),
        ({"jwks": {"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}}, "on P-256"),
        ({"jwks": {"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}}, "no elliptic"),
    ],
)
def test_a_statement_about_itself_has_keys_of_its_own(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        statements.self_signed(statement_of(liguria(), **claims), NOON)


def test_who_signs_with_a_key_that_it_does_not_name_is_refused() -> None:
    with pytest.raises(Invalid, match="not by a key"):
        statements.self_signed(statement_of(liguria(), STRANGER), NOON)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "\ud800.a.b", "[" * 9 + "."])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        statements.kept(text)
    with pytest.raises(Invalid):
        statements.verify(text, KEYS, ENTITY_STATEMENT, NOON)


def test_json_without_end_is_refused_too() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 200_000).decode().rstrip("=")
    for token in (f"{deep}.{segment(CLAIMS)}.AAAA", f"{segment(HEADER)}.{deep}.AAAA"):
        with pytest.raises(Invalid):
            statements.self_signed(token, NOON)


def read(token: str) -> bool:
    """Whether claims come of it; nothing but Invalid is raised otherwise."""
    try:
        claims, thumbprint = statements.self_signed(token, NOON)
    except Invalid as error:
        assert str(error)
        return False
    assert claims["sub"] == ENTITY
    return thumbprint == LIGURIA.key.thumbprint()


@pytest.mark.fuzz
@given(st.text(st.characters(exclude_categories=[]), max_size=200) | st.from_regex(r"[\w.-]{0,99}"))
def test_any_text_gives_claims_or_invalid(text: str) -> None:
    assert not read(text)


@pytest.mark.fuzz
@given(
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "zip"]), JSON),
    st.dictionaries(st.sampled_from(["iss", "sub", "iat", "exp", "jwks", "metadata"]), JSON),
)
def test_any_header_and_claims_that_nobody_signed_give_invalid(
    header: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert not read(f"{segment(HEADER | header)}.{segment(CLAIMS | claims)}.AAAA")


@pytest.mark.fuzz
@given(st.data())
def test_a_token_with_one_sign_changed_gives_invalid(data: st.DataObject) -> None:
    token = statement_of(liguria())
    # The last sign of each part has bits that nobody reads.
    at = data.draw(st.integers(0, len(token) - 2))
    sign = data.draw(st.sampled_from("Aa0_-.="))
    changed = token[:at] + sign + token[at + 1 :]
    assert read(changed) == (changed == token) or segment_equal(changed, token)


def segment_equal(one: str, other: str) -> bool:
    """Whether two tokens are the same octets, written in two ways."""

    def octets(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    return [octets(part) for part in one.split(".")] == [octets(part) for part in other.split(".")]


def test_any_keys_are_keys_or_invalid() -> None:
    wrong: list[object] = [None, 5, "x", [None], [5], [[]], [{}], [{"kty": ["EC"]}]]
    for value in (*wrong, [dict(KEYS[0], x=5)]):
        with pytest.raises(Invalid):
            statements.check_keys(value)
    checked: tuple[Jwk, ...] = statements.check_keys([dict(KEYS[0], use="enc", more="x")])
    assert checked == KEYS
