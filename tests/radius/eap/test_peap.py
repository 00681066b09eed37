"""PEAP: TLS, EAP inside without its headers, and the result that both sides confirm."""

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.eap.conversation import Conversation, Offer
from radius.eap.methods.gtc import Gtc
from radius.eap.methods.method import Done, Failed, MalformedMethod, Send
from radius.eap.methods.mschapv2 import MsChapV2
from radius.eap.methods.peap import Peap
from radius.eap.packet import Code, EapPacket, Type, parse
from radius.eap.steps import (
    Accept,
    Answer,
    AskPassword,
    AskSecrets,
    Candidate,
    Challenge,
    Fail,
    Failure,
    Proof,
    Question,
    Right,
    Secrets,
    Step,
    Wrong,
)
from radius.eap.tls_engine import TlsServer
from radius.wire import mschap
from tests.radius.eap.certificates import Authority
from tests.radius.eap.supplicant import Lengths, Supplicant, TlsClient, TlsPeer, play

ANNA = "anna@village.example"
OUTER = "anonymous@village.example"
SECRET = b"7hq2-mzkd-p4xw"
RESULT_SUCCESS = b"\x80\x03\0\x02\0\x01"
RESULT_FAILURE = b"\x80\x03\0\x02\0\x02"
BINDING = 12

# What opens doors further in; only the password is missing.
SAYINGS = (
    b"\x01" + ANNA.encode(),
    bytes((Type.NAK, Type.GTC)),
    bytes((Type.GTC,)) + b"guess",
    bytes((Type.MSCHAPV2, 2, 7, 0, 74, 49)) + bytes(49) + ANNA.encode(),
    bytes((Type.MSCHAPV2, 3)),
    EapPacket(Code.RESPONSE, 0, Type.EXTENSIONS, RESULT_SUCCESS).encode(),
)

AUTHORITY = Authority()
SERVERS = {
    version: TlsServer.for_tunnel(AUTHORITY.server(), minimum=version, maximum=version)
    for version in ("1.2", "1.3")
}
CLIENTS = {version: TlsClient([AUTHORITY.root.der], version) for version in SERVERS}
every_version = pytest.mark.parametrize("version", list(SERVERS))


def chance(count: int) -> bytes:
    return bytes(range(7, 7 + count))


def peap(version: str, outer: str = OUTER) -> Peap:
    offers = (
        Offer(Type.MSCHAPV2, lambda name: MsChapV2(name, Proof.PEAP_MSCHAPV2, chance)),
        Offer(Type.GTC, lambda name: Gtc(name, Proof.PEAP_GTC)),
    )
    return Peap(outer, SERVERS[version], offers, chance)


def answer(question: Question) -> Answer:
    """Anna has two devices, each with its secret."""
    if isinstance(question, AskPassword):
        is_hers = (question.identity, question.password) == (ANNA, SECRET)
        return Right(5) if is_hers else Wrong()
    assert isinstance(question, AskSecrets)
    if question.identity != ANNA:
        return Secrets(())
    return Secrets((Candidate(4, b"another"), Candidate(5, SECRET)))


def prf_plus(key: bytes, seed: bytes, octets: int) -> bytes:
    blocks = [b""]
    while len(b"".join(blocks)) < octets:
        counter = bytes((len(blocks), 0, 0))
        blocks.append(hmac.digest(key, blocks[-1] + seed + counter, "sha1"))
    return b"".join(blocks)[:octets]


