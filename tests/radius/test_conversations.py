"""Conversations under way: bounded in number and time, each for one at a time."""

from datetime import timedelta

from radius.conversations import Conversations, Forgotten
from tests.village import NOON

LATER = NOON + timedelta(seconds=60)


def test_what_is_taken_is_gone() -> None:
    conversations: Conversations[str] = Conversations(most=10)
    assert conversations.keep(b"a", "first", LATER, NOON) == Forgotten(0, 0)
    assert conversations.take(b"b", NOON) is None
    assert conversations.take(b"a", NOON) == "first"
    assert conversations.take(b"a", NOON) is None
    assert len(conversations) == 0


def test_what_is_looked_at_stays_until_its_time() -> None:
    conversations: Conversations[str] = Conversations(most=10)
    conversations.keep(b"a", "first", LATER, NOON)
    assert conversations.look(b"a", NOON) == "first"
    assert conversations.look(b"a", LATER) is None
    assert conversations.look(b"b", NOON) is None
    assert conversations.take(b"a", NOON) == "first"


def test_nobody_comes_back_after_the_time() -> None:
    conversations: Conversations[str] = Conversations(most=10)
    conversations.keep(b"a", "first", LATER, NOON)
    assert conversations.take(b"a", LATER) is None


def test_the_one_silent_longest_makes_room() -> None:
    conversations: Conversations[str] = Conversations(most=2)
    conversations.keep(b"a", "first", LATER, NOON)
    conversations.keep(b"b", "second", LATER, NOON)
    first = conversations.take(b"a", NOON)
    assert first == "first"
    conversations.keep(b"c", first, LATER, NOON)
    assert conversations.keep(b"d", "third", LATER, NOON) == Forgotten(0, crowded_out=1)
    assert conversations.take(b"b", NOON) is None
    assert conversations.take(b"c", NOON) == "first"
    assert conversations.take(b"d", NOON) == "third"


def test_the_expired_are_forgotten_and_do_not_count_as_crowded_out() -> None:
    conversations: Conversations[int] = Conversations(most=1000)
    for number in range(1000):
        conversations.keep(number.to_bytes(2, "big"), number, LATER, NOON)
    much_later = LATER + timedelta(seconds=60)
    abandoned = 0
    for number in range(20):
        state = b"new" + bytes((number,))
        forgotten = conversations.keep(state, number, much_later, LATER)
        assert forgotten.crowded_out == 0
        abandoned += forgotten.abandoned
    assert (abandoned, len(conversations)) == (1000, 20)
