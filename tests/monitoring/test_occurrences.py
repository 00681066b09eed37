"""The first at once, the repeats once a minute, and never more than there is room for."""

from datetime import UTC, datetime, timedelta

from monitoring.occurrences import OTHERS, Occurrences, Repeated

NOW = datetime(2025, 11, 22, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WRONG_SECRET = ("wrong secret", "square-1")


def test_only_the_first_of_a_kind_is_worth_a_line() -> None:
    occurrences = Occurrences()
    assert occurrences.notice(WRONG_SECRET, NOW)
    assert not occurrences.notice(WRONG_SECRET, NOW)
    assert occurrences.notice(("wrong secret", "square-2"), NOW)
    assert occurrences.notice(("malformed", "square-1"), NOW)


def test_repeats_are_summarised_once_the_period_is_over() -> None:
    occurrences = Occurrences()
    for _ in range(4):
        occurrences.notice(WRONG_SECRET, NOW)
    assert occurrences.due(NOW + MINUTE - timedelta(seconds=1)) == []
    assert occurrences.due(NOW + MINUTE) == [Repeated(WRONG_SECRET, 3, NOW)]


def test_what_goes_on_is_summarised_each_minute() -> None:
    occurrences = Occurrences()
    occurrences.notice(WRONG_SECRET, NOW)
    occurrences.notice(WRONG_SECRET, NOW)
    occurrences.due(NOW + MINUTE)
    assert not occurrences.notice(WRONG_SECRET, NOW + MINUTE)
    assert occurrences.due(NOW + 2 * MINUTE) == [Repeated(WRONG_SECRET, 1, NOW + MINUTE)]


def test_what_stopped_is_forgotten_and_then_new_again() -> None:
    occurrences = Occurrences()
    occurrences.notice(WRONG_SECRET, NOW)
    assert occurrences.due(NOW + MINUTE) == []
    assert occurrences.notice(WRONG_SECRET, NOW + MINUTE)


def test_invented_kinds_share_one_count_per_event() -> None:
    occurrences = Occurrences(capacity=10)
    lines = sum(occurrences.notice(("unknown NAS", f"192.0.2.{host}"), NOW) for host in range(200))
    assert lines == 11
    assert not occurrences.notice(("unknown NAS", "192.0.2.3"), NOW)
    summaries = occurrences.due(NOW + MINUTE)
    assert Repeated(("unknown NAS", OTHERS), 189, NOW) in summaries
    assert sum(summary.count for summary in summaries) == 190
