"""Farandole as an operator sets it up: the `farandole` command and nothing else."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop.namespaces import Namespace
from tests.process import Process

_COMMAND = Path(__file__).parents[2] / ".venv" / "bin" / "farandole"


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation with an embedded database; `settings` are `section.key`, as in the file."""

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings as environment variables."""
        settings = {"state.directory": str(self.directory), **self.settings}
        return {
            f"FARANDOLE_{key.replace('.', '__').upper()}": value for key, value in settings.items()
        }

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run one command to its end; return its output. `given` is its standard input."""
        done = subprocess.run(
            [_COMMAND, *arguments],
            env=os.environ | self.environment,
            input=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"farandole {' '.join(arguments)}: {done.stdout}"
        return done.stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run one command that lists something; return its rows."""
        rows: list[dict[str, Any]] = json.loads(self.run(*arguments, "--json"))
        return rows

    @contextmanager
    def serve(self, namespace: Namespace) -> Iterator[Process]:
        """Run `farandole serve` in a namespace, where all ports are free."""
        program = (_COMMAND, "serve")
        with Process(*program, environment=self.environment, network=namespace.path) as process:
            process.await_line("ready")
            yield process
