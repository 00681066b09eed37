from hypothesis import given
from hypothesis import strategies as st

from radius.duplicates import Answered, DuplicateWindow, Progress

NAS = ("192.0.2.7", 3799, 1)
FIRST, SECOND = b"a" * 16, b"b" * 16


def test_a_repetition_is_in_progress_until_it_is_answered() -> None:
    window = DuplicateWindow()
    assert window.see(NAS, FIRST, 0.0) is Progress.FRESH
    assert window.see(NAS, FIRST, 1.0) is Progress.IN_PROGRESS
    window.answered(NAS, FIRST, b"answer")
    assert window.see(NAS, FIRST, 2.0) == Answered(b"answer")
    assert window.see(NAS, FIRST, 3.0) == Answered(b"answer")


def test_another_identifier_port_or_address_is_another_request() -> None:
    window = DuplicateWindow()
    window.see(NAS, FIRST, 0.0)
    for other in (("192.0.2.8", 3799, 1), ("192.0.2.7", 3800, 1), ("192.0.2.7", 3799, 2)):
        assert window.see(other, FIRST, 0.0) is Progress.FRESH


def test_an_identifier_used_anew_replaces_the_old_request() -> None:
    window = DuplicateWindow()
    window.see(NAS, FIRST, 0.0)
    assert window.see(NAS, SECOND, 1.0) is Progress.FRESH
    window.answered(NAS, FIRST, b"too late")
    assert window.see(NAS, SECOND, 2.0) is Progress.IN_PROGRESS
    window.answered(NAS, SECOND, b"answer")
    assert window.see(NAS, SECOND, 3.0) == Answered(b"answer")


def test_what_failed_is_tried_anew() -> None:
    window = DuplicateWindow()
    window.see(NAS, FIRST, 0.0)
    window.forget(NAS, SECOND)
    assert window.see(NAS, FIRST, 1.0) is Progress.IN_PROGRESS
    window.forget(NAS, FIRST)
    assert window.see(NAS, FIRST, 1.0) is Progress.FRESH


def test_a_request_is_forgotten_after_its_time() -> None:
    window = DuplicateWindow(kept_seconds=30)
    window.see(NAS, FIRST, 0.0)
    window.answered(NAS, FIRST, b"answer")
    assert window.see(NAS, FIRST, 29.9) == Answered(b"answer")
    assert window.see(NAS, FIRST, 30.0) is Progress.FRESH


def test_a_full_window_forgets_the_oldest() -> None:
    window = DuplicateWindow(capacity=100)
    for port in range(1000):
        assert window.see(("192.0.2.7", port, 1), FIRST, 0.0) is Progress.FRESH
        assert len(window) <= 100
    assert window.see(("192.0.2.7", 999, 1), FIRST, 0.0) is Progress.IN_PROGRESS
    assert window.see(("192.0.2.7", 0, 1), FIRST, 0.0) is Progress.FRESH


def test_a_burst_is_gone_after_as_many_calls_as_it_was_long() -> None:
    window = DuplicateWindow(kept_seconds=30)
    for port in range(1000):
        window.see(("192.0.2.7", port, 1), FIRST, 0.0)
    for port in range(1000):
        window.see(("192.0.2.8", port, 1), FIRST, 31.0)
    assert len(window) == 1000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["see", "answer", "forget"]),
            st.integers(0, 3),
            st.sampled_from([FIRST, SECOND]),
            st.floats(0, 20),
        )
    )
)
def test_it_is_a_map_of_the_latest_request_of_each_source(
    steps: list[tuple[str, int, bytes, float]],
) -> None:
    window, now = DuplicateWindow(kept_seconds=30), 0.0
    latest: dict[int, tuple[bytes, float, bytes | None]] = {}
    for step, identifier, authenticator, passed in steps:
        now += passed
        source = ("192.0.2.7", 3799, identifier)
        known = latest.get(identifier)
        is_current = known is not None and known[0] == authenticator and known[1] > now
        match step:
            case "see":
                seen = window.see(source, authenticator, now)
                if is_current:
                    assert known is not None
                    assert seen == (Answered(known[2]) if known[2] else Progress.IN_PROGRESS)
                else:
                    assert seen is Progress.FRESH
                    latest[identifier] = (authenticator, now + 30, None)
            case "answer":
                window.answered(source, authenticator, b"answer")
                if known is not None and known[0] == authenticator:
                    latest[identifier] = (authenticator, known[1], b"answer")
            case "forget":
                window.forget(source, authenticator)
                if known is not None and known[0] == authenticator:
                    del latest[identifier]
