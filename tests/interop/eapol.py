"""eapol_test: a real supplicant and a NAS in one program, without a radio.

What it says is read for what has happened on the wire, since its exit status is the same for a
refusal and for silence. It always compares the keys that the server hands the NAS with those that
it has derived itself (MS-MPPE-Recv-Key and MS-MPPE-Send-Key, RFC 2548).
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.interop.certificates import Holder
from tests.process import Process
from tests.village import PHONE

REALM: Final = "village.example"
ANNA: Final = f"anna@{REALM}"
OUTER: Final = f"anonymous@{REALM}"
SECRET: Final = "a secret of the square"
SERVER_NAME: Final = "radius.village.example"
FRAMED_MTU: Final = 12
CUI: Final = 89
_AGAIN: Final = "eapol_test: Triggering EAP reauthentication"
# What shows, in a failed test, how far a conversation came.
_TELLING: Final = re.compile(r"CTRL-EVENT|RADIUS message: code|decapsulated|EAP-|TLS|SSL: (?!\()")


class Tls(StrEnum):
    """The one version of TLS that a supplicant offers."""

    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"


_VERSIONS: Final = {
    # wpa_supplicant 2.10 offers TLS 1.3 to those who ask for it only.
    Tls.V1_2: "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1",
    Tls.V1_3: "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 "
    "tls_disable_tlsv1_3=0",
}
_TICKETS: Final = {True: "tls_disable_session_ticket=0", False: "tls_disable_session_ticket=1"}


class Binding(StrEnum):
    """Whether a supplicant binds PEAP's tunnel to the method inside ([MS-PEAP] section 3.1.5.5):
    in wpa_supplicant's words."""

    NEVER = "crypto_binding=0"
    OFFERED = "crypto_binding=1"
    REQUIRED = "crypto_binding=2"


@dataclass(frozen=True, slots=True)
class Method:
    """An EAP method in wpa_supplicant's words, `phase2` what proves the citizen inside it."""

    eap: str
    phase2: str | None = None

    def __str__(self) -> str:
        return self.eap if self.phase2 is None else f"{self.eap}-{self.phase2.replace('=', '-')}"


TLS: Final = Method("TLS")
TTLS_PAP: Final = Method("TTLS", "auth=PAP")
PEAP_MSCHAPV2: Final = Method("PEAP", "auth=MSCHAPV2")
PEAP_GTC: Final = Method("PEAP", "auth=GTC")
WITH_PASSWORD: Final = (
    TTLS_PAP,
    Method("TTLS", "auth=CHAP"),
    Method("TTLS", "auth=MSCHAPV2"),
    Method("TTLS", "autheap=MSCHAPV2"),
    Method("TTLS", "autheap=GTC"),
    PEAP_MSCHAPV2,
    PEAP_GTC,
)
METHODS: Final = (TLS, *WITH_PASSWORD)


@dataclass(frozen=True, slots=True)
class Supplicant:
    """How a supplicant is set up: `identity` for where the method hides it, `outer` for the air."""

    method: Method
    anchor: Path
    tls: Tls = Tls.V1_2
    identity: str = ANNA
    outer: str = OUTER
    password: str | None = None
    holder: Holder | None = None
    fragment_size: int = 1300
    server_name: str = SERVER_NAME
    has_tickets: bool = False
    """Of TLS 1.2; wpa_supplicant 2.10 takes them where it is told to, else session identifiers."""
    binding: Binding = Binding.OFFERED

    def configuration(self) -> str:
        """Return the file that says so."""
        phase1 = f"{_VERSIONS[self.tls]} {_TICKETS[self.has_tickets]} {self.binding}"
        settings: dict[str, object] = {
            "key_mgmt": "IEEE8021X",
            "eap": self.method.eap,
            "identity": f'"{self.identity}"',
            "anonymous_identity": f'"{self.outer}"',
            "ca_cert": f'"{self.anchor}"',
            "domain_suffix_match": f'"{self.server_name}"',
            "phase1": f'"{phase1}"',
            "fragment_size": self.fragment_size,
        }
        if self.method.phase2 is not None:
            settings["phase2"] = f'"{self.method.phase2}"'
        if self.password is not None:
            settings["password"] = f'"{self.password}"'
        if self.holder is not None:
            settings["client_cert"] = f'"{self.holder.certificate}"'
            settings["private_key"] = f'"{self.holder.key}"'
        lines = "".join(f"  {key}={value}\n" for key, value in settings.items())
        return f"network={{\n{lines}}}\n"


