"""An upgrade of a database that is in use loses nothing, and what held before holds afterwards."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, insert, select, text
from sqlalchemy.exc import IntegrityError

from aaa import devices
from aaa.database import Database
from aaa.model import Device, Session
from deploy import revisions
from federation.accounting_forwarder import packed, session_digest
from federation.model import ForwardedAccounting
from radius.wire.attributes import Attributes
from tests.village import PHONE, TABLET

NOON = datetime(2026, 3, 3, 11, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=30)
NAMED: dict[str, Any] = {"slug": "village", "name": "Le Village", "created_at": NOON}
COUNTED = {"session_seconds": 60, "upload_octets": 7, "download_octets": 5000}

# Of every table that a later revision may have to carry over, as the first revision had it.
ROWS: dict[str, list[dict[str, Any]]] = {
    "installation": [{"name": "revision", "value": "0123456789abcdef"}],
    "collectivity": [
        NAMED
        | {"id": 3, "realm": "v.example", "country": "FR", "language": "fr", "terms_version": 2}
        | {"timezone": "Europe/Paris", "terms": "Soyez gentils."}
    ],
    "hotspot": [NAMED | {"id": 4, "collectivity_id": 3, "ssid": "Farandole"}],
    "citizen": [
        {"id": id, "collectivity_id": 3, "name": name, "state": "active", "created_at": NOON}
        for id, name in ((5, "anna"), (6, "bruno"))
    ],
    "daily_usage": [{"citizen_id": 5, "day": date(2026, 3, 3), "session_seconds": 60, "octets": 9}],
    "device": [
        {"id": id, "citizen_id": citizen, "mac": mac, "name": "phone", "created_at": NOON}
        | {"remembered_until": LATER, "revoked_at": revoked_at}
        for id, citizen, mac, revoked_at in (
            (7, 5, PHONE, NOON),
            (8, 6, PHONE, None),
            (9, 5, TABLET, None),
        )
    ],
    "nas": [
        {"id": 10, "name": "gateway", "hotspot_id": 4, "vendor": "generic", "secret": b"\0sealed"}
        | {"network": "192.0.2.7/32", "uses_pap": False, "message_authenticator": "learn"}
        | {"signed_requests": 49, "limit_proxy_state": True, "created_at": NOON}
    ],
    "session": [
        COUNTED
        | {"id": 11 + number, "nas_id": 10, "hotspot_id": 4, "acct_session_id": "s-1"}
        | {"device_mac": PHONE, "instance": number, "citizen_id": 6, "user_name": "bruno@v.example"}
        | {"started_at": NOON, "start_seen": True, "updated_at": LATER, "stopped_at": stopped_at}
        for number, stopped_at in enumerate((LATER, None))
    ],
    "ticket": [
        {"id": 13, "citizen_id": 5, "nas_id": 10, "sealed_value": b"sealed", "issued_at": NOON}
        | {"expires_at": LATER, "outcome": "granted", "served_at": NOON}
    ],
    "instruction": [
        {"id": 14, "kind": "coa", "session_id": 12, "reason": "operator", "state": "pending"}
        | {"attributes": [["Session-Timeout", 60]], "attempts": 1, "next_attempt_at": LATER}
        | {"created_at": NOON}
    ],
}


@dataclass(frozen=True)
class Upgraded:
    """A database of the first revision, filled, and then brought to the newest."""

    database: Database
    before: dict[str, list[dict[str, Any]]]
    after: dict[str, list[dict[str, Any]]]


@pytest.fixture
async def upgraded(database_url: str) -> AsyncIterator[Upgraded]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_fill)
        before = await connection.run_sync(_held)
    async with revisions.upgraded(database):
        pass
    async with database.engine.connect() as connection:
        after = await connection.run_sync(_held)
    # Whose connections let foreign keys rest.
    await database.close()
    database = Database(database_url)
    yield Upgraded(database, before, after)
    await database.close()


def _fill(connection: Connection) -> None:
    config = Config(revisions.MIGRATIONS / "alembic.ini")
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for name, rows in ROWS.items():
        connection.execute(insert(_table(connection, name)), rows)


def _table(connection: Connection, name: str) -> Table:
    """Return a table as the database says it is, whatever the model of today says."""
    return Table(name, MetaData(), autoload_with=connection)


def _held(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in ROWS:
        table = _table(connection, name)
        rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
        found[name] = [dict(row) for row in rows]
    return found


def _as(row: dict[str, Any], former: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that there were before."""
    return {name: row[name] for name in former}


