"""The demo's world is built once, and its hotspots are what their remarks say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aaa import collectivities
from aaa.errors import Invalid
from aaa.passwords import PasswordHashing
from aaa.policy import Denied, DenyReason, Facts, decide
from aaa.settings import Settings
from deploy import installation
from deploy.demo import village
from deploy.installation import Installation

NOW = datetime(2026, 3, 3, 11, 0, tzinfo=UTC)
PORTS = {spot.nas: 20_000 + number for number, spot in enumerate(village.SPOTS)}


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Installation]:
    settings = Settings.model_validate({"state": {"directory": str(tmp_path)}})
    await installation.upgrade(settings)
    async with installation.opened(settings) as opened:
        yield opened


async def test_a_second_start_changes_only_what_depends_on_it(opened: Installation) -> None:
    hashing = PasswordHashing(threads=1)
    first = await village.settle(opened, hashing, PORTS, NOW)
    moved = {name: port + 100 for name, port in PORTS.items()}
    second = await village.settle(opened, hashing, moved, NOW + timedelta(days=1))
    hashing.close()
    # The access point of the secure network has no port of this run.
    assert {nas.name: nas.coa_port for nas in first.nas} == PORTS | {village.SECURE_NAS: None}
    assert {nas.name: nas.coa_port for nas in second.nas} == moved | {village.SECURE_NAS: None}
    assert [nas.secret for nas in second.nas] == [nas.secret for nas in first.nas]


@pytest.mark.parametrize("hours", range(0, 7 * 24, 11))
async def test_the_closed_hotspot_is_closed_whenever_the_demo_starts(
    opened: Installation, hours: int
) -> None:
    now = NOW + timedelta(hours=hours)
    hashing = PasswordHashing(threads=1)
    snapshot = await village.settle(opened, hashing, PORTS, now)
    hashing.close()
    for spot in village.SPOTS:
        hotspot = snapshot.nas_by_name[spot.nas].hotspot
        facts = Facts(snapshot.limits(hotspot, None), now, hotspot.collectivity.timezone)
        is_closed = decide(facts) == Denied(DenyReason.OUTSIDE_HOURS)
        assert is_closed == ("closed" in spot.remark)


async def test_another_installation_is_left_alone(opened: Installation) -> None:
    async with opened.database.write("test") as session:
        await collectivities.add_collectivity(
            session,
            slug="aups",
            name="Aups",
            realm="aups.example",
            parent=None,
            country="FR",
            language="fr",
            timezone="Europe/Paris",
            now=NOW,
        )
    hashing = PasswordHashing(threads=1)
    with pytest.raises(Invalid, match="another installation"):
        await village.settle(opened, hashing, PORTS, NOW)
    hashing.close()