class Outcome(StrEnum):
    """How one authentication ended."""

    ACCEPTED = "accepted, with the same keys"
    REJECTED = "Access-Reject with EAP-Failure"
    REJECTED_WITHOUT_EAP = "Access-Reject without EAP-Failure"
    OTHER_KEYS = "accepted, with other keys than the supplicant has"
    MISUNDERSTOOD = "accepted, but the supplicant has not succeeded"
    UNANSWERED = "no end in time"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One authentication: how it ended, and what eapol_test told of it."""

    outcome: Outcome
    output: str = field(repr=False)

    @property
    def tls(self) -> str | None:
        """The version of TLS that was agreed on."""
        versions = re.findall(r"SSL: Using TLS version (\S+)", self.output)
        return versions[-1] if versions else None

    @property
    def is_resumed(self) -> bool:
        """Whether the TLS session was that of an earlier authentication."""
        return "Handshake finished - resumed=1" in self.output

    @property
    def is_bound(self) -> bool:
        """Whether the server proved that PEAP's tunnel ends where the method inside it does."""
        return "Valid cryptobinding TLV received" in self.output

    @property
    def longest_request(self) -> int:
        """The octets of the longest EAP-Request that came."""
        found = re.findall(r"decapsulated EAP packet \(code=1 id=\d+ len=(\d+)\)", self.output)
        return max(map(int, found))

    @property
    def server_fingerprint(self) -> str | None:
        """The SHA-256 of the server's certificate, hexadecimal."""
        shown = re.search(r"CTRL-EVENT-EAP-PEER-CERT depth=0 .*hash=(\w+)", self.output)
        return shown and shown[1]

    @property
    def is_fragmented(self) -> bool:
        """Whether the supplicant sent a message in fragments."""
        return "more fragments will follow" in self.output

    def final(self, attribute: int) -> list[str]:
        """Return the values of an attribute of the last RADIUS packet, as eapol_test shows them."""
        packet = self.output.rpartition("RADIUS message: code=")[2]
        return re.findall(rf"Attribute {attribute} \(.*\n\s+Value: (.*)", packet)

    @property
    def story(self) -> str:
        """How it went, for the reader of a failed test."""
        told = [line for line in self.output.splitlines() if _TELLING.search(line)]
        return "\n".join([str(self.outcome), *told[-40:]])


@dataclass(frozen=True, slots=True)
class Server:
    """A RADIUS server that authenticates Anna and her devices.

    `certificates` are client certificates by what is right or wrong with them; `reasons` is what
    the server's log says (a regular expression) of each kind of refusal. Of `least_framed_mtu` and
    more its requests have at most the Framed-MTU and `overhead` octets.
    """

    name: str
    process: Process
    port: int
    directory: Path
    anchor: Path
    password: str
    certificates: Mapping[str, Holder]
    reasons: Mapping[str, str]
    least_framed_mtu: int
    overhead: int

    def authenticate(self, supplicant: Supplicant, *attributes: str, mac: str = PHONE) -> Verdict:
        """Let a supplicant authenticate once.

        `attributes` are added to each Access-Request, as `number:syntax:value`.
        """
        (verdict,) = self._run(supplicant, ("-M", mac), attributes, self.port)
        return verdict

    def authenticate_twice(
        self, supplicant: Supplicant, port: int | None = None
    ) -> tuple[Verdict, Verdict]:
        """Let a supplicant authenticate, and again as the same program, which then resumes what it
        may; by way of another `port`, if one is given."""
        verdicts = self._run(supplicant, ("-r1",), (), port or self.port)
        # After a refusal it does not try again.
        assert len(verdicts) == 2, verdicts[0].story
        return verdicts[0], verdicts[1]

    def await_reason(self, refusal: str, mark: int) -> None:
        """Return once the log says why, in what was written after `mark` characters."""
        pattern = re.compile(self.reasons[refusal])
        self.process.await_condition(
            lambda: bool(pattern.search(self.process.output[mark:])),
            f"say {pattern.pattern!r}; it said:\n{self.process.output[mark:]}",
            seconds=15,
        )

    def _run(
        self,
        supplicant: Supplicant,
        options: tuple[str, ...],
        attributes: tuple[str, ...],
        port: int,
    ) -> list[Verdict]:
        configuration = self.directory / f"eapol_test-{port}.conf"
        configuration.write_text(supplicant.configuration())
        mtu = max(supplicant.fragment_size, self.least_framed_mtu)
        added = (f"-N{text}" for text in (f"{FRAMED_MTU}:d:{mtu}", *attributes))
        done = subprocess.run(
            [
                *(require("eapol_test"), "-c", str(configuration), "-t", "30"),
                *("-p", str(port), "-s", SECRET, *options, *added),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        return list(_judge(done.stdout))


def _judge(output: str) -> Iterator[Verdict]:
    """Yield how each authentication of one run went. The line that counts the keys comes last, and
    counts a refusal as a mismatch."""
    counted = re.search(r"MPPE keys OK: (\d+)", output)
    accepted = output.count("RADIUS message: code=2 (Access-Accept)")
    keys_match = counted is not None and int(counted[1]) == accepted
    for part in output.split(_AGAIN):
        yield Verdict(_outcome(part, keys_match), part)


def _outcome(output: str, keys_match: bool) -> Outcome:
    if "RADIUS message: code=3 (Access-Reject)" in output:
        failed = "decapsulated EAP packet (code=4 " in output
        return Outcome.REJECTED if failed else Outcome.REJECTED_WITHOUT_EAP
    if "RADIUS message: code=2 (Access-Accept)" not in output:
        return Outcome.UNANSWERED
    if "CTRL-EVENT-EAP-SUCCESS" not in output:
        return Outcome.MISUNDERSTOOD
    return Outcome.ACCEPTED if keys_match else Outcome.OTHER_KEYS
