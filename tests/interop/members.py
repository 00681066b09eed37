"""A member of a federation that runs Farandole, set up by its command, and its citizens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop.certificates import Holder
from tests.interop.eapol import SECRET, TLS, Method, Server, Supplicant, Tls
from tests.operator import ON_LOOPBACK, Operator, operate
from tests.process import Process

_WIFI_SECRET: Final = "lavender in july, by the river of "


@dataclass(frozen=True, slots=True)
class Citizen:
    """Somebody who logs in: how, and by what their supplicant knows their home."""

    name: str
    password: str
    tablet: Holder
    """The certificate of a device."""
    anchor: Path
    server_name: str

    @property
    def realm(self) -> str:
        """Their home's."""
        return self.name.partition("@")[2]

    def supplicant(self, method: Method, tls: Tls = Tls.V1_2) -> Supplicant:
        """Return a supplicant of theirs with everything right."""
        is_certified = method == TLS
        return Supplicant(
            method,
            self.anchor,
            tls,
            identity=self.name,
            outer=f"anonymous@{self.realm}",
            password=None if is_certified else self.password,
            holder=self.tablet if is_certified else None,
            server_name=self.server_name,
        )


def where(name: str, process: Process, port: int, directory: Path) -> Server:
    """Return where access points ask a program that authenticates citizens of whom it may not
    know."""
    return Server(name, process, port, directory, Path(), "", {}, {}, 0, 0)


def prepare(directory: Path, server_name: str, settings: dict[str, str]) -> Operator:
    """Return the operator of an installation on loopback that refuses at once and takes challenges;
    `settings` are its own."""
    chosen = {
        "eap.server_name": server_name,
        "eap.challenges": "true",
        "radius.reject_delay_seconds": "0",
    }
    return operate(directory, ON_LOOPBACK | chosen | settings)


def found(operator: Operator, server_name: str, *realms: str) -> tuple[Citizen, ...]:
    """Make a collectivity for each realm with a citizen, Anna, who has a laptop and a tablet, and
    an access point on loopback; return those citizens."""
    operator.do("database", "upgrade")
    citizens = []
    for realm in realms:
        slug, anna, secret = realm.partition(".")[0], f"anna@{realm}", _WIFI_SECRET + realm
        operator.do("collectivity", "add", slug, "--name", slug.title(), "--realm", realm)
        operator.do("citizen", "add", "anna", "--collectivity", slug, "--email", anna)
        laptop = ("--citizen", anna, "--name", "laptop", "--secret-file", "-")
        operator.do("device", "add", *laptop, given=secret)
        directory = operator.directory / "certificates" / slug
        tablet = ("--citizen", anna, "--name", "tablet", "--certificate", str(directory))
        operator.do("device", "add", *tablet)
        holder = Holder(directory / "certificate.pem", directory / "key.pem")
        anchor = directory / "ca.pem"
        citizens.append(Citizen(anna, secret, holder, anchor, server_name))
    first = realms[0].partition(".")[0]
    operator.do("hotspot", "add", "square", "--collectivity", first, "--name", "La place")
    nas = ("--hotspot", "square", "--vendor", "hostapd", "--address", "127.0.0.1")
    operator.do("nas", "add", "square", *nas, "--secret-file", "-", given=SECRET)
    return tuple(citizens)
