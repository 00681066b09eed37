"""Two members of the federation, each with its square on wires, joined by the two commands.

Each member's Farandole is in a network namespace of its own; one cable joins the two. At each
square there is an access point for the secure network (hostapd), and an open one, which is
simulated: no gateway with a captive portal is in Debian.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.interop import open_network
from tests.interop.namespaces import Plug, connect
from tests.interop.square import NAS_SECRET, SERVER, UPLINK, Row, Square, lay_out
from tests.operator import Operator, Served, operate

WIFI_SECRET: Final = "basil and thyme, by the sea"
PASSWORD: Final = "a password that is typed at home"
PORTAL_PORT: Final = 8080
_REALMS: Final = {"lavender": "lavender.example", "liguria": "liguria.example"}
_NAMES: Final = {"lavender": "Pays des Lavandes", "liguria": "Regione Liguria"}
_ADDRESSES: Final = {"lavender": "198.51.100.1", "liguria": "198.51.100.2"}


@dataclass(frozen=True, slots=True)
class Member:
    """A member at work."""

    slug: str
    square: Square
    served: Served

    @property
    def farandole(self) -> Operator:
        """Its commands."""
        return self.square.farandole

    @property
    def title(self) -> str:
        """What people call it."""
        return _NAMES[self.slug]

    @property
    def realm(self) -> str:
        """The realm of its citizens."""
        return _REALMS[self.slug]

    @property
    def server_name(self) -> str:
        """The name in its certificates."""
        return f"radius.{self.realm}"

    @property
    def portal(self) -> str:
        """Where its portal is: its entity identifier."""
        return f"http://{_ADDRESSES[self.slug]}:{PORTAL_PORT}"

    def citizen(self, name: str) -> str:
        """Add a citizen of a name, with a password and a device with a Wi-Fi secret; return the
        identifier."""
        nai = f"{name}@{self.realm}"
        home = ("--collectivity", self.slug, "--password-file", "-")
        self.farandole.do("citizen", "add", name, *home, given=PASSWORD)
        device = ("--citizen", nai, "--name", "phone", "--secret-file", "-")
        self.farandole.do("device", "add", *device, given=f"{WIFI_SECRET}, {name}")
        return nai

    def sessions(self) -> list[Row]:
        """The sessions that it knows, the oldest first."""
        return self.square.sessions()

    def connections(self) -> dict[tuple[str, str], str]:
        """The state of each pair of members that it knows of, (visited, home) by title."""
        found: list[dict[str, Any]] = self.farandole.ask("partner", "list")
        return {
            (each["visited_title"], each["home_title"]): each["state"]
            for row in found
            for each in row["connections"]
        }

    def hostapd_settings(self) -> dict[str, object]:
        """What its access point is told: what `farandole nas secure` prints, less what needs a
        radio."""
        text = self.farandole.do("nas", "secure", "square", "--format", "hostapd")
        text = text.replace("<the shared secret>", NAS_SECRET)
        text = text.replace("<address of this machine>", SERVER)
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        settings: dict[str, object] = {
            key: value
            for key, _, value in (line.partition("=") for line in lines)
            if key not in {"wpa", "hs20"}
        }
        return settings | {"driver": "wired", "use_pae_group_addr": 1, "own_ip_addr": UPLINK}


@contextmanager
def run_members(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Member, Member]]:
    """Run two members that have joined hands; `settings` are both's."""
    with ExitStack() as stack:
        squares = {slug: _found(stack, directory, slug, settings or {}) for slug in _REALMS}
        one, other = squares.values()
        connect(_link(one, "lavender"), _link(other, "liguria"))
        lavender, liguria = (
            Member(
                slug,
                square,
                stack.enter_context(square.farandole.serve(network=square.server.namespace.path)),
            )
            for slug, square in squares.items()
        )
        _join(lavender, liguria)
        yield lavender, liguria


def _found(stack: ExitStack, directory: Path, slug: str, settings: Mapping[str, str]) -> Square:
    """Lay out a member's square, and set the member up by commands alone."""
    address, realm = _ADDRESSES[slug], _REALMS[slug]
    farandole = operate(
        directory / slug,
        {
            "radius.reject_delay_seconds": "0",
            "portal.address": "0.0.0.0",
            "portal.public_url": f"http://{address}:{PORTAL_PORT}",
            "eap.server_name": f"radius.{realm}",
            "federation.servers": f"{address}:2083",
            "federation.refresh_seconds": "1",
            "federation.canary_seconds": "2",
            **settings,
        },
    )
    farandole.do("database", "upgrade")
    farandole.do("collectivity", "add", slug, "--name", _NAMES[slug], "--realm", realm)
    farandole.do("hotspot", "add", "square", "--collectivity", slug, "--name", "La place")
    secure = ("--hotspot", "square", "--vendor", "hostapd", "--address", UPLINK)
    farandole.do("nas", "add", "square", *secure, "--secret-file", "-", given=NAS_SECRET)
    gateway: tuple[str, ...] = (
        "--hotspot",
        "square",
        "--vendor",
        "coovachilli",
        "--address",
        "127.0.0.1",
    )
    secrets = {
        "--secret-file": open_network.NAS_SECRET,
        "--uam-secret-file": open_network.UAM_SECRET,
    }
    for option, secret in secrets.items():
        file = directory / f"{slug}{option}"
        file.write_text(secret)
        gateway += (option, str(file))
    farandole.do("nas", "add", open_network.NAS, *gateway)
    return stack.enter_context(lay_out(farandole))


def _link(square: Square, slug: str) -> Plug:
    return Plug(square.server.namespace, "member0", f"{_ADDRESSES[slug]}/24")


def _join(inviting: Member, invited: Member) -> None:
    """Have the two join hands, by a command each."""
    code = inviting.farandole.ask("partner", "invite")["code"]
    inside = ("nsenter", f"--net={invited.square.server.namespace.path}", "--")
    done = invited.farandole.run("partner", "accept", given=code, prefix=inside)
    assert done.returncode == 0, (done.stdout, done.stderr)
