"""Keys: both ends have the same, and they are what the RFCs' own formulas give."""

import hashlib
import hmac

import pytest

from radius.eap import keys
from radius.eap.packet import Type
from radius.eap.tls_engine import TlsEngine, TlsServer
from tests.radius.eap.certificates import Authority
from tests.radius.eap.supplicant import TlsClient, TlsPeer

VERSIONS = ("1.2", "1.3")
METHODS = (Type.TLS, Type.TTLS, Type.PEAP)


def connect(authority: Authority, version: str) -> tuple[TlsEngine, TlsPeer]:
    """Return the two ends of a tunnel."""
    engine = TlsServer.for_tunnel(authority.server()).engine()
    peer = TlsPeer(TlsClient([authority.root.der], version), fragment_octets=100_000)
    message = peer.respond(b"\x20")[1:]
    while message:
        engine.feed(message)
        message = peer.respond(b"\x00" + engine.outgoing())[1:]
    return engine, peer


def prf(peer: TlsPeer, label: bytes, octets: int) -> bytes:
    """Return PRF(master_secret, label, client_random || server_random) of RFC 5246 section 5."""
    assert "SHA384" in (peer.connection.get_cipher_name() or "")
    secret = peer.connection.master_key()
    client_random, server_random = peer.connection.client_random(), peer.connection.server_random()
    assert secret and client_random and server_random
    seed = label + client_random + server_random
    output, a = b"", seed
    while len(output) < octets:
        a = hmac.digest(secret, a, hashlib.sha384)
        output += hmac.digest(secret, a + seed, hashlib.sha384)
    return output[:octets]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("type", METHODS)
def test_both_ends_have_the_same_msk(authority: Authority, version: str, type: Type) -> None:
    engine, peer = connect(authority, version)
    assert keys.msk(engine, type) == peer.msk(type)
    assert len(keys.msk(engine, type)) == 64


@pytest.mark.parametrize("type", METHODS)
def test_the_msk_begins_the_key_material(authority: Authority, type: Type) -> None:
    engine, _ = connect(authority, "1.3")
    material = keys.key_material(engine, type)
    assert len(material) == 128
    assert material[:64] == keys.msk(engine, type)


@pytest.mark.parametrize(
    ("type", "label"),
    [
        (Type.TLS, b"client EAP encryption"),
        (Type.TTLS, b"ttls keying material"),
        (Type.PEAP, b"client EAP encryption"),
    ],
)
def test_up_to_tls_1_2_the_rfcs_name_the_prf(
    authority: Authority, type: Type, label: bytes
) -> None:
    engine, peer = connect(authority, "1.2")
    assert keys.key_material(engine, type) == prf(peer, label, 128)


def test_in_tls_1_3_each_method_has_its_own_keys(authority: Authority) -> None:
    engine, _ = connect(authority, "1.3")
    assert len({keys.msk(engine, type) for type in METHODS}) == 3


@pytest.mark.parametrize("octets", [9, 17])
def test_the_implicit_challenge_of_tls_1_2(authority: Authority, octets: int) -> None:
    engine, peer = connect(authority, "1.2")
    assert keys.ttls_challenge(engine, octets) == prf(peer, b"ttls challenge", octets)


@pytest.mark.parametrize("octets", [9, 17])
def test_the_implicit_challenge_of_tls_1_3(authority: Authority, octets: int) -> None:
    engine, peer = connect(authority, "1.3")
    # RFC 8446 section 7.5: no context is an empty context.
    assert keys.ttls_challenge(engine, octets) == peer.export(b"ttls challenge", b"", octets)
