"""What packets make of a session's record, in whatever order and however often they come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.accounting import Change, Effect, Event, Kind, Record, apply, close_all
from tests.village import NOON, PHONE

WRAP = 1 << 32
START = Event(Kind.START, 1, 1, "s-1", PHONE, NOON, NOON)


def later(kind: Kind, seconds: int, upload: int = 0, download: int = 0, **more: object) -> Event:
    """A packet from `seconds` after the start of the session."""
    event = replace(
        START,
        kind=kind,
        occurred_at=NOON + timedelta(seconds=seconds),
        reported_at=NOON + timedelta(seconds=seconds),
        session_seconds=seconds,
        upload_octets=upload,
        download_octets=download,
        terminate_cause="user-request" if kind is Kind.STOP else None,
    )
    return replace(event, **more)  # type: ignore[arg-type]


def play(events: Sequence[Event]) -> tuple[Record, list[Change]]:
    """Return the record after all events, and what each did to it."""
    record, changes = None, []
    for event in events:
        change = apply(record, event)
        record = change.record
        changes.append(change)
    assert record is not None
    return record, changes


@st.composite
def sessions(draw: st.DrawFn, most_octets: int = WRAP - 1) -> list[Event]:
    """The packets of one session as a NAS sends them: seconds and octets only grow."""
    reports = draw(st.integers(1, 5))
    seconds = sorted(draw(st.sets(st.integers(0, 40_000), min_size=reports, max_size=reports)))
    octets = st.lists(st.integers(0, most_octets), min_size=reports, max_size=reports).map(sorted)
    uploads, downloads = draw(octets), draw(octets)
    counts_gigawords = most_octets >= WRAP
    kinds = [Kind.INTERIM] * (reports - 1) + [Kind.STOP]
    return [
        START,
        *(
            later(*report, counts_gigawords=counts_gigawords)
            for report in zip(kinds, seconds, uploads, downloads, strict=True)
        ),
    ]


@st.composite
def jumbled(draw: st.DrawFn, whole: st.SearchStrategy[list[Event]]) -> tuple[list[Event], Event]:
    """A session's packets in any order, each at least once; and its Stop."""
    events = draw(whole)
    repeated = draw(st.lists(st.sampled_from(events), max_size=5))
    return draw(st.permutations(events + repeated)), events[-1]


@given(jumbled(sessions() | sessions(most_octets=1 << 45)))
def test_any_order_and_any_repetition_end_the_same(case: tuple[list[Event], Event]) -> None:
    events, stop = case
    record, changes = play(events)
    assert record == Record(
        instance=0,
        started_at=NOON,
        start_seen=True,
        updated_at=stop.occurred_at,
        stopped_at=stop.occurred_at,
        terminate_cause="user-request",
        session_seconds=stop.session_seconds,
        upload_octets=stop.upload_octets,
        download_octets=stop.download_octets,
    )
    assert sum(change.added_seconds for change in changes) == stop.session_seconds
    assert sum(change.added_upload for change in changes) == stop.upload_octets
    assert sum(change.added_download for change in changes) == stop.download_octets
    assert [change.opened for change in changes].count(True) == 1
    assert [change.closed for change in changes].count(True) == 1


@given(jumbled(sessions()))
def test_nothing_ever_shrinks(case: tuple[list[Event], Event]) -> None:
    _, changes = play(case[0])
    for change in changes:
        assert min(change.added_seconds, change.added_upload, change.added_download) >= 0


