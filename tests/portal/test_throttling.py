"""Counting tries, together on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from monitoring import metrics
from portal.model import ThrottleWindow
from portal.throttling import Rule, Throttled, admit, network_of
from tests.portal.visitor import Portal

THREE = Rule("test_three", 3, timedelta(minutes=15))
ONE = Rule("test_one", 1, timedelta(hours=1))


async def test_what_exceeds_the_rule_waits_for_the_next_window(portal: Portal) -> None:
    village = portal.village
    village.clock.advance(minutes=10)
    counter = metrics.throttled.labels(THREE.what)
    before = counter._value.get()

    async def attempt(who: str) -> Throttled | None:
        return await admit(village.database, village.keyring, [(THREE, who)], village.clock())

    assert [await attempt("anna") for _ in range(4)] == [None] * 3 + [
        Throttled(timedelta(minutes=5))
    ]
    assert await attempt("bruno") is None
    assert counter._value.get() == before + 1
    village.clock.advance(minutes=5)
    assert await attempt("anna") is None


async def test_tries_at_the_same_time_are_all_counted(portal: Portal) -> None:
    village = portal.village
    answers = await asyncio.gather(
        *(
            admit(village.database, village.keyring, [(THREE, "anna")], village.clock())
            for _ in range(10)
        )
    )
    assert sum(answer is None for answer in answers) == 3


async def test_the_longest_wait_is_told(small_portal: Portal) -> None:
    village = small_portal.village
    tries = [(THREE, "anna"), (ONE, "anna")]
    answers = [
        await admit(village.database, village.keyring, tries, village.clock()) for _ in range(4)
    ]
    assert answers == [None] + [Throttled(timedelta(hours=1))] * 3


async def test_the_table_names_nobody(small_portal: Portal) -> None:
    village = small_portal.village
    await admit(village.database, village.keyring, [(ONE, "anna@mail.example")], village.clock())
    async with village.database.read("test") as session:
        row = await session.scalar(select(ThrottleWindow))
    assert row is not None
    assert "anna" not in row.subject


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%wlan0", "fe80::/64"),
        ("unix socket", "unix socket"),
        ("", ""),
    ],
)
def test_an_ipv6_device_is_counted_by_its_network(source: str, network: str) -> None:
    assert network_of(source) == network
