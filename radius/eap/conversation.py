"""The authenticator's side of one conversation (RFC 3748 section 2, RFC 4137 section 5).

Identity, then a method that both sides know, then success or failure. The same machine runs
inside a tunnel, where its requests and responses travel encrypted and its end is the tunnel's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from radius.eap import identity as identities
from radius.eap.methods.method import (
    Chance,
    Done,
    Failed,
    MakeMethod,
    MalformedMethod,
    Method,
    Outcome,
    Send,
)
from radius.eap.packet import Code, EapPacket, MalformedEap, Type, parse
from radius.eap.steps import (
    Accept,
    Answer,
    Challenge,
    Discard,
    Fail,
    Failure,
    Ignored,
    Step,
)

# Octets of an EAP packet around the data of a method: header and type.
OVERHEAD: Final = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """A method that a supplicant may have; the first is proposed unless it asks for another."""

    type: Type
    make: MakeMethod


class Conversation:
    """One conversation with one supplicant.

    `limit`, in all calls, is how many octets an EAP packet may have now. `within` is the outer
    identity where this conversation runs inside a tunnel. After a question comes an answer, after
    Accept or Fail nothing: anything else raises RuntimeError, as does an answer unasked for.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        chance: Chance,
        *,
        within: str | None = None,
        most_rounds: int = 100,
    ) -> None:
        self._offers = tuple(offers)
        self._within = within
        self._rounds_left = most_rounds
        self._identifier = chance(1)[0]
        self._request: EapPacket | None = None
        self._method: Method | None = None
        # Until the supplicant has answered in the method that was proposed, it may ask for another.
        self._is_settled = False
        self._expects_answer = False
        self._is_over = False
        self.identity: str | None = None
        """What the supplicant said it is: of an inner identity the whole; None before it did."""

    def start(self, limit: int) -> Challenge:
        """Return the request for the identity, where nobody has asked for it yet."""
        return self._ask(Type.IDENTITY, b"")

    def receive(self, eap: bytes, limit: int) -> Step:
        """Return what follows from what the supplicant sent."""
        self._forbid(self._is_over or self._expects_answer)
        self._rounds_left -= 1
        if self._rounds_left < 0:
            return self._fail(Failure.TOO_MANY_ROUNDS)
        try:
            packet = parse(eap)
        except MalformedEap:
            return self._ignore(Ignored.MALFORMED)
        if packet.code is not Code.RESPONSE or packet.type is None:
            return self._ignore(Ignored.NOT_A_RESPONSE)
        if self._request is None:
            # The NAS, or the supplicant of itself inside TTLS, began: any identifier will do.
            self._identifier = packet.identifier
        elif packet.identifier != self._identifier:
            return self._ignore(Ignored.WRONG_IDENTIFIER)
        if self._method is None:
            return self._identify(packet, limit)
        return self._converse(self._method, packet, limit)

    def answer(self, answer: Answer, limit: int) -> Step:
        """Return what follows from the answer to the question that was returned last."""
        self._forbid(self._is_over or not self._expects_answer)
        self._expects_answer = False
        return self._follow(self._in_method().answer(answer, limit - OVERHEAD))

    def _identify(self, packet: EapPacket, limit: int) -> Step:
        if packet.type != Type.IDENTITY:
            return self._ignore(Ignored.WRONG_TYPE)
        said = identities.read(packet.data)
        # Before a tunnel nobody has to say who they are; inside one it is what is proven.
        if said is None or (self._within is not None and not said):
            return self._fail(Failure.BAD_IDENTITY)
        if self._within is not None:
            said = identities.complete(self._within, said)
            if said is None:
                return self._fail(Failure.REALM_MISMATCH)
        self.identity = said
        return self._propose(self._offers[0], limit)

    def _converse(self, method: Method, packet: EapPacket, limit: int) -> Step:
        if packet.type == Type.NAK and not self._is_settled:
            return self._propose_wanted(packet.data, limit)
        if packet.type != method.type:
            return self._ignore(Ignored.WRONG_TYPE)
        self._is_settled = True
        try:
            outcome = method.receive(packet.data, limit - OVERHEAD)
        except MalformedMethod:
            return self._fail(Failure.MALFORMED)
        return self._follow(outcome)

    def _propose_wanted(self, wanted: bytes, limit: int) -> Step:
        """Propose the best of what a Nak asks for (RFC 3748 section 5.3.1)."""
        refused = self._in_method().type
        for offer in self._offers:
            if offer.type in wanted and offer.type is not refused:
                self._is_settled = True
                return self._propose(offer, limit)
        return self._fail(Failure.NO_COMMON_METHOD)

    def _propose(self, offer: Offer, limit: int) -> Challenge:
        self._method = offer.make(self.identity or "")
        return self._ask(offer.type, self._method.start(limit - OVERHEAD).data)

    def _follow(self, outcome: Outcome) -> Step:
        match outcome:
            case Send(data):
                return self._ask(self._in_method().type, data)
            case Failed(reason):
                return self._fail(reason)
            case Done(identity, credential, proof, msk):
                self._is_over = True
                return Accept(self._end(Code.SUCCESS), identity, credential, proof, msk)
        self._expects_answer = True
        return outcome

    def _ask(self, type: Type, data: bytes) -> Challenge:
        self._identifier = (self._identifier + 1) % 256
        self._request = EapPacket(Code.REQUEST, self._identifier, type, data)
        return Challenge(self._request.encode())

    def _ignore(self, reason: Ignored) -> Step:
        """Let a packet pass that is no answer to the request (RFC 3748 section 4.1). Without a
        request there is nothing to go back to."""
        if self._request is None:
            return self._fail(Failure.MALFORMED)
        return Discard(self._request.encode(), reason)

    def _fail(self, reason: Failure) -> Fail:
        self._is_over = True
        return Fail(self._end(Code.FAILURE), reason)

    def _end(self, code: Code) -> bytes:
        """The last packet has the identifier of the response (RFC 3748 section 4.2)."""
        return EapPacket(code, self._identifier).encode()

    def _in_method(self) -> Method:
        if self._method is None:
            raise RuntimeError("no method has been proposed")
        return self._method

    @staticmethod
    def _forbid(is_out_of_turn: bool) -> None:
        if is_out_of_turn:
            raise RuntimeError("this conversation expects something else")
