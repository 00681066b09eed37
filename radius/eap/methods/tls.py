"""EAP-TLS: a certificate of the supplicant's own (RFC 5216; RFC 9190 for TLS 1.3)."""

from typing import Final

from radius.eap import keys
from radius.eap.methods.method import Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.packet import Type
from radius.eap.steps import Answer, AskCertificate, Failure, Proof, Right
from radius.eap.tls_engine import TlsServer
from radius.eap.tls_exchange import TlsExchange

_COMMITMENT: Final = b"\x00"
"""The protected sign of success that ends EAP-TLS on TLS 1.3 (RFC 9190 section 2.5)."""


class Tls:
    """EAP-TLS for one supplicant.

    `outer` is what it called itself. Its certificate is asked about before our last message, in a
    resumed session too: so a revoked one never sees the server's consent.

    Deviation: no status of the server's certificate is stapled (OCSP; RFC 9190 section 5.4): the
    authority is our own and has no responder. Profiles believe nobody else, and where the server's
    key was lost, authority and profiles are made anew. Supplicants' certificates need none: they
    are looked up where they were issued.

    Deviation: with TLS 1.3 no alert tells of a certificate that the answer refused (RFC 9190
    section 2.1.4), EAP-Failure alone does. OpenSSL, for which it is good, sends none for us, and
    without its keys none can be made.
    """

    type: Final = Type.TLS

    def __init__(self, outer: str, server: TlsServer) -> None:
        self._outer = outer
        self._engine = server.engine()
        self._exchange = TlsExchange(self._engine)
        self._credential: int | None = None

    def start(self, limit: int) -> Send:
        """Return the start of TLS."""
        return self._exchange.start()

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Return the next message of the handshake, the question, or the end."""
        arrived = self._exchange.receive(data, limit)
        if isinstance(arrived, Send | Failed):
            return arrived
        if self._engine.received():
            raise MalformedMethod("application data in EAP-TLS")
        if self._credential is not None:
            if not arrived.is_empty:
                raise MalformedMethod("TLS after its end")
            return self._done(self._credential)
        certificate = self._engine.peer_certificate() if self._engine.is_established else None
        if certificate is None:
            return self._exchange.flush(limit)
        return AskCertificate(self._outer, certificate, Proof.TLS)

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return what is left of the handshake, or the refusal."""
        if not isinstance(answer, Right):
            self._engine.deny()
            return self._exchange.fail(Failure.CREDENTIAL_REFUSED, limit)
        self._credential = answer.credential
        if self._engine.version == "1.3":
            self._engine.send(_COMMITMENT)
        last = self._exchange.flush(limit)
        # A resumed session of TLS 1.2 ends with the supplicant's Finished (RFC 5216 section 2.1.2).
        return last if last.data[1:] else self._done(answer.credential)

    def _done(self, credential: int) -> Done:
        msk = keys.msk(self._engine, Type.TLS)
        return Done(self._outer, credential, Proof.TLS, msk)
