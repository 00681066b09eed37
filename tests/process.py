"""Running a real program beside a test."""

import ctypes
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

_NETWORK: Final = 0x40000000  # CLONE_NEWNET


def enter_network(namespace: int) -> None:
    """Move this thread into a network namespace, by the descriptor of its file (setns(2), which
    Python has from 3.12 on)."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _NETWORK) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class ProgramFailed(AssertionError):
    """The program ended, or did not do in time what the test waits for."""


class Started(Protocol):
    """What is used of a program that was started: `subprocess.Popen` has it."""

    pid: int

    @property
    def stdout(self) -> IO[str] | None: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...


class Process:
    """A program that runs for the length of a `with` block, with its output at hand.

    `environment` is added to that of the test. `user` is the account to run as, for programs that
    refuse to run as root. `network` is the file of a network namespace to run in. Standard output
    and standard error are read as one. When the block is left by an exception, the output is added
    to it as a note.

    The program ends with the thread that started it, even where that one is killed: start it from
    the main thread.
    """

    def __init__(
        self,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
        network: Path | None = None,
    ) -> None:
        self._command = [str(word) for word in command]
        self._name = Path(command[0]).name
        self._environment = os.environ | dict(environment or {})
        self._directory = directory
        self._user = user
        self._network = network
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._process = self._start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            error.add_note(self._report())

    @property
    def pid(self) -> int:
        """The process id of the program."""
        return self._process.pid

    @property
    def output(self) -> str:
        """All that the program has written so far."""
        with self._changed:
            return "".join(self._lines)

    def await_line(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """Return the first match of `pattern` in a line of the output, past or to come.

        Raises ProgramFailed when the program ends, or `seconds` pass, without one.
        """
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                self._await_change(deadline, f"write a line with {pattern!r}")

    def await_condition(
        self, condition: Callable[[], bool], what: str, seconds: float = 30
    ) -> None:
        """Return once `condition()` holds; it is asked again on every output and 20 times a second.

        For what a program does not announce, such as a file or a port. `what` completes the
        sentence "the program did not ..." of the ProgramFailed that it raises otherwise.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            with self._changed:
                self._await_change(deadline, what, at_most=0.05)

    def wait(self, seconds: float = 30) -> int:
        """Return the exit status once the program has ended by itself (negative: by a signal)."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(f"{self._name} did not end in {seconds} s") from error
        self._reader.join(seconds)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, not to what it started."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the program and everything it started with SIGKILL, as a power cut would."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def stop(self, seconds: float = 15) -> int:
        """End the program with SIGTERM, or with SIGKILL after `seconds`; return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                with self._changed:
                    self._lines.append(f"[still there {seconds} s after SIGTERM: killed]\n")
        self._signal_group(signal.SIGKILL)  # and whatever it left behind
        self._process.wait()
        self._reader.join(seconds)
        return self._process.wait()

    def _start(self) -> Started:
        user, network = self._user, self._network
        account = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
        within = ["nsenter", f"--net={network}", "--"] if network else []
        return subprocess.Popen(
            [*within, "setpriv", "--pdeathsig", "KILL", *account, "--", *self._command],
            env=self._environment,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _await_change(self, deadline: float, what: str, at_most: float | None = None) -> None:
        if self._ended:
            raise ProgramFailed(f"{self._name} ended and did not {what}")
        left = deadline - time.monotonic()
        if left <= 0:
            raise ProgramFailed(f"{self._name} did not {what} in time")
        self._changed.wait(left if at_most is None else min(left, at_most))

    def _report(self) -> str:
        return f"Output of {self._name} (exit status {self._process.returncode}):\n{self.output}"
