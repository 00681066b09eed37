"""`farandole device`: credentials made once and shown once, named, listed, revoked."""

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aaa import devices
from aaa.database import Database
from aaa.model import AuditEvent, Device, Instruction, Nas, Session
from tests.operator import Operator
from tests.village import PHONE

NAI = "mireille@v.example"
OF = ("--citizen", NAI)
BROUGHT = "the secret of an old printer"


@pytest.fixture
def village(village: Operator) -> Operator:
    """An installation with a citizen."""
    names = ("citizen", "add", "mireille", "--collectivity", "village")
    village.do(*names, "--email", "m@v.example")
    return village


def embedded(operator: Operator) -> Database:
    return Database(f"sqlite:///{operator.directory}/state/farandole.db")


async def audited(village: Operator) -> list[tuple[str, str]]:
    database = embedded(village)
    async with database.read("test") as session:
        events = await session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        found = [(event.action, event.subject) for event in events]
    await database.close()
    return [event for event in found if event[0].startswith("device.")]


async def go_online(village: Operator, device_id: int) -> None:
    database = embedded(village)
    now = datetime.now(UTC)
    async with database.write("test") as session:
        nas = (await session.scalars(select(Nas))).one()
        session.add(
            Session(
                nas_id=nas.id,
                hotspot_id=nas.hotspot_id,
                acct_session_id="s-1",
                device_mac=PHONE,
                citizen_id=1,
                device_id=device_id,
                started_at=now,
                updated_at=now,
            )
        )
    await database.close()


async def test_a_device_from_its_secret_to_its_end(village: Operator) -> None:
    secret = village.do("device", "add", *OF, "--name", "Mireille’s phone")
    assert len(secret.strip()) == 24
    added = village.ask("device", "add", *OF, "--name", "laptop")
    assert (added["id"], added["citizen"], added["name"], added["kind"]) == (
        *(2, NAI),
        *("laptop", "wifi_secret"),
    )
    assert len(added["secret"]) == 24
    listed = village.ask("device", "list", *OF)
    assert [(row["id"], row["name"], row["kind"], row["revoked_at"]) for row in listed] == [
        (2, "laptop", "wifi_secret", None),
        (1, "Mireille’s phone", "wifi_secret", None),
    ]
    await go_online(village, 1)
    (online,) = village.ask("session", "list", "--open")
    assert (online["device"], online["device_id"]) == ("Mireille’s phone", 1)
    assert "Mireille’s phone" in village.do("session", "list", "--open")
    done = village.do("device", "revoke", "Mireille’s phone", *OF)
    assert done == "“Mireille’s phone” (device 1) is revoked; sessions to be ended: 1.\n"
    again = village.do("device", "revoke", "1", *OF)
    assert "sessions to be ended: 0" in again
    database = embedded(village)
    async with database.read("test") as session:
        (asked,) = await session.scalars(select(Instruction))
    await database.close()
    assert asked.reason == "device_revoked"
    assert village.ask("device", "list", *OF)[1]["revoked_at"] is not None
    assert await audited(village) == [
        ("device.add", "device:1"),
        ("device.add", "device:2"),
        ("device.revoke", "device:1"),
        ("device.revoke", "device:1"),
    ]


async def test_a_secret_may_be_brought_and_is_not_shown(village: Operator) -> None:
    shown = village.do(
        *("device", "add", *OF, "--name", "printer", "--secret-file", "-"), given=f"{BROUGHT}\n"
    )
    assert "printer" in shown
    assert BROUGHT not in shown
    again = ("device", "add", *OF, "--name", "scanner", "--secret-file", "-")
    assert "another device has this" in village.refused(*again, status=1, given=BROUGHT)
    assert "16 to 128" in village.refused(*again, status=1, given="too short")
    database = embedded(village)
    async with database.read("test") as session:
        assert await session.scalar(select(func.count()).select_from(Device)) == 1
        stored = (await session.scalars(select(Device))).one()
    await database.close()
    # Challenges are switched off unless the settings say otherwise.
    assert stored.sealed_secret is None
    assert len(await audited(village)) == 1


