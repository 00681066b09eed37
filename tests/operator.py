"""Somebody at a terminal of the machine that Farandole runs on."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests import forks
from tests.forks import Forked
from tests.process import Process

FARANDOLE: Final = Path(sys.executable).parent / "farandole"
_MOST_SECONDS: Final = 60
SECRET: Final = "the secret of the square"
# Nothing that another test, or this machine, could stand in the way of.
ON_LOOPBACK: Final = {
    "radius.address": "127.0.0.1",
    "radius.auth_port": "0",
    "radius.acct_port": "0",
    "radius.radsec_port": "0",
    "portal.port": "0",
    "monitoring.port": "0",
}


@dataclass(frozen=True, slots=True)
class Served:
    """A running service: its process, and where its ports are, ``host:port``."""

    process: Process
    endpoints: Mapping[str, str]

    def port(self, what: str) -> int:
        """Return the port of one endpoint."""
        return int(self.endpoints[what].rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class Operator:
    """One installation by its environment; its commands and its service are forked, unless
    ``starts`` says that the service is to start anew."""

    directory: Path
    environment: Mapping[str, str]
    starts: type[Process] = Forked

    def run(
        self,
        *arguments: str,
        given: str = "",
        environment: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with ``given`` on standard input; started anew by the command
        ``prefix`` where there is one, else forked."""
        settings = dict(self.environment) | dict(environment or {})
        if not prefix:
            return forks.run(arguments, given, settings, _MOST_SECONDS)
        return subprocess.run(
            [*prefix, str(FARANDOLE), *arguments],
            input=given,
            env=settings,
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
        )

    def do(self, *arguments: str, given: str = "") -> str:
        """Return what a command writes; it must succeed, and complain of nothing."""
        done = self.run(*arguments, given=given)
        assert (done.returncode, done.stderr) == (0, ""), (arguments, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """Return what a command shows as JSON."""
        return json.loads(self.do(*arguments, "--json"))

    def refused(self, *arguments: str, status: int, given: str = "") -> str:
        """Return the one line that a command fails with."""
        done = self.run(*arguments, given=given)
        assert (done.returncode, done.stdout) == (status, ""), (arguments, done.stdout, done.stderr)
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        return lines[0]

    def found_village(self) -> None:
        """Make the database, a collectivity, its hotspot and a NAS on loopback."""
        self.do("database", "upgrade")
        self.do("collectivity", "add", "village", "--name", "Le Village", "--realm", "v.example")
        self.do("hotspot", "add", "square", "--collectivity", "village", "--name", "La place")
        options = ("--hotspot", "square", "--vendor", "generic", "--address", "127.0.0.1")
        self.do("nas", "add", "gateway", *options, "--secret-file", "-", given=SECRET)

    @contextmanager
    def serve(self, *parts: str, network: Path | None = None) -> Iterator[Served]:
        """Run the service for the length of a block, in the network namespace of a file if one is
        given; it must end well unless it was killed."""
        with self.starts(
            FARANDOLE, "serve", *parts, environment=self.environment, network=network
        ) as process:
            line = process.await_line(r'"farandole is ready".*').group()
            endpoints = dict(re.findall(r'"(\w+)": "([\d.]+:\d+)"', line))
            yield Served(process, endpoints)
            assert process.stop() in (0, -signal.SIGKILL)


def operate(
    directory: Path, settings: Mapping[str, str], starts: type[Process] = Forked
) -> Operator:
    """Return the operator of an installation whose state is kept in ``directory``/state; the other
    ``settings`` are ``section.key``, as in the file."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FARANDOLE_")}
    stated = {"state.directory": str(directory / "state"), **settings}
    ours = {f"FARANDOLE_{key.replace('.', '__').upper()}": value for key, value in stated.items()}
    return Operator(directory, kept | ours, starts)
