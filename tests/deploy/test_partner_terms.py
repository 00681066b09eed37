"""What an operator writes of a partner's servers is read, or refused with a remedy."""

from pathlib import Path
from typing import Final

import pytest

from aaa.errors import Invalid
from aaa.secret import Secret
from aaa.snapshot import RadsecPeerEntry
from deploy.commands import partner_terms
from deploy.commands.partner_terms import Ports, Proof, Shared
from federation.model import Transport
from tests.interop.certificates import Issuer

NOTHING: Final = Proof((), None, None)
ROOT: Final = Proof((b"a root",), None, None)
USUAL: Final = Ports()
SHARED: Final = Shared(Secret("a secret of two regions"), is_made=False)
FINGERPRINT: Final = ":".join(["AB"] * 32)


@pytest.mark.parametrize(
    ("url", "address", "accounting"),
    [
        ("udp://192.0.2.7", "udp://192.0.2.7:1812", 1813),
        ("udp://192.0.2.7:1645", "udp://192.0.2.7:1645", 1646),
        ("udp://RADIUS.liguria.example/", "udp://radius.liguria.example:1812", 1813),
        ("udp://[2001:DB8::7]", "udp://[2001:db8::7]:1812", 1813),
        ("tls://radius.liguria.example", "tls://radius.liguria.example:2083", 2083),
        ("tls://località.example", "tls://xn--localit-fwa.example:2083", 2083),
    ],
)
def test_a_server_is_a_transport_a_host_and_a_port(url: str, address: str, accounting: int) -> None:
    server = partner_terms.read_home(url, SHARED, ROOT, USUAL, 0)
    assert (server.address, server.acct_port) == (address, accounting)
    assert partner_terms.read_address(url) == address
    assert partner_terms.is_udp(url) is (server.transport is Transport.UDP)
    # A secret is for UDP, a certificate for TLS.
    assert (server.secret is not None) is (server.anchor is None) is partner_terms.is_udp(url)


def test_accounting_and_orders_may_go_elsewhere() -> None:
    server = partner_terms.read_home("udp://192.0.2.7", SHARED, NOTHING, Ports(11813, 13799), 3)
    assert (server.auth_port, server.acct_port, server.priority) == (1812, 11813, 3)
    assert server.coa_port == 13799
    assert (
        partner_terms.read_home("tls://r.example", None, ROOT, Ports(coa=2084), 0).coa_port == 2084
    )
    with pytest.raises(Invalid, match="leave --accounting-port out"):
        partner_terms.read_home("tls://r.example", None, ROOT, Ports(accounting=1813), 0)


@pytest.mark.parametrize(
    "url",
    [
        "liguria.example",
        "192.0.2.7:1812",
        "tcp://192.0.2.7",
        "udp://192.0.2.7:70000",
        "udp://192.0.2.7:0",
        "udp://192.0.2.7/radius",
        "udp://me@192.0.2.7",
        "udp://",
    ],
)
def test_what_is_no_server_is_refused_with_the_two_forms(url: str) -> None:
    with pytest.raises(Invalid, match=r"write udp://HOST\[:PORT\] or tls://HOST\[:PORT\]"):
        partner_terms.read_home(url, SHARED, NOTHING, USUAL, 0)


@pytest.mark.parametrize("host", ["radius_1.example", "-a.example", "a b.example"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(Invalid, match="is no host"):
        partner_terms.read_home(f"tls://{host}", None, ROOT, USUAL, 0)


@pytest.mark.parametrize(
    ("url", "proof", "name"),
    [
        ("tls://radius.example", ROOT, "radius.example"),
        ("tls://radius.example", Proof((b"a root",), "other.example", None), "other.example"),
        ("tls://192.0.2.7", ROOT, None),
        ("tls://radius.example", Proof((), None, "ab"), None),
    ],
)
def test_a_server_shows_the_name_that_it_is_reached_by(
    url: str, proof: Proof, name: str | None
) -> None:
    assert partner_terms.read_home(url, None, proof, USUAL, 0).certificate_name == name


@pytest.mark.parametrize(
    "written", [FINGERPRINT, f"SHA256 Fingerprint={FINGERPRINT}", f"sha256:{'ab' * 32}", "ab" * 32]
)
def test_a_fingerprint_is_taken_as_programs_write_it(written: str) -> None:
    assert partner_terms.read_proof(None, None, written).fingerprint == "ab" * 32


def test_half_a_fingerprint_is_none() -> None:
    with pytest.raises(Invalid, match="64 hexadecimal digits: `openssl x509"):
        partner_terms.read_proof(None, None, FINGERPRINT[:40])


def test_a_root_is_read_from_its_file(tmp_path: Path) -> None:
    issuer = Issuer.create("Liguria Root")
    (tmp_path / "root.pem").write_bytes(issuer.certificate)
    (anchor,) = partner_terms.read_proof(str(tmp_path / "root.pem"), None, None).anchors
    assert anchor is not None
    (tmp_path / "root.der").write_bytes(anchor)
    assert partner_terms.read_proof(str(tmp_path / "root.der"), None, None).anchors == (anchor,)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere.pem", "cannot be read"),
        ("text.pem", "is no certificate, neither PEM nor DER"),
        ("two.pem", "holds a certificate that is no root"),
        ("leaf/certificate.pem", "know a server by its --fingerprint"),
    ],
)
def test_what_is_no_root_is_refused(tmp_path: Path, name: str, told: str) -> None:
    issuer = Issuer.create("Liguria Root")
    leaf = issuer.server(tmp_path / "leaf", "radius.liguria.example")
    (tmp_path / "two.pem").write_bytes(issuer.certificate + leaf.certificate.read_bytes())
    (tmp_path / "text.pem").write_text("a root, honestly")
    with pytest.raises(Invalid, match=told):
        partner_terms.read_proof(str(tmp_path / name), None, None)


def test_a_sender_is_a_network_with_a_secret_or_a_certificate() -> None:
    assert partner_terms.read_sender(None, None, ROOT) is None
    over_udp = partner_terms.read_sender("192.0.2.0/28", SHARED, NOTHING)
    assert over_udp is not None
    assert (over_udp.network, over_udp.secret, over_udp.peers) == (
        *("192.0.2.0/28", SHARED.value),
        (),
    )
    over_tls = partner_terms.read_sender(None, SHARED, Proof((b"a root",), "r.example", None))
    assert over_tls is not None
    assert over_tls.peers == (RadsecPeerEntry(b"a root", "r.example", None),)
    assert over_tls.secret is None
    with pytest.raises(Invalid, match="give that root too, --from-anchor FILE"):
        partner_terms.read_sender(None, None, Proof((), "r.example", None))


def test_a_secret_that_is_made_is_shown_and_a_given_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of two regions\n")
    given = partner_terms.read_shared(str(tmp_path / "secret"))
    assert (given.value, given.text) == (SHARED.value, "<as in your file>")
    made = partner_terms.read_shared(None)
    assert made.text.encode() == made.value.reveal()