async def test_the_text_is_kept_where_challenges_are_switched_on(village: Operator) -> None:
    switched_on = {"FARANDOLE_EAP__CHALLENGES": "true"}
    add = ("device", "add", *OF, "--name", "phone")
    done = village.run(*add, environment=switched_on)
    assert (done.returncode, done.stderr) == (0, "")
    database = embedded(village)
    async with database.read("test") as session:
        stored = (await session.scalars(select(Device))).one()
    await database.close()
    assert stored.sealed_secret is not None
    assert done.stdout.strip().encode() not in stored.sealed_secret


def test_names_that_are_not_clear_are_asked_for(village: Operator) -> None:
    for _ in range(2):
        village.do("device", "add", *OF, "--name", "phone")
    several = village.refused("device", "revoke", "phone", *OF, status=1)
    assert "several devices are called “phone”: say which by its number: 2, 1" in several
    assert village.do("device", "rename", "1", "Old  phone", *OF) == (
        "Device 1 is called “Old phone”.\n"
    )
    village.do("device", "revoke", "phone", *OF)
    # What is in use comes before what was.
    village.do("device", "rename", "Old phone", "phone", *OF)
    assert "(device 1)" in village.do("device", "revoke", "phone", *OF)
    assert "has no device “3”" in village.refused("device", "revoke", "3", *OF, status=1)
    assert "a device is called by" in village.refused("device", "rename", "1", " ", *OF, status=1)
    assert "there is no citizen" in village.refused(
        *("device", "add", "--citizen", "nobody@v.example", "--name", "phone"), status=1
    )


async def test_a_remembered_device_is_listed_and_forgotten(village: Operator) -> None:
    database = embedded(village)
    now = datetime.now(UTC)
    async with database.write("test") as session:
        await devices.remember(session, citizen_id=1, mac=PHONE, name="phone", days=9, now=now)
    await database.close()
    (listed,) = village.ask("device", "list", *OF)
    assert (listed["kind"], listed["mac"]) == ("remembered", PHONE)
    assert datetime.fromisoformat(listed["expires_at"]) == now + timedelta(days=9)
    village.do("device", "forget", PHONE, *OF)
    assert village.ask("device", "list", *OF)[0]["revoked_at"] is not None


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.interop
def test_a_certificate_is_written_for_its_device_alone(village: Operator) -> None:
    directory = village.directory / "phone"
    add = ("device", "add", *OF, "--name", "Mireille’s phone", "--certificate", str(directory))
    assert "There is no authority yet" in village.do("ca", "show")
    added = village.ask(*add)
    assert (added["kind"], added["directory"]) == ("certificate", str(directory))
    paths = {path.name: str(path) for path in directory.iterdir()}
    assert set(paths) == {"key.pem", "certificate.pem", "ca.pem", "device.p12"}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in paths.values()} == {0o600}
    verified = openssl("verify", "-CAfile", paths["ca.pem"], paths["certificate.pem"])
    assert verified == f"{paths['certificate.pem']}: OK\n"
    public = openssl("pkey", "-in", paths["key.pem"], "-pubout")
    assert public == openssl("x509", "-in", paths["certificate.pem"], "-noout", "-pubkey")
    subject = openssl("x509", "-in", paths["certificate.pem"], "-noout", "-subject")
    assert added["identity"] in subject
    assert "mireille" not in subject.lower()
    passphrase = Path(village.directory / "passphrase")
    passphrase.write_text(added["passphrase"])
    packed = openssl(
        *("pkcs12", "-legacy", "-in", paths["device.p12"], "-nodes"),
        *("-passin", f"file:{passphrase}"),
    )
    assert "PRIVATE KEY" in packed
    (listed,) = village.ask("device", "list", *OF)
    assert (listed["kind"], listed["expires_at"]) == ("certificate", added["expires_at"])
    # What is there is not overwritten, and no device without its files is kept.
    taken = village.refused(*add, status=1)
    assert f"{paths['key.pem']} cannot be written (File exists)" in taken
    assert set(map(str, directory.iterdir())) == set(paths.values())
    assert len(village.ask("device", "list", *OF)) == 1
    both = (*add, "--secret-file", "-")
    assert "one credential" in village.refused(*both, status=1)
