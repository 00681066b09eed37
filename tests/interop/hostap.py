"""hostapd and wpa_supplicant on wires: an access point and a phone without a radio."""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.interop.namespaces import Namespace, Plug
from tests.process import Process

CONNECTED: Final = "AP-STA-CONNECTED"
DISCONNECTED: Final = "AP-STA-DISCONNECTED"
_GATE: Final = """
table inet gate {{
  set online {{ type ether_addr; }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "{interface}" ether saddr != @online reject with icmpx admin-prohibited
  }}
}}
"""
_ON_EVENT: Final = """#!/bin/sh
case "$2" in
  {connected}) exec {nft} add element inet gate online "{{ $3 }}" ;;
  {disconnected}) exec {nft} delete element inet gate online "{{ $3 }}" ;;
esac
"""
# Of the frames of 802.1X that reach an interface, the fourth: by then TLS has begun.
_LOSS: Final = """
table netdev loss {{
  chain ingress {{
    type filter hook ingress device "{interface}" priority 0
    ether type 0x888e numgen inc mod 1000 == 3 counter drop
  }}
}}
"""
_PACKET: Final = re.compile(r"^RADIUS message: code=\d+ \((\S+)\).*\n((?: {3}.*\n)*)", re.MULTILINE)
_ATTRIBUTE: Final = re.compile(r"^   Attribute \d+ \((\S+)\).*\n +Value: '?(.*?)'?\n", re.MULTILINE)
# What a wire has for a name of the network and its beacons: nothing.
_SUPPLICANT: Final = """
ctrl_interface={control}
ap_scan=0
"""
# As somebody sets it up who types identity and secret.
TYPED: Final = """
network={{
\tkey_mgmt=IEEE8021X
\teapol_flags=0
\teap=TTLS
\tanonymous_identity="anonymous@{realm}"
\tidentity="{identity}"
\tpassword="{secret}"
\tca_cert="{authority}"
\tdomain_match="{server}"
\tphase2="auth=PAP"
}}
"""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running program of the hostap project, on one interface."""

    process: Process
    namespace: Namespace
    interface: str
    directory: Path
    command_line: str

    @property
    def control(self) -> tuple[str | Path, ...]:
        """The arguments by which its command line finds it."""
        return ("-p", self.directory / "control", "-i", self.interface)

    def command(self, *words: str) -> str:
        """Give a command by its command line; return the answer."""
        return self.namespace.run(require(self.command_line), *self.control, *words)

    def await_event(self, event: str, times: int = 1) -> None:
        """Return once it has reported `event` so many times since its start."""
        self.process.await_condition(
            lambda: self.process.output.count(event) >= times, f"report {event} ({times})"
        )


class Hostapd(Daemon):
    """A running hostapd."""

    __slots__ = ()

    def is_authorized(self, mac: str) -> bool:
        """Return whether hostapd holds the port of a station open."""
        return "[AUTHORIZED]" in self.command("sta", mac)

    def radius(self, packet: str) -> list[dict[str, str]]:
        """Return the attributes of each RADIUS packet of a kind that it sent or received."""
        return [
            dict(_ATTRIBUTE.findall(shown))
            for name, shown in _PACKET.findall(self.process.output)
            if name == packet
        ]


class WpaSupplicant(Daemon):
    """A running wpa_supplicant."""

    __slots__ = ()

    def log_in(self) -> None:
        """Begin at once: else it leaves the access point two seconds to do so."""
        self.process.await_line("Associated with")
        self.command("logon")


@contextmanager
def run_hostapd(
    namespace: Namespace, interface: str, settings: Mapping[str, object]
) -> Iterator[Hostapd]:
    """Run hostapd on an interface, with `settings` as the lines of its configuration."""
    with _directory("hostapd") as directory:
        configuration = directory / "hostapd.conf"
        lines = {"interface": interface, "ctrl_interface": directory / "control", **settings}
        configuration.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        # It says when somebody begins to listen to its events, and shows each packet, with what is
        # secret in it.
        program = (require("hostapd"), "-ddK", configuration)
        with Process(*program, network=namespace.path) as process:
            process.await_line("AP-ENABLED")
            yield Hostapd(process, namespace, interface, directory, "hostapd_cli")


@contextmanager
def run_supplicant(namespace: Namespace, interface: str, networks: str) -> Iterator[WpaSupplicant]:
    """Run wpa_supplicant on a wire, which it logs in on as it starts; `networks` is the rest of its
    configuration, with key_mgmt=IEEE8021X."""
    with _directory("wpa_supplicant") as directory:
        configuration = directory / "wpa_supplicant.conf"
        configuration.write_text(_SUPPLICANT.format(control=directory / "control") + networks)
        program = (require("wpa_supplicant"), "-D", "wired", "-i", interface, "-c", configuration)
        with Process(*program, network=namespace.path) as process:
            yield WpaSupplicant(process, namespace, interface, directory, "wpa_cli")


@contextmanager
def gate(hostapd: Hostapd) -> Iterator[None]:
    """Put a packet filter behind hostapd: the port control that its driver `wired` does not have.

    What a device sends is refused until hostapd reports it as connected, and again once it is
    reported as disconnected; hostapd_cli takes the reports to the filter.
    """
    nft = require("nft")
    hostapd.namespace.run(nft, "-f", "-", given=_GATE.format(interface=hostapd.interface))
    action = hostapd.directory / "action"
    action.write_text(_ON_EVENT.format(nft=nft, connected=CONNECTED, disconnected=DISCONNECTED))
    action.chmod(0o700)
    listener = (require("hostapd_cli"), *hostapd.control, "-a", action)
    with Process(*listener, network=hostapd.namespace.path):
        hostapd.process.await_line("CTRL_IFACE monitor attached")
        try:
            yield
        finally:
            hostapd.namespace.run(nft, "delete", "table", "inet", "gate")


@contextmanager
def losing_a_frame(plug: Plug) -> Iterator[Callable[[], int]]:
    """Let one frame of EAP get lost on its way to a plug; yields what tells how many were."""
    nft, run = require("nft"), plug.namespace.run

    def lost() -> int:
        counted = re.search(r"counter packets (\d+)", run(nft, "list", "table", "netdev", "loss"))
        assert counted
        return int(counted[1])

    run(nft, "-f", "-", given=_LOSS.format(interface=plug.interface))
    try:
        yield lost
    finally:
        run(nft, "delete", "table", "netdev", "loss")


@contextmanager
def _directory(program: str) -> Iterator[Path]:
    # Not below pytest's temporary folder: the path of a socket has 108 octets at most.
    with tempfile.TemporaryDirectory(prefix=f"{program}-") as path:
        yield Path(path)
