"""`farandole check`: what it says of the secure network and of who signs its profiles."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from sqlalchemy import update

from aaa.database import Database
from aaa.model import ServerCertificate
from aaa.pki import authority, contents, identity
from aaa.secret import Keyring, load_keyring
from tests.operator import Operator

NAME = "radius.wifi.v.example"


def told(operator: Operator, finding: str, **settings: str) -> str:
    """The line that `farandole check` writes about something; "" for none."""
    environment = {
        f"FARANDOLE_{name.upper()}": value
        for name, value in {"portal__public_url": "https://wifi.v.example", **settings}.items()
    }
    lines = operator.run("check", environment=environment).stdout.splitlines()
    return next((line for line in lines if line[7:].startswith(f"{finding}: ")), "")


def keyring_of(operator: Operator) -> Keyring:
    return load_keyring(operator.directory / "state" / "farandole.key")


def database_of(operator: Operator) -> Database:
    return Database(f"sqlite:///{operator.directory}/state/farandole.db")


def write_signer(directory: Path, now: datetime) -> dict[str, str]:
    """Write a certificate of twenty years that begins now, and its key; return their settings."""
    key = contents.new_key()
    certificate = contents.authority(key, "wifi.v.example", now)
    (directory / "fullchain.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return {
        "portal__signing_certificate_file": str(directory / "fullchain.pem"),
        "portal__signing_key_file": str(directory / "key.pem"),
    }


def test_a_name_for_trials_only(village: Operator) -> None:
    village.do("ca", "renew")
    line = told(village, "certificate", portal__public_url="http://192.0.2.1:8080")
    assert line.startswith("note   certificate: it names radius.home.arpa, since portal.public_url")
    assert "Set eap.server_name before anybody installs a profile" in line


async def test_a_key_that_is_not_the_certificates(village: Operator) -> None:
    village.do("ca", "renew")
    assert told(village, "tls") == ""
    foreign = contents.key_octets(contents.new_key()).reveal()
    sealed = keyring_of(village).seal(foreign, identity.PRIVATE_KEY)
    database = database_of(village)
    async with database.write("test") as session:
        await session.execute(update(ServerCertificate).values(sealed_key=sealed))
    await database.close()
    line = told(village, "tls")
    assert line.startswith("AMISS  tls: the secure network is not offered: OpenSSL refuses the")
    assert line.endswith("Make a new one: `farandole ca renew`")
    village.do("ca", "renew")
    assert told(village, "tls") == ""


async def test_a_root_that_nears_its_end(village: Operator) -> None:
    keyring, now = keyring_of(village), datetime.now(UTC)
    database = database_of(village)
    async with database.write("test") as session:
        await authority.renew_authority(
            session, keyring, federation_name="Wi-Fi", now=now - timedelta(days=18.5 * 365)
        )
        await authority.renew_server(session, keyring, names=[NAME], now=now)
        await authority.renew_authority(session, keyring, federation_name="Wi-Fi", now=now)
    await database.close()
    assert told(village, "root").startswith("note   root: the one that signs the certificate ends ")
    assert told(village, "certificate").startswith(f"ok     certificate: {NAME}, until 20")


async def test_certificates_of_a_clock_that_was_ahead(village: Operator) -> None:
    keyring, ahead = keyring_of(village), datetime.now(UTC) + timedelta(days=900)
    database = database_of(village)
    async with database.write("test") as session:
        await authority.renew_authority(session, keyring, federation_name="Wi-Fi", now=ahead)
        await authority.renew_server(session, keyring, names=[NAME], now=ahead)
    await database.close()
    begins = f"{ahead - timedelta(days=1):%Y-%m-%d}"
    line = told(village, "certificate")
    assert line.startswith(f"AMISS  certificate: {NAME} is not valid before {begins}: the clock ")
    assert "Set this machine's clock right, then restart" in line
    line = told(village, "root")
    assert line.startswith("AMISS  root: the one that signs the certificate is not valid before")
    assert begins in line


def test_a_signer_of_profiles(village: Operator, tmp_path: Path) -> None:
    name = "portal.signing_certificate_file"
    assert told(village, name) == ""
    valid = write_signer(tmp_path, datetime.now(UTC))
    assert told(village, name, **valid).startswith(f"ok     {name}: signs profiles until 20")
    expired = write_signer(tmp_path, datetime.now(UTC) - timedelta(days=21 * 365))
    line = told(village, name, **expired)
    assert line.startswith(f"AMISS  {name}: the certificate expired on 20")
    assert line.endswith("Put the renewed one there, and restart the service")
    (tmp_path / "fullchain.pem").unlink()
    assert "cannot be read" in told(village, name, **expired)
