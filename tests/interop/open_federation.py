"""An open federation on loopback: a root, a DNS server, and members who know nothing else of each
other. A Farandole and a FreeRADIUS are homes that DNS names; radsecproxy, a place that is visited,
finds them by the script that Debian brings with it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from aaa.secret import Secret
from federation.discovery.search import check_service
from federation.discovery.zone import lines
from tests.counterparts import require
from tests.interop import basil
from tests.interop.basil import Basil
from tests.interop.eapol import REALM, SECRET, SERVER_NAME, Server
from tests.interop.members import Citizen, found, prepare, where
from tests.interop.nameserver import run_nameserver
from tests.operator import Operator
from tests.ports import free_port
from tests.process import Process
from tests.radius.eap.certificates import Authority
from tests.radius.radsec import write_identity

SERVICE: Final = "x-eduroam:radius.tls"
POLICY: Final = "1.3.6.1.4.1.25178.3.1.1"
_PROXY_NAME: Final = "proxy.lago.example"
_SCRIPT: Final = Path("/usr/share/doc/radsecproxy/examples/naptr-eduroam.sh")


@dataclass(frozen=True, slots=True)
class OpenFederation:
    """The three, where access points of each ask; and a citizen of each home."""

    operator: Operator
    ours: Server
    our_acct_port: int
    proxy: Server
    """Takes accounting at the same port."""
    basil: Basil
    anna: Citizen
    giulia: Citizen

    @property
    def secret(self) -> Secret:
        """What each has with its access points."""
        return Secret(SECRET)


@contextmanager
def run_open_federation(directory: Path) -> Iterator[OpenFederation]:
    """Run the members, and the DNS server that they ask."""
    root = Authority("The federation's root")
    dns_port, our_port, their_port = free_port(), free_port(), free_port()
    operator = _prepare(directory, root, dns_port, our_port)
    (anna,) = found(operator, SERVER_NAME, REALM)
    published = operator.do("partner", "dns", "--service", SERVICE)
    theirs = _basil(directory / "basil", root, their_port)
    giulia = Citizen(basil.GIULIA, basil.PASSWORD, theirs.tablet, theirs.anchor, basil.NAME)
    zones = {
        REALM: published,
        # Its certificate is for one of them.
        basil.REALM: f"radius IN A 127.0.0.1\n{_published(their_port)}",
    }
    with (
        run_nameserver(directory / "dns", dns_port, zones),
        theirs.run(),
        operator.serve("radius") as served,
        _proxy(directory / "proxy", root, dns_port) as (process, port),
    ):
        yield OpenFederation(
            operator,
            where("Farandole", served.process, served.port("authentication"), operator.directory),
            served.port("accounting"),
            where("radsecproxy", process, port, directory / "proxy"),
            theirs,
            anna,
            giulia,
        )


def _published(port: int) -> str:
    realms = basil.REALM, basil.OTHER_REALM
    return "\n".join(map(str, lines(check_service(SERVICE), realms, [f"{basil.NAME}:{port}"])))


def _prepare(directory: Path, root: Authority, dns_port: int, port: int) -> Operator:
    """Return a Farandole with a certificate of the federation, which asks its DNS, and is found
    at this machine by its usual name."""
    issued = root.peer(SERVER_NAME, realms=[REALM], policies=[POLICY])
    certificate, key, anchor = write_identity(directory / "ours", issued, root.root.der)
    operator = prepare(
        directory / "village",
        SERVER_NAME,
        {
            "radius.radsec_port": str(port),
            "radius.radsec_certificate_file": str(certificate),
            "radius.radsec_key_file": str(key),
            "federation.servers": f"localhost:{port}",
            "federation.resolver": f"127.0.0.1:{dns_port}",
            "federation.discover_private": "true",
        },
    )
    operator.do("database", "upgrade")
    operator.do(
        *("partner", "add", "eduroam", "--title", "eduroam", "--realm", "*"),
        *("--discover", SERVICE, "--anchor", str(anchor), "--policy", POLICY),
        *("--from-certificate-name", "*", "--from-policy", POLICY),
    )
    return operator


def _basil(directory: Path, root: Authority, port: int) -> Basil:
    """Have FreeRADIUS be a home that whoever has a certificate of the federation may ask."""
    theirs = basil.configure(directory, free_port(), free_port())
    issued = root.peer(basil.NAME, realms=[basil.REALM], policies=[POLICY])
    certificate, key, anchor = write_identity(directory / "federation", issued, root.root.der)
    (directory / "partner.conf").write_text(f"""
clients federation {{
  client anybody {{
    ipaddr = *
    proto = tls
    secret = radsec
  }}
}}
listen {{
  type = auth+acct
  ipaddr = 127.0.0.1
  port = {port}
  proto = tcp
  virtual_server = default
  clients = federation
  tls {{
    certificate_file = {certificate}
    private_key_file = {key}
    ca_file = {anchor}
    require_client_cert = yes
    tls_min_version = "1.2"
    tls_max_version = "1.3"
    fragment_size = 8192
  }}
}}
""")
    return theirs


@contextmanager
def _proxy(directory: Path, root: Authority, dns_port: int) -> Iterator[tuple[Process, int]]:
    """Run radsecproxy for an access point on loopback; yield it and its port.

    Its script asks with dig, which is told here to ask the federation's DNS.
    """
    if not _SCRIPT.exists():
        pytest.skip("Debian's radsecproxy brings the script that finds servers; this one does not")
    require("dig")
    certificate, key, anchor = write_identity(
        directory, root.peer(_PROXY_NAME, policies=[POLICY]), root.root.der
    )
    script = directory / "naptr-eduroam.sh"
    shutil.copy(_SCRIPT, script)
    script.chmod(0o755)
    (directory / ".digrc").write_text(f"@127.0.0.1 -p {dns_port}\n")
    port = free_port()
    configuration = directory / "radsecproxy.conf"
    configuration.write_text(f"""
LogLevel 3
ListenUDP 127.0.0.1:{port}
tls default {{
  caCertificateFile {anchor}
  certificateFile {certificate}
  certificateKeyFile {key}
  policyOID {POLICY}
}}
client nas {{
  host 127.0.0.1
  type udp
  secret "{SECRET}"
}}
server found {{
  type tls
  dynamicLookupCommand {script}
  blockingStartup on
  certificateNameCheck off
}}
realm * {{
  server found
  accountingServer found
}}
""")
    with Process(
        require("radsecproxy"),
        *("-f", "-c", configuration),
        environment={"HOME": str(directory)},
    ) as process:
        process.await_line("listening for udp")
        yield process, port
