"""FreeRADIUS as a partner: home of its own citizens, and a place that ours visit.

What of its configuration concerns us is what `farandole partner add` has printed. Only that each
sends from an address of its own is added, since all of this is on loopback.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aaa.secret import Secret
from federation.model import Transport
from tests.counterparts import require
from tests.interop.certificates import Issuer
from tests.interop.eapol import ANNA, REALM, SECRET, SERVER_NAME, Server
from tests.interop.freeradius import AUTHENTICATE
from tests.operator import ON_LOOPBACK, Operator, operate
from tests.ports import free_port
from tests.process import Process

SHARED: Final = "a secret between two members"
OUR_ADDRESS: Final = "127.0.0.14"
THEIR_ADDRESS: Final = "127.0.0.13"
THEIR_REALM: Final = "basil.example"
GIULIA: Final = f"giulia@{THEIR_REALM}"
BRUNO: Final = f"bruno@{REALM}"
PASSWORD: Final = "basil and pine nuts"
ACCOUNT_PASSWORD: Final = "thyme and rosemary"
WIFI_SECRET: Final = "lavender in july, by the river"
_THEIR_NAME: Final = "radius.basil.example"

_CONFIGURATION: Final = """
prefix = /usr
libdir = {library}
run_dir = {directory}
certdir = {directory}
log {{
  destination = stdout
  auth = yes
}}
security {{
  reject_delay = 0
  status_server = yes
}}
proxy_requests = yes
thread pool {{
  start_servers = 2
  max_servers = 4
}}
client loopback {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
}}
$INCLUDE {directory}/farandole.conf
realm {realm} {{
  nostrip
}}
modules {{
  realm suffix {{
    format = suffix
    delimiter = "@"
  }}
  files users {{
    filename = {directory}/users
  }}
  detail {{
    filename = {directory}/detail
  }}
  pap {{
  }}
  chap {{
  }}
  mschap {{
  }}
  eap {{
    default_eap_type = ttls
    tls-config common {{
      private_key_file = {key}
      certificate_file = {certificate}
      ca_file = {anchor}
      cipher_list = "DEFAULT"
      tls_min_version = "1.2"
      tls_max_version = "1.3"
    }}
    ttls {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
    }}
    peap {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
    }}
    mschapv2 {{
    }}
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {auth_port}
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {acct_port}
  }}
  authorize {{
    suffix
    chap
    mschap
    eap {{
      ok = return
    }}
    users
    pap
  }}
{authenticate}  preacct {{
    suffix
  }}
  accounting {{
    detail
  }}
}}
server inner {{
  authorize {{
    chap
    mschap
    eap {{
      ok = return
    }}
    users
    pap
  }}
{authenticate}}}
"""
# A home that would have the device in a network of its own, and rather long.
_USERS: Final = f"""
{GIULIA} Cleartext-Password := "{PASSWORD}"
  Class = "of basil",
  Session-Timeout = 1800,
  Tunnel-Type = VLAN,
  Tunnel-Medium-Type = IEEE-802,
  Tunnel-Private-Group-Id = "99",
  Filter-Id = "everything"
"""


@dataclass(frozen=True, slots=True)
class Members:
    """The two: where access points of each ask, and what each has stored."""

    operator: Operator
    ours: Server
    our_acct_port: int
    theirs: Server
    their_acct_port: int
    detail: Path

    @property
    def secret(self) -> Secret:
        """What both have with their access points."""
        return Secret(SECRET)


@contextmanager
def run_members(directory: Path, transport: Transport) -> Iterator[Members]:
    """Run Farandole and FreeRADIUS on loopback, each the other's partner."""
    names = ("auth", "acct", "radsec", "their_auth", "their_acct", "their_radsec")
    ports = {name: free_port() for name in names}
    settings = {
        "eap.server_name": SERVER_NAME,
        "eap.challenges": "true",
        "federation.source_address": OUR_ADDRESS,
        "radius.auth_port": str(ports["auth"]),
        "radius.acct_port": str(ports["acct"]),
        "radius.radsec_port": str(ports["radsec"]),
        "radius.reject_delay_seconds": "0",
    }
    operator = operate(directory / "ours", ON_LOOPBACK | settings)
    anchor = _found(operator)
    theirs = directory / "theirs"
    theirs.mkdir()
    their_anchor = _configure(theirs, ports["their_auth"], ports["their_acct"])
    (theirs / "farandole-ca.pem").write_text(operator.do("ca", "export"))
    added = ("partner", "add", "basil", "--title", "Basil", "--realm", THEIR_REALM)
    printed = (
        operator.do(
            *(*added, "--home", f"udp://127.0.0.1:{ports['their_auth']}"),
            *("--accounting-port", str(ports["their_acct"])),
            *("--from", f"{THEIR_ADDRESS}/32", "--secret-file", "-"),
            given=SHARED,
        )
        if transport is Transport.UDP
        else operator.do(
            *(*added, "--home", f"tls://127.0.0.1:{ports['their_radsec']}"),
            *("--anchor", str(their_anchor), "--certificate-name", _THEIR_NAME),
            *("--from-certificate-name", _THEIR_NAME),
        )
    )
    (theirs / "farandole.conf").write_text(_as_pasted(printed, ports["their_radsec"]))
    program = require("freeradius")
    with Process(program, "-f", "-l", "stdout", "-d", theirs) as process:
        process.await_line("Ready to process requests")
        with operator.serve("radius") as served:
            ours = _server("Farandole", served.process, ports["auth"], directory / "ours", anchor)
            home = _server("FreeRADIUS", process, ports["their_auth"], theirs, their_anchor)
            yield Members(
                operator, ours, ports["acct"], home, ports["their_acct"], theirs / "detail"
            )


