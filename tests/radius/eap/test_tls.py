"""EAP-TLS from its start to its end, with a supplicant in memory."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from radius.eap.conversation import Conversation, Offer
from radius.eap.methods.method import Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.methods.tls import Tls
from radius.eap.packet import Code, Type
from radius.eap.steps import (
    Accept,
    Answer,
    AskCertificate,
    Challenge,
    Failure,
    Proof,
    Question,
    Right,
    Step,
    Wrong,
)
from radius.eap.tls_engine import TlsServer
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.eap.supplicant import Lengths, Supplicant, TlsClient, TlsPeer, play

VERSIONS = ("1.2", "1.3")
OUTER = "anonymous@village.example"
LIMIT = 1000
CREDENTIAL = 7


@dataclass
class Register:
    """Answers questions about certificates, and remembers them."""

    answers: Answer = field(default_factory=lambda: Right(CREDENTIAL))
    asked: list[Question] = field(default_factory=list)

    def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        return self.answers


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("limit", [100, 250, 500, 1000, 1300, 1400])
@pytest.mark.parametrize("lengths", Lengths)
def test_a_good_certificate_at_any_size(
    authority: Authority, version: str, limit: int, lengths: Lengths
) -> None:
    own = authority.client()
    client = TlsClient([authority.root.der], version, own)
    peer = TlsPeer(client, fragment_octets=limit, lengths=lengths)
    register = Register()
    server = TlsServer.for_certificates(authority.server())
    end = play(Tls(OUTER, server), peer.respond, register.answer, limit)
    assert end == Done(OUTER, CREDENTIAL, Proof.TLS, peer.msk(Type.TLS))
    assert register.asked == [AskCertificate(OUTER, own.der, Proof.TLS)]
    assert peer.plaintext == (b"\x00" if version == "1.3" else b"")
    assert peer.failure is None


@pytest.mark.parametrize("version", VERSIONS)
def test_inside_a_conversation(authority: Authority, version: str) -> None:
    server = TlsServer.for_certificates(authority.server())
    offers = [Offer(Type.TLS, lambda outer: Tls(outer, server))]
    conversation = Conversation(offers, lambda octets: bytes(octets))
    peer = TlsPeer(TlsClient([authority.root.der], version, authority.client()))
    supplicant = Supplicant(OUTER, Type.TLS, peer.respond)
    step: Step = conversation.start(LIMIT)
    while not isinstance(step, Accept):
        if isinstance(step, Challenge):
            assert len(step.eap) <= LIMIT
            response = supplicant.feed(step.eap)
            assert response is not None
            step = conversation.receive(response, LIMIT)
        else:
            step = conversation.answer(Right(CREDENTIAL), LIMIT)
    assert supplicant.feed(step.eap) is None
    assert supplicant.result is Code.SUCCESS
    assert (step.identity, step.credential, step.proof) == (OUTER, CREDENTIAL, Proof.TLS)
    assert step.msk == peer.msk(Type.TLS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("limit", [20, LIMIT])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", Failure.CERTIFICATE_EXPIRED),
        ("foreign", Failure.CERTIFICATE_UNTRUSTED),
        ("misused", Failure.CERTIFICATE_UNTRUSTED),
        ("none", Failure.CERTIFICATE_UNTRUSTED),
    ],
)
def test_a_bad_certificate_is_not_asked_about_and_gets_an_alert(
    authority: Authority,
    foreign_authority: Authority,
    version: str,
    limit: int,
    kind: str,
    reason: Failure,
) -> None:
    bad: dict[str, Issued | None] = {
        "expired": authority.expired_client(),
        "foreign": foreign_authority.client(),
        "misused": authority.misused_server(),
        "none": None,
    }
    peer = TlsPeer(TlsClient([authority.root.der], version, bad[kind]))
    register = Register()
    server = TlsServer.for_certificates(authority.server())
    assert play(Tls(OUTER, server), peer.respond, register.answer, limit) == Failed(reason)
    assert register.asked == []
    assert peer.failure is not None
    assert "alert" in peer.failure


@pytest.mark.parametrize("version", VERSIONS)
def test_a_supplicant_that_does_not_believe_us(
    authority: Authority, foreign_authority: Authority, version: str
) -> None:
    client = TlsClient([foreign_authority.root.der], version, authority.client())
    server = TlsServer.for_certificates(authority.server())
    register = Register()
    end = play(Tls(OUTER, server), TlsPeer(client).respond, register.answer, LIMIT)
    assert end == Failed(Failure.SUPPLICANT_REFUSED)
    assert register.asked == []


def asked(method: Tls, peer: TlsPeer) -> AskCertificate:
    """Carry messages until the method asks."""
    outcome: Outcome = method.start(LIMIT)
    while isinstance(outcome, Send):
        outcome = method.receive(peer.respond(outcome.data), LIMIT)
    assert isinstance(outcome, AskCertificate)
    return outcome


def test_a_refused_certificate_gets_an_alert_in_tls_1_2(authority: Authority) -> None:
    peer = TlsPeer(TlsClient([authority.root.der], "1.2", authority.client()))
    method = Tls(OUTER, TlsServer.for_certificates(authority.server()))
    asked(method, peer)
    alert = method.answer(Wrong(), LIMIT)
    assert alert == Send(bytes.fromhex("00 15030300020231"))  # fatal: access_denied
    response = peer.respond(alert.data)
    assert "access denied" in (peer.failure or "")
    assert method.receive(response, LIMIT) == Failed(Failure.CREDENTIAL_REFUSED)


def test_a_refused_certificate_gets_nothing_in_tls_1_3(authority: Authority) -> None:
    peer = TlsPeer(TlsClient([authority.root.der], "1.3", authority.client()))
    method = Tls(OUTER, TlsServer.for_certificates(authority.server()))
    asked(method, peer)
    assert method.answer(Wrong(), LIMIT) == Failed(Failure.CREDENTIAL_REFUSED)


def test_nothing_follows_the_end(authority: Authority) -> None:
    peer = TlsPeer(TlsClient([authority.root.der], "1.2", authority.client()))
    method = Tls(OUTER, TlsServer.for_certificates(authority.server()))
    asked(method, peer)
    last = method.answer(Right(CREDENTIAL), LIMIT)
    assert isinstance(last, Send)
    peer.respond(last.data)
    assert peer.connection.renegotiate()
    with pytest.raises(SSL.WantReadError):
        peer.connection.do_handshake()
    with pytest.raises(MalformedMethod):
        method.receive(b"\x00" + peer.connection.bio_read(LIMIT), LIMIT)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_is_asked_about_again(authority: Authority, version: str) -> None:
    own = authority.client()
    client = TlsClient([authority.root.der], version, own)
    server = TlsServer.for_certificates(authority.server())
    first = TlsPeer(client)
    assert isinstance(play(Tls(OUTER, server), first.respond, Register().answer, LIMIT), Done)

    second = TlsPeer(client, session=first.keep_session())
    register = Register()
    end = play(Tls(OUTER, server), second.respond, register.answer, LIMIT)
    assert second.is_resumed
    assert end == Done(OUTER, CREDENTIAL, Proof.TLS, second.msk(Type.TLS))
    assert second.msk(Type.TLS) != first.msk(Type.TLS)
    assert register.asked == [AskCertificate(OUTER, own.der, Proof.TLS)]
    assert second.plaintext == (b"\x00" if version == "1.3" else b"")

    third = TlsPeer(client, session=second.keep_session())
    end = play(Tls(OUTER, server), third.respond, Register(Wrong()).answer, LIMIT)
    assert third.is_resumed
    assert end == Failed(Failure.CREDENTIAL_REFUSED)
    assert third.plaintext == b""
    assert third.failure is None  # no alert in clear, where all is encrypted by now


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tunnels_session_proves_no_certificate(authority: Authority, version: str) -> None:
    """The session of a tunnel holds no certificate, so resuming it would prove nothing."""
    identity = authority.server()
    client = TlsClient([authority.root.der], version)
    first, tunnel = (
        TlsPeer(client, fragment_octets=100_000),
        TlsServer.for_tunnel(identity).engine(),
    )
    message = first.respond(b"\x20")
    while not tunnel.is_established:
        tunnel.feed(message[1:])
        message = first.respond(b"\x00" + tunnel.outgoing())
    first.respond(b"\x00" + tunnel.outgoing())

    register = Register()
    second = TlsPeer(client, session=first.keep_session())
    server = TlsServer.for_certificates(identity)
    end = play(Tls(OUTER, server), second.respond, register.answer, LIMIT)
    assert end == Failed(Failure.CERTIFICATE_UNTRUSTED)
    assert register.asked == []


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_talks_inside_eap_tls(authority: Authority, version: str) -> None:
    client = TlsClient([authority.root.der], version, authority.client())
    said = [b"hello"]
    peer = TlsPeer(client, say=lambda heard: said.pop() if said else b"")
    server = TlsServer.for_certificates(authority.server())
    with pytest.raises(MalformedMethod):
        play(Tls(OUTER, server), peer.respond, Register().answer, LIMIT)


AUTHORITY = Authority("Fuzzed Root")
SERVER = TlsServer.for_certificates(AUTHORITY.server())
CLIENTS = {
    version: TlsClient([AUTHORITY.root.der], version, AUTHORITY.client()) for version in VERSIONS
}


@dataclass(frozen=True)
class Tampering:
    """What happens to the response of one round, on its way."""

    round: int
    kind: str
    at: int
    octets: bytes

    def apply(self, round: int, data: bytes, before: bytes) -> bytes:
        if round != self.round:
            return data
        at = self.at % (len(data) + 1)
        return {
            "truncate": data[:at],
            "insert": data[:at] + self.octets + data[at:],
            "overwrite": data[:at] + self.octets + data[at + len(self.octets) :],
            "repeat": before,
            "replace": self.octets,
            "flags": self.octets[:1] + data[1:],
        }[self.kind]


TAMPERINGS = st.builds(
    Tampering,
    st.integers(0, 9),
    st.sampled_from(["truncate", "insert", "overwrite", "repeat", "replace", "flags"]),
    st.integers(0, 400),
    st.binary(min_size=1, max_size=8),
)


@pytest.mark.fuzz
@given(st.sampled_from(VERSIONS), st.lists(TAMPERINGS, max_size=3), st.integers(60, 1400))
def test_a_tampered_handshake_ends_well_or_not_at_all(
    version: str, tamperings: list[Tampering], limit: int
) -> None:
    peer = TlsPeer(CLIENTS[version], fragment_octets=400)
    method = Tls(OUTER, SERVER)
    outcome: Outcome = method.start(limit)
    before = b""
    for round in range(100):
        if isinstance(outcome, Send):
            assert len(outcome.data) <= limit
            honest = peer.respond(outcome.data)
            data = honest
            for tampering in tamperings:
                data = tampering.apply(round, data, before)
            before = honest
            try:
                outcome = method.receive(data, limit)
            except MalformedMethod:
                return
        elif isinstance(outcome, AskCertificate):
            assert outcome.certificate == peer_certificate(version)
            outcome = method.answer(Right(CREDENTIAL), limit)
        else:
            break
    if isinstance(outcome, Done):
        assert outcome.msk == peer.msk(Type.TLS)


def peer_certificate(version: str) -> bytes:
    own = CLIENTS[version].own
    assert own is not None
    return own.der
