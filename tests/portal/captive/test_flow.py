"""Which page comes next, decided without any store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aaa.policy import DenyReason
from portal.captive.flow import (
    CONNECTED_WITHIN,
    RETRY_WITHIN,
    SAME_BROWSER_WITHIN,
    AfterFailure,
    Progress,
    Step,
    View,
    after_failure,
    denial,
    is_same_browser,
    next_step,
    status_view,
)
from portal.identification.progress import PROOF_LIFETIME
from tests.village import NOON

NEW = Progress(expires_at=NOON + timedelta(hours=1))
PROVEN = replace(NEW, has_citizen=True, terms_are_current=True, proven_at=NOON)
TICKETED = replace(PROVEN, ticket_issued_at=NOON)
VOUCHED = replace(NEW, has_visitor=True, proven_at=NOON)


@pytest.mark.parametrize(
    ("progress", "step"),
    [
        (NEW, Step.WELCOME),
        (replace(NEW, has_code=True), Step.CODE),
        (replace(NEW, has_proven_email=True, proven_at=NOON), Step.ACCOUNT),
        (PROVEN, Step.FINISH),
        (replace(PROVEN, terms_are_current=False), Step.TERMS),
        (replace(PROVEN, has_code=True), Step.FINISH),
        (TICKETED, Step.FINISH),
        (VOUCHED, Step.FINISH),
        (replace(VOUCHED, has_code=True, came_back=True), Step.FINISH),
        (replace(TICKETED, outcome="granted"), Step.STATUS),
        (replace(TICKETED, outcome="banned"), Step.DENIED),
        (replace(NEW, confirmed_at=NOON), Step.STATUS),
        (replace(PROVEN, expires_at=NOON), Step.EXPIRED),
    ],
)
def test_the_next_step(progress: Progress, step: Step) -> None:
    assert next_step(progress, NOON) is step


def test_a_proof_does_not_last() -> None:
    assert next_step(PROVEN, NOON + PROOF_LIFETIME) is Step.WELCOME
    address = replace(NEW, has_proven_email=True, proven_at=NOON)
    assert next_step(address, NOON + PROOF_LIFETIME) is Step.WELCOME
    assert next_step(VOUCHED, NOON + PROOF_LIFETIME) is Step.WELCOME


@pytest.mark.parametrize("reason", DenyReason)
def test_every_reason_of_radius_is_read(reason: DenyReason) -> None:
    assert denial(replace(TICKETED, outcome=reason.value)) is reason


def test_a_grant_is_no_denial() -> None:
    assert denial(replace(TICKETED, outcome="granted")) is None


@pytest.mark.parametrize(
    ("progress", "follows"),
    [
        (TICKETED, AfterFailure.RETRY),
        (replace(TICKETED, outcome="granted"), AfterFailure.RETRY),
        (replace(TICKETED, outcome="banned"), AfterFailure.DENIED),
        (replace(TICKETED, retries=1), AfterFailure.START_AGAIN),
        (replace(TICKETED, has_citizen=False), AfterFailure.START_AGAIN),
        (replace(VOUCHED, ticket_issued_at=NOON), AfterFailure.RETRY),
        (replace(VOUCHED, ticket_issued_at=NOON, came_back=True), AfterFailure.START_AGAIN),
        (PROVEN, AfterFailure.START_AGAIN),
    ],
)
def test_what_follows_a_failure(progress: Progress, follows: AfterFailure) -> None:
    assert after_failure(progress, NOON) is follows


def test_an_old_ticket_is_not_tried_again() -> None:
    assert after_failure(TICKETED, NOON + RETRY_WITHIN) is AfterFailure.START_AGAIN


def test_who_comes_late_is_taken_for_somebody_else() -> None:
    assert is_same_browser(TICKETED, NOON)
    assert not is_same_browser(TICKETED, NOON + SAME_BROWSER_WITHIN)
    assert not is_same_browser(PROVEN, NOON)


@pytest.mark.parametrize(
    ("progress", "is_open", "has_ended", "view"),
    [
        (TICKETED, True, False, View.ONLINE),
        (TICKETED, False, True, View.GOODBYE),
        (replace(TICKETED, outcome="banned"), False, False, View.DENIED),
        (PROVEN, False, False, View.NOT_FINISHED),
        (TICKETED, False, False, View.CONNECTING),
    ],
)
def test_what_the_status_page_shows(
    progress: Progress, is_open: bool, has_ended: bool, view: View
) -> None:
    assert status_view(progress, NOON, is_open=is_open, has_ended=has_ended) is view


def test_the_word_of_the_nas_counts_where_accounting_stays_silent() -> None:
    later = NOON + CONNECTED_WITHIN
    confirmed = replace(TICKETED, confirmed_at=NOON)
    served = replace(TICKETED, outcome="granted")
    assert status_view(confirmed, later, is_open=False, has_ended=False) is View.TOLD_ONLINE
    assert status_view(served, later, is_open=False, has_ended=False) is View.TOLD_ONLINE
    assert status_view(TICKETED, later, is_open=False, has_ended=False) is View.NOT_CONNECTED
