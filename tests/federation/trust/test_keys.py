"""Our keys over the years: whoever looks now and then knows each of them before it signs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from aaa.secret import Keyring
from federation.model import KeyUse
from federation.trust import key_calendar, keys
from federation.trust.key_calendar import OVERLAP, SIGNS_FOR
from tests.village import NOON, Village


@dataclass
class Key:
    """A key by its dates."""

    number: int
    signs_from: datetime
    expires_at: datetime | None = None


class Ring:
    """The keys of one use, kept as housekeeping keeps them."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.made = 0

    def keep(self, now: datetime) -> int:
        """Do what is due; return the key that signs."""
        if (signs_from := key_calendar.next_from(self.keys, now)) is not None:
            self.keys.append(Key(self.made, signs_from))
            self.made += 1
        for key in key_calendar.replaced(self.keys, now):
            key.expires_at = now + OVERLAP
        gone = key_calendar.expired(self.keys, now)
        self.keys = [key for key in self.keys if key not in gone]
        signing = key_calendar.signing(self.keys, now)
        assert signing is not None
        return signing.number

    @property
    def published(self) -> set[int]:
        return {key.number for key in self.keys}


@pytest.mark.fuzz
@given(st.lists(st.integers(1, 10), min_size=20, max_size=60))
def test_a_partner_that_looks_every_ten_days_knows_what_signs(pauses: list[int]) -> None:
    ring, now = Ring(), NOON
    last, known = ring.keep(now), ring.published
    for pause in pauses:
        for _ in range(pause):
            now += timedelta(days=1)
            signs = ring.keep(now)
            # What was signed yesterday is still verified today.
            assert {signs, last} <= ring.published
            last = signs
        assert last in known, "a key signs that nobody could know of"
        known = ring.published
        assert len(known) <= 3


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(10, 700)), min_size=1, max_size=6))
def test_a_service_that_sleeps_all_winter_is_known_in_spring(
    seasons: list[tuple[int, int]],
) -> None:
    ring, now = Ring(), NOON
    ring.keep(now)
    for open_days, closed_days in seasons:
        known = ring.published
        now += timedelta(days=closed_days)
        assert ring.keep(now) in known
        for _ in range(open_days):
            now += timedelta(days=1)
            ring.keep(now)


def test_each_key_signs_for_half_a_year_and_is_shown_two_weeks_longer() -> None:
    ring, signed = Ring(), list[int]()
    for day in range(3 * 365):
        signed.append(ring.keep(NOON + timedelta(days=day)))
    spans = [signed.count(number) for number in sorted(set(signed))]
    assert all(abs(days - SIGNS_FOR.days) <= 1 for days in spans[:-1])
    assert ring.made == len(spans)


@pytest.mark.fuzz
@given(
    st.lists(st.tuples(st.integers(-1500, 1500), st.integers(1, 100)), max_size=4),
    st.integers(0, 400),
)
def test_a_clock_that_was_wrong_costs_no_partner(
    jumps: list[tuple[int, int]], days_before: int
) -> None:
    ring, now = Ring(), NOON
    for _ in range(days_before):
        signs = ring.keep(now)
        now += timedelta(days=1)
    signs, known = ring.keep(now), ring.published
    for days, hours in jumps:
        for hour in range(hours):
            ring.keep(now + timedelta(days=days, hours=hour))
        # Set right again: what partners knew signs on, and no heap of keys is left.
        assert ring.keep(now) in known or signs not in ring.published
    assert len(ring.keys) <= 3 + 2 * len(jumps)
    for _ in range(30):
        now += timedelta(days=1)
        assert ring.keep(now) in ring.published


async def test_keys_are_made_once_and_signed_with(village: Village) -> None:
    async with village.database.read("test") as session:
        assert await keys.is_due(session, NOON)
        before = await keys.load(session, village.keyring, KeyUse.MEMBER, NOON)
    assert before == keys.NO_KEYS
    with pytest.raises(Invalid, match="start the service once"):
        before.must_sign()
    async with village.database.write("test") as session:
        await keys.keep(session, village.keyring, NOON)
        assert not await keys.is_due(session, NOON)
        made = {use: await keys.load(session, village.keyring, use, NOON) for use in KeyUse}
    kids = {each.must_sign().kid for each in made.values()}
    assert len(kids) == len(KeyUse)
    for each in made.values():
        (shown,) = each.published
        assert shown["kid"] == each.must_sign().kid == each.must_sign().key.thumbprint()
        assert "d" not in shown


async def test_the_next_keys_can_be_called_for_once(village: Village) -> None:
    async with village.database.write("test") as session:
        await keys.keep(session, village.keyring, NOON)
        first = (await keys.load(session, village.keyring, KeyUse.MEMBER, NOON)).must_sign()
        assert await keys.rotate(session, village.keyring, NOON) == NOON + OVERLAP
        with pytest.raises(Invalid, match="sign from 2026-03-17 on"):
            await keys.rotate(session, village.keyring, NOON + timedelta(days=2))
        loaded = await keys.load(session, village.keyring, KeyUse.MEMBER, NOON)
        assert (loaded.must_sign().kid, len(loaded.published)) == (first.kid, 2)
        later = NOON + OVERLAP
        loaded = await keys.load(session, village.keyring, KeyUse.MEMBER, later)
        assert loaded.must_sign().kid != first.kid
        assert await keys.is_due(session, later)
        await keys.keep(session, village.keyring, later)
        await keys.keep(session, village.keyring, later + OVERLAP)
        (left,) = (await keys.load(session, village.keyring, KeyUse.MEMBER, later)).published
        assert left["kid"] == loaded.must_sign().kid


async def test_keys_of_another_key_file_are_told_with_the_remedy(village: Village) -> None:
    async with village.database.write("test") as session:
        await keys.keep(session, village.keyring, NOON)
        with pytest.raises(Invalid, match="restore the key file"):
            await keys.load(session, Keyring(b"x" * 32), KeyUse.MEMBER, NOON)
