"""Housekeeping counts what is there, throws away what is past use, and survives its failures."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from aaa import audit, retention, tickets, visitors
from aaa.errors import Outage, Unavailable
from aaa.model import (
    AuditEvent,
    Authority,
    DailyUsage,
    Device,
    DeviceCertificate,
    Instruction,
    InstructionKind,
    Nas,
    Session,
    Ticket,
    Visitor,
)
from aaa.settings import EapSettings, Settings
from aaa.vouched import Vouched
from aaa.wifi_secrets import WifiSecrets
from deploy.housekeeping import Housekeeping
from deploy.installation import Installation
from federation.model import ForwardedAccounting
from monitoring import registry
from portal.model import EmailCode, LoginAttempt
from tests.federation import partnering
from tests.village import PHONE, Village, entered


@pytest.fixture
async def village(settled_url: str) -> AsyncIterator[Village]:
    async with entered(settled_url) as village:
        yield village


@pytest.fixture
def housekeeping(village: Village) -> Housekeeping:
    installation = Installation(Settings(), village.database, village.keyring)
    return Housekeeping(installation, village.directory, village.clock)


def value(name: str, **labels: str) -> float | None:
    return registry.REGISTRY.get_sample_value(f"farandole_{name}", labels)


async def do(housekeeping: Housekeeping, name: str) -> None:
    """Have one task done; it must succeed."""
    (task,) = (task for task in housekeeping.tasks if task.name == name)
    before = value("housekeeping_total", task=name, outcome="done") or 0
    await housekeeping.once(task)
    assert value("housekeeping_total", task=name, outcome="done") == before + 1


async def open_session(village: Village) -> None:
    async with village.database.write("test") as session:
        session.add(
            Session(
                nas_id=village.square.id,
                hotspot_id=village.square.hotspot.id,
                acct_session_id="s-1",
                device_mac=PHONE,
                started_at=village.clock(),
                updated_at=village.clock() + timedelta(seconds=1),
                session_seconds=1,
            )
        )


async def test_people_online_are_counted_by_place(
    village: Village, housekeeping: Housekeeping
) -> None:
    await open_session(village)
    await do(housekeeping, "sessions_open")
    assert value("sessions_open", collectivity="village", hotspot="square") == 1
    assert value("sessions_open", collectivity="village", hotspot="library") == 0
    assert value("sessions_started_total", collectivity="village", hotspot="library") is not None
    # Who has not been heard of for three interim intervals does not count.
    village.clock.advance(minutes=31)
    await do(housekeeping, "sessions_open")
    assert value("sessions_open", collectivity="village", hotspot="square") == 0


async def test_stale_sessions_are_closed(village: Village, housekeeping: Housekeeping) -> None:
    await open_session(village)
    village.clock.advance(hours=2)
    await do(housekeeping, "stale_sessions")
    async with village.database.read("test") as session:
        (found,) = (await session.scalars(select(Session))).all()
    assert found.terminate_cause == "stale"


async def test_nas_are_counted(village: Village, housekeeping: Housekeeping) -> None:
    async with village.database.write("test") as session:
        nas = (await session.scalars(select(Nas).where(Nas.name == "square"))).one()
        nas.last_seen_at = village.clock()
    village.clock.advance(hours=24)
    await do(housekeeping, "nas")
    assert (value("nas_known"), value("nas_silent")) == (2, 0)
    assert value("nas_message_authenticator", state="learn") == 2
    assert value("nas_message_authenticator", state="required") == 0
    village.clock.advance(seconds=1)
    await do(housekeeping, "nas")
    assert value("nas_silent") == 2


async def test_a_partner_is_no_access_point_that_fell_silent(
    village: Village, housekeeping: Housekeeping
) -> None:
    await partnering.add(village)
    await village.directory.refresh()
    village.clock.advance(days=2)
    await do(housekeeping, "nas")
    assert (value("nas_known"), value("nas_silent")) == (2, 2)


async def test_orders_that_wait_are_counted(village: Village, housekeeping: Housekeeping) -> None:
    await open_session(village)
    await do(housekeeping, "instructions")
    assert value("dynamic_authorization_pending") == 0
    async with village.database.write("test") as session:
        session.add(
            Instruction(
                kind=InstructionKind.DISCONNECT,
                session_id=1,
                reason="operator",
                next_attempt_at=village.clock(),
                created_at=village.clock(),
            )
        )
    await do(housekeeping, "instructions")
    assert value("dynamic_authorization_pending") == 1


async def test_certificates_are_renewed_and_watched(
    village: Village, housekeeping: Housekeeping
) -> None:
    def days_left(certificate: str) -> int:
        expires = value("certificate_expires_timestamp_seconds", certificate=certificate)
        assert expires is not None
        return (datetime.fromtimestamp(expires, UTC) - village.clock()).days

    await do(housekeeping, "certificates")
    assert (days_left("server"), days_left("authority")) == (396, 20 * 365 - 1)
    village.clock.advance(days=366)
    await do(housekeeping, "certificates")
    assert days_left("server") == 30
    village.clock.advance(days=1)
    await do(housekeeping, "certificates")
    assert days_left("server") == 396
    identity = (await village.directory.refresh()).server_identity
    assert identity is not None
    assert identity.names == (Settings().server_name,)
    async with village.database.read("test") as session:
        notes = (await session.scalars(select(AuditEvent))).all()
    # Twice a certificate for supplicants, and one for servers that speak RADIUS over TLS.
    assert [(note.actor, note.action) for note in notes] == [("service", "ca.renew")] * 4


async def test_what_is_past_use_goes(village: Village, housekeeping: Housekeeping) -> None:
    async with village.database.write("test") as session:
        await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=village.square.id,
            device_mac=None,
            now=village.clock(),
        )
        session.add(
            EmailCode(email="a@b.example", code_digest="", tries_left=1, expires_at=village.clock())
        )
    village.clock.advance(hours=3)
    await do(housekeeping, "tickets")
    await do(housekeeping, "portal")
    async with village.database.read("test") as session:
        for kind in (Ticket, EmailCode):
            assert await session.scalar(select(func.count()).select_from(kind)) == 0


async def test_visitors_go_when_their_day_is_over(
    village: Village, housekeeping: Housekeeping
) -> None:
    async with village.database.write("test") as session:
        visitor_id = await visitors.add(
            session,
            home_collectivity_id=village.snapshot.by_realm["borgo.example"].id,
            realm="borgo.example",
            vouched=Vouched(b"a class", None, 3600, None),
            now=village.clock(),
        )
    village.clock.advance(hours=23)
    async with village.database.write("test") as session:
        _, ticket_id = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfVisitor(visitor_id),
            nas_id=village.square.id,
            device_mac=None,
            now=village.clock(),
        )
        session.add(
            LoginAttempt(
                reference="of a visitor",
                nas_id=village.square.id,
                hotspot_id=village.square.hotspot.id,
                visitor_id=visitor_id,
                ticket_id=ticket_id,
                created_at=village.clock(),
                expires_at=village.clock(),
            )
        )
    await do(housekeeping, "tickets")
    async with village.database.read("test") as session:
        assert await visitors.by_id(session, visitor_id) is not None
    village.clock.advance(hours=1)
    await do(housekeeping, "tickets")
    async with village.database.read("test") as session:
        for kind in (Visitor, Ticket, LoginAttempt):
            assert await session.scalar(select(func.count()).select_from(kind)) == 0


async def test_accounting_that_no_home_takes_is_given_up_aloud(
    village: Village, housekeeping: Housekeeping, capsys: pytest.CaptureFixture[str]
) -> None:
    partner, now = await partnering.add(village), village.clock()
    told = {"partner_id": partner.id, "attributes": b"", "occurred_at": now}
    async with village.database.write("test") as session:
        for days in (29, 31, 32):
            at = now - timedelta(days=days)
            times = {"next_attempt_at": at, "created_at": at}
            session.add(ForwardedAccounting(session_digest=str(days), **told, **times))
    before = value("federation_accounting_given_up_total", partner="liguria") or 0
    for _ in range(2):
        await do(housekeeping, "forwarded_accounting")
        assert value("federation_accounting_given_up_total", partner="liguria") == before + 2
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "given up" in line)
    assert "partner=liguria" in line
    assert "records=2" in line
    async with village.database.read("test") as session:
        (kept,) = (await session.scalars(select(ForwardedAccounting))).all()
    assert kept.session_digest == "29"


@pytest.mark.parametrize("challenges", [True, False])
async def test_texts_of_secrets_go_where_challenges_are_switched_off(
    village: Village, challenges: bool
) -> None:
    settings = Settings(eap=EapSettings(challenges=challenges))
    installation = Installation(settings, village.database, village.keyring)
    async with village.database.write("test") as session:
        _, device_id = await WifiSecrets(village.keyring, keeps_text=True).issue(
            session, citizen_id=village.anna, name="printer", now=village.clock()
        )
    await do(Housekeeping(installation, village.directory, village.clock), "wifi_texts")
    async with village.database.read("test") as session:
        device = await session.get_one(Device, device_id)
    assert (device.sealed_secret is not None) is challenges
    assert device.secret_digest is not None


async def fill_records(village: Village) -> None:
    """Write down a session that has ended, its Disconnect, a day's usage, and who changed what."""
    now = village.clock()
    async with village.database.write("test") as session:
        record = Session(
            nas_id=village.square.id,
            hotspot_id=village.square.hotspot.id,
            acct_session_id=now.isoformat(),
            citizen_id=village.anna,
            started_at=now - timedelta(hours=1),
            updated_at=now,
            stopped_at=now,
        )
        session.add(record)
        await session.flush()
        session.add(
            Instruction(
                kind=InstructionKind.DISCONNECT,
                session_id=record.id,
                reason="operator",
                next_attempt_at=now,
                created_at=now,
            )
        )
        session.add(DailyUsage(citizen_id=village.anna, day=now.date(), octets=1))
        audit.note(session, actor="cli:root", action="nas.add", subject="nas:square", now=now)