def tlvs(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        kind, length = struct.unpack_from(">HH", data)
        found[kind & 0x3FFF], data = data[4 : 4 + length], data[4 + length :]
    return found


@dataclass
class Inside:
    """What a supplicant says in the tunnel; `conclude` makes the TLVs of its last word."""

    conclude: Callable[["Inside", bytes], bytes] = lambda inside, asked: RESULT_SUCCESS
    identity: str = ANNA
    secret: bytes = SECRET
    method: Type = Type.MSCHAPV2
    isk: bytes = bytes(32)
    peer: TlsPeer = field(init=False)
    seen: list[bytes] = field(default_factory=list)

    def __call__(self, plaintext: bytes) -> bytes:
        self.seen.append(plaintext)
        if not plaintext:
            return b""
        if plaintext[0] == Code.REQUEST and plaintext[4:5] == bytes((Type.EXTENSIONS,)):
            request = parse(plaintext)
            said = self.conclude(self, request.data)
            return EapPacket(Code.RESPONSE, request.identifier, Type.EXTENSIONS, said).encode()
        kind, data = plaintext[0], plaintext[1:]
        if kind == Type.IDENTITY:
            return bytes((kind,)) + self.identity.encode()
        if kind != self.method:
            return bytes((Type.NAK, self.method))
        return bytes((kind,)) + (self.secret if kind == Type.GTC else self._mschapv2(data))

    def _mschapv2(self, data: bytes) -> bytes:
        if data[0] != 1:
            return data[:1]
        name = self.identity.encode()
        value = mschap.respond(data[1], self.secret, data[5:21], bytes(16), name)
        response = mschap.parse_response(value)
        proven = mschap.verify(self.secret, response, data[5:21], name)
        assert proven is not None
        self.isk = proven.keys.recv + proven.keys.send
        length = struct.pack(">HB", 4 + 50 + len(name), 49)
        return b"\x02" + data[1:2] + length + value[2:] + b"\0" + name

    def keys(self) -> tuple[bytes, bytes]:
        """IPMK and CMK, from the words of [MS-PEAP] once more."""
        seed = b"Inner Methods Compound Keys" + self.isk
        both = prf_plus(self.peer.msk(Type.PEAP)[:40], seed, 60)
        return both[:40], both[40:]

    def compound_mac(self, value: bytes) -> bytes:
        signed = struct.pack(">HH", BINDING, 56) + value[:36] + bytes(20) + b"\x19"
        return hmac.digest(self.keys()[1], signed, "sha1")


def bind(inside: Inside, asked: bytes, flaw: int = 0) -> bytes:
    """Verify the server's compound MAC and answer with our own; `flaw` spoils an octet of it."""
    if asked == RESULT_FAILURE:
        return asked
    request = tlvs(asked)[BINDING]
    assert request[:4] == bytes(4)
    assert hmac.compare_digest(request[36:], inside.compound_mac(request))
    value = bytes((0, 0, 0, 1)) + bytes(range(32))
    mac = inside.compound_mac(value)
    spoilt = bytes((mac[0] ^ flaw,)) + mac[1:]
    return RESULT_SUCCESS + struct.pack(">HH", BINDING, 56) + value + spoilt


def converse(
    inside: Inside,
    version: str = "1.3",
    *,
    outer: str = OUTER,
    limit: int = 1000,
    fragment_octets: int = 1000,
) -> Done | Failed:
    peer = TlsPeer(
        CLIENTS[version], say=inside, fragment_octets=fragment_octets, lengths=Lengths.ALL
    )
    inside.peer = peer
    return play(peap(version, outer), peer.respond, answer, limit)


@every_version
@pytest.mark.parametrize("limit", [95, 495, 1295])
def test_mschapv2_is_proposed_and_proves_the_device(version: str, limit: int) -> None:
    inside = Inside()
    done = converse(inside, version, limit=limit, fragment_octets=limit + 5)
    assert done == Done(ANNA, 5, Proof.PEAP_MSCHAPV2, inside.peer.msk(Type.PEAP))
    # Headers only where the result is told.
    assert inside.seen[1] == b"\x01"
    assert [request[0] for request in inside.seen[2:-1]] == [Type.MSCHAPV2] * 2
    assert parse(inside.seen[-1]).data.startswith(RESULT_SUCCESS)


@every_version
def test_gtc_is_to_be_had(version: str) -> None:
    inside = Inside(method=Type.GTC)
    assert converse(inside, version) == Done(ANNA, 5, Proof.PEAP_GTC, inside.peer.msk(Type.PEAP))


@every_version
@pytest.mark.parametrize("method", [Type.MSCHAPV2, Type.GTC])
def test_a_supplicant_that_binds_has_other_keys(version: str, method: Type) -> None:
    inside = Inside(bind, method=method)
    done = converse(inside, version)
    seed = b"Session Key Generating Function\0"
    assert isinstance(done, Done)
    assert done.msk == prf_plus(inside.keys()[0], seed, 128)[:64]
    assert done.msk != inside.peer.msk(Type.PEAP)


def test_a_wrong_compound_mac_is_no_success() -> None:
    with pytest.raises(MalformedMethod, match="cryptobinding"):
        converse(Inside(partial(bind, flaw=1)))


def test_our_own_request_is_no_response() -> None:
    """A compound MAC of ours is worth nothing when it comes back."""
    with pytest.raises(MalformedMethod, match="cryptobinding"):
        converse(Inside(lambda inside, asked: asked))


@every_version
@pytest.mark.parametrize("method", [Type.MSCHAPV2, Type.GTC])
@pytest.mark.parametrize("identity", [ANNA, "nobody@village.example"])
def test_a_wrong_secret_fails_after_the_result_said_so(
    version: str, method: Type, identity: str
) -> None:
    # Even from a supplicant that calls it a success.
    inside = Inside(method=method, identity=identity, secret=b"guess")
    assert converse(inside, version) == Failed(Failure.CREDENTIAL_REFUSED)
    assert parse(inside.seen[-1]).data == RESULT_FAILURE


def test_a_bare_name_is_of_the_outer_realm() -> None:
    done = converse(Inside(identity="anna"))
    assert isinstance(done, Done)
    assert done.identity == ANNA


def test_another_realm_inside_is_refused() -> None:
    inside = Inside(identity="anna@other.example")
    assert converse(inside) == Failed(Failure.REALM_MISMATCH)
    assert parse(inside.seen[-1]).data == RESULT_FAILURE


def test_no_method_in_common_inside() -> None:
    assert converse(Inside(method=Type.MD5_CHALLENGE)) == Failed(Failure.NO_COMMON_METHOD)


def test_a_supplicant_may_refuse_the_result() -> None:
    inside = Inside(lambda inside, asked: RESULT_FAILURE)
    assert converse(inside) == Failed(Failure.SUPPLICANT_REFUSED)


@pytest.mark.parametrize(
    "said",
    [b"", b"\x00\x03\0\x02\0\x01", b"\x80\x03\0\x01\x01", b"\x00\x07\0\x00" + RESULT_SUCCESS],
    ids=["nothing", "not mandatory", "too short", "another TLV"],
)
def test_only_a_result_of_success_succeeds(said: bytes) -> None:
    is_success = said.endswith(b"\0\x02\0\x01")
    ended = converse(Inside(lambda inside, asked: said))
    assert isinstance(ended, Done if is_success else Failed)


@pytest.mark.parametrize(
    "said",
    [b"\x80\x03\0", b"\x80\x03\0\x03\0\x01", b"\x80\x04\0\x06" + bytes(6) + RESULT_SUCCESS],
    ids=["half a TLV", "too long", "a mandatory NAK"],
)
def test_tlvs_that_make_no_sense_are_malformed(said: bytes) -> None:
    with pytest.raises(MalformedMethod):
        converse(Inside(lambda inside, asked: said))


@pytest.mark.parametrize(
    "say",
    [
        lambda plaintext: b"",
        lambda plaintext: b"\x02" + plaintext,
        lambda plaintext: bytes((Type.MSCHAPV2,)),
    ],
    ids=["nothing", "a notification", "a method before the identity"],
)
def test_what_is_no_response_inside_is_malformed(say: Callable[[bytes], bytes]) -> None:
    peer = TlsPeer(CLIENTS["1.3"], say=lambda plaintext: say(plaintext) if plaintext else b"")
    with pytest.raises(MalformedMethod):
        play(peap("1.3"), peer.respond, answer, 1000)


def test_a_message_inside_is_of_bounded_length() -> None:
    peer = TlsPeer(CLIENTS["1.3"], say=lambda plaintext: bytes(5000) if plaintext else b"")
    assert play(peap("1.3"), peer.respond, answer, 1000) == Failed(Failure.TOO_LONG)


def test_a_supplicant_that_does_not_trust_us() -> None:
    stranger = TlsClient([Authority("Another").root.der], "1.2")
    peer = TlsPeer(stranger, say=Inside())
    assert play(peap("1.2"), peer.respond, answer, 1000) == Failed(Failure.SUPPLICANT_REFUSED)


@every_version
@pytest.mark.parametrize("secret", [SECRET, b"guess"])
def test_whole_packets(version: str, secret: bytes) -> None:
    """The outer conversation too: identity, Nak, and the end."""
    inside = Inside(bind, secret=secret)
    inside.peer = TlsPeer(CLIENTS[version], say=inside)
    supplicant = Supplicant(OUTER, Type.PEAP, inside.peer.respond)
    offers = [
        Offer(Type.GTC, lambda name: Gtc(name, Proof.PEAP_GTC)),
        Offer(Type.PEAP, lambda outer: peap(version, outer)),
    ]
    conversation = Conversation(offers, chance)
    step: Step = conversation.start(1020)
    while not isinstance(step, Accept | Fail):
        if isinstance(step, Challenge):
            response = supplicant.feed(step.eap)
            assert response is not None
            step = conversation.receive(response, 1020)
        else:
            assert isinstance(step, AskPassword | AskSecrets)
            step = conversation.answer(answer(step), 1020)
    supplicant.feed(step.eap)
    is_right = secret == SECRET
    assert supplicant.result is (Code.SUCCESS if is_right else Code.FAILURE)
    assert isinstance(step, Accept if is_right else Fail)


def test_the_first_request_only_opens_tls() -> None:
    assert peap("1.3").start(1000) == Send(b"\x20")


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=120) | st.sampled_from(SAYINGS), max_size=6))
def test_whatever_is_said_inside_nobody_is_proven_by_it(said: list[bytes]) -> None:
    remaining = iter((SAYINGS[0], *said))
    peer = TlsPeer(CLIENTS["1.3"], say=lambda plaintext: next(remaining, b"") if plaintext else b"")
    try:
        ended = play(peap("1.3"), peer.respond, answer, 1000)
    except MalformedMethod:
        return
    assert isinstance(ended, Failed)
