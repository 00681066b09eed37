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
from tests.interop import basil
from tests.interop.basil import Basil
from tests.interop.eapol import REALM, SECRET, SERVER_NAME, Server
from tests.interop.members import Citizen, found, prepare, where
from tests.operator import Operator
from tests.ports import free_port

SHARED: Final = "a secret between two members"
OUR_ADDRESS: Final = "127.0.0.14"
BRUNO: Final = f"bruno@{REALM}"
ACCOUNT_PASSWORD: Final = "thyme and rosemary"


@dataclass(frozen=True, slots=True)
class Members:
    """The two: where access points of each ask, what each has stored, a citizen of each."""

    operator: Operator
    ours: Server
    our_acct_port: int
    our_coa_port: int
    square: int
    """Where our access point takes orders; a test is that."""
    anna: Citizen
    theirs: Server
    basil: Basil
    giulia: Citizen

    @property
    def secret(self) -> Secret:
        """What both have with their access points."""
        return Secret(SECRET)


@contextmanager
def run_members(directory: Path, transport: Transport) -> Iterator[Members]:
    """Run Farandole and FreeRADIUS on loopback, each the other's partner."""
    names = ("auth", "acct", "radsec", "dynamic_authorization")
    ports = {name: free_port() for name in names}
    settings = {f"radius.{name}_port": str(port) for name, port in ports.items()}
    settings["federation.source_address"] = OUR_ADDRESS
    settings["radius.dynamic_authorization"] = "true"
    operator = prepare(directory / "ours", SERVER_NAME, settings)
    (anna,) = found(operator, SERVER_NAME, REALM)
    bruno = ("bruno", "--collectivity", "village", "--password-file", "-")
    operator.do("citizen", "add", *bruno, given=ACCOUNT_PASSWORD)
    square = free_port()
    operator.do("nas", "change", "square", "--coa-port", str(square))
    counter = ("--hotspot", "square", "--vendor", "generic", "--identifier", "counter")
    operator.do("nas", "add", "counter", *counter, "--secret-file", "-", given=SECRET)
    theirs = basil.configure(directory / "theirs", free_port(), free_port())
    giulia = Citizen(basil.GIULIA, basil.PASSWORD, theirs.tablet, theirs.anchor, basil.NAME)
    radsec_port, coa_port = free_port(), free_port()
    printed = _add(operator, theirs, transport, radsec_port, coa_port)
    text = _as_pasted(printed, radsec_port)
    text += _taking_orders(text, transport, radsec_port, coa_port)
    for root in re.findall(r"ca_file = \$\{certdir\}/(.*)", text):
        (theirs.directory / root).write_text(operator.do("ca", "export"))
    (theirs.directory / "partner.conf").write_text(text)
    with theirs.run() as process, operator.serve("radius") as served:
        ours = where("Farandole", served.process, ports["auth"], operator.directory)
        home = where("FreeRADIUS", process, theirs.auth_port, theirs.directory)
        taken = ports["acct"], ports["dynamic_authorization"], square
        yield Members(operator, ours, *taken, anna, home, theirs, giulia)


def _add(
    operator: Operator, theirs: Basil, transport: Transport, radsec_port: int, coa_port: int
) -> str:
    """Add the partner; return what is printed for its people."""
    named = ("--title", "Basil", "--realm", basil.REALM, "--coa-port", str(coa_port))
    added = ("partner", "add", "basil", *named)
    if transport is Transport.UDP:
        return operator.do(
            *(*added, "--home", f"udp://127.0.0.1:{theirs.auth_port}"),
            *("--accounting-port", str(theirs.acct_port)),
            *("--from", f"{basil.ADDRESS}/32", "--secret-file", "-"),
            given=SHARED,
        )
    return operator.do(
        *(*added, "--home", f"tls://127.0.0.1:{radsec_port}"),
        *("--anchor", str(theirs.anchor), "--certificate-name", basil.NAME),
        *("--from-certificate-name", basil.NAME),
    )


# Orders of its own leave by the second, whatever home_server has as src_ipaddr.
_ORDERS: Final = """
listen {{
  type = coa
  ipaddr = 127.0.0.1
  port = {coa_port}
  virtual_server = orders
}}
listen {{
  type = proxy
  ipaddr = {source}
  port = 0
}}
"""


def _taking_orders(pasted: str, transport: Transport, radsec_port: int, coa_port: int) -> str:
    """Return what has FreeRADIUS take our orders, at a port of theirs."""
    if transport is Transport.UDP:
        return _ORDERS.format(coa_port=coa_port, source=basil.ADDRESS)
    (listen,) = re.findall(r"^listen \{.*?^\}$", pasted, flags=re.MULTILINE | re.DOTALL)
    for said, meant in (
        ("type = auth+acct", "type = coa"),
        (f"port = {radsec_port}", f"port = {coa_port}"),
        ("virtual_server = default", "virtual_server = orders"),
    ):
        listen = listen.replace(said, meant)
    return f"{listen}\n"


def _as_pasted(printed: str, radsec_port: int) -> str:
    """Return what is for FreeRADIUS of what was printed, the secret filled in as its people do,
    and sent from an address of its own; of TLS, on a port and to a name that loopback has."""
    text = printed[printed.index("# FreeRADIUS 3") : printed.index("For radsecproxy")]
    text = re.sub('"<[^>]*>"', f'"{SHARED}"', text)
    text = text.replace("port = 2083", f"port = {radsec_port}")
    text = text.replace(f"ipaddr = {SERVER_NAME}", "ipaddr = 127.0.0.1")
    return re.sub(r"(home_server [\w.-]+ \{\n)", rf"\1\tsrc_ipaddr = {basil.ADDRESS}\n", text)
