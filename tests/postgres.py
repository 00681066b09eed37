"""A PostgreSQL server of our own, for the length of a test run."""

import asyncio
import itertools
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.counterparts import require
from tests.ports import free_port
from tests.process import Process

_SUPERUSER = "farandole"


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL server: `port` on 127.0.0.1, its process, and who makes databases."""

    port: int
    process: Process
    _loop: asyncio.Runner
    _administrator: Any

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make a database, empty or a copy of the one named, give its URL, and drop it at the
        end."""
        name = f"test_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/{name}"
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        self._loop.run(self._administrator.execute(statement))


@contextmanager
def run_server() -> Iterator[Server]:
    """Run a new PostgreSQL server on loopback; skip the test where PostgreSQL is not installed.

    It is as durable as in production (fsync is on): tests pull the plug on what writes to it.
    """
    postgres = require("postgres")
    user = _unprivileged_user()
    # Not below pytest's own temporary folder, which nobody but its owner may enter.
    directory = Path(tempfile.mkdtemp(prefix="farandole-postgres-"))
    try:
        if user:
            shutil.chown(directory, user)
        data = directory / "data"
        _initialise(data, user)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(directory),
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with Process(postgres, "-D", data, *options, user=user, directory=directory) as process:
            process.await_line("database system is ready to accept connections")
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as loop:
                url = f"postgresql://{_SUPERUSER}@127.0.0.1:{port}/postgres"
                administrator = loop.run(asyncpg.connect(url))
                yield Server(port, process, loop, administrator)
                loop.run(administrator.close())
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _initialise(data: Path, user: str | None) -> None:
    command = ["initdb", "--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8"]
    command += ["--locale=C", "--no-instructions", f"--pgdata={data}"]
    with Process(require(command[0]), *command[1:], user=user, directory=data.parent) as initdb:
        assert initdb.wait(120) == 0, "initdb failed"


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; return whom to run it as, or None for ourselves."""
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in accounts else "nobody"


_numbers = itertools.count(1)
