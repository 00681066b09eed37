"""What is left of a session."""

from datetime import timedelta

import pytest

from aaa.policy import Limits, parse_opening_hours
from portal.captive.allowance import Allowance, Usage, left
from tests.village import NOON

PARIS = "Europe/Paris"
BEGUN = Usage(NOON - timedelta(minutes=10))


@pytest.mark.parametrize(
    ("limits", "usage", "allowance"),
    [
        (Limits(), BEGUN, Allowance(None, None)),
        (Limits(session_seconds=3600), BEGUN, Allowance(3000, None)),
        (Limits(session_seconds=600), BEGUN, Allowance(0, 0)),
        (Limits(daily_octets=1000), Usage(NOON, 0, 400), Allowance(None, 600)),
        (Limits(daily_octets=1000), Usage(NOON, 0, 1000), Allowance(0, 0)),
        (Limits(daily_seconds=900), Usage(NOON, 600, 0), Allowance(300, None)),
        (Limits(session_seconds=3600, daily_seconds=900), Usage(NOON, 600), Allowance(300, None)),
        # Noon UTC is one o'clock in Paris in winter.
        (
            Limits(opening_hours=parse_opening_hours("mon-sun 08:00-12:30")),
            BEGUN,
            Allowance(1800, None),
        ),
        (Limits(simultaneous_devices=1), BEGUN, Allowance(None, None)),
    ],
)
def test_the_nearest_limit_counts(limits: Limits, usage: Usage, allowance: Allowance) -> None:
    assert left(limits, usage, PARIS, NOON) == allowance