async def test_accounting_that_waits_is_known_by_its_session(database_url: str) -> None:
    """As it was kept before its session was written beside it."""
    told = Attributes.of(
        ("User-Name", "bea@liguria.example"),
        ("Acct-Session-Id", "s-1"),
        ("Calling-Station-Id", "02-00-5E-00-53-01"),
        ("Acct-Status-Type", "Start"),
    )
    row = {"id": 16, "partner_id": 15, "attributes": packed(told), "attempts": 1}
    row |= {"occurred_at": NOON, "next_attempt_at": NOON, "created_at": NOON}
    partner = {"id": 15, "name": "liguria", "collectivity_id": 3, "state": "active"}

    def fill(connection: Connection) -> None:
        _fill(connection)
        config = Config(revisions.MIGRATIONS / "alembic.ini")
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        connection.execute(insert(_table(connection, "partner")), [partner | {"created_at": NOON}])
        connection.execute(insert(_table(connection, "forwarded_accounting")), [row])

    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(fill)
    async with revisions.upgraded(database) as session:
        found = (await session.scalars(select(ForwardedAccounting))).one()
        assert found.session_digest == session_digest(told)
    await database.close()


async def test_nothing_is_lost(upgraded: Upgraded) -> None:
    for table, rows in upgraded.before.items():
        assert len(rows) == len(ROWS[table])
        assert [_as(row, rows[0]) for row in upgraded.after[table]] == rows, table
    async with upgraded.database.read("test") as session:
        sessions = (await session.scalars(select(Session).order_by(Session.id))).all()
        assert [(row.id, row.citizen_id, row.device_id) for row in sessions] == [
            (11, 6, None),
            (12, 6, None),
        ]
        remembered = await devices.by_mac(session, PHONE, NOON)
        assert isinstance(remembered, devices.RememberedDevice)
        assert (remembered.id, remembered.citizen_id) == (8, 6)
        if upgraded.database.dialect == "sqlite":
            assert (await session.execute(text("PRAGMA foreign_key_check"))).all() == []


async def test_a_remembered_device_is_still_one_citizens_only(upgraded: Upgraded) -> None:
    async with upgraded.database.write("test") as session:
        # The same MAC for as many as had it once, of each citizen one row.
        await devices.remember(session, citizen_id=5, mac=PHONE, name="phone", days=9, now=LATER)
    for taken in ({"citizen_id": 6, "mac": TABLET}, {"citizen_id": 999, "mac": None}):
        with pytest.raises(IntegrityError):
            async with upgraded.database.write("test") as session:
                await session.execute(
                    insert(Device).values(taken | {"name": "phone", "created_at": NOON})
                )


async def test_a_session_is_told_its_device_and_no_device_that_is_none(upgraded: Upgraded) -> None:
    async with upgraded.database.write("test") as session:
        device = await devices.add(session, citizen_id=6, name="laptop", now=LATER)
        (await session.get_one(Session, 12)).device_id = device.id
    with pytest.raises(IntegrityError):
        async with upgraded.database.write("test") as session:
            (await session.get_one(Session, 11)).device_id = 999
    async with upgraded.database.write("test") as session:
        assert await devices.revoke(session, citizen_id=6, device_id=device.id, now=LATER) == 1
