"""EAP-TTLS with a supplicant in memory: each proof inside, right and wrong, in every size."""

import os
from functools import cache, partial
from typing import Any

import pytest

from radius.eap.conversation import Offer
from radius.eap.diameter import Avp, encode, parse
from radius.eap.methods.gtc import Gtc
from radius.eap.methods.method import Done, Failed, MalformedMethod, Send
from radius.eap.methods.mschapv2 import MsChapV2
from radius.eap.methods.ttls import Ttls
from radius.eap.packet import Type
from radius.eap.steps import (
    Answer,
    AskPassword,
    AskSecrets,
    Candidate,
    Failure,
    Proof,
    Question,
    Right,
    Secrets,
    Wrong,
)
from radius.eap.tls_engine import TlsServer
from radius.wire import mschap
from tests.radius.eap import inside
from tests.radius.eap.certificates import Authority
from tests.radius.eap.inside import Inside, inside_of
from tests.radius.eap.supplicant import MORE_FRAGMENTS, Say, TlsClient, TlsPeer, play

OUTER = "anonymous@village.example"
ANNA = "anna@village.example"
NAME = ANNA.encode()
SECRET = b"7hq2-mzkd-p4xw"
SECRETS = Secrets((Candidate(3, b"another"), Candidate(5, SECRET), Candidate(7, b"a third")))
VERSIONS = ["1.2", "1.3"]
OFFERS = [
    Offer(Type.MSCHAPV2, partial(MsChapV2, proof=Proof.TTLS_EAP_MSCHAPV2, chance=os.urandom)),
    Offer(Type.GTC, partial(Gtc, proof=Proof.TTLS_EAP_GTC)),
]
PROOFS = {
    Proof.TTLS_PAP: inside.pap,
    Proof.TTLS_CHAP: inside.chapped,
    Proof.TTLS_MSCHAPV2: inside.mschapped,
    Proof.TTLS_EAP_MSCHAPV2: inside.eap_mschapv2,
    Proof.TTLS_EAP_GTC: inside.eap_gtc,
}


@cache
def authority() -> Authority:
    return Authority()


@cache
def server() -> TlsServer:
    return TlsServer.for_tunnel(authority().server())


@cache
def client(version: str) -> TlsClient:
    return TlsClient([authority().root.der], version)


def ttls(outer: str = OUTER) -> Ttls:
    return Ttls(outer, server(), OFFERS, os.urandom)


def knows_anna(question: Question) -> Answer:
    """Answer as a town does that knows Anna, and her secret by the number 5."""
    match question:
        case AskPassword(identity, password, _):
            return Right(5) if (identity, password) == (ANNA, SECRET) else Wrong()
        case AskSecrets(identity, _):
            return SECRETS if identity == ANNA else Secrets(())
    raise AssertionError(question)


def meet(
    speak: Inside, version: str = "1.3", *, outer: str = OUTER, limit: int = 1300, **options: Any
) -> tuple[TlsPeer, Done | Failed]:
    peer = inside_of(client(version), speak, **options)
    return peer, play(ttls(outer), peer.respond, knows_anna, limit)


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("limit", [100, 500, 1300])
def test_the_right_secret_opens_the_same_keys_at_both_ends(
    version: str, proof: Proof, limit: int
) -> None:
    speak = PROOFS[proof](NAME, SECRET)
    peer, end = meet(speak, version, limit=limit, fragment_octets=limit)
    assert end == Done(ANNA, 5, proof, peer.msk(Type.TTLS))
    assert len(end.msk) == 64


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrong_secret_is_refused(version: str, proof: Proof) -> None:
    _, end = meet(PROOFS[proof](NAME, b"guess"), version)
    assert end == Failed(Failure.CREDENTIAL_REFUSED)


@pytest.mark.parametrize("proof", PROOFS)
def test_an_unknown_name_is_refused_like_a_wrong_secret(proof: Proof) -> None:
    _, end = meet(PROOFS[proof](b"nobody@village.example", SECRET))
    assert end == Failed(Failure.CREDENTIAL_REFUSED)


