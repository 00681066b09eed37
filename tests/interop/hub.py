"""The hub between members of a federation: Debian's radsecproxy, what it has of each, and what
FreeRADIUS has of it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.counterparts import require
from tests.interop import basil
from tests.interop.certificates import Issuer
from tests.interop.eapol import SERVER_NAME
from tests.operator import Operator
from tests.ports import free_port
from tests.process import Process

NAME: Final = "hub.example"
"""The name in its certificate."""
ADDRESS: Final = "127.0.0.15"
"""Where it sends from over UDP."""
AWAY: Final = "away.example"
"""A realm whose home answers nothing."""
SHARED: Final = "a secret between two members"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each listens, known before any of them runs."""

    hub_auth: int
    hub_acct: int
    hub_tls: int
    village: int
    valle_auth: int
    valle_acct: int
    valle_tls: int
    basil_auth: int
    basil_acct: int
    basil_tls: int
    nobody: int

    @classmethod
    def free(cls) -> Self:
        return cls(*(free_port() for _ in range(11)))


@dataclass(frozen=True, slots=True)
class Hub:
    """Its directory, with its certificate in it."""

    directory: Path
    anchor: Path
    """The root of that, PEM."""

    def configure(self, theirs: basil.Basil, ports: Ports, *farandoles: Operator) -> None:
        """Write its configuration, and FreeRADIUS' part that is about it. What it has of each
        Farandole is what that one prints for it."""
        pasted = "".join(self._pasted(farandole) for farandole in farandoles)
        own = _own(self.directory, theirs, ports)
        (self.directory / "radsecproxy.conf").write_text(own + pasted + _REST)
        (theirs.directory / "partner.conf").write_text(_in_freeradius(self.anchor, ports))

    def run(self) -> Process:
        """Return the program, to be entered."""
        configuration = self.directory / "radsecproxy.conf"
        return Process(require("radsecproxy"), "-f", "-c", configuration)

    def _pasted(self, farandole: Operator) -> str:
        """Return what a Farandole prints, on loopback, where names are no hosts, with the secret
        filled in, and its root where that says, as the hub's people do."""
        printed = farandole.do("partner", "setup", "hub", "--format", "radsecproxy")
        text = printed[printed.index("# radsecproxy") :]
        text = re.sub('"<[^>]*>"', f'"{SHARED}"', text)
        text = text.replace("/etc/radsecproxy", str(self.directory))
        for root in re.findall("caCertificateFile (.*)", text):
            Path(root).write_text(farandole.do("ca", "export"))
        return text.replace(f"host {SERVER_NAME}", "host 127.0.0.1")


def prepare(directory: Path) -> Hub:
    """Make the hub's directory and certificate."""
    issuer = Issuer.create("The hub's authority")
    holder = issuer.partner(directory, NAME)
    holder.certificate.rename(directory / "radsec.pem")
    holder.key.rename(directory / "radsec.key")
    anchor = directory / "anchor.pem"
    anchor.write_bytes(issuer.certificate)
    return Hub(directory, anchor)


def _own(hub: Path, theirs: basil.Basil, ports: Ports) -> str:
    """Return the hub's own configuration, with FreeRADIUS as a client and a server either way."""
    proof = f"""
  type tls
  tls basil
  certificateNameCheck off
  matchCertificateAttribute SubjectAltName:DNS:/^{basil.NAME}$/
"""
    over_udp = f"""
  type udp
  secret "{SHARED}"
"""
    return f"""
LogLevel 3
ListenUDP 127.0.0.1:{ports.hub_auth}
ListenUDP 127.0.0.1:{ports.hub_acct}
ListenTLS 127.0.0.1:{ports.hub_tls}
SourceUDP {ADDRESS}
tls basil {{
  caCertificateFile {theirs.anchor}
  certificateFile {hub}/radsec.pem
  certificateKeyFile {hub}/radsec.key
}}
client basil-udp {{
  host {basil.ADDRESS}{over_udp}}}
client basil-tls {{
  host {basil.ADDRESS}{proof}}}
server basil-tls {{
  host 127.0.0.1
  port {ports.basil_tls}
  statusServer on{proof}}}
server basil-auth {{
  host 127.0.0.1
  port {ports.basil_auth}{over_udp}}}
server basil-acct {{
  host 127.0.0.1
  port {ports.basil_acct}{over_udp}}}
server away {{
  host 127.0.0.1
  port {ports.nobody}{over_udp}}}
realm {basil.REALM} {{
  server basil-tls
  accountingServer basil-tls
}}
realm {basil.OTHER_REALM} {{
  server basil-auth
  accountingServer basil-acct
}}
realm {AWAY} {{
  server away
}}
"""


_REST: Final = """
realm * {
  replyMessage "nobody has this realm"
}
"""


def _in_freeradius(hub_anchor: Path, ports: Ports) -> str:
    """Return what FreeRADIUS has of the hub, as a client and as a home, over TLS and over UDP."""
    tls = f"""
  tls {{
    certificate_file = ${{certdir}}/radsec.pem
    private_key_file = ${{certdir}}/radsec.key
    ca_file = {hub_anchor}
    check_cert_cn = {NAME}
    require_client_cert = yes
    tls_min_version = "1.2"
    tls_max_version = "1.3"
    fragment_size = 8192
  }}
"""
    udp = f'proto = udp\n  secret = "{SHARED}"\n'
    homes = {
        "hub-auth": ("auth", ports.hub_auth, udp),
        "hub-acct": ("acct", ports.hub_acct, udp),
        "hub-tls": ("auth+acct", ports.hub_tls, f"proto = tcp\n  secret = radsec{tls}"),
    }
    return f"""
client hub {{
  ipaddr = {ADDRESS}
  secret = "{SHARED}"
  require_message_authenticator = yes
}}
clients hub {{
  client hub-tls {{
    ipaddr = 127.0.0.1
    proto = tls
    secret = radsec
  }}
}}
listen {{
  type = auth+acct
  ipaddr = 127.0.0.1
  port = {ports.basil_tls}
  proto = tcp
  virtual_server = default
  clients = hub{tls}}}
realm village.example {{
  pool = hub-tls
  nostrip
}}
realm valle.example {{
  auth_pool = hub-auth
  acct_pool = hub-acct
  nostrip
}}
""" + "".join(
        f"""
home_server {name} {{
  type = {kind}
  ipaddr = 127.0.0.1
  port = {port}
  src_ipaddr = {basil.ADDRESS}
  {way}}}
home_server_pool {name} {{
  type = fail-over
  home_server = {name}
}}
"""
        for name, (kind, port, way) in homes.items()
    )
