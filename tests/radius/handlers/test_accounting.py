from datetime import timedelta

import pytest

from radius.handlers.accounting import occurred_at
from radius.wire.attributes import Attributes
from tests.radius.served import Named
from tests.village import NOON

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((), NOON),
        ((("Acct-Delay-Time", 60),), NOON - MINUTE),
        ((("Event-Timestamp", NOON - MINUTE),), NOON - MINUTE),
        ((("Event-Timestamp", NOON + DAY),), NOON + DAY),
        # The time that it happened is the time that it happened, however late it comes.
        ((("Event-Timestamp", NOON - MINUTE), ("Acct-Delay-Time", 600)), NOON - MINUTE),
        # A clock that was never set.
        ((("Event-Timestamp", b"\0\0\0\x07"),), NOON),
        ((("Event-Timestamp", b"\0\0\0\x07"), ("Acct-Delay-Time", 60)), NOON - MINUTE),
        ((("Event-Timestamp", NOON + DAY + MINUTE),), NOON),
        ((("Acct-Delay-Time", 86401),), NOON),
        ((("Event-Timestamp", b"broken"), ("Acct-Delay-Time", b"broken")), NOON),
    ],
)
def test_when_it_happened(attributes: tuple[Named, ...], expected: object) -> None:
    assert occurred_at(Attributes.of(*attributes), NOON) == expected
