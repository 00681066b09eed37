"""The village square on wires: a phone, the gateway's hostapd, Farandole and what lies beyond."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.interop.hostap import Hostapd, gate, run_hostapd
from tests.interop.namespaces import Plug, connect, namespace
from tests.operator import Operator
from tests.village import PHONE

ANNA: Final = "anna@village.example"
NAS_SECRET: Final = "a secret of the square"
SERVER: Final = "192.0.2.1"
UPLINK: Final = "192.0.2.2"
CELL: Final = "10.0.0.1"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Square:
    """The village square: a phone, wired to a gateway, wired to Farandole and what lies beyond."""

    farandole: Operator
    server: Plug
    uplink: Plug
    cell: Plug
    phone: Plug

    @contextmanager
    def hostapd(self, settings: Mapping[str, object]) -> Iterator[Hostapd]:
        """Run the gateway's hostapd, and the packet filter that does what it says."""
        with (
            run_hostapd(self.cell.namespace, self.cell.interface, settings) as hostapd,
            gate(hostapd),
        ):
            yield hostapd

    def is_online(self) -> bool:
        """Return whether the phone reaches what lies beyond the gateway."""
        return self.phone.namespace.reaches(SERVER)

    def sessions(self) -> list[Row]:
        """The sessions that Farandole knows, the oldest first."""
        return list(reversed(self.farandole.ask("session", "list")))

    def await_sessions(self, hostapd: Hostapd, *expected: Callable[[Row], bool]) -> list[Row]:
        """Return the sessions once there is one for each of `expected`, and it is as expected."""

        def are_there() -> bool:
            found[:] = self.sessions()
            return len(found) == len(expected) and all(
                is_expected(row) for row, is_expected in zip(found, expected, strict=True)
            )

        found: list[Row] = []
        hostapd.process.await_condition(are_there, "make the sessions that were expected")
        return found


def found_village(farandole: Operator) -> None:
    """Set up, by commands alone, the village, its access point, and Anna."""
    village = ("--collectivity", "village")
    farandole.do("database", "upgrade")
    names = ("--name", "Saint-Aubin-des-Lavandes", "--realm", "village.example")
    farandole.do("collectivity", "add", "village", *names)
    farandole.do("hotspot", "add", "square", *village, "--name", "Place de la Mairie")
    nas = ("--hotspot", "square", "--vendor", "hostapd", "--address", UPLINK)
    farandole.do("nas", "add", "square", *nas, "--secret-file", "-", given=NAS_SECRET)
    farandole.do("citizen", "add", "anna", *village, "--email", ANNA)


@contextmanager
def lay_out(farandole: Operator) -> Iterator[Square]:
    """Lay the cables of the square; nothing runs there yet."""
    with namespace() as server, namespace() as gateway, namespace() as phone:
        square = Square(
            farandole,
            server=Plug(server, "eth0", f"{SERVER}/24"),
            uplink=Plug(gateway, "wan0", f"{UPLINK}/24"),
            cell=Plug(gateway, "lan0", f"{CELL}/24"),
            phone=Plug(phone, "eth0", "10.0.0.2/24", mac=PHONE),
        )
        connect(square.uplink, square.server)
        connect(square.cell, square.phone)
        gateway.forward()
        server.route("10.0.0.0/24", UPLINK)
        phone.route("default", CELL)
        yield square
