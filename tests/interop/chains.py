"""Four servers and the ways between them: two Farandoles and a FreeRADIUS, each home and place
that others visit, and a radsecproxy, the hub that they have in common.

    village ---TLS--- hub ---UDP--- valle          (both are Farandole)
                     |   |
                    TLS UDP                        by realm where it is home,
                     |   |                         by home where it is visited
                     basil                         (FreeRADIUS)

    village ---TLS--- valle, and ---UDP---         with nobody between, by realm

What the hub has of the Farandoles is what `farandole partner` has printed there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aaa.secret import Secret
from tests.interop import basil, hub
from tests.interop.eapol import SECRET, SERVER_NAME, Server
from tests.interop.hub import Hub, Ports
from tests.interop.members import Citizen, found, prepare, where
from tests.operator import Operator, Served
from tests.process import Process

_VILLAGE_ADDRESS: Final = "127.0.0.14"
_VALLE_ADDRESS: Final = "127.0.0.16"
_VALLE_NAME: Final = "radius.valle.example"
# Longer than any answer takes, and soon over where there is none.
_RESPONSE_SECONDS: Final = "3"


@dataclass(frozen=True, slots=True)
class Way:
    """From a place that is visited to a home; `realm` is what leads there."""

    visited: str
    legs: str
    realm: str

    @property
    def home(self) -> str:
        """Who is at the end."""
        return _HOMES[self.realm]

    def __str__(self) -> str:
        return f"{self.visited}-{self.legs}-{self.home}"


_HOMES: Final = {
    "village.example": "village",
    "hills.example": "village",
    "valle.example": "valle",
    "lago.example": "valle",
    "riva.example": "valle",
    basil.REALM: "basil",
    basil.OTHER_REALM: "basil",
}
WAYS: Final = (
    Way("village", "tls", "lago.example"),
    Way("village", "udp", "riva.example"),
    Way("valle", "tls", "hills.example"),
    Way("village", "tls-hub-udp", "valle.example"),
    Way("valle", "udp-hub-tls", "village.example"),
    Way("village", "tls-hub-tls", basil.REALM),
    Way("village", "tls-hub-udp", basil.OTHER_REALM),
    Way("valle", "udp-hub-tls", basil.REALM),
    Way("basil", "tls-hub-tls", "village.example"),
    Way("basil", "udp-hub-udp", "valle.example"),
)
"""Every home and every other that is visited; the two with FreeRADIUS and nobody between are in
test_partners."""


@dataclass(frozen=True, slots=True)
class Chains:
    """All that runs."""

    servers: Mapping[str, Server]
    acct_ports: Mapping[str, int]
    citizens: Mapping[str, Citizen]
    operators: Mapping[str, Operator]
    basil: basil.Basil

    @property
    def secret(self) -> Secret:
        """What each has with its access point."""
        return Secret(SECRET)


@contextmanager
def run_chains(directory: Path) -> Iterator[Chains]:
    """Run the four on loopback."""
    ports = Ports.free()
    village, valle = _prepare(directory, ports)
    citizens = [
        *found(village, SERVER_NAME, "village.example", "hills.example"),
        *found(valle, _VALLE_NAME, "valle.example", "lago.example", "riva.example"),
    ]
    theirs = basil.configure(directory / "basil", ports.basil_auth, ports.basil_acct)
    known = basil.PASSWORD, theirs.tablet, theirs.anchor, basil.NAME
    citizens += [Citizen(f"giulia@{realm}", *known) for realm in (basil.REALM, basil.OTHER_REALM)]
    _join_directly(village, valle, ports)
    between = hub.prepare(directory / "hub")
    _join_by_hub(village, valle, between, ports)
    between.configure(theirs, ports, village, valle)
    operators = {"village": village, "valle": valle}
    with _run(operators, theirs, between, ports) as (freeradius, served):
        servers = {
            name: where(name, each.process, each.port("authentication"), operator.directory)
            for (name, operator), each in zip(operators.items(), served, strict=True)
        }
        servers["basil"] = where("basil", freeradius, theirs.auth_port, theirs.directory)
        acct_ports = dict(zip(operators, (each.port("accounting") for each in served), strict=True))
        acct_ports["basil"] = theirs.acct_port
        by_realm = {citizen.realm: citizen for citizen in citizens}
        yield Chains(servers, acct_ports, by_realm, operators, theirs)


def _prepare(directory: Path, ports: Ports) -> tuple[Operator, Operator]:
    """Return the operators of the village and of Valle."""
    patience = {"federation.response_seconds": _RESPONSE_SECONDS}
    village = {
        "federation.source_address": _VILLAGE_ADDRESS,
        "radius.radsec_port": str(ports.village),
    }
    valle = {
        "federation.source_address": _VALLE_ADDRESS,
        "radius.auth_port": str(ports.valle_auth),
        "radius.acct_port": str(ports.valle_acct),
        "radius.radsec_port": str(ports.valle_tls),
    }
    return (
        prepare(directory / "village", SERVER_NAME, patience | village),
        prepare(directory / "valle", _VALLE_NAME, patience | valle),
    )


def _join_directly(village: Operator, valle: Operator, ports: Ports) -> None:
    """Have the two Farandoles know each other over TLS, and the village ask over UDP, too."""
    here, there = (operator.directory / "other-ca.pem" for operator in (village, valle))
    here.write_text(valle.do("ca", "export"))
    there.write_text(village.do("ca", "export"))
    village.do(
        *("partner", "add", "lago", "--title", "Lago", "--realm", "lago.example"),
        *("--home", f"tls://127.0.0.1:{ports.valle_tls}", "--anchor", str(here)),
        *("--certificate-name", _VALLE_NAME, "--from-certificate-name", _VALLE_NAME),
    )
    village.do(
        *("partner", "add", "riva", "--title", "Riva", "--realm", "riva.example"),
        *("--home", f"udp://127.0.0.1:{ports.valle_auth}", "--secret-file", "-"),
        *("--accounting-port", str(ports.valle_acct)),
        given=hub.SHARED,
    )
    valle.do(
        *("partner", "add", "hills", "--title", "Hills", "--realm", "hills.example"),
        *("--home", f"tls://127.0.0.1:{ports.village}", "--anchor", str(there)),
        *("--certificate-name", SERVER_NAME, "--from-certificate-name", SERVER_NAME),
        *("--from", _VILLAGE_ADDRESS, "--from-secret-file", "-"),
        given=hub.SHARED,
    )


def _join_by_hub(village: Operator, valle: Operator, between: Hub, ports: Ports) -> None:
    """Have the two send to the hub what is nobody else's: the village over TLS, Valle over UDP."""
    named = ("partner", "add", "hub", "--title", "The hub", "--realm", "*")
    village.do(
        *(*named, "--home", f"tls://127.0.0.1:{ports.hub_tls}", "--anchor", str(between.anchor)),
        *("--certificate-name", hub.NAME, "--from-certificate-name", hub.NAME),
    )
    valle.do(
        *(*named, "--home", f"udp://127.0.0.1:{ports.hub_auth}"),
        *("--accounting-port", str(ports.hub_acct)),
        *("--from", hub.ADDRESS, "--secret-file", "-"),
        given=hub.SHARED,
    )


@contextmanager
def _run(
    operators: Mapping[str, Operator], theirs: basil.Basil, between: Hub, ports: Ports
) -> Iterator[tuple[Process, Sequence[Served]]]:
    """Run all, and wait until each has reached the others; yield FreeRADIUS and the Farandoles.

    Who finds nobody there is in no hurry to try again: so the hub, which connects when it starts,
    starts last, and until then the Farandoles are to connect to nobody.
    """
    village, valle = operators.values()
    for operator, partner in ((village, "lago"), (village, "hub"), (valle, "hills")):
        operator.do("partner", "suspend", partner)
    with (
        theirs.run() as freeradius,
        village.serve("radius") as first,
        valle.serve("radius") as second,
        between.run(),
    ):
        _reach(village, first, "lago", ports.valle_tls)
        _reach(village, first, "hub", ports.hub_tls)
        _reach(valle, second, "hills", ports.village)
        yield freeradius, (first, second)


def _reach(operator: Operator, served: Served, partner: str, port: int) -> None:
    """Have a Farandole connect to a partner."""
    operator.do("partner", "resume", partner)
    served.process.await_line(rf"radsec server connected.*:{port}")
