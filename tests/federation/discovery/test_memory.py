"""How long what was found is believed, and how much of it is kept."""

from hypothesis import given
from hypothesis import strategies as st

from federation.discovery.memory import (
    FIRST_PAUSE_SECONDS,
    LEAST_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MOST_SECONDS,
    Memory,
)


def memory(capacity: int = 10) -> Memory[str, str]:
    return Memory(capacity)


def until(kept: Memory[str, str], key: str) -> float:
    found = kept.get(key, 0.0)
    assert found is not None
    return found.until


def test_what_dns_says_holds_within_bounds() -> None:
    kept = memory()
    for key, seconds, expected in (
        ("soon", 0.0, LEAST_SECONDS),
        ("as told", 300.0, 300.0),
        ("never", 1e9, MOST_SECONDS),
    ):
        kept.keep(key, "found", seconds, 100.0)
        assert until(kept, key) == 100.0 + expected


def test_a_look_that_fails_keeps_what_was_known_and_waits_ever_longer() -> None:
    kept = memory()
    kept.keep("realm", "servers", 60.0, 0.0)
    pauses = []
    for _ in range(8):
        assert kept.keep_failure("realm", "failed", 1000.0) == "servers"
        pauses.append(until(kept, "realm") - 1000.0)
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    kept.keep("realm", "servers", 60.0, 2000.0)
    kept.keep_failure("realm", "failed", 3000.0)
    assert until(kept, "realm") == 3000.0 + FIRST_PAUSE_SECONDS


def test_of_what_was_never_found_the_failure_is_kept() -> None:
    kept = memory()
    assert kept.keep_failure("realm", "failed", 0.0) == "failed"
    assert kept.get("realm", 1.0) is not None


def test_what_was_used_lately_is_told_the_newest_first() -> None:
    kept = memory()
    for second, key in enumerate("abc"):
        kept.keep(key, key.upper(), 60.0, float(second))
    kept.get("a", 10.0)
    assert list(kept.used(2, 0.0)) == [("a", "A"), ("c", "C")]
    assert list(kept.used(9, 2.0)) == [("a", "A"), ("c", "C")]


@given(st.integers(1, 5), st.lists(st.sampled_from("abcdefgh"), max_size=60))
def test_the_one_unused_for_longest_goes(capacity: int, keys: list[str]) -> None:
    kept = memory(capacity)
    for now, key in enumerate(keys):
        if kept.get(key, float(now)) is None:
            kept.keep(key, key, 60.0, float(now))
    last = list(dict.fromkeys(reversed(keys)))[:capacity]
    assert [key for key, _ in kept.used(99, 0.0)] == last
    assert len(kept) == len(last)
