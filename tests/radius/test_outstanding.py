import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.outstanding import IDENTIFIERS, Due, Outstanding, Pending, Schedule

NAS = ("192.0.2.7", 3799)
DATAGRAM = bytes(4) + b"authenticator!!!" + b"rest"


def send(outstanding: Outstanding, now: float = 0.0, jitter: float = 0.0) -> Pending:
    identifier = outstanding.take_identifier()
    assert identifier is not None
    return outstanding.sent(identifier, NAS, DATAGRAM, now, jitter)


def times(schedule: Schedule, jitter: float) -> tuple[list[float], float]:
    """When one request is sent, and when it fails."""
    outstanding, sent_at = Outstanding(schedule), [0.0]
    send(outstanding, jitter=jitter)
    while True:
        now = outstanding.next_due_at
        assert now is not None
        due = outstanding.due(now, jitter)
        if due.failed:
            return sent_at, now
        sent_at.append(now)


def test_the_schedule_of_rfc_5080() -> None:
    """IRT 2, doubled each time; MRD 30 comes just before the fifth transmission."""
    sent_at, failed_at = times(Schedule(), 0.0)
    assert sent_at == [0, 2, 6, 14]
    assert failed_at == 30


def test_the_pause_is_never_longer_than_mrt() -> None:
    schedule = Schedule(maximum_transmissions=8, maximum_duration_seconds=0)
    sent_at, failed_at = times(schedule, 0.0)
    assert sent_at == [0, 2, 6, 14, 30, 46, 62, 78]
    assert failed_at == 94


@given(st.floats(-0.1, 0.1))
def test_jitter_stays_within_a_tenth(jitter: float) -> None:
    schedule = Schedule(maximum_duration_seconds=0)
    sent_at, _ = times(schedule, jitter)
    pauses = [later - former for former, later in itertools.pairwise(sent_at)]
    assert pauses[0] == pytest.approx(2 * (1 + jitter))
    for former, later in itertools.pairwise(pauses):
        assert later <= 16 * 1.1
        assert later == pytest.approx(min((2 + jitter) * former, 16 * (1 + jitter)))


def test_an_answer_belongs_to_its_identifier_and_its_sender() -> None:
    outstanding = Outstanding(Schedule())
    pending = send(outstanding)
    assert outstanding.find(pending.identifier, NAS) is pending
    assert pending.authenticator == b"authenticator!!!"
    assert outstanding.find(pending.identifier, ("192.0.2.8", 3799)) is None
    assert outstanding.find((pending.identifier + 1) % 256, NAS) is None
    outstanding.settle(pending.identifier)
    assert outstanding.find(pending.identifier, NAS) is None
    assert outstanding.next_due_at is None


def test_all_identifiers_are_used_before_one_is_used_again() -> None:
    outstanding = Outstanding(Schedule())
    taken = [send(outstanding).identifier for _ in range(IDENTIFIERS)]
    assert sorted(taken) == list(range(IDENTIFIERS))
    assert outstanding.take_identifier() is None
    outstanding.finish(taken[7])
    outstanding.finish(taken[3])
    assert [outstanding.take_identifier() for _ in range(3)] == [taken[7], taken[3], None]


def test_finishing_twice_frees_once() -> None:
    outstanding = Outstanding(Schedule())
    pending = send(outstanding)
    outstanding.finish(pending.identifier)
    outstanding.finish(pending.identifier)
    taken = [outstanding.take_identifier() for _ in range(IDENTIFIERS)]
    assert sorted(each for each in taken if each is not None) == list(range(IDENTIFIERS))


def test_a_failed_request_keeps_its_identifier_until_it_is_finished() -> None:
    """Whoever waits for it has yet to learn of it: a newer request must not get its answer."""
    outstanding = Outstanding(Schedule(maximum_transmissions=1))
    pending = send(outstanding)
    assert outstanding.due(2.0, 0.0) == Due((), (pending,))
    assert len(outstanding) == 1
    outstanding.finish(pending.identifier)
    assert len(outstanding) == 0


def test_only_what_is_due_is_sent_again() -> None:
    outstanding = Outstanding(Schedule())
    early, late = send(outstanding, now=0.0), send(outstanding, now=1.0)
    assert outstanding.next_due_at == 2.0
    assert outstanding.due(1.9, 0.0) == Due((), ())
    assert outstanding.due(2.0, 0.0).again == (early,)
    assert outstanding.due(3.0, 0.0).again == (late,)
