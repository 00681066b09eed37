"""The TLS engine: good handshakes, every kind of bad certificate, and sessions resumed or not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from radius.eap.steps import Failure
from radius.eap.tls_engine import TlsEngine, TlsFailed, TlsServer
from tests.radius.eap.certificates import Authority, Issued, Key, ecdsa_key, rsa_key
from tests.radius.eap.supplicant import TlsClient, TlsPeer

VERSIONS = ("1.2", "1.3")
WHOLE = 100_000
CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")


def shake(engine: TlsEngine, peer: TlsPeer) -> None:
    """Carry messages between the two until neither has any."""
    message = peer.respond(b"\x20")[1:]
    while message:
        engine.feed(message)
        message = peer.respond(b"\x00" + engine.outgoing())[1:]


def peer_of(client: TlsClient, session: SSL.Session | None = None) -> TlsPeer:
    return TlsPeer(client, fragment_octets=WHOLE, session=session)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("make_key", [ecdsa_key, rsa_key])
def test_a_tunnel_carries_data_both_ways(
    authority: Authority, version: str, make_key: Callable[[], Key]
) -> None:
    engine = TlsServer.for_tunnel(authority.server(make_key())).engine()
    peer = peer_of(TlsClient([authority.root.der], version))
    assert not engine.is_established
    shake(engine, peer)
    assert engine.is_established
    assert not engine.is_resumed
    assert engine.version == version
    assert engine.peer_certificate() is None
    engine.send(b"welcome")
    engine.send(b" in")
    peer.respond(b"\x00" + engine.outgoing())
    assert peer.plaintext == b"welcome in"
    assert engine.received() == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_chain_between_us_and_the_root_is_sent(authority: Authority, version: str) -> None:
    between = Authority("Village Intermediate", above=authority)
    identity = between.server()
    client = TlsClient([authority.root.der], version)
    engine = TlsServer.for_tunnel(identity).engine()
    with pytest.raises(TlsFailed):
        shake(engine, peer_of(client))
    identity = replace(identity, chain=(*identity.chain, between.root.der))
    engine = TlsServer.for_tunnel(identity).engine()
    shake(engine, peer_of(client))
    assert engine.is_established


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_supplicant_says_comes_out_once(authority: Authority, version: str) -> None:
    engine = TlsServer.for_tunnel(authority.server()).engine()
    client = TlsClient([authority.root.der], version)
    said = [b"x" * 20_000]
    peer = TlsPeer(client, fragment_octets=WHOLE, say=lambda heard: said.pop() if said else b"")
    shake(engine, peer)
    assert engine.received() == b"x" * 20_000
    assert engine.received() == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_certificate_of_the_supplicant_is_told(authority: Authority, version: str) -> None:
    engine = TlsServer.for_certificates(authority.server()).engine()
    client = authority.client()
    shake(engine, peer_of(TlsClient([authority.root.der], version, client)))
    assert engine.peer_certificate() == client.der


@pytest.mark.parametrize("version", VERSIONS)
def test_the_supplicant_learns_which_authorities_count(authority: Authority, version: str) -> None:
    peer = peer_of(TlsClient([authority.root.der], version, authority.client()))
    shake(TlsServer.for_certificates(authority.server()).engine(), peer)
    assert [name.CN for name in peer.connection.get_client_ca_list()] == ["Village Root"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", Failure.CERTIFICATE_EXPIRED),
        ("foreign", Failure.CERTIFICATE_UNTRUSTED),
        ("misused", Failure.CERTIFICATE_UNTRUSTED),
        ("none", Failure.CERTIFICATE_UNTRUSTED),
    ],
)
def test_a_bad_certificate_fails_with_its_reason_and_an_alert(
    authority: Authority, foreign_authority: Authority, version: str, kind: str, reason: Failure
) -> None:
    bad: dict[str, Issued | None] = {
        "expired": authority.expired_client(),
        "foreign": foreign_authority.client(),
        "misused": authority.misused_server(),
        "none": None,
    }
    engine = TlsServer.for_certificates(authority.server()).engine()
    peer = peer_of(TlsClient([authority.root.der], version, bad[kind]))
    with pytest.raises(TlsFailed) as failed:
        shake(engine, peer)
    assert failed.value.reason is reason
    assert not engine.is_established
    peer.respond(b"\x00" + engine.outgoing())
    assert peer.failure is not None
    assert "alert" in peer.failure


def test_a_certificate_without_its_key_proves_nothing(authority: Authority) -> None:
    engine = TlsServer.for_certificates(authority.server()).engine()
    peer = peer_of(TlsClient([authority.root.der], "1.2", authority.client()))
    engine.feed(peer.respond(b"\x20")[1:])
    flight = bytearray(peer.respond(b"\x00" + engine.outgoing())[1:])
    flight[flight.index(CHANGE_CIPHER_SPEC) - 1] ^= 1  # the end of the signature
    with pytest.raises(TlsFailed) as failed:
        engine.feed(bytes(flight))
    assert failed.value.reason is Failure.CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize("version", VERSIONS)
def test_a_supplicant_that_does_not_believe_us_has_refused(
    authority: Authority, foreign_authority: Authority, version: str
) -> None:
    engine = TlsServer.for_tunnel(authority.server()).engine()
    with pytest.raises(TlsFailed) as failed:
        shake(engine, peer_of(TlsClient([foreign_authority.root.der], version)))
    assert failed.value.reason is Failure.SUPPLICANT_REFUSED


@pytest.mark.parametrize("alert", range(1, 121))
def test_every_alert_ends_the_handshake(authority: Authority, alert: int) -> None:
    engine = TlsServer.for_tunnel(authority.server()).engine()
    peer = peer_of(TlsClient([authority.root.der], "1.2"))
    engine.feed(peer.respond(b"\x20")[1:])
    with pytest.raises(TlsFailed) as failed:
        engine.feed(bytes((21, 3, 3, 0, 2, 2, alert)))
    assert failed.value.reason in (Failure.SUPPLICANT_REFUSED, Failure.TLS_FAILED)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_supplicant_that_hangs_up_has_refused(authority: Authority, version: str) -> None:
    engine = TlsServer.for_tunnel(authority.server()).engine()
    peer = peer_of(TlsClient([authority.root.der], version))
    shake(engine, peer)
    peer.connection.shutdown()
    with pytest.raises(TlsFailed) as failed:
        engine.feed(peer.connection.bio_read(WHOLE))
    assert failed.value.reason is Failure.SUPPLICANT_REFUSED


@pytest.mark.parametrize("ciphers", [b"AES128-GCM-SHA256", b"ECDHE-RSA-AES128-SHA256"])
def test_old_ciphers_find_no_match(authority: Authority, ciphers: bytes) -> None:
    engine = TlsServer.for_tunnel(authority.server(rsa_key())).engine()
    client = TlsClient([authority.root.der], "1.2")
    client.context.set_cipher_list(ciphers)
    with pytest.raises(TlsFailed) as failed:
        shake(engine, peer_of(client))
    assert failed.value.reason is Failure.TLS_FAILED


@pytest.mark.parametrize(
    ("minimum", "maximum", "version"), [("1.3", "1.3", "1.2"), ("1.2", "1.2", "1.3")]
)
def test_the_versions_of_the_settings_are_the_only_ones(
    authority: Authority, minimum: str, maximum: str, version: str
) -> None:
    server = TlsServer.for_tunnel(authority.server(), minimum=minimum, maximum=maximum)
    with pytest.raises(TlsFailed) as failed:
        shake(server.engine(), peer_of(TlsClient([authority.root.der], version)))
    assert failed.value.reason is Failure.TLS_FAILED


def test_renegotiation_changes_nothing(authority: Authority) -> None:
    engine = TlsServer.for_tunnel(authority.server()).engine()
    peer = peer_of(TlsClient([authority.root.der], "1.2"))
    shake(engine, peer)
    before = engine.export(b"test", None, 16)
    assert peer.connection.renegotiate()
    with pytest.raises(SSL.WantReadError):
        peer.connection.do_handshake()
    engine.feed(peer.connection.bio_read(WHOLE))
    peer.connection.bio_write(engine.outgoing())
    with pytest.raises(SSL.Error, match="no renegotiation"):
        peer.connection.do_handshake()
    assert engine.export(b"test", None, 16) == before


def test_a_key_must_be_the_certificates(authority: Authority) -> None:
    other = authority.client().key_der
    with pytest.raises(ValueError, match="key values mismatch"):
        TlsServer.for_tunnel(replace(authority.server(), key=other))


def test_a_key_must_be_of_a_kind_that_supplicants_know(authority: Authority) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="neither"):
        TlsServer.for_tunnel(replace(authority.server(), key=key))


def test_a_key_must_not_be_weak(authority: Authority) -> None:
    with pytest.raises(ValueError, match="too small"):
        TlsServer.for_tunnel(authority.server(rsa_key(1024)))


def test_there_is_no_other_version(authority: Authority) -> None:
    with pytest.raises(ValueError, match=r"1\.1"):
        TlsServer.for_tunnel(authority.server(), minimum="1.1")


def test_the_identity_hides_its_key(authority: Authority) -> None:
    identity = authority.server()
    assert repr(identity.key) not in repr(identity)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_a_certificate_is_resumed_with_it(authority: Authority, version: str) -> None:
    server = TlsServer.for_certificates(authority.server())
    own = authority.client()
    client = TlsClient([authority.root.der], version, own)
    first, again = peer_of(client), server.engine()
    shake(again, first)
    assert not again.is_resumed
    session = first.keep_session()
    for _ in range(2):
        engine, peer = server.engine(), peer_of(client, session)
        shake(engine, peer)
        assert engine.is_resumed
        assert peer.is_resumed
        assert engine.peer_certificate() == own.der
        session = peer.keep_session()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_dies_with_its_server(authority: Authority, version: str) -> None:
    identity = authority.server()
    client = TlsClient([authority.root.der], version, authority.client())
    first = peer_of(client)
    shake(TlsServer.for_certificates(identity).engine(), first)
    engine, peer = (
        TlsServer.for_certificates(identity).engine(),
        peer_of(client, first.keep_session()),
    )
    shake(engine, peer)
    assert engine.is_established
    assert not engine.is_resumed
    assert not peer.is_resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_has_expired_since_is_not_resumed(
    authority: Authority, version: str
) -> None:
    server = TlsServer.for_certificates(authority.server())
    store = server._context.get_cert_store()
    assert store is not None
    store.set_time(datetime.now(UTC) - timedelta(minutes=20))
    client = TlsClient([authority.root.der], version, authority.expired_client())
    first = peer_of(client)
    shake(server.engine(), first)
    engine = server.engine()
    with pytest.raises(TlsFailed) as failed:
        shake(engine, peer_of(client, first.keep_session()))
    assert engine.is_resumed
    assert failed.value.reason is Failure.CERTIFICATE_EXPIRED
    assert engine.outgoing() == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tunnel_is_never_resumed(authority: Authority, version: str) -> None:
    server = TlsServer.for_tunnel(authority.server())
    client = TlsClient([authority.root.der], version)
    first, earlier = peer_of(client), server.engine()
    shake(earlier, first)
    engine, peer = server.engine(), peer_of(client, first.keep_session())
    shake(engine, peer)
    assert earlier.is_established  # and is not freed: OpenSSL would forget its session with it
    assert engine.is_established
    assert not peer.is_resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_a_certificate_opens_no_tunnel(authority: Authority, version: str) -> None:
    identity = authority.server()
    client = TlsClient([authority.root.der], version, authority.client())
    first = peer_of(client)
    shake(TlsServer.for_certificates(identity).engine(), first)
    engine, peer = TlsServer.for_tunnel(identity).engine(), peer_of(client, first.keep_session())
    shake(engine, peer)
    assert engine.is_established
    assert not peer.is_resumed


AUTHORITY = Authority("Fuzzed Root")
SERVER = TlsServer.for_certificates(AUTHORITY.server())
HELLO = peer_of(TlsClient([AUTHORITY.root.der], "1.2")).respond(b"\x20")[1:]


@pytest.mark.fuzz
@given(st.binary(max_size=200), st.integers(0, len(HELLO)))
def test_any_octets_do_nothing_but_fail(octets: bytes, begin: int) -> None:
    engine = SERVER.engine()
    try:
        engine.feed(HELLO[:begin] + octets)
        engine.feed(octets)
    except TlsFailed as failed:
        assert failed.reason in (Failure.TLS_FAILED, Failure.SUPPLICANT_REFUSED)
    assert not engine.is_established
    assert engine.received() == b""
