"""Realms of identities, as the rest of Farandole reads them."""

import pytest

from aaa import identifier
from radius.eap import identity

SPELLINGS = [
    "anna@village.example",
    "anna@Village.EXAMPLE",
    "anna@vallée.example",
    "anna@VALLÉE.example",
    "anna@valle\u0301e.example",
    "anna@xn--valle-esa.example",
    "anna@straße.example",
    "anna\uff20ｖｉｌｌａｇｅ．example",
    "anna@village。example",
    " anna@village.example ",
    "anna@elsewhere@village.example",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_realm_is_read_as_in_an_identifier(spelling: str) -> None:
    assert identity.realm(spelling) == identifier.parse(spelling).realm


@pytest.mark.parametrize("spelling", ["anna", "anna@", ""])
def test_no_realm(spelling: str) -> None:
    assert identity.realm(spelling) is None


@pytest.mark.parametrize("spelling", ["anna@..", "anna@" + 64 * "é" + ".example", "anna@a..b"])
def test_what_is_no_domain_is_nobodys_realm(spelling: str) -> None:
    assert identity.realm(spelling) not in (None, "village.example")


@pytest.mark.parametrize(
    ("outer", "inner", "whole"),
    [
        ("anonymous@xn--valle-esa.example", "anna@vallée.example", "anna@vallée.example"),
        ("anonymous@Vallée.example", "anna@xn--valle-esa.example", "anna@xn--valle-esa.example"),
        ("anonymous@vallée.example", "anna", "anna@xn--valle-esa.example"),
        ("anonymous@vallée.example", "anna@village.example", None),
        ("anonymous", "anna", "anna"),
    ],
)
def test_an_inner_identity_is_of_the_outer_realm(outer: str, inner: str, whole: str | None) -> None:
    assert identity.complete(outer, inner) == whole