@pytest.mark.parametrize("proof", PROOFS)
def test_a_bare_name_takes_the_outer_realm(proof: Proof) -> None:
    _, end = meet(PROOFS[proof](b"anna", SECRET))
    assert isinstance(end, Done)
    assert (end.identity, end.credential) == (ANNA, 5)


@pytest.mark.parametrize("proof", PROOFS)
def test_a_name_of_another_realm_is_refused_before_it_is_looked_for(proof: Proof) -> None:
    peer = inside_of(client("1.3"), PROOFS[proof](b"anna@town.example", SECRET))

    def asks_nothing(question: Question) -> Answer:
        raise AssertionError(question)

    end = play(ttls(), peer.respond, asks_nothing, 1300)
    assert end == Failed(Failure.REALM_MISMATCH)


@pytest.mark.parametrize("name", [b"", b"\xff\xfe", b"a\nb", b"a" * 254])
def test_what_is_no_name_is_refused(name: bytes) -> None:
    _, end = meet(inside.pap(name, SECRET))
    assert end == Failed(Failure.BAD_IDENTITY)


@pytest.mark.parametrize(
    ("sent", "password"),
    [
        (b"secret", b"secret"),
        (b"secret" + bytes(10), b"secret"),
        (b"16 octets of it.", b"16 octets of it."),
        (b"\0in\0side\0\0", b"\0in\0side"),
        (bytes(16), b""),
    ],
)
def test_a_password_comes_without_its_padding(sent: bytes, password: bytes) -> None:
    asked = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return Wrong()

    speak = inside.says(Avp(inside.USER_NAME, NAME), Avp(inside.USER_PASSWORD, sent))
    play(ttls(), inside_of(client("1.3"), speak).respond, answer, 1300)
    assert asked == [AskPassword(ANNA, password, Proof.TTLS_PAP)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "speak",
    [
        inside.chapped(NAME, SECRET, flip=inside.CHAP_CHALLENGE),
        inside.chapped(NAME, SECRET, flip=inside.CHAP_PASSWORD),
        inside.mschapped(NAME, SECRET, flip=inside.MS_CHAP_CHALLENGE),
        inside.mschapped(NAME, SECRET, flip=inside.MS_CHAP2_RESPONSE),
    ],
)
def test_a_challenge_or_identifier_of_ones_own_choice_is_malformed(
    version: str, speak: Inside
) -> None:
    with pytest.raises(MalformedMethod, match="the tunnel's own"):
        meet(speak, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_proves_that_it_knows_the_secret_too(version: str) -> None:
    peer, end = meet(inside.mschapped(NAME, SECRET), version)
    assert isinstance(end, Done)
    (success,) = parse(peer.plaintext)
    challenge, identifier = inside.implicit_challenge(peer)
    hashed = mschap.nt_hash(SECRET)
    challenges = (challenge, inside.PEER_CHALLENGE, NAME)
    proof = mschap.authenticator_response(
        hashed, mschap.nt_response(*challenges, hashed), *challenges
    )
    assert success == Avp(inside.MS_CHAP2_SUCCESS, bytes((identifier,)) + proof)
    assert len(success.data) == 43


def test_a_refusal_of_mschapv2_is_told_inside() -> None:
    peer, end = meet(inside.mschapped(NAME, b"guess"))
    assert end == Failed(Failure.CREDENTIAL_REFUSED)
    (error,) = parse(peer.plaintext)
    _, identifier = inside.implicit_challenge(peer)
    assert error.place == inside.MS_CHAP_ERROR
    assert error.data[0] == identifier
    assert error.data[1:].startswith(b"E=691 R=0 C=")


def test_success_of_mschapv2_has_to_be_acknowledged_by_nothing() -> None:
    begun = inside.mschapped(NAME, SECRET)

    def speak(peer: TlsPeer) -> Say:
        say = begun(peer)
        return lambda plaintext: encode([Avp((0, 1), b"?")]) if plaintext else say(b"")

    with pytest.raises(MalformedMethod, match="an empty message was due"):
        meet(speak)


@pytest.mark.parametrize(
    "proof", [Proof.TTLS_PAP, Proof.TTLS_CHAP, Proof.TTLS_EAP_GTC, Proof.TTLS_EAP_MSCHAPV2]
)
def test_neither_success_nor_failure_is_said_inside(proof: Proof) -> None:
    for secret in (SECRET, b"guess"):
        peer, _ = meet(PROOFS[proof](NAME, secret))
        told = [avp for avp in parse(peer.plaintext) if avp.data[:1] != b"\x01"]
        assert told == []


class LatePeer(TlsPeer):
    """Begins inside the tunnel only when it has seen the server's word after the handshake."""

    first = b""

    def respond(self, data: bytes) -> bytes:
        if self.is_established and self.first:
            self._tell(self.first)
            self.first = b""
        return super().respond(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_proof_may_come_with_the_finished_or_after_it(version: str) -> None:
    peer = LatePeer(client(version))
    peer.first = encode([Avp(inside.USER_NAME, NAME), Avp(inside.USER_PASSWORD, SECRET)])
    end = play(ttls(), peer.respond, knows_anna, 1300)
    assert end == Done(ANNA, 5, Proof.TTLS_PAP, peer.msk(Type.TTLS))


def listen(peer: TlsPeer, method: Ttls) -> Send:
    """Return what the method says in the end to a peer that says nothing in the tunnel."""
    request = method.start(1300)
    for _ in range(20):
        outcome = method.receive(peer.respond(request.data), 1300)
        assert isinstance(outcome, Send)
        request = outcome
    assert peer.is_established
    return request


def test_who_is_silent_inside_is_asked_on_and_never_admitted() -> None:
    assert listen(TlsPeer(client("1.3")), ttls()) == Send(b"\0")


def test_a_supplicant_of_the_wrong_kind_of_trust_tells_so() -> None:
    stranger = TlsClient([Authority("Another Root").root.der], "1.3")
    peer = inside_of(stranger, inside.pap(NAME, SECRET))
    end = play(ttls(), peer.respond, knows_anna, 1300)
    assert end == Failed(Failure.SUPPLICANT_REFUSED)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_is_resumed(version: str) -> None:
    first, end = meet(inside.mschapped(NAME, SECRET), version)
    assert isinstance(end, Done)
    session = first.keep_session()
    second, end = meet(inside.pap(NAME, b"guess"), version, session=session)
    assert end == Failed(Failure.CREDENTIAL_REFUSED)
    assert not second.is_resumed
    silent = TlsPeer(client(version), session=session)
    assert listen(silent, ttls()) == Send(b"\0")


USER_NAME = Avp(inside.USER_NAME, NAME)
PASSWORD = Avp(inside.USER_PASSWORD, SECRET)


@pytest.mark.parametrize(
    ("avps", "matter"),
    [
        ([USER_NAME], "0 proofs"),
        ([PASSWORD], "no AVP"),
        ([USER_NAME, PASSWORD, PASSWORD], "twice"),
        ([USER_NAME, USER_NAME, PASSWORD], "twice"),
        ([USER_NAME, PASSWORD, Avp(inside.EAP_MESSAGE, b"\2\0\0\5\1")], "2 proofs"),
        ([USER_NAME, PASSWORD, Avp(inside.CHAP_PASSWORD, bytes(17))], "2 proofs"),
        ([Avp(inside.EAP_MESSAGE, b"\2\0"), Avp(inside.EAP_MESSAGE, b"\0\5\1")], "twice"),
        ([USER_NAME, PASSWORD, Avp((311, 1), bytes(50))], "mandatory"),
        ([USER_NAME, Avp((311, 1), bytes(50), is_mandatory=False)], "0 proofs"),
        ([USER_NAME, PASSWORD, Avp((0, 26), bytes(50))], "mandatory"),
        ([USER_NAME, Avp(inside.CHAP_PASSWORD, bytes(17))], "no AVP"),
        ([USER_NAME, Avp(inside.MS_CHAP2_RESPONSE, bytes(50))], "no AVP"),
        ([USER_NAME, Avp(inside.MS_CHAP2_RESPONSE, bytes(49))], "another length"),
        ([USER_NAME, Avp(inside.USER_PASSWORD, b"x" * 513)], "password of 513"),
        ([USER_NAME, PASSWORD, Avp((0, 99), bytes(4096), is_mandatory=False)], "octets of AVPs"),
    ],
)
def test_what_is_no_proof_is_malformed(avps: list[Avp], matter: str) -> None:
    with pytest.raises(MalformedMethod, match=matter):
        meet(inside.says(*avps))


def test_octets_that_are_no_avps_are_malformed() -> None:
    with pytest.raises(MalformedMethod, match="shorter than its header"):
        meet(lambda peer: lambda plaintext: b"no AVP")


def test_an_avp_that_may_be_left_out_is() -> None:
    _, end = meet(inside.says(Avp((0, 4), b"\x0a\0\0\1", is_mandatory=False), USER_NAME, PASSWORD))
    assert isinstance(end, Done)


@pytest.mark.parametrize("octets", [16, 18])
def test_a_chap_response_of_another_length_is_none(octets: int) -> None:
    def speak(peer: TlsPeer) -> Say:
        def say(plaintext: bytes) -> bytes:
            challenge, identifier = inside.implicit_challenge(peer)
            response = Avp(inside.CHAP_PASSWORD, bytes((identifier,)) + bytes(octets - 1))
            return encode([USER_NAME, Avp(inside.CHAP_CHALLENGE, challenge), response])

        return say

    _, end = meet(speak)
    assert end == Failed(Failure.CREDENTIAL_REFUSED)


@pytest.mark.parametrize(
    ("second", "matter"),
    [
        ([], "0 proofs"),
        ([USER_NAME, PASSWORD], "another proof"),
        ([Avp(inside.EAP_MESSAGE, b"?")], "malformed"),
        ([Avp(inside.EAP_MESSAGE, bytes((2, 99, 0, 6, 26, 2)))], "wrong_identifier"),
        ([Avp(inside.EAP_MESSAGE, bytes((1, 1, 0, 6, 26, 2)))], "not_a_response"),
        ([Avp(inside.EAP_MESSAGE, bytes((2, 1, 0, 6, 13, 2)))], "wrong_type"),
    ],
)
def test_what_eap_would_wait_out_ends_a_tunnel(second: list[Avp], matter: str) -> None:
    identity = Avp(inside.EAP_MESSAGE, bytes((2, 0, 0, 25, 1)) + NAME)

    def speak(peer: TlsPeer) -> Say:
        return lambda plaintext: encode(second if plaintext else [identity])

    with pytest.raises(MalformedMethod, match=matter):
        meet(speak)


def test_eap_inside_that_has_no_method_in_common_fails() -> None:
    _, end = meet(inside.eap(NAME, Type.MD5_CHALLENGE, lambda data: b""))
    assert end == Failed(Failure.NO_COMMON_METHOD)


def test_eap_that_is_not_offered_inside_is_malformed() -> None:
    method = Ttls(OUTER, server(), [], os.urandom)
    peer = inside_of(client("1.3"), inside.eap_gtc(NAME, SECRET))
    with pytest.raises(MalformedMethod, match="not offered"):
        play(method, peer.respond, knows_anna, 1300)


def test_our_words_inside_are_cut_like_any() -> None:
    """MS-CHAP2-Success, at the smallest size, is more than one fragment."""
    method = ttls()
    peer = inside_of(client("1.2"), inside.mschapped(NAME, SECRET))
    outcome: Any = method.start(40)
    while isinstance(outcome, Send):
        outcome = method.receive(peer.respond(outcome.data), 40)
    outcome = method.answer(knows_anna(outcome), 40)
    assert outcome.data[0] & MORE_FRAGMENTS
    while isinstance(outcome, Send):
        assert len(outcome.data) <= 40
        outcome = method.receive(peer.respond(outcome.data), 40)
    assert outcome == Done(ANNA, 5, Proof.TTLS_MSCHAPV2, peer.msk(Type.TTLS))


def test_nobody_answers_what_was_not_asked() -> None:
    with pytest.raises(RuntimeError):
        ttls().answer(Wrong(), 1300)
