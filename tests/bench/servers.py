"""The servers of the benchmark, with the same citizens, and the processor time they take."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.operator import Operator
from tests.ports import free_port
from tests.process import Process

SECRET: Final = b"a shared secret for the bench"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_FREERADIUS: Final = """
prefix = /usr
libdir = {library}
run_dir = {directory}
log {{ destination = stdout }}
thread pool {{
  start_servers = 4
  max_servers = 32
}}
max_requests = 65536
cleanup_delay = 2
client loopback {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
}}
modules {{
  files {{
    filename = {directory}/users
  }}
  pap {{
  }}
  detail {{
    filename = {directory}/detail
    permissions = 0600
  }}
}}
server bench {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {auth}
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {acct}
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
  accounting {{
    detail
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its ports, and the process whose tree is charged."""

    name: str
    auth_port: int
    acct_port: int
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """Return the processor time of the whole tree until now."""
        return sum(_ticks(pid) for root in self.pids for pid in _tree(root)) / _TICKS


@contextmanager
def freeradius(directory: Path, passwords: dict[str, str]) -> Iterator[Server]:
    """Run FreeRADIUS with its `files` and `detail` modules, nothing else configured in."""
    program = require("freeradius")
    users = "".join(
        f'{name} Cleartext-Password := "{password}"\n' for name, password in passwords.items()
    )
    (directory / "users").write_text(users)
    auth, acct = free_port(), free_port()
    library = next(Path("/usr/lib").glob("*reeradius*"), Path("/usr/lib/freeradius"))
    configuration = _FREERADIUS.format(
        library=library, directory=directory, secret=SECRET.decode(), auth=auth, acct=acct
    )
    (directory / "radiusd.conf").write_text(configuration)
    with Process(program, "-f", "-l", "stdout", "-d", directory) as process:
        process.await_line("Ready to process requests")
        yield Server("FreeRADIUS", auth, acct, (process.pid,))


@contextmanager
def farandole(name: str, operator: Operator, database_pids: tuple[int, ...]) -> Iterator[Server]:
    """Run `farandole serve` on a database that is prepared already; the database server's
    processor time is charged too."""
    with operator.serve() as served:
        ports = (served.port("authentication"), served.port("accounting"))
        yield Server(name, *ports, (served.process.pid, *database_pids))


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += [int(child) for child in task.read_text().split()]
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15])
