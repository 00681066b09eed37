"""EAP-MSCHAPv2: challenge, response, success or failure, and its confirmation."""

import struct

import pytest

from radius.eap.methods.method import Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.methods.mschapv2 import MsChapV2
from radius.eap.packet import Type
from radius.eap.steps import AskSecrets, Candidate, Failure, Proof, Secrets
from radius.wire import mschap

ANNA = "anna@village.example"
SECRET = b"7hq2-mzkd-p4xw"
PEER_CHALLENGE = bytes(range(16))
NONE = Secrets(())
HERS = Secrets((Candidate(4, b"another"), Candidate(5, SECRET), Candidate(6, b"a third")))


def begin(proof: Proof = Proof.PEAP_MSCHAPV2) -> tuple[MsChapV2, bytes, bytes]:
    """A method, its identifier as an octet, and the challenge in its first request."""
    method = MsChapV2(ANNA, proof, lambda count: bytes(range(7, 7 + count)))
    assert method.type is Type.MSCHAPV2
    data = method.start(1000).data
    code, identifier, length, size = struct.unpack_from(">BBHB", data)
    assert (code, length, size) == (1, len(data), 16)
    return method, bytes((identifier,)), data[5:21]


def respond(
    identifier: bytes, challenge: bytes, password: bytes, name: bytes, counted: bytes | None = None
) -> bytes:
    """A response; `counted` is the name that the peer counts, where it differs."""
    value = mschap.respond(0, password, challenge, PEER_CHALLENGE, counted or name)[2:] + b"\0"
    header = struct.pack(">BHB", identifier[0], 4 + 1 + len(value) + len(name), len(value))
    return b"\x02" + header + value + name


def answered(
    password: bytes, name: bytes = ANNA.encode(), *, secrets: Secrets = HERS
) -> tuple[MsChapV2, Outcome]:
    method, identifier, challenge = begin()
    question = method.receive(respond(identifier, challenge, password, name), 1000)
    assert question == AskSecrets(ANNA, Proof.PEAP_MSCHAPV2)
    return method, method.answer(secrets, 1000)


def test_a_secret_that_explains_the_response_proves_both_sides() -> None:
    method, identifier, challenge = begin(Proof.TTLS_EAP_MSCHAPV2)
    name = ANNA.encode()
    data = respond(identifier, challenge, SECRET, name)
    assert method.receive(data, 1000) == AskSecrets(ANNA, Proof.TTLS_EAP_MSCHAPV2)
    success = method.answer(HERS, 1000)
    assert isinstance(success, Send)
    proven = mschap.verify(
        SECRET, mschap.Response(identifier[0], PEER_CHALLENGE, data[29:53]), challenge, name
    )
    assert proven is not None
    message = proven.authenticator_response + b" M=OK"
    assert success.data == b"\x03" + identifier + bytes((0, 4 + len(message))) + message
    done = method.receive(b"\x03", 1000)
    msk = proven.keys.recv + proven.keys.send + bytes(32)
    assert done == Done(ANNA, 5, Proof.TTLS_EAP_MSCHAPV2, msk)


@pytest.mark.parametrize("counted", [b"anna", b"VILLAGE\\anna"])
def test_a_domain_before_the_name_may_count_or_not(counted: bytes) -> None:
    method, identifier, challenge = begin()
    data = respond(identifier, challenge, SECRET, b"VILLAGE\\anna", counted)
    assert isinstance(method.receive(data, 1000), AskSecrets)
    assert isinstance(method.answer(HERS, 1000), Send)
    assert isinstance(method.receive(b"\x03", 1000), Done)


@pytest.mark.parametrize("secrets", [HERS, NONE])
def test_a_wrong_secret_is_refused_like_an_unknown_name(secrets: Secrets) -> None:
    method, refusal = answered(b"guess", secrets=secrets)
    assert isinstance(refusal, Send)
    assert refusal.data[0] == 4
    assert b"E=691 R=0 " in refusal.data
    assert int.from_bytes(refusal.data[2:4], "big") == len(refusal.data)
    # Nothing that follows is a success.
    assert method.receive(b"\x03", 1000) == Failed(Failure.CREDENTIAL_REFUSED)
    assert answered(b"guess")[0].receive(b"\x04", 1000) == Failed(Failure.CREDENTIAL_REFUSED)


def test_a_supplicant_may_refuse_our_proof() -> None:
    method, _ = answered(SECRET)
    assert method.receive(b"\x04", 1000) == Failed(Failure.SUPPLICANT_REFUSED)


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x07" + bytes(600)])
def test_success_is_confirmed_by_success_or_failure_only(data: bytes) -> None:
    method, _ = answered(SECRET)
    with pytest.raises(MalformedMethod):
        method.receive(data, 1000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02",
        b"\x03",
        b"\x02\x07\0\x36\x31" + bytes(48),
        b"\x02\x07\0\x37\x32" + bytes(50),
        b"\x01\x07\0\x36\x31" + bytes(49),
    ],
    ids=["nothing", "no value", "success", "a short value", "another size", "a challenge"],
)
def test_what_is_no_response_is_malformed(data: bytes) -> None:
    method, _, _ = begin()
    with pytest.raises(MalformedMethod):
        method.receive(data, 1000)
