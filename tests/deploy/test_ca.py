"""`farandole ca`: what it shows, renews and writes, and what a start does by itself."""

from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest

from aaa.database import Database
from aaa.model import Device
from aaa.pki import authority, devices
from aaa.secret import load_keyring
from tests.openssl import openssl
from tests.operator import Operator

pytestmark = pytest.mark.interop

NAME = "radius.wifi.v.example"
PUBLIC = {"FARANDOLE_PORTAL__PUBLIC_URL": "https://wifi.v.example"}


@pytest.fixture
def village(village: Operator) -> Operator:
    """An installation with its public name."""
    return Operator(village.directory, {**village.environment, **PUBLIC})


def named(operator: Operator, name: str) -> Operator:
    """The same operator, who has set another name of the server."""
    environment = {**operator.environment, "FARANDOLE_EAP__SERVER_NAME": name}
    return Operator(operator.directory, environment)


def database(operator: Operator) -> Database:
    return Database(f"sqlite:///{operator.directory}/state/farandole.db")


async def test_the_first_start_makes_root_and_certificate(operator: Operator) -> None:
    operator.found_village()
    assert operator.ask("ca", "show") == {"authorities": [], "server": None}
    for _ in range(2):
        with operator.serve() as served:
            url = f"http://127.0.0.1:{served.port('portal')}/ca/farandole-ca.pem"
            with urlopen(url) as answer:
                assert answer.read().decode() == operator.do("ca", "export")
    shown = operator.ask("ca", "show")
    (root,) = shown["authorities"]
    assert shown["server"]["names"] == ["radius.home.arpa"]
    assert shown["server"]["signed_by"] == f"root {root['id']}"
    left = datetime.fromisoformat(shown["server"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=390) < left < timedelta(days=397)


def test_a_start_with_a_new_name_keeps_the_former(village: Operator) -> None:
    village.do("ca", "renew")
    renamed = named(village, "aaa.v.example")
    says = "names radius.wifi.v.example first, the settings aaa.v.example. Restart the service"
    assert says in renamed.run("check").stdout
    with renamed.serve("radius"):
        pass
    assert renamed.ask("ca", "show")["server"]["names"] == ["aaa.v.example", NAME]
    assert "certificate: aaa.v.example, until 20" in renamed.run("check").stdout


def test_the_list_is_read_by_people(village: Operator) -> None:
    assert "until 20" in village.do("ca", "renew")
    shown = village.ask("ca", "show")
    heading, root, server = village.do("ca", "show").splitlines()
    columns = ["WHAT", "NAME", "SIGNED", "BY", "VALID", "FROM", "EXPIRES", "AT", "SHA256"]
    assert heading.split() == columns
    assert root.startswith("root 1  Farandole Wi-Fi CA 20")
    assert root.endswith(shown["authorities"][0]["sha256"])
    assert server.split()[:4] == ["server", NAME, "root", "1"]
    pem = village.do("ca", "export").encode()
    told = openssl("x509", "-noout", "-fingerprint", "-sha256", given=pem)
    assert told.strip().partition("=")[2].replace(":", "").lower() in root


def test_the_certificate_is_renewed_when_asked(village: Operator) -> None:
    assert village.do("ca", "renew").startswith(f"The server is {NAME} until ")
    before = village.ask("ca", "show")
    village.do("ca", "renew")
    after = village.ask("ca", "show")
    assert after["authorities"] == before["authorities"]
    assert after["server"]["sha256"] != before["server"]["sha256"]


def test_the_next_root_stands_beside_the_former(village: Operator) -> None:
    first = village.do("ca", "renew", "--authority")
    assert first.startswith("Root 1 is “Farandole Wi-Fi CA 20")
    assert first.endswith("Profiles installed from now on trust it.\n")
    village.do("ca", "renew")
    before = village.ask("ca", "show")["server"]
    hasty = village.refused("ca", "renew", "--authority", status=1)
    assert hasty.endswith("if you are sure, say --yes")
    told = village.do("ca", "renew", "--authority", "--yes")
    assert told.startswith("Root 2 is “Farandole Wi-Fi CA 20")
    assert "no profile has to be installed anew" in told
    shown = village.ask("ca", "show")
    assert [root["id"] for root in shown["authorities"]] == [1, 2]
    assert shown["server"] == before
    assert village.do("ca", "export").count("BEGIN CERTIFICATE") == 2
    assert village.do("ca", "crl").count("BEGIN X509 CRL") == 2


async def test_a_certificate_is_revoked(village: Operator) -> None:
    village.do("ca", "renew")
    add = ("citizen", "add", "anna", "--collectivity", "village", "--password-file", "-")
    village.do(*add, given="lavender in july")
    keyring = load_keyring(village.directory / "state" / "farandole.key")
    opened = database(village)
    async with opened.write("test") as session:
        session.add(Device(id=7, citizen_id=1, name="phone", created_at=datetime.now(UTC)))
        await session.flush()
        issued = await devices.issue(
            session,
            keyring,
            device_id=7,
            realm="v.example",
            crl_url=None,
            now=datetime.now(UTC),
        )
    await opened.close()
    assert "no valid certificate of a device has the serial" in village.refused(
        "ca", "revoke", "00ff", status=1
    )
    octets = [issued.serial[i : i + 2] for i in range(0, len(issued.serial), 2)]
    assert "It is revoked." in village.do("ca", "revoke", ":".join(octets).lower())
    listed = openssl("crl", "-noout", "-text", given=village.do("ca", "crl").encode())
    assert f"Serial Number: {issued.serial}\n" in listed


def test_before_the_first_there_is_nothing_to_write(village: Operator) -> None:
    for verb in ("export", "crl"):
        assert "use `farandole ca renew`" in village.refused("ca", verb, status=1)
    says = "note   certificate: none yet for the secure network. The service makes it when it st"
    assert says in village.run("check").stdout


async def test_check_warns_of_a_certificate_that_ends(village: Operator) -> None:
    village.do("ca", "renew")
    keyring = load_keyring(village.directory / "state" / "farandole.key")
    opened = database(village)
    long_ago = datetime.now(UTC) - timedelta(days=390)
    async with opened.write("test") as session:
        await authority.renew_server(session, keyring, names=[NAME], now=long_ago)
    await opened.close()
    done = village.run("check")
    assert done.returncode == 1
    assert f"AMISS  certificate: {NAME} expires on " in done.stdout
    with village.serve("housekeeping"):
        pass
    assert f"ok     certificate: {NAME}, until " in village.run("check").stdout
