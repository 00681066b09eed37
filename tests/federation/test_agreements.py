"""What can be agreed on with one partner, and what with none."""

from fnmatch import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from federation.agreements import Term, Way, agreed, check
from federation.contracts import PLAIN, crossing, places
from radius.wire.dictionary import DICTIONARY
from radius.wire.packet import Code
from tests.federation.crossings import attributes
from tests.federation.test_contracts import NEVER

NAMES = sorted(DICTIONARY.by_name)


def is_agreeable(term: Term) -> bool:
    try:
        return check(term) == term
    except Invalid:
        return False


TERMS = st.builds(Term, st.sampled_from(Way), st.sampled_from(NAMES)).filter(is_agreeable)


def test_without_terms_the_plain_contract_holds() -> None:
    assert agreed([]) is PLAIN


def test_each_term_changes_what_it_says_and_nothing_else() -> None:
    where = places("NAS-Port-Id")
    contract = agreed([Term(Way.TELL, "NAS-Port-Id"), Term(Way.WITHHOLD, "Calling-Station-Id")])
    plain = PLAIN.request_out[Code.ACCESS_REQUEST]
    expected = (plain | where) - places("Calling-Station-Id")
    assert contract.request_out[Code.ACCESS_REQUEST] == expected
    assert contract.reply_in == PLAIN.reply_in
    assert contract.request_in == PLAIN.request_in
    contract = agreed([Term(Way.LET_IN, "Termination-Action"), Term(Way.KEEP_OUT, "Reply-Message")])
    accept = PLAIN.reply_in[Code.ACCESS_ACCEPT]
    expected = (accept | places("Termination-Action")) - places("Reply-Message")
    assert contract.reply_in[Code.ACCESS_ACCEPT] == expected
    reject = PLAIN.reply_in[Code.ACCESS_REJECT]
    assert contract.reply_in[Code.ACCESS_REJECT] == reject - places("Reply-Message")
    assert contract.request_out == PLAIN.request_out
    assert (contract.order_in, contract.order_out) == (PLAIN.order_in, PLAIN.order_out)


def test_who_may_not_set_something_may_not_change_it() -> None:
    """And yet names the session as we told of it."""
    terms = [Term(Way.KEEP_OUT, "Session-Timeout"), Term(Way.KEEP_OUT, "Calling-Station-Id")]
    contract = agreed([*terms, Term(Way.LET_IN, "Termination-Action")])
    coa = PLAIN.order_in[Code.COA_REQUEST]
    assert contract.order_in[Code.COA_REQUEST] == coa - places("Session-Timeout")
    assert contract.order_out == PLAIN.order_out
    contract = agreed([Term(Way.WITHHOLD, "Calling-Station-Id")])
    disconnect = PLAIN.order_out[Code.DISCONNECT_REQUEST]
    expected = disconnect - places("Calling-Station-Id")
    assert contract.order_out[Code.DISCONNECT_REQUEST] == expected


@pytest.mark.parametrize(
    ("way", "attribute", "told"),
    [
        (Way.LET_IN, "Tunnel-Private-Group-ID", "no partner decides here"),
        (Way.LET_IN, "Egress-VLANID", "no partner decides here"),
        (Way.LET_IN, "Filter-Id", "no partner decides here"),
        (Way.LET_IN, "WISPr-Redirection-URL", "no partner decides here"),
        (Way.LET_IN, "Framed-IP-Address", "no partner decides here"),
        (Way.KEEP_OUT, "EAP-Message", "it has to cross"),
        (Way.WITHHOLD, "User-Name", "it has to cross"),
        (Way.TELL, "Message-Authenticator", "one hop"),
        (Way.TELL, "Colour", "is no attribute"),
    ],
)
def test_what_cannot_be_agreed_on_is_refused_with_the_reason(
    way: Way, attribute: str, told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        check(Term(way, attribute))


@given(attributes(), st.lists(TERMS, max_size=8))
def test_whatever_is_agreed_no_partner_sets_what_is_ours_to_set(
    told: object, terms: list[Term]
) -> None:
    let_in = agreed(terms).reply_in[Code.ACCESS_ACCEPT]
    names = {DICTIONARY.placed(place).name for place in let_in}
    assert {name for name in names for pattern in NEVER if fnmatch(name, pattern)} == set()
    crossed = {place for place, _ in crossing(told, let_in).leaves()}  # type: ignore[arg-type]
    assert crossed <= let_in
    assert all(len(place) == 1 or place[:2] == (26, 311) for place in crossed)