def _server(name: str, process: Process, port: int, directory: Path, anchor: Path) -> Server:
    return Server(name, process, port, directory, anchor, "", {}, {}, 0, 0)


def _found(operator: Operator) -> Path:
    """Make our own member; return the root that our supplicants trust."""
    operator.do("database", "upgrade")
    operator.do("collectivity", "add", "village", "--name", "Village", "--realm", REALM)
    operator.do("hotspot", "add", "square", "--collectivity", "village", "--name", "La place")
    nas = ("--hotspot", "square", "--vendor", "hostapd", "--address", "127.0.0.1")
    operator.do("nas", "add", "square", *nas, "--secret-file", "-", given=SECRET)
    operator.do("citizen", "add", "anna", "--collectivity", "village", "--email", ANNA)
    bruno = ("bruno", "--collectivity", "village", "--password-file", "-")
    operator.do("citizen", "add", *bruno, given=ACCOUNT_PASSWORD)
    laptop = ("--citizen", ANNA, "--name", "laptop", "--secret-file", "-")
    operator.do("device", "add", *laptop, given=WIFI_SECRET)
    certificates = operator.directory / "certificates"
    tablet = ("--citizen", ANNA, "--name", "tablet", "--certificate", str(certificates))
    operator.do("device", "add", *tablet)
    return certificates / "ca.pem"


def _as_pasted(printed: str, radsec_port: int) -> str:
    """Return what is for FreeRADIUS of what was printed, the secret filled in as its people do,
    and sent from an address of its own; of TLS, on a port and to a name that loopback has."""
    text = printed[printed.index("# FreeRADIUS 3") : printed.index("For radsecproxy")]
    text = re.sub('"<[^>]*>"', f'"{SHARED}"', text)
    text = text.replace("port = 2083", f"port = {radsec_port}")
    text = text.replace(f"ipaddr = {SERVER_NAME}", "ipaddr = 127.0.0.1")
    return re.sub(r"(home_server [\w-]+ \{\n)", rf"\1\tsrc_ipaddr = {THEIR_ADDRESS}\n", text)


def _configure(directory: Path, auth_port: int, acct_port: int) -> Path:
    issuer = Issuer.create("Basil's authority")
    anchor = directory / "anchor.pem"
    anchor.write_bytes(issuer.certificate)
    holder = issuer.server(directory / "server", _THEIR_NAME)
    partner = issuer.partner(directory / "partner", _THEIR_NAME)
    partner.certificate.rename(directory / "radsec.pem")
    partner.key.rename(directory / "radsec.key")
    (directory / "users").write_text(_USERS)
    library = next(Path("/usr/lib").glob("*reeradius*"), Path("/usr/lib/freeradius"))
    text = _CONFIGURATION.format(
        library=library,
        directory=directory,
        secret=SECRET,
        realm=THEIR_REALM,
        key=holder.key,
        certificate=holder.certificate,
        anchor=anchor,
        auth_port=auth_port,
        acct_port=acct_port,
        authenticate=AUTHENTICATE,
    )
    (directory / "radiusd.conf").write_text(text)
    return anchor


@contextmanager
def run_neighbour(directory: Path) -> Iterator[tuple[Server, Server]]:
    """Run two members of our own, joined over TLS by their commands: the one that is Anna's home,
    and another."""
    ports = free_port(), free_port()
    names = SERVER_NAME, _THEIR_NAME
    home, other = (
        operate(
            directory / name,
            ON_LOOPBACK
            | {
                "eap.server_name": name,
                "eap.challenges": "true",
                "radius.radsec_port": str(port),
                "radius.reject_delay_seconds": "0",
            },
        )
        for name, port in zip(names, ports, strict=True)
    )
    anchor = _found(home)
    other.do("database", "upgrade")
    other.do("collectivity", "add", "basil", "--name", "Basil", "--realm", THEIR_REALM)
    other.do("hotspot", "add", "harbour", "--collectivity", "basil", "--name", "Il porto")
    nas = ("--hotspot", "harbour", "--vendor", "hostapd", "--address", "127.0.0.1")
    other.do("nas", "add", "harbour", *nas, "--secret-file", "-", given=SECRET)
    other.do("ca", "renew")
    _introduce(home, other, "basil", THEIR_REALM, ports[1], names[1])
    _introduce(other, home, "village", REALM, ports[0], names[0])
    with home.serve("radius") as here, other.serve("radius") as there:
        yield (
            _server("Home", here.process, here.port("authentication"), home.directory, anchor),
            _server("Other", there.process, there.port("authentication"), other.directory, anchor),
        )


def _introduce(
    here: Operator, there: Operator, name: str, realm: str, port: int, certificate: str
) -> None:
    """Have one member know another."""
    root = here.directory / f"{name}.pem"
    root.write_text(there.do("ca", "export"))
    here.do(
        *("partner", "add", name, "--title", name.title(), "--realm", realm),
        *("--home", f"tls://127.0.0.1:{port}", "--anchor", str(root)),
        *("--certificate-name", certificate, "--from-certificate-name", certificate),
    )
