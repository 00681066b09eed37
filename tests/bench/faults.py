"""What the log-ins of others cost while one home does not answer.

Two members on loopback, each served by a process of its own: citizens of a sound home log in at the
village, one after the other, while others, so many a second, log in at a second realm. That realm's
home is sound, silent or gone, in turns, so that whatever else the machine does falls on all three.
"""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from radius.wire import authenticator, hiding
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests.bench.load import Exchange, run
from tests.bench.servers import SECRET
from tests.operator import ON_LOOPBACK, Operator, Served, operate
from tests.ports import free_port
from tests.process import Process

HOMES: Final = ("sound", "silent", "gone")
ROUNDS: Final = 12
LOG_INS: Final = 100
OTHERS_A_SECOND: Final = 50
ROW: Final = "| {:<37} | {:>13} | {:>15} |"
_HERE: Final = "127.0.0.1"
_VILLAGE: Final = "127.0.0.15"
_SHARED: Final = "a secret between two members"


def measure(directory: Path) -> None:
    """Print the delay of log-ins at a sound home, by how the other home is."""
    delays: dict[str, list[float]] = {home: [] for home in HOMES}
    with _silent_port() as silent, _home(directory) as home:
        ports = {"sound": home.port("authentication"), "silent": silent, "gone": free_port()}
        with _village(directory, ports) as village:
            port = village.port("authentication")
            for _ in range(ROUNDS):
                for other in HOMES:
                    with _others(port, other):
                        run(port, _log_ins("sage", 10), outstanding=1)
                        result = run(port, _log_ins("sage", LOG_INS), outstanding=1)
                    if result.answered != LOG_INS:
                        raise RuntimeError(f"of {LOG_INS} log-ins {result.answered} were let in")
                    delays[other] += result.latencies
    lines = [("log-ins elsewhere, by the other home", "p50 / p99 ms", "ratio of p50"), ("---",) * 3]
    for other, found in delays.items():
        ordered = sorted(found)
        p50, p99 = (1000 * ordered[int(share * len(ordered))] for share in (0.5, 0.99))
        ratio = median(found) / median(delays["sound"])
        lines.append((other, f"{p50:.2f} / {p99:.2f}", f"{ratio:.2f}"))
    for line in lines:
        print(ROW.format(*line), flush=True)  # noqa: T201 - the table is what this is for


def _log_ins(realm: str, count: int) -> Iterator[Exchange]:
    for number in range(count):
        datagram = _access_request(realm, number)
        yield Exchange(datagram, Code.ACCESS_ACCEPT, SECRET)


def _access_request(realm: str, number: int) -> bytes:
    request_authenticator = secrets.token_bytes(16)
    password = _secret_of(realm).encode()
    attributes = Attributes.of(
        ("User-Name", f"anna@{realm}.example"),
        ("User-Password", hiding.hide_password(password, SECRET, request_authenticator)),
        ("Calling-Station-Id", f"02-00-5E-00-{number >> 8 & 255:02X}-{number & 255:02X}"),
    )
    packet = Packet(Code.ACCESS_REQUEST, number & 255, request_authenticator, attributes)
    return authenticator.encode_access_request(packet, SECRET)


def _secret_of(realm: str) -> str:
    return f"what is typed at {realm}"


@contextmanager
def _others(port: int, realm: str) -> Iterator[None]:
    """Have citizens of a realm log in for the length of a block, at an even pace, whatever they
    are told."""
    is_over = threading.Event()

    def go_on() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
            endpoint.connect((_HERE, port))
            due_at = time.monotonic()
            for number in range(1 << 30):
                endpoint.send(_access_request(realm, number))
                due_at += 1 / OTHERS_A_SECOND
                if is_over.wait(max(0.0, due_at - time.monotonic())):
                    return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _silent_port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind((_HERE, 0))
        yield endpoint.getsockname()[1]


@contextmanager
def _home(directory: Path) -> Iterator[Served]:
    """Run the member that has the citizens."""
    home = _founded(directory / "home", {})
    for realm in ("sage", "sound"):
        home.do("collectivity", "add", realm, "--name", realm, "--realm", f"{realm}.example")
        mail = f"anna@{realm}.example"
        home.do("citizen", "add", "anna", "--collectivity", realm, "--email", mail)
        phone = ("--citizen", mail, "--name", "phone", "--secret-file", "-")
        home.do("device", "add", *phone, given=_secret_of(realm))
    _add_partner(home, "village", f"udp://{_VILLAGE}:9", "--from", f"{_VILLAGE}/32")
    with home.serve("radius") as served:
        yield served


@contextmanager
def _village(directory: Path, ports: dict[str, int]) -> Iterator[Served]:
    """Run the member that they visit; `ports` are of the homes, by realm."""
    village = _founded(directory / "village", {"federation.source_address": _VILLAGE})
    names = ("--name", "Village", "--realm", "village.example")
    village.do("collectivity", "add", "village", *names)
    village.do("hotspot", "add", "square", "--collectivity", "village", "--name", "Square")
    nas = ("--hotspot", "square", "--vendor", "generic", "--address", _HERE)
    village.do("nas", "add", "bench", *nas, "--secret-file", "-", given=SECRET.decode())
    for realm, port in {**ports, "sage": ports["sound"]}.items():
        _add_partner(village, realm, f"udp://{_HERE}:{port}")
    with village.serve("radius") as served:
        yield served


def _founded(directory: Path, settings: dict[str, str]) -> Operator:
    operator = operate(directory, ON_LOOPBACK | settings, starts=Process)
    operator.do("database", "upgrade")
    return operator


def _add_partner(operator: Operator, name: str, url: str, *more: str) -> None:
    added = ("partner", "add", name, "--title", name, "--realm", f"{name}.example")
    operator.do(*added, "--home", url, *more, "--secret-file", "-", given=_SHARED)
