"""EAP-TTLS, version 0 (RFC 5281; RFC 9427 for TLS 1.3): a TLS tunnel, and a proof inside it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from radius.eap import keys
from radius.eap.conversation import Offer
from radius.eap.diameter import parse, understood
from radius.eap.methods.method import Chance, Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.methods.ttls_inner import KNOWN, Inner, Tunnel, choose
from radius.eap.packet import Type
from radius.eap.steps import Answer
from radius.eap.tls_engine import TlsFailed, TlsServer
from radius.eap.tls_exchange import TlsExchange

_LONGEST_OCTETS: Final = 4096
"""Of the AVPs in one message: twice what a name, a password and an EAP packet can need."""


class Ttls:
    """EAP-TTLS for one supplicant.

    `outer` is what it called itself before there was a tunnel; `offers` are the methods of EAP
    inside, in our order. `server` is one for tunnels, which resumes no session: resumed, it would
    prove nobody.
    """

    type: Final = Type.TTLS

    def __init__(
        self, outer: str, server: TlsServer, offers: Sequence[Offer], chance: Chance
    ) -> None:
        self._engine = server.engine()
        self._exchange = TlsExchange(self._engine)
        implicit_challenge = partial(keys.ttls_challenge, self._engine)
        self._tunnel = Tunnel(outer, offers, chance, implicit_challenge)
        self._inner: Inner | None = None

    def start(self, limit: int) -> Send:
        """Return the request that invites to TLS."""
        return self._exchange.start()

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Return what follows from a response. Raises MalformedMethod."""
        arrived = self._exchange.receive(data, limit)
        if isinstance(arrived, Send | Failed):
            return arrived
        plaintext = self._engine.received()
        if not plaintext and self._inner is None:
            # The handshake goes on; or it is over, and the supplicant is to begin.
            return self._exchange.flush(limit)
        return self._follow(self._read(plaintext), limit)

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return what follows from the answer to the question that the proof inside has asked."""
        if self._inner is None:
            raise RuntimeError("nothing inside the tunnel has asked")
        return self._follow(self._inner.answer(answer), limit)

    def _read(self, plaintext: bytes) -> Outcome:
        if len(plaintext) > _LONGEST_OCTETS:
            raise MalformedMethod(f"{len(plaintext)} octets of AVPs")
        avps = understood(parse(plaintext), KNOWN)
        if self._inner is None:
            chosen = choose(avps, self._tunnel)
            if isinstance(chosen, Failed):
                return chosen
            self._inner = chosen
        return self._inner.receive(avps)

    def _follow(self, outcome: Outcome, limit: int) -> Outcome:
        match outcome:
            case Send(avps):
                return self._send(avps, limit)
            case Done():
                return replace(outcome, msk=keys.msk(self._engine, Type.TTLS))
        return outcome

    def _send(self, avps: bytes, limit: int) -> Outcome:
        try:
            self._engine.send(avps)
        except TlsFailed as failed:
            return self._exchange.fail(failed.reason, limit)
        return self._exchange.flush(limit)
