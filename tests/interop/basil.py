"""Basil: an organisation whose RADIUS server is FreeRADIUS, home of its citizens and a place that
others visit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.counterparts import require
from tests.interop.certificates import Holder, Issuer
from tests.interop.eapol import SECRET
from tests.interop.freeradius import AUTHENTICATE
from tests.process import Process

ADDRESS: Final = "127.0.0.13"
"""Where it sends from."""
REALM: Final = "basil.example"
OTHER_REALM: Final = f"udp.{REALM}"
GIULIA: Final = f"giulia@{REALM}"
PASSWORD: Final = "basil and pine nuts"
LAST_SECOND: Final = 4242
"""How long a citizen of its may be online: then it has the session ended."""
NAME: Final = f"radius.{REALM}"
"""The name in its certificates."""

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
max_requests = 4096
proxy_requests = yes
thread pool {{
  start_servers = 2
  max_servers = 4
}}
client loopback {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
}}
$INCLUDE {directory}/partner.conf
{realms}
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
  detail orders {{
    filename = {directory}/orders
  }}
  always ok {{
    rcode = ok
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
      private_key_file = {server.key}
      certificate_file = {server.certificate}
      ca_file = {anchor}
      cipher_list = "DEFAULT"
      tls_min_version = "1.2"
      tls_max_version = "1.3"
    }}
    tls {{
      tls = common
    }}
    ttls {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
      use_tunneled_reply = yes
    }}
    peap {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
      use_tunneled_reply = yes
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
    if (&Acct-Session-Time && (&Acct-Session-Time == {last_second})) {{
      update disconnect {{
        User-Name = "%{{User-Name}}"
        Acct-Session-Id = "%{{Acct-Session-Id}}"
        Calling-Station-Id = "%{{Calling-Station-Id}}"
        NAS-Identifier = "%{{NAS-Identifier}}"
        Operator-Name = "%{{Operator-Name}}"
        Event-Timestamp = "%l"
      }}
    }}
  }}
}}
server orders {{
  recv-coa {{
    orders
    ok
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
_USER: Final = """
{name} Cleartext-Password := "{password}"
  Class = "of basil",
  Session-Timeout = 1800,
  Tunnel-Type = VLAN,
  Tunnel-Medium-Type = IEEE-802,
  Tunnel-Private-Group-Id = "99",
  Filter-Id = "everything"
"""


@dataclass(frozen=True, slots=True)
class Basil:
    """What is in its directory, written down but not running."""

    directory: Path
    auth_port: int
    acct_port: int
    anchor: Path
    """The root of its certificates, PEM."""
    tablet: Holder
    """Giulia's, for EAP-TLS."""

    @property
    def orders(self) -> str:
        """The orders that it has taken, and answered with an ACK."""
        return (self.directory / "orders").read_text()

    @property
    def detail(self) -> str:
        """The accounting that it has taken."""
        return (self.directory / "detail").read_text()

    def run(self) -> "FreeRadius":
        """Return the program, to be entered: then it takes requests."""
        return FreeRadius(require("freeradius"), "-f", "-l", "stdout", "-d", self.directory)


class FreeRadius(Process):
    """The program."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.await_line("Ready to process requests")
        return self


def configure(directory: Path, auth_port: int, acct_port: int) -> Basil:
    """Write all of its configuration but for what concerns its partner, which it reads from
    `partner.conf`. Its certificate for RADIUS over TLS is where a partner's lines have it."""
    directory.mkdir()
    issuer = Issuer.create("Basil's authority")
    anchor = directory / "anchor.pem"
    anchor.write_bytes(issuer.certificate)
    partner = issuer.partner(directory / "partner", NAME)
    partner.certificate.rename(directory / "radsec.pem")
    partner.key.rename(directory / "radsec.key")
    realms = REALM, OTHER_REALM
    users = (_USER.format(name=f"giulia@{realm}", password=PASSWORD) for realm in realms)
    (directory / "users").write_text("".join(users))
    # It creates no file below /dev, where the tests' may be.
    (directory / "detail").touch()
    (directory / "orders").touch()
    text = _CONFIGURATION.format(
        library=next(Path("/usr/lib").glob("*reeradius*"), Path("/usr/lib/freeradius")),
        directory=directory,
        secret=SECRET,
        realms="\n".join(f"realm {realm} {{\n  nostrip\n}}" for realm in realms),
        server=issuer.server(directory / "server", NAME),
        anchor=anchor,
        auth_port=auth_port,
        acct_port=acct_port,
        authenticate=AUTHENTICATE,
        last_second=LAST_SECOND,
    )
    (directory / "radiusd.conf").write_text(text)
    tablet = issuer.client(directory / "tablet", f"d-giulias@{REALM}")
    return Basil(directory, auth_port, acct_port, anchor, tablet)
