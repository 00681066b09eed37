"""Debian's radsecproxy between UDP on loopback and RADIUS over TLS, either way round."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.ports import free_port
from tests.process import Process

SECRET: Final = "between a NAS and its proxy"

_CONFIGURATION: Final = """
LogLevel 3
ListenUDP 127.0.0.1:{udp}
ListenTLS 127.0.0.1:{tls}
tls default {{
  CACertificateFile {roots}
  CertificateFile {certificate}
  CertificateKeyFile {key}
  TLSVersion {version}
}}
client nas {{
  host 127.0.0.1
  type udp
  secret "{secret}"
}}
client partner {{
  host 127.0.0.1
  type tls
  certificateNameCheck off
  matchCertificateAttribute SubjectAltName:DNS:/^{expected}$/
}}
{server}
realm * {{
  server onward
  accountingServer onward
}}
"""
_OVER_TLS: Final = """
server onward {{
  host 127.0.0.1
  port {port}
  type tls
  StatusServer on
  certificateNameCheck off
  matchCertificateAttribute SubjectAltName:DNS:/^{expected}$/
}}
"""
_OVER_UDP: Final = """
server onward {{
  host 127.0.0.1
  port {port}
  type udp
  secret "{secret}"
}}
"""


class Version(StrEnum):
    """The one version of TLS that it speaks, in its words."""

    V1_2 = "TLS1_2"
    V1_3 = "TLS1_3"


@dataclass(frozen=True)
class Paper:
    """What it shows, and whom it believes: PEM files, and the DNS name that others must have."""

    certificate: Path
    key: Path
    roots: Path
    expected: str


@dataclass(frozen=True)
class Radsecproxy:
    """A running proxy: where it takes requests."""

    udp: tuple[str, int]
    tls: tuple[str, int]
    process: Process


@asynccontextmanager
async def to_tls(
    directory: Path, port: int, paper: Paper, version: Version
) -> AsyncIterator[Radsecproxy]:
    """Run a proxy that sends what it gets to a port of RADIUS over TLS."""
    server = _OVER_TLS.format(port=port, expected=paper.expected)
    async with _run(directory, server, paper, version) as proxy:
        yield proxy


@asynccontextmanager
async def to_udp(
    directory: Path, port: int, secret: str, paper: Paper, version: Version
) -> AsyncIterator[Radsecproxy]:
    """Run a proxy that sends what it gets to a port of RADIUS over UDP."""
    server = _OVER_UDP.format(port=port, secret=secret)
    async with _run(directory, server, paper, version) as proxy:
        yield proxy


@asynccontextmanager
async def _run(
    directory: Path, server: str, paper: Paper, version: Version
) -> AsyncIterator[Radsecproxy]:
    udp, tls = free_port(), free_port()
    configuration = directory / "radsecproxy.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            udp=udp,
            tls=tls,
            roots=paper.roots,
            certificate=paper.certificate,
            key=paper.key,
            version=f"{version}:{version}",
            secret=SECRET,
            expected=paper.expected,
            server=server,
        )
    )
    with Process(require("radsecproxy"), "-f", "-c", configuration) as process:
        # In a thread: what we serve in this very loop may be what it waits for.
        await asyncio.to_thread(process.await_condition, lambda: _takes(tls), "listen for TLS")
        yield Radsecproxy(("127.0.0.1", udp), ("127.0.0.1", tls), process)


def _takes(port: int) -> bool:
    """Whether it takes connections: it says that it listens a little before it does."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