async def test_records_are_kept_for_a_year(village: Village, housekeeping: Housekeeping) -> None:
    kinds = (Session, Instruction, DailyUsage, AuditEvent)

    async def counts() -> list[int | None]:
        async with village.database.read("test") as session:
            return [await session.scalar(select(func.count()).select_from(kind)) for kind in kinds]

    await fill_records(village)
    # Whoever is still connected stays, however long.
    await open_session(village)
    village.clock.advance(days=365)
    await fill_records(village)
    await do(housekeeping, "records")
    assert await counts() == [3, 2, 2, 2]
    village.clock.advance(days=1)
    await do(housekeeping, "records")
    assert await counts() == [2, 1, 1, 1]


async def add_devices(village: Village) -> dict[str, int]:
    """Give Anna a device of each fate."""
    now = village.clock()
    async with village.database.write("test") as session:
        root = Authority(certificate=b"", sealed_key=b"", valid_from=now, expires_at=now)
        named = {
            "in use": Device(secret_digest="1"),
            "revoked": Device(secret_digest="2", revoked_at=now),
            "revoked, in a record": Device(secret_digest="3", revoked_at=now),
            "forgotten": Device(mac=PHONE, remembered_until=now),
            "certified": Device(),
            "revoked, certified": Device(revoked_at=now),
        }
        for name, device in named.items():
            device.citizen_id, device.name, device.created_at = village.anna, name, now
        session.add_all([root, *named.values()])
        await session.flush()
        ids = {name: device.id for name, device in named.items()}
        for number, (device_id, days) in enumerate(
            [
                (ids["certified"], 5),
                (ids["revoked, certified"], 370),
                (None, -6),
                (None, -8),
            ]
        ):
            session.add(
                DeviceCertificate(
                    device_id=device_id,
                    authority_id=root.id,
                    serial=f"{number}",
                    fingerprint=f"{number}",
                    valid_from=now,
                    expires_at=now + timedelta(days=days),
                    revoked_at=now,
                )
            )
        session.add(
            Session(
                nas_id=village.square.id,
                hotspot_id=village.square.hotspot.id,
                acct_session_id="open",
                citizen_id=village.anna,
                device_id=ids["revoked, in a record"],
                started_at=now,
                updated_at=now,
            )
        )
    return ids


