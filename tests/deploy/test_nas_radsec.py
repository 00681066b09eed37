"""`farandole nas radsec`: a NAS connects over TLS, by a certificate that it has or that we make."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from radius.wire.authenticator import encode_access_request
from radius.wire.packet import Code, parse
from tests.openssl import openssl
from tests.operator import Operator, Served
from tests.radius.eap.certificates import Authority
from tests.radius.radsec import SECRET, raw, write_identity
from tests.radius.served import status
from tests.waiting import pause

Files = tuple[Path, Path, Path]


def issued(directory: Path) -> Files:
    return directory / "certificate.pem", directory / "key.pem", directory / "ca.pem"


async def is_answered(served: Served, files: Files) -> bool:
    """Whether Status-Server over TLS is answered, with the certificate in files."""
    try:
        async with raw(served.port("radsec"), files) as connection:
            connection.writer.write(encode_access_request(status(), SECRET.reveal()))
            return parse(await connection.receive()).code is Code.ACCESS_ACCEPT
    except (EOFError, ssl.SSLError, ConnectionError):
        return False


async def until_answered(served: Served, files: Files, expected: bool) -> None:
    """Wait until the running service has seen what was changed beside it."""
    async with asyncio.timeout(30):
        while await is_answered(served, files) is not expected:
            await pause()


def test_a_certificate_of_ours(village: Operator, tmp_path: Path) -> None:
    """It is good at once, is followed by the next, and is taken away at once."""
    directory = tmp_path / "gateway"
    told = village.ask("nas", "radsec", "gateway", "--issue", str(directory))
    assert told["server"].startswith("radius.home.arpa:")
    assert datetime.fromisoformat(told["expires_at"]) > datetime.now(UTC)
    certificate, key, roots = issued(directory)
    assert key.stat().st_mode & 0o077 == 0
    assert f"{certificate}: OK" in openssl("verify", "-CAfile", roots, certificate)
    following = tmp_path / "next"
    with village.serve("radius") as served:
        asyncio.run(until_answered(served, issued(directory), True))
        village.do("nas", "radsec", "gateway", "--issue", str(following), "--keep-former")
        asyncio.run(until_answered(served, issued(following), True))
        assert asyncio.run(is_answered(served, issued(directory)))
        village.do("nas", "radsec", "gateway", "--none")
        asyncio.run(until_answered(served, issued(following), False))
        assert not asyncio.run(is_answered(served, issued(directory)))


def test_a_certificate_of_somebody_elses(village: Operator, tmp_path: Path) -> None:
    root = Authority("Partner Root")
    named = write_identity(tmp_path / "named", root.peer("gw.partner.example"), root.root.der)
    pinned = root.peer("pinned.example")
    certificate, key, _ = write_identity(tmp_path / "pinned", pinned)
    fingerprint = openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", certificate)
    told = village.ask(
        *("nas", "radsec", "gateway", "--certificate-name", "GW.partner.example"),
        *("--anchor", str(named[2])),
    )
    assert told["certificates"] == ["gw.partner.example"]
    told = village.ask(
        *("nas", "radsec", "gateway", "--keep-former"),
        *("--fingerprint", fingerprint.strip().rpartition("=")[2]),
    )
    assert len(told["certificates"]) == 2
    with village.serve("radius") as served:
        asyncio.run(until_answered(served, named, True))
        assert asyncio.run(is_answered(served, (certificate, key, certificate)))
        other = write_identity(tmp_path / "other", root.peer("other.partner.example"))
        assert not asyncio.run(is_answered(served, other))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--none", "--fingerprint", "00" * 32),
        ("--issue", "there", "--certificate-name", "gw.example"),
    ],
)
def test_one_way_at_a_time(village: Operator, options: tuple[str, ...]) -> None:
    line = village.refused("nas", "radsec", "gateway", *options, status=1)
    assert "give one of --issue DIR" in line


def test_files_that_are_there_are_kept(village: Operator, tmp_path: Path) -> None:
    village.do("nas", "radsec", "gateway", "--issue", str(tmp_path / "gateway"))
    before = (tmp_path / "gateway" / "key.pem").read_bytes()
    line = village.refused(
        "nas", "radsec", "gateway", "--issue", str(tmp_path / "gateway"), status=1
    )
    assert "name a directory that is new or empty" in line
    assert (tmp_path / "gateway" / "key.pem").read_bytes() == before
