"""The operator's certificate for RADIUS over TLS: read from files, and when they change."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaa.model import Use
from aaa.pki import authority
from aaa.pki.files import CertificateFiles, FileSetting
from aaa.settings import ConfigurationError
from aaa.snapshot import Directory
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.radsec import write_identity
from tests.village import Village, entered

NAME = "radius.village.example"


@pytest.fixture
async def village(settled_sqlite_url: str) -> AsyncIterator[Village]:
    async with entered(settled_sqlite_url) as village:
        yield village


@pytest.fixture
def root() -> Authority:
    return Authority("Public Root")


def files(folder: Path) -> CertificateFiles:
    return CertificateFiles(
        FileSetting("radius.radsec_certificate_file", folder / "cert.pem"),
        FileSetting("radius.radsec_key_file", folder / "key.pem"),
    )


def write(folder: Path, issued: Issued) -> None:
    write_identity(folder, issued)


async def test_it_takes_the_place_of_ours_and_changes_with_the_files(
    village: Village, root: Authority, tmp_path: Path
) -> None:
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=[NAME],
            federation_name="Hills",
            now=village.clock(),
            use=Use.RADSEC,
        )
    ours = (await village.directory.refresh()).radsec_identity
    first, second = root.peer(NAME), root.peer("renewed.example")
    write(tmp_path, first)
    directory = Directory(village.database, village.keyring, files(tmp_path))
    shown = (await directory.refresh()).radsec_identity
    assert ours is not None
    assert shown is not None
    assert (shown.chain, shown.names, shown.anchors) == ((first.der,), (NAME,), ours.anchors)
    before = directory.current
    assert await directory.refresh() is before
    write(tmp_path, second)
    shown = (await directory.refresh()).radsec_identity
    assert shown is not None
    assert (shown.chain, shown.names) == ((second.der,), ("renewed.example",))
    assert before.server_identity == directory.current.server_identity


async def test_files_in_the_middle_of_a_change_leave_the_former_in_use(
    village: Village, root: Authority, tmp_path: Path
) -> None:
    first, second = root.peer(NAME), root.peer(NAME)
    write(tmp_path, first)
    directory = Directory(village.database, village.keyring, files(tmp_path))
    await directory.refresh()
    key = (tmp_path / "key.pem").read_bytes()
    write(tmp_path, second)
    new_key = (tmp_path / "key.pem").read_bytes()
    (tmp_path / "key.pem").write_bytes(key)
    shown = (await directory.refresh()).radsec_identity
    assert shown is not None
    assert shown.chain == (first.der,)
    (tmp_path / "key.pem").unlink()
    (tmp_path / "key.pem").write_bytes(new_key)
    shown = (await directory.refresh()).radsec_identity
    assert shown is not None
    assert shown.chain == (second.der,)


@pytest.mark.parametrize(
    ("file", "holds", "says"),
    [
        ("cert.pem", None, "radius.radsec_certificate_file: .* cannot be read"),
        ("cert.pem", b"minutes of the council", "holds no certificates"),
        ("key.pem", None, "radius.radsec_key_file: .* cannot be read"),
        ("key.pem", b"minutes of the council", "holds no key that can be read"),
    ],
)
def test_files_of_no_use(
    root: Authority, tmp_path: Path, file: str, holds: bytes | None, says: str
) -> None:
    write(tmp_path, root.peer(NAME))
    if holds is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(holds)
    with pytest.raises(ConfigurationError, match=says):
        files(tmp_path)


def test_a_key_of_another_certificate(root: Authority, tmp_path: Path) -> None:
    write(tmp_path, root.peer(NAME))
    key = (tmp_path / "key.pem").read_bytes()
    write(tmp_path, root.peer(NAME))
    (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(ConfigurationError, match="is not the key of the first certificate"):
        files(tmp_path)
