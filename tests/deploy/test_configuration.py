"""Bad configuration: one clear line that names setting and remedy, exit status 2, no port held."""

import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from aaa.settings_template import describe
from deploy import cli, revisions
from tests.house.sources import ROOT
from tests.operator import Operator
from tests.ports import free_port


def complaint(
    operator: Operator,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    prefix: tuple[str, ...] = (),
) -> str:
    """Return the one line that `farandole serve` ends with, under other ``settings``."""
    environment = {
        f"FARANDOLE_{setting.upper().replace('.', '__')}": value
        for setting, value in (settings or {}).items()
    }
    done = operator.run("serve", *arguments, environment=environment, prefix=prefix)
    assert (done.returncode, done.stdout) == (2, ""), (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert line.startswith("farandole: ")
    return line


def configured_by_files(operator: Operator) -> Operator:
    """The same person, without a word about settings in the environment."""
    kept = {key: value for key, value in operator.environment.items() if "__" not in key}
    return Operator(operator.directory, kept)


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[str]:
    """Hold a port as some other program would."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[radius]\nauth_prot = 1812",
            "radius.auth_prot: there is no such setting. Did you mean a",
        ),
        ("[radios]\nport = 1812", "radios: there is no such setting. Did you mean radius?"),
        ("[radius]\nauth_port = 'many'", "radius.auth_port: input should be a valid integer"),
        ("[radius]\nauth_port = 99999", "radius.auth_port: input should be less than or equal to"),
        ("[radius]\naddress = 'here'", "radius.address: not an IP address; write 0.0.0.0"),
        ("[database]\nurl = 'mysql://x'", "database.url: not a database we know; write sqlite:///"),
        ("[mail]\nurl = 'imap://x'", "mail.url: not a mail server; write smtp://"),
        ("[radius", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used(local_operator: Operator, text: str, says: str) -> None:
    file = local_operator.directory / "farandole.toml"
    file.write_text(text)
    operator = configured_by_files(local_operator)
    assert says in complaint(operator, "--config", str(file))


def test_a_file_that_is_not_there(local_operator: Operator) -> None:
    line = complaint(local_operator, "--config", "/nowhere/farandole.toml")
    assert "/nowhere/farandole.toml: cannot be read (No such file or directory)" in line


def test_a_wrong_value_in_the_environment(local_operator: Operator) -> None:
    line = complaint(local_operator, settings={"radius.auth_port": "radius"})
    assert "radius.auth_port: input should be a valid integer" in line
    assert "FARANDOLE_RADIUS__AUTH_PORT" in line


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("radius.auth_port", socket.SOCK_DGRAM),
        ("radius.acct_port", socket.SOCK_DGRAM),
        ("radius.radsec_port", socket.SOCK_STREAM),
        ("portal.port", socket.SOCK_STREAM),
        ("monitoring.port", socket.SOCK_STREAM),
    ],
)
def test_a_port_that_is_taken(
    local_operator: Operator, setting: str, kind: socket.SocketKind
) -> None:
    local_operator.do("database", "upgrade")
    with taken(kind) as port:
        line = complaint(local_operator, settings={setting: port})
    assert f"{setting}: port {port} on 127.0.0.1 is taken by another program. End that" in line


def test_an_address_that_is_not_ours(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    line = complaint(local_operator, settings={"radius.address": "192.0.2.1"})
    assert "radius.address: this machine has no address 192.0.2.1. Write one of its own" in line


def test_no_database_yet(operator: Operator) -> None:
    assert "database.url: the database has no tables yet. Run `farandole database" in complaint(
        operator
    )


def test_a_database_of_a_newer_version(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    file = local_operator.directory / "state" / "farandole.db"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    line = complaint(local_operator)
    assert "database.url: the database was written by a newer version (revision 9999" in line
    assert f"this one knows up to {revisions.newest():04}). Install that version or" in line
    assert "newer version" in local_operator.refused("database", "upgrade", status=2)
    assert "newer version" in local_operator.refused("nas", "list", status=2)


def test_a_file_that_is_no_database(local_operator: Operator) -> None:
    state = local_operator.directory / "state"
    state.mkdir()
    (state / "farandole.db").write_text("minutes of the council " * 200)
    says = "database.url: the file is no SQLite database, or a damaged one. Restore the backup, or"
    assert says in complaint(local_operator)
    assert says in local_operator.refused("database", "upgrade", status=2)
    assert says in local_operator.refused("nas", "list", status=2)


def test_a_database_that_is_damaged(village: Operator) -> None:
    file = village.directory / "state" / "farandole.db"
    damaged = bytearray(file.read_bytes())
    # All but the first page, which says that this is a database.
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    file.write_bytes(damaged)
    assert "or a damaged one" in village.refused("nas", "list", status=2)


def test_a_bug_says_that_it_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_context: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("deploy.commands.config.load", broken)
    assert cli.run(["config", "check"]) == 70
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "farandole: this is a bug of ours: report it with the lines above"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://nobody@127.0.0.1:{port}/none", "unavailable"),
        ("sqlite:////proc/none/farandole.db", "no tables yet"),
    ],
)
def test_a_database_that_is_away(local_operator: Operator, url: str, says: str) -> None:
    line = complaint(local_operator, settings={"database.url": url.format(port=free_port())})
    assert line.startswith("farandole: database.url: ")
    assert says in line


def test_a_database_server_that_knows_no_such_database(
    local_operator: Operator, postgresql_url: str
) -> None:
    line = complaint(local_operator, settings={"database.url": f"{postgresql_url}_of_another_name"})
    assert line.startswith("farandole: database.url: ")
    assert "does not exist" in line


def test_a_key_file_that_cannot_be_used(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    key = local_operator.directory / "state" / "farandole.key"
    good = key.read_bytes()

    key.write_text("not a key")
    assert f"state.directory: key file {key} is not a Farandole key" in complaint(local_operator)
    key.write_text("b3RoZXIga2V5IG9mIDMyIG9jdGV0cyBpbiBiYXNlNjQ=")
    assert "is not the one that this database is sealed with" in complaint(local_operator)
    key.unlink()
    assert f"key file {key} does not exist. Restore it from the backup" in complaint(local_operator)
    assert "does not exist" in local_operator.refused("database", "upgrade", status=2)
    key.mkdir()
    assert f"key file {key} cannot be read (Is a directory)" in complaint(local_operator)
    key.rmdir()

    key.write_bytes(good)
    key.chmod(0)
    # Root reads whatever it likes, unless it gives that up.
    privileges = "-dac_override,-dac_read_search"
    as_root = ("setpriv", f"--bounding-set={privileges}", f"--inh-caps={privileges}", "--")
    line = complaint(local_operator, prefix=as_root if os.geteuid() == 0 else ())
    assert f"key file {key} cannot be read (Permission denied). Let the service's account" in line


def test_a_state_directory_that_cannot_be_made(local_operator: Operator) -> None:
    (local_operator.directory / "file").touch()
    state = str(local_operator.directory / "file" / "state")
    done = local_operator.run(
        "database", "upgrade", environment={"FARANDOLE_STATE__DIRECTORY": state}
    )
    assert done.returncode == 2
    assert "state.directory: " in done.stderr
    assert "cannot be created (Not a directory). Create it and give it to" in done.stderr


def test_the_example_is_what_describe_prints(local_operator: Operator) -> None:
    example = (ROOT / "deploy" / "farandole.example.toml").read_text()
    assert example == describe()
    assert local_operator.do("config", "describe") == example
    file = local_operator.directory / "example.toml"
    file.write_text(example)
    assert local_operator.do("config", "check", "--config", str(file)) == (
        "The settings can be used.\n"
    )


def test_the_settings_are_read_from_wherever_config_stands(local_operator: Operator) -> None:
    file = local_operator.directory / "farandole.toml"
    file.write_text("[radius]\nauth_port = 'many'")
    operator = configured_by_files(local_operator)
    for arguments in (
        ("--config", str(file), "config", "check"),
        ("config", "check", "--config", str(file)),
        ("config", "check", f"--config={file}"),
    ):
        assert "radius.auth_port" in operator.refused(*arguments, status=2)
