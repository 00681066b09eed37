"""What a partner's people paste is understood by the programs that they paste it into."""

import itertools
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from federation.model import Transport
from federation.provisioning import Format, Setup, configuration
from tests.counterparts import require
from tests.interop.certificates import Issuer
from tests.ports import free_port

UDP: Final = frozenset((Transport.UDP,))
TLS: Final = frozenset((Transport.TLS,))
BOTH: Final = UDP | TLS
NOBODY: Final[frozenset[Transport]] = frozenset()
WAYS: Final = [
    (asked, asks) for asked, asks in itertools.product((UDP, TLS), (NOBODY, UDP, TLS, BOTH))
]
_RADIUSD: Final = """
libdir = {library}
run_dir = {directory}
certdir = {directory}
security {{
}}
modules {{
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
  }}
}}
$INCLUDE farandole.conf
"""


def setup(asked: frozenset[Transport], asks: frozenset[Transport]) -> Setup:
    return Setup(
        realms=("village.example", "hills.example"),
        asked_over=asked,
        asks_over=asks,
        source="192.0.2.1",
        server="192.0.2.2",
        auth_port=1812,
        acct_port=1813,
        # It is looked up when the configuration is read.
        radsec_name="localhost",
        radsec_port=2083,
        secret="a secret of two regions",
        their_secret="another one of theirs",
    )


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A directory with certificates where the configuration says that they are."""
    issuer = Issuer.create("Root")
    holder = issuer.server(tmp_path / "server", "radius.liguria.example")
    holder.certificate.rename(tmp_path / "radsec.pem")
    holder.key.rename(tmp_path / "radsec.key")
    (tmp_path / "village.example-ca.pem").write_bytes(issuer.certificate)
    return tmp_path


def checked(*command: str) -> str:
    """Return what a program says of a configuration that it finds right."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.interop
@pytest.mark.parametrize(("asked", "asks"), WAYS)
def test_freeradius_takes_it(
    certified: Path, asked: frozenset[Transport], asks: frozenset[Transport]
) -> None:
    program = require("freeradius")
    library = next(Path("/usr/lib").glob("*reeradius*"), Path("/usr/lib/freeradius"))
    text = _RADIUSD.format(library=library, directory=certified, port=free_port())
    (certified / "radiusd.conf").write_text(text)
    written = configuration(setup(asked, asks), Format.FREERADIUS)
    (certified / "farandole.conf").write_text(written)
    said = checked(program, "-XC", "-d", str(certified), "-n", "radiusd")
    assert "Configuration appears to be OK" in said
    assert ("realm village.example {" in said) is bool(asks)
    assert ("client village.example {" in said) is (asked == UDP)
    assert ("require_client_cert = yes" in said) is (asked == TLS)


@pytest.mark.interop
@pytest.mark.parametrize(("asked", "asks"), WAYS)
def test_radsecproxy_takes_it(
    certified: Path, asked: frozenset[Transport], asks: frozenset[Transport]
) -> None:
    written = configuration(setup(asked, asks), Format.RADSECPROXY)
    assert ("realm hills.example {" in written) is bool(asks)
    path = certified / "radsecproxy.conf"
    # Without a realm it does not start; a partner has its own there.
    own = "realm liguria.example {\n}\n"
    path.write_text(written.replace("/etc/radsecproxy", str(certified)) + own)
    checked(require("radsecproxy"), "-p", "-c", str(path))


def test_two_of_us_stand_side_by_side() -> None:
    """A hub has several; radsecproxy takes the first of two servers that share a name."""
    others = replace(setup(BOTH, BOTH), realms=("liguria.example",))
    for format in Format:
        titles, of_others = (
            {line for line in configuration(each, format).splitlines() if line.endswith("{")}
            for each in (setup(BOTH, BOTH), others)
        )
        assert titles & of_others == ({"listen {", "\ttls {"} & titles), format


@pytest.mark.parametrize("format", Format)
def test_over_tls_nobody_else_of_our_authority_counts_as_us(format: Format) -> None:
    written = configuration(setup(TLS, TLS), format)
    check = {
        Format.FREERADIUS: "check_cert_cn = localhost",
        Format.RADSECPROXY: "matchCertificateAttribute SubjectAltName:DNS:/^localhost$/",
    }
    assert written.count(check[format]) == 2


@pytest.mark.parametrize("format", Format)
def test_over_tls_no_secret_of_ours_is_written(format: Format) -> None:
    written = configuration(setup(TLS, TLS), format)
    assert "secret of two regions" not in written
    assert "one of theirs" not in written
    assert "radsec" in written
