import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import structlog

from aaa import access_points, collectivities
from aaa.database import Database
from aaa.errors import Invalid
from aaa.model import MessageAuthenticatorRule
from aaa.policies import Scope, limits_of
from aaa.secret import Keyring, Secret
from aaa.snapshot import Directory, load, touch
from monitoring import registry
from tests.village import NAS_SECRET, NOON, Village


async def add_nas(village: Village, **changed: object) -> None:
    wanted: dict[str, object] = {
        "name": "market",
        "hotspot": "square",
        "vendor": "generic",
        "network": "192.0.2.0/24",
        "identifier": None,
        "secret": NAS_SECRET,
        "uam_secret": None,
        "login_host": None,
        "uses_pap": False,
        "coa_port": None,
        "now": village.clock(),
    }
    async with village.database.write("test") as session:
        await access_points.register(session, village.keyring, **(wanted | changed))  # type: ignore[arg-type]


async def test_a_change_is_seen_and_nothing_is_loaded_twice(village: Village) -> None:
    before = village.snapshot
    assert await village.directory.refresh() is before
    await add_nas(village)
    after = await village.directory.refresh()
    assert set(after.nas_by_name) - set(before.nas_by_name) == {"market"}
    assert after.nas_by_name["market"].secret == NAS_SECRET


async def test_a_new_hotspots_counters_begin_at_zero(village: Village) -> None:
    place = {"collectivity": "village", "hotspot": f"fountain-{village.database.dialect}"}

    def started() -> float | None:
        return registry.REGISTRY.get_sample_value("farandole_sessions_started_total", place)

    async with village.database.write("test") as session:
        await collectivities.add_hotspot(
            session,
            slug=place["hotspot"],
            collectivity="village",
            name="La fontaine",
            ssid=None,
            now=NOON,
        )
    assert started() is None
    await village.directory.refresh()
    assert started() == 0


async def test_limits_come_down_the_tree(village: Village) -> None:
    region, commune = village.square.hotspot.collectivity.lineage
    await village.limit(Scope(collectivity_id=region), session_seconds="7200", idle_seconds="60")
    await village.limit(Scope(collectivity_id=commune), session_seconds="3600")
    await village.limit(Scope(hotspot_id=village.square.hotspot.id), idle_seconds="120")
    await village.limit(Scope(citizen_id=village.anna), session_seconds="600")
    at_square = village.snapshot.limits(village.square.hotspot, None)
    assert (at_square.session_seconds, at_square.idle_seconds) == (3600, 120)
    at_library = village.snapshot.limits(village.library.hotspot, village.anna)
    assert (at_library.session_seconds, at_library.idle_seconds) == (600, 60)
    await village.limit(Scope(citizen_id=village.anna), session_seconds="none")
    async with village.database.read("test") as session:
        assert await limits_of(session, Scope(citizen_id=village.anna)) == {}


async def test_rotation_keeps_the_former_secret_for_a_while(village: Village) -> None:
    fresh = access_points.new_secret()
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "square")
        await access_points.rotate_secret(
            session, village.keyring, nas, fresh, timedelta(days=7), village.clock()
        )
    await village.directory.refresh()
    assert village.square.secrets_at(village.clock()) == (fresh, NAS_SECRET)
    assert village.square.secrets_at(village.clock.advance(days=7)) == (fresh,)


async def test_an_access_point_behind_a_nas_has_its_own_hotspot(village: Village) -> None:
    async with village.database.write("test") as session:
        await access_points.add_access_point(
            session,
            nas="square",
            hotspot="library",
            name="reading room",
            address="00-11-22-AA-BB-CC",
            now=village.clock(),
        )
    await village.directory.refresh()
    assert village.square.hotspot_of("00:11:22:aa:bb:cc").slug == "library"
    assert village.square.hotspot_of("00:11:22:aa:bb:cd").slug == "square"
    assert village.square.hotspot_of(None).slug == "square"


async def test_signing_is_learned(village: Village) -> None:
    square = village.square.id
    async with village.database.write("test") as session:
        await access_points.note_seen(
            session, {square: access_points.LEARNED_AFTER - 1}, {square: NOON}
        )
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.LEARN
    async with village.database.write("test") as session:
        await access_points.note_seen(session, {square: 1}, {square: NOON})
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.REQUIRED
    assert village.library.message_authenticator is MessageAuthenticatorRule.LEARN


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"network": None}, "--identifier"),
        ({"network": "192.0.2.300"}, "192.0.2.7"),
        ({"network": "127.0.0.1/32"}, "--identifier"),
        ({"name": "square"}, "exists"),
        ({"name": "Not A Slug"}, "a-z"),
        ({"hotspot": "nowhere"}, "library, square"),
        ({"vendor": "acme"}, "coovachilli"),
        ({"secret": Secret("short")}, "16 to 128"),
    ],
)
async def test_a_nas_that_cannot_be_is_refused_with_the_remedy(
    village: Village, changed: dict[str, object], remedy: str
) -> None:
    with pytest.raises(Invalid, match=remedy):
        await add_nas(village, **changed)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"slug": "hills"}, "exists"),
        ({"realm": "hills.example"}, "exists"),
        ({"realm": "nodot"}, "domain name"),
        ({"parent": "nowhere"}, "borgo, hills, village"),
        ({"timezone": "Europe/Atlantis"}, "Europe/Paris"),
    ],
)
async def test_a_collectivity_that_cannot_be_is_refused(
    village: Village, changed: dict[str, str], remedy: str
) -> None:
    wanted: dict[str, object] = {
        "slug": "plain",
        "name": "La Plaine",
        "realm": "plain.example",
        "parent": None,
        "country": "FR",
        "language": "fr",
        "timezone": "Europe/Paris",
        "now": NOON,
    }
    with pytest.raises(Invalid, match=remedy):
        async with village.database.write("test") as session:
            await collectivities.add_collectivity(session, **(wanted | changed))  # type: ignore[arg-type]


async def test_another_key_is_named_as_such(village: Village) -> None:
    with pytest.raises(Invalid, match="restore the key file"):
        async with village.database.read("test") as session:
            await load(session, Keyring(b"x" * 32))


async def test_the_last_picture_serves_while_the_database_is_away(village: Village) -> None:
    away = Directory(Database("postgresql://nobody@127.0.0.1:1/none"), village.keyring)
    away.current = village.snapshot
    with pytest.raises(Exception, match="database unavailable"):
        await away.refresh()
    assert away.current is village.snapshot


async def test_what_cannot_be_used_is_told_and_the_last_picture_serves(village: Village) -> None:
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "square")
        nas.secret = Keyring(b"x" * 32).seal(b"sealed with another key", "nas-secret")
        await touch(session)
    before = village.snapshot
    told = asyncio.Event()

    def note(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
        told.set()
        raise structlog.DropEvent

    with structlog.testing.capture_logs(processors=[note]):
        running = asyncio.ensure_future(village.directory.run(every_seconds=0))
        async with asyncio.timeout(20):
            await told.wait()
    assert village.snapshot is before
    assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
