"""A FreeRADIUS that prints what it is sent and, where it can, sends it back."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import counterparts
from tests.ports import free_port
from tests.process import Process

SECRET = b"a secret of some length"

_CONFIGURATION = """
name = radiusd
raddbdir = {directory}
confdir = {directory}
logdir = {directory}
run_dir = {directory}
libdir = {libraries}
pidfile = {directory}/radiusd.pid
hostname_lookups = no
proxy_requests = no
log {{
    destination = stdout
}}
security {{
    max_attributes = 0
    reject_delay = 0
    status_server = yes
}}
client loopback {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
    require_message_authenticator = no
}}
thread pool {{
    start_servers = 1
    max_servers = 1
    min_spare_servers = 0
    max_spare_servers = 1
}}
modules {{
    always ok {{
        rcode = ok
    }}
}}
server echo {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {ports[auth]}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {ports[acct]}
    }}
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {ports[coa]}
    }}
    authorize {{
        update control {{
            Auth-Type := Accept
        }}
        update reply {{
            &reply: += &request:
        }}
        if (&User-Password) {{
            update reply {{
                Tunnel-Password:3 := "key of a tunnel"
                MS-MPPE-Send-Key := 0x{key}
            }}
        }}
    }}
    preacct {{
        ok
    }}
    accounting {{
        ok
    }}
    recv-coa {{
        ok
    }}
    send-coa {{
        ok
    }}
}}
"""


class FreeRadius:
    """A running server, and how many requests it has had from us."""

    def __init__(self, process: Process, ports: dict[str, int]) -> None:
        self._process = process
        self._ports = ports
        self._requests = 0
        self._read = 0

    def exchange(self, kind: str, datagram: bytes) -> tuple[bytes, list[tuple[str, str]]]:
        """Return the reply, and the names and values that the server says the request has.

        `kind` is auth, acct or coa.
        """
        number = self._requests
        self._requests += 1
        # From a new port each time: what is alike but for that is no duplicate.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.settimeout(5)
            ours.sendto(datagram, ("127.0.0.1", self._ports[kind]))
            reply = ours.recv(8192)
        self._process.await_condition(
            lambda: f"({number}) Finished request" in self._process.output[self._read :],
            "print the request",
            seconds=5,
        )
        output = self._process.output[self._read :]
        self._read += len(output)
        return reply, _request_attributes(number, output)


@contextmanager
def running(directory: Path) -> Iterator[FreeRadius]:
    """A server for the length of a `with` block, its files in `directory`."""
    program = counterparts.require("freeradius")
    ports = {kind: free_port() for kind in ("auth", "acct", "coa")}
    (directory / "radiusd.conf").write_text(
        _CONFIGURATION.format(
            directory=directory,
            libraries="/usr/lib/freeradius",
            secret=SECRET.decode(),
            key=b"key of a tunnel".hex(),
            ports=ports,
        )
    )
    command = (program, "-d", directory, "-n", "radiusd", "-fxx", "-l", "stdout")
    with Process(*command, environment={"TZ": "UTC"}) as process:
        process.await_line("Ready to process requests")
        yield FreeRadius(process, ports)


def known_names() -> frozenset[str]:
    """The names of the attributes in FreeRADIUS' own dictionaries, none if it is not here."""
    return frozenset(words[1] for words in _dictionary_lines("ATTRIBUTE"))


def known_values() -> dict[tuple[str, str], int]:
    """The numbers that FreeRADIUS' dictionaries have names for, by attribute and name."""
    return {(words[1], words[2]): int(words[3], 0) for words in _dictionary_lines("VALUE")}


def _dictionary_lines(statement: str) -> Iterator[list[str]]:
    for file in Path("/usr/share/freeradius").glob("dictionary.*"):
        for line in file.read_text(errors="replace").splitlines():
            words = line.split()
            if words[:1] == [statement]:
                yield words


def _request_attributes(number: int, output: str) -> list[tuple[str, str]]:
    """What is printed between the lines of reception and of sending; sections indent deeper."""
    begin = output.index(f"({number}) Received ")
    end = output.index(f"({number}) Sent ", begin)
    line = re.compile(rf"^\({number}\)   ([\w.:-]+) = (.*)$", re.MULTILINE)
    return line.findall(output[begin:end])