async def test_devices_and_certificates_are_kept_for_a_year_after_their_end(
    village: Village, housekeeping: Housekeeping
) -> None:
    ids = await add_devices(village)

    async def left() -> tuple[set[str], dict[str, int | None]]:
        await do(housekeeping, "records")
        async with village.database.read("test") as session:
            devices = set(await session.scalars(select(Device.name)))
            certificates = await session.scalars(select(DeviceCertificate))
            return devices, {each.serial: each.device_id for each in certificates}

    # Of a closed account's, what revocation lists still need.
    certified = {"0": ids["certified"], "1": ids["revoked, certified"]}
    assert await left() == (set(ids), certified | {"2": None})
    village.clock.advance(days=366)
    kept = {"in use", "certified", "revoked, in a record"}
    assert await left() == (kept, {"0": ids["certified"], "1": None})
    village.clock.advance(days=12)
    assert await left() == ({"in use", "revoked, in a record"}, {})


async def test_records_go_in_batches(village: Village) -> None:
    for _ in range(3):
        await fill_records(village)
        village.clock.advance(days=1)
    village.clock.advance(days=365)
    deleted = []
    for _ in range(3):
        async with village.database.write("test") as session:
            deleted.append(await retention.purge(session, village.clock(), most=2))
    assert deleted == [6, 3, 0]


async def test_a_failure_is_counted_and_ends_nothing(
    village: Village, housekeeping: Housekeeping, capsys: pytest.CaptureFixture[str]
) -> None:
    async def away() -> None:
        raise Unavailable("database", Outage.LOCKED)

    async def broken() -> None:
        raise ZeroDivisionError

    for work, said in ((away, "housekeeping has to wait"), (broken, "housekeeping failed")):
        task = replace(housekeeping.tasks[0], name=work.__name__, work=work)
        before = value("housekeeping_total", task=task.name, outcome="failed") or 0
        await housekeeping.once(task)
        assert value("housekeeping_total", task=task.name, outcome="failed") == before + 1
        assert said in capsys.readouterr().out
