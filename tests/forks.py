"""The command `farandole` in a process of its own, forked from one that has loaded it already.

To load Farandole is most of what a command costs. Memory, environment, streams, signals and the way
it ends belong to each process alone, as if it had been started anew; that the installed command
starts anew, and with what it loads by itself, is for `tests/deploy` to show.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from tests.process import Process, enter_network

_ROOT: Final = Path(__file__).parent.parent
# Loaded by name, and only when a database or a port is opened.
_LOADED_LATE: Final = (
    "aiosqlite",
    "alembic.command",
    "asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.protocols.http.httptools_impl",
)
_MOST_OCTETS: Final = 1 << 17
_PR_SET_PDEATHSIG: Final = 1


@dataclass(slots=True)
class Fork:
    """A running command: what the tests use of `subprocess.Popen`."""

    pid: int
    stdout: IO[str] | None
    _report: socket.socket
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status (negative: by a signal), None as long as it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raise TimeoutExpired after so many seconds without one."""
        if self.returncode is None:
            self._report.settimeout(timeout)
            try:
                self.returncode = int(self._report.recv(_MOST_OCTETS))
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("farandole", timeout or 0) from None
            self._report.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM, if it still runs."""
        self.send_signal(signal.SIGTERM)


class Forked(Process):
    """`farandole` with its arguments: a :class:`Process` without the time that loading takes."""

    def _start(self) -> Fork:
        reads, writes = os.pipe()
        try:
            return start(
                self._command[1:],
                (os.open(os.devnull, os.O_RDONLY), writes, writes),
                environment=self._environment,
                directory=self._directory,
                network=self._network,
                stdout=os.fdopen(reads, errors="replace"),
            )
        finally:
            os.close(writes)


def start(
    arguments: Sequence[str],
    streams: tuple[int, int, int],
    *,
    environment: Mapping[str, str],
    directory: Path | None = None,
    network: Path | None = None,
    stdout: IO[str] | None = None,
) -> Fork:
    """Start a command on three file descriptors, which stay the caller's, with this environment
    and no other."""
    order = {
        "arguments": arguments,
        "environment": dict(environment),
        "directory": str(directory or Path.cwd()),
        "network": network and str(network),
    }
    report, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        descriptors = [*streams, theirs.fileno()]
        socket.send_fds(_forker().control, [json.dumps(order).encode()], descriptors)
    return Fork(int(report.recv(_MOST_OCTETS)), stdout, report)


def run(
    arguments: Sequence[str], given: str, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does, with ``given`` on standard input."""
    streams = (os.memfd_create("input"), os.memfd_create("output"), os.memfd_create("errors"))
    try:
        os.pwrite(streams[0], given.encode(), 0)
        fork = start(arguments, streams, environment=environment)
        try:
            fork.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(fork.pid, signal.SIGKILL)
            raise
        said, complained = (
            os.pread(stream, os.fstat(stream).st_size, 0).decode() for stream in streams[1:]
        )
    finally:
        for stream in streams:
            os.close(stream)
    assert fork.returncode is not None
    return subprocess.CompletedProcess(arguments, fork.returncode, said, complained)


@dataclass(frozen=True, slots=True)
class _Forker:
    """The process that forks, and how it is told to; it ends with ours."""

    control: socket.socket
    process: "subprocess.Popen[bytes]"

    def end(self) -> None:
        self.control.close()
        self.process.wait()


_starting: Final = threading.Lock()
_started: list[_Forker] = []


def _forker() -> _Forker:
    with _starting:
        if not _started:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.forks", str(theirs.fileno())],
                    cwd=_ROOT,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            _started.append(_Forker(ours, process))
            atexit.register(_started[0].end)
    return _started[0]


@dataclass(slots=True)
class _Forking:
    """What the process that forks does: one fork for each order, one report for each end."""

    control: socket.socket
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> bool:
        """Return True in each process that was forked, False when there is nothing more to do."""
        self.selector.register(self.control, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.data:
                    self._report(key.fd, *key.data)
                    continue
                order, descriptors, _, _ = socket.recv_fds(self.control, _MOST_OCTETS, 4)
                if not order:
                    return False
                if self._fork(json.loads(order), descriptors):
                    return True

    def _fork(self, order: dict[str, Any], descriptors: list[int]) -> bool:
        pid = os.fork()
        if pid == 0:
            self.selector.close()
            self.control.close()
            _become(order, descriptors)
            return True
        report = socket.socket(fileno=descriptors.pop())
        for descriptor in descriptors:
            os.close(descriptor)
        report.send(str(pid).encode())
        self.selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, report))
        return False

    def _report(self, ended: int, pid: int, report: socket.socket) -> None:
        self.selector.unregister(ended)
        os.close(ended)
        _, status = os.waitpid(pid, 0)
        with report:
            report.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """Make this process the one that was ordered."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        if number < 3:
            os.dup2(descriptor, number)
        os.close(descriptor)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if order["network"]:
        with open(order["network"]) as network:
            enter_network(network.fileno())
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    sys.argv = ["farandole", *order["arguments"]]


def _main() -> None:
    from deploy import cli
    from deploy.commands import COMMANDS

    nouns = [f"deploy.commands.{name.replace('-', '_')}" for name in COMMANDS]
    for name in (*nouns, *_LOADED_LATE):
        importlib.import_module(name)
    assert threading.active_count() == 1, "what is forked would lack the other threads"
    gc.collect()
    gc.freeze()
    if _Forking(socket.socket(fileno=int(sys.argv[1]))).serve():
        try:
            cli.main()
        except SystemExit as ended:
            _end(ended.code)


def _end(status: object) -> NoReturn:
    """End as the interpreter does, but leave taking memory apart to the system, which is quick."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else bool(status))


if __name__ == "__main__":
    _main()
