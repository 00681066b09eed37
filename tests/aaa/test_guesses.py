from datetime import UTC, datetime, timedelta

from aaa.guesses import Guesses

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
ANNA, BRUNO = ("anna@village.example", 1), ("bruno@borgo.example", 1)


def test_a_name_at_a_nas_has_so_many_guesses() -> None:
    guesses = Guesses(most=2, window=WINDOW, subjects=9)
    assert [guesses.begin(ANNA, NOON) for _ in range(3)] == [True, True, False]
    assert guesses.begin(BRUNO, NOON)
    assert guesses.begin(("anna@village.example", 2), NOON)


def test_the_window_begins_with_the_first_guess() -> None:
    guesses = Guesses(most=1, window=WINDOW, subjects=9)
    assert guesses.begin(ANNA, NOON)
    assert not guesses.begin(ANNA, NOON + WINDOW - timedelta(seconds=1))
    assert guesses.begin(ANNA, NOON + WINDOW)
    assert not guesses.begin(ANNA, NOON + WINDOW)


def test_what_was_right_is_given_back() -> None:
    guesses = Guesses(most=1, window=WINDOW, subjects=9)
    for _ in range(3):
        assert guesses.begin(ANNA, NOON)
        guesses.give_back(ANNA)
    assert guesses.begin(ANNA, NOON)
    assert not guesses.begin(ANNA, NOON)


def test_a_guess_given_back_late_is_no_guess_more() -> None:
    guesses = Guesses(most=1, window=WINDOW, subjects=9)
    guesses.begin(ANNA, NOON)
    guesses.begin(BRUNO, NOON + WINDOW)
    guesses.give_back(ANNA)
    assert guesses.begin(ANNA, NOON + WINDOW)
    assert not guesses.begin(ANNA, NOON + WINDOW)


def test_no_more_subjects_are_kept_than_there_is_room_for() -> None:
    guesses = Guesses(most=1, window=WINDOW, subjects=2)
    for number in range(5):
        assert guesses.begin(("someone", number), NOON)
    assert not guesses.begin(("someone", 3), NOON)
    assert not guesses.begin(("someone", 4), NOON)
    assert guesses.begin(("someone", 0), NOON)
