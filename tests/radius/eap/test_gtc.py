"""EAP-GTC: a prompt, and the password in clear."""

from radius.eap.methods.gtc import Gtc
from radius.eap.methods.method import Done, Failed, Send
from radius.eap.packet import Type
from radius.eap.steps import AskPassword, Failure, Proof, Right, Secrets, Wrong

ANNA = "anna@village.example"


def asked() -> Gtc:
    """An exchange that has asked about a password."""
    method = Gtc(ANNA, Proof.PEAP_GTC)
    assert method.type is Type.GTC
    assert method.start(1000) == Send(b"Password: ")
    assert method.receive(b"lavender", 1000) == AskPassword(ANNA, b"lavender", Proof.PEAP_GTC)
    return method


def test_a_right_password_makes_no_key() -> None:
    done = asked().answer(Right(5), 1000)
    assert done == Done(ANNA, 5, Proof.PEAP_GTC, b"")


def test_a_wrong_password_ends_it() -> None:
    assert asked().answer(Wrong(), 1000) == Failed(Failure.CREDENTIAL_REFUSED)
    assert asked().answer(Secrets(()), 1000) == Failed(Failure.CREDENTIAL_REFUSED)


def test_the_proof_names_the_tunnel() -> None:
    question = Gtc(ANNA, Proof.TTLS_EAP_GTC).receive(b"lavender", 1000)
    assert question == AskPassword(ANNA, b"lavender", Proof.TTLS_EAP_GTC)
    assert "lavender" not in repr(question)
