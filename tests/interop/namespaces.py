"""Network namespaces, and the cables between them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path

from tests.counterparts import require
from tests.process import Process, enter_network


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network of its own: `holder` is the process that it lives as long as.

    Only the network is apart; files, and the sockets among them, are those of everybody.
    """

    holder: int

    @property
    def path(self) -> Path:
        """The namespace as a file: what `Process` takes as `network`."""
        return Path(f"/proc/{self.holder}/ns/net")

    def run(self, *command: str | Path, given: str | None = None) -> str:
        """Run a program here to its end; return its output. `given` is its standard input."""
        done = self._run(command, given)
        assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}"
        return done.stdout

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread, and those that it starts, open their sockets here; a socket stays in
        the network that it was opened in."""
        with open("/proc/thread-self/ns/net") as outside, self.path.open() as inside:
            enter_network(inside.fileno())
            try:
                yield
            finally:
                enter_network(outside.fileno())

    def reaches(self, address: str) -> bool:
        """Return whether one ping to an address is answered."""
        ping = (require("ping"), "-n", "-c", "1", "-W", "5", address)
        return self._run(ping, None).returncode == 0

    def forward(self) -> None:
        """Route packets between the interfaces, as a gateway does; each that is refused is told so,
        and not one in a second only."""
        settings = "/proc/sys/net/ipv4"
        self.run("sh", "-c", f"cd {settings} && echo 1 > ip_forward && echo 0 > icmp_ratelimit")

    def route(self, destination: str, gateway: str) -> None:
        """Add a route: a network, or `default`, by way of a neighbour."""
        self.run(require("ip"), "route", "add", destination, "via", gateway)

    def _run(
        self, command: tuple[str | Path, ...], given: str | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", f"--net={self.path}", "--", *command],
            input=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a network with loopback and nothing else.

    It has no name that could be taken, and is gone with its holder, however the test ends.
    """
    script = f"{require('ip')} link set lo up && echo ready && exec tail -f /dev/null"
    with Process("unshare", "--net", "sh", "-c", script) as holder:
        holder.await_line("ready")
        yield Namespace(holder.pid)


@dataclass(frozen=True, slots=True)
class Plug:
    """One end of a cable: an interface of a namespace, its address ("192.0.2.1/24"), its MAC."""

    namespace: Namespace
    interface: str
    address: str
    mac: str | None = None

    @property
    def host(self) -> str:
        """The address without its network."""
        return str(ip_interface(self.address).ip)


def connect(one: Plug, other: Plug) -> None:
    """Lay a cable between two namespaces; it is gone with either of them."""
    ip = require("ip")
    peer = ("name", other.interface, "netns", str(other.namespace.holder))
    one.namespace.run(ip, "link", "add", "name", one.interface, "type", "veth", "peer", *peer)
    for plug in (one, other):
        run, device = plug.namespace.run, ("dev", plug.interface)
        if plug.mac is not None:
            run(ip, "link", "set", *device, "address", plug.mac)
        run(ip, "address", "add", plug.address, *device)
        run(ip, "link", "set", *device, "up")
