"""Debian's nsd: a DNS server on loopback, with zones of a test's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.process import Process

_CONFIGURATION: Final = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  pidfile: ""
  database: ""
  zonelistfile: "{directory}/zone.list"
  xfrdfile: "{directory}/xfrd.state"
  xfrdir: "{directory}"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
_ZONE: Final = """
zone:
  name: "{name}"
  zonefile: "{name}zone"
"""
# Negative answers hold for as long as the last number says.
_AUTHORITY: Final = """\
$ORIGIN {name}
$TTL 300
@ IN SOA ns.{name} hostmaster.{name} 1 3600 600 86400 300
@ IN NS ns.{name}
ns IN A 127.0.0.1
"""


@contextmanager
def run_nameserver(directory: Path, port: int, zones: Mapping[str, str]) -> Iterator[Process]:
    """Run it at a port of 127.0.0.1 with these zones, by domain: the records below SOA and NS, as
    a file has them. It refuses all other domains."""
    directory.mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.format(port=port, directory=directory)
    for domain, records in zones.items():
        name = f"{domain}."
        (directory / f"{name}zone").write_text(_AUTHORITY.format(name=name) + records + "\n")
        text += _ZONE.format(name=name)
    configuration = directory / "nsd.conf"
    configuration.write_text(text)
    with Process(require("nsd"), "-d", "-c", configuration) as process:
        process.await_line("nsd started")
        yield process