@given(st.lists(st.integers(0, WRAP // 2 - 1), min_size=1, max_size=12))
def test_a_nas_without_gigawords_starts_again_at_zero(steps: list[int]) -> None:
    total, events = 0, [START]
    for number, step in enumerate(steps, start=1):
        total += step
        events.append(later(Kind.INTERIM, number * 600, upload=total % WRAP))
    record, _ = play(events)
    assert record.upload_octets == total


def test_a_repeated_packet_changes_nothing() -> None:
    interim = later(Kind.INTERIM, 60, 5, 7)
    for event in (START, interim, later(Kind.STOP, 90, 6, 8)):
        record, changes = play([START, interim, event, event])
        assert changes[-1].effect is Effect.REPEATED
        assert changes[-1].record == changes[-2].record == record


def test_a_repeated_report_shows_that_its_nas_is_there() -> None:
    interim = later(Kind.INTERIM, 60, 5, 7)
    resent = replace(interim, reported_at=interim.reported_at + timedelta(seconds=30))
    record, changes = play([START, interim, resent])
    assert changes[-1].effect is Effect.REPEATED
    assert record.updated_at == resent.reported_at


def test_a_nas_whose_clock_is_wrong_is_alive_all_the_same() -> None:
    slow = timedelta(hours=3)
    events = [
        replace(event, occurred_at=event.occurred_at - slow)
        for event in (START, later(Kind.INTERIM, 600, 5, 7))
    ]
    record, _ = play(events)
    assert record.started_at == NOON - slow
    assert record.updated_at == NOON + timedelta(seconds=600)


def test_a_late_interim_after_the_stop_adds_nothing_old() -> None:
    stop = later(Kind.STOP, 90, 6, 8)
    record, changes = play([START, stop, later(Kind.INTERIM, 60, 5, 7)])
    assert changes[-1].effect in (Effect.LATE, Effect.REPEATED)
    assert changes[-1].added_octets == 0
    assert (record.stopped_at, record.session_seconds) == (stop.occurred_at, 90)


def test_a_session_without_its_start_began_by_its_own_account() -> None:
    record, changes = play([later(Kind.INTERIM, 60, 5, 7)])
    assert changes[0].opened
    assert (record.started_at, record.start_seen) == (NOON, False)


def test_a_start_after_the_stop_opens_the_next_session() -> None:
    """hostapd gives one Acct-Session-Id to two sessions in a row."""
    second = replace(START, occurred_at=NOON + timedelta(seconds=95))
    record, changes = play([START, later(Kind.STOP, 90, 6, 8), second])
    assert changes[-1].opened
    assert (record.instance, record.stopped_at, record.upload_octets) == (1, None, 0)


@pytest.mark.parametrize(
    ("kind", "cause"), [(Kind.ON, "nas-restarted"), (Kind.OFF, "nas-switched-off")]
)
def test_a_restart_closes_what_was_open(kind: Kind, cause: str) -> None:
    record, _ = play([START, later(Kind.INTERIM, 60, 5, 7)])
    restart = Event(kind, 1, 1, "", "", NOON + timedelta(hours=1), NOON + timedelta(hours=1))
    change = close_all(record, restart)
    assert change is not None
    assert change.record.terminate_cause == cause
    # Nobody knows when it really ended: what was last heard is what was surely used.
    assert change.record.stopped_at == NOON + timedelta(seconds=60)
    assert close_all(change.record, restart) is None
    assert close_all(record, replace(restart, occurred_at=NOON - timedelta(seconds=1))) is None


def test_a_session_goes_on_where_its_nas_says_so_after_a_restart() -> None:
    record, _ = play([START, later(Kind.INTERIM, 60, 5, 7)])
    restart = Event(Kind.ON, 1, 1, "", "", NOON + timedelta(minutes=5), NOON + timedelta(minutes=5))
    closed = close_all(record, restart)
    assert closed is not None
    reopened = apply(closed.record, later(Kind.INTERIM, 600, 50, 70))
    assert (reopened.record.stopped_at, reopened.record.upload_octets) == (None, 50)
    assert apply(closed.record, later(Kind.INTERIM, 60, 5, 7)).record.stopped_at is not None


def test_a_nas_that_woke_up_in_the_past_starts_the_next_session() -> None:
    reported = NOON + timedelta(minutes=30)
    second = replace(START, occurred_at=NOON - timedelta(hours=5), reported_at=reported)
    record, changes = play([START, later(Kind.STOP, 90, 6, 8), second])
    assert changes[-1].opened
    assert (record.instance, record.stopped_at) == (1, None)
    # The first one's Start, sent once more, is no news however late it comes.
    resent = replace(START, reported_at=reported)
    assert play([START, later(Kind.STOP, 90, 6, 8), resent])[1][-1].effect is Effect.REPEATED
