"""Supplicants of every kind, a town that knows one of them, and conversations that offer all."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from radius.eap.conversation import Conversation, Offer
from radius.eap.methods.gtc import Gtc
from radius.eap.methods.mschapv2 import MsChapV2
from radius.eap.methods.peap import Peap
from radius.eap.methods.tls import Tls
from radius.eap.methods.ttls import Ttls
from radius.eap.packet import Type
from radius.eap.steps import (
    Answer,
    AskPassword,
    AskSecrets,
    Candidate,
    Proof,
    Question,
    Right,
    Secrets,
    Wrong,
)
from radius.eap.tls_engine import TlsServer
from tests.radius.eap import inside
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.eap.inside import Inside
from tests.radius.eap.supplicant import Say, Supplicant, TlsClient, TlsPeer

OUTER = "anonymous@village.example"
ANNA = "anna@village.example"
SECRET = b"7hq2-mzkd-p4xw"
CREDENTIAL = 5
VERSIONS = ("1.2", "1.3")

TYPES = {
    proof: Type.TLS if proof is Proof.TLS else Type[proof.value.partition("-")[0].upper()]
    for proof in Proof
}
_INSIDES: dict[Proof, Callable[[bytes, bytes], Inside]] = {
    Proof.TTLS_PAP: inside.pap,
    Proof.TTLS_CHAP: inside.chapped,
    Proof.TTLS_MSCHAPV2: inside.mschapped,
    Proof.TTLS_EAP_MSCHAPV2: inside.eap_mschapv2,
    Proof.TTLS_EAP_GTC: inside.eap_gtc,
    Proof.PEAP_MSCHAPV2: inside.peap_mschapv2,
    Proof.PEAP_GTC: inside.peap_gtc,
}

Spoil = Callable[[bytes], bytes]
"""Makes something else of what a supplicant says inside its tunnel."""


def unspoilt(plaintext: bytes) -> bytes:
    return plaintext


@dataclass(frozen=True)
class Kind:
    """How a supplicant proves itself, whether it can, and over which TLS."""

    proof: Proof
    version: str = "1.3"
    is_anna: bool = True
    fragment_octets: int = 1000

    def arrive(self, spoil: Spoil = unspoilt) -> tuple[Supplicant, TlsPeer]:
        """Return a new supplicant of this kind, and the TLS in it."""
        octets = self.fragment_octets
        if self.proof is Proof.TLS:
            own = annas() if self.is_anna else _another()
            peer = TlsPeer(_client(self.version, own), fragment_octets=octets)
        else:
            speak = _INSIDES[self.proof](ANNA.encode(), SECRET if self.is_anna else b"guess")
            client = _client(self.version, None)
            peer = inside.inside_of(client, _spoilt(speak, spoil), fragment_octets=octets)
        return Supplicant(OUTER, TYPES[self.proof], peer.respond), peer


@cache
def authority() -> Authority:
    return Authority()


@cache
def annas() -> Issued:
    return authority().client()


@cache
def _another() -> Issued:
    return authority().client()


@cache
def _client(version: str, own: Issued | None) -> TlsClient:
    return TlsClient([authority().root.der], version, own)


@cache
def _servers() -> tuple[TlsServer, TlsServer]:
    identity = authority().server()
    return TlsServer.for_certificates(identity), TlsServer.for_tunnel(identity)


@cache
def offers() -> Sequence[Offer]:
    """Return every method."""
    for_certificates, for_tunnel = _servers()
    in_ttls = [
        Offer(Type.MSCHAPV2, lambda name: MsChapV2(name, Proof.TTLS_EAP_MSCHAPV2, os.urandom)),
        Offer(Type.GTC, lambda name: Gtc(name, Proof.TTLS_EAP_GTC)),
    ]
    in_peap = [
        Offer(Type.MSCHAPV2, lambda name: MsChapV2(name, Proof.PEAP_MSCHAPV2, os.urandom)),
        Offer(Type.GTC, lambda name: Gtc(name, Proof.PEAP_GTC)),
    ]
    return [
        Offer(Type.TLS, lambda outer: Tls(outer, for_certificates)),
        Offer(Type.TTLS, lambda outer: Ttls(outer, for_tunnel, in_ttls, os.urandom)),
        Offer(Type.PEAP, lambda outer: Peap(outer, for_tunnel, in_peap, os.urandom)),
    ]


def conversation(most_rounds: int = 100) -> Conversation:
    return Conversation(offers(), os.urandom, most_rounds=most_rounds)


def answer(question: Question) -> Answer:
    """Answer as a town does that knows Anna, her secret and her certificate."""
    if isinstance(question, AskSecrets):
        hers = (Candidate(3, b"another"), Candidate(CREDENTIAL, SECRET))
        return Secrets(hers if question.identity == ANNA else ())
    if isinstance(question, AskPassword):
        is_right = (question.identity, question.password) == (ANNA, SECRET)
    else:
        is_right = question.certificate == annas().der
    return Right(CREDENTIAL) if is_right else Wrong()


def _spoilt(speak: Inside, spoil: Spoil) -> Inside:
    def spoilt(peer: TlsPeer) -> Say:
        say = speak(peer)
        return lambda plaintext: spoil(say(plaintext))

    return spoilt
