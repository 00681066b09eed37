"""The code that a person carries from one member to the other, and what both derive from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from aaa.identifier import check_name
from aaa.secret import Secret
from federation.trust import invitations
from federation.trust.invitations import Code
from tests.federation.members import ENTITY, LIGURIA

HERE, THERE = "https://wifi.lavender.example", ENTITY
letters = st.text("abcXYZ019-_", min_size=32, max_size=32)
CODE = Code(HERE, "r" * 12, Secret("t" * 32), LIGURIA.key.thumbprint())


def test_what_is_printed_is_read_again_however_it_was_wrapped() -> None:
    wrapped = f"  {CODE.text[:30]}\r\n {CODE.text[30:60]}\u00a0\n{CODE.text[60:]}\n"
    assert invitations.read(wrapped) == CODE
    assert "t" * 32 not in repr(CODE)


@pytest.mark.parametrize(
    "text",
    [
        *("", "#", HERE, CODE.text[:-1], f"{CODE.text}x", CODE.text.replace("#", "?")),
        *(CODE.text.replace(".t", "t"), f"{CODE.text[:-1]}é"),
    ],
    # Not the code itself, which is another one each time: several processes collect the same.
    ids=["nothing", "#", "address", "cut", "longer", "no fragment", "one part", "no ASCII"],
)
def test_half_a_code_is_refused_with_what_to_paste(text: str) -> None:
    with pytest.raises(Invalid, match="paste the whole line"):
        invitations.read(text)


def test_a_code_leads_to_a_site() -> None:
    with pytest.raises(Invalid, match="no address of a member"):
        invitations.read(CODE.text.replace("https", "file"))


@pytest.mark.fuzz
@given(st.text(st.characters(exclude_categories=[]), max_size=120))
def test_any_text_is_a_code_or_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        invitations.read(text)


@pytest.mark.fuzz
@given(letters)
def test_an_account_can_be_made_of_any_token(token: str) -> None:
    there = invitations.canary(Secret(token), HERE, THERE)
    back = invitations.canary(Secret(token), THERE, HERE)
    assert check_name(there.name) == there.name
    assert there == invitations.canary(Secret(token), HERE, THERE)
    # One for each direction; neither tells the other's secret, nor the token.
    assert len({there.name, back.name, there.secret.reveal(), back.secret.reveal(), token}) == 5


def test_the_proof_is_of_one_token_two_members_and_one_key() -> None:
    proven = ("t" * 32, HERE, THERE, "a thumbprint")
    proofs = {invitations.proof(Secret(proven[0]), *proven[1:])}
    for changed in range(4):
        other = [*proven]
        other[changed] += "x"
        proofs.add(invitations.proof(Secret(other[0]), *other[1:]))
    assert len(proofs) == 5
