"""What proves a citizen inside the tunnel of EAP-TTLS (RFC 5281 section 11.2).

The supplicant's first AVPs choose. Each proof is a small machine: `receive` is given the AVPs of
one message, `answer` the answer to its question. Its Send is AVPs for the tunnel; its Done has no
key, since all keys of EAP-TTLS come from TLS.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from radius.eap import identity
from radius.eap.conversation import Conversation, Offer
from radius.eap.diameter import Avp, Place, encode
from radius.eap.methods.method import Chance, Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.steps import (
    Accept,
    Answer,
    AskPassword,
    AskSecrets,
    Candidate,
    Challenge,
    Discard,
    Fail,
    Failure,
    Proof,
    Right,
    Secrets,
    Step,
)
from radius.wire import chap, mschap
from radius.wire.errors import MalformedPacket

Avps = Mapping[Place, bytes]
"""The AVPs of one message, as `diameter.understood` returns them."""

_MICROSOFT: Final = 311
_USER_NAME: Final[Place] = (0, 1)
_USER_PASSWORD: Final[Place] = (0, 2)
_CHAP_PASSWORD: Final[Place] = (0, 3)
_CHAP_CHALLENGE: Final[Place] = (0, 60)
_EAP_MESSAGE: Final[Place] = (0, 79)
_MS_CHAP_ERROR: Final[Place] = (_MICROSOFT, 2)
_MS_CHAP_CHALLENGE: Final[Place] = (_MICROSOFT, 11)
_MS_CHAP2_RESPONSE: Final[Place] = (_MICROSOFT, 25)
_MS_CHAP2_SUCCESS: Final[Place] = (_MICROSOFT, 26)

_PROOFS: Final = {_USER_PASSWORD, _CHAP_PASSWORD, _MS_CHAP2_RESPONSE, _EAP_MESSAGE}
KNOWN: Final = _PROOFS | {_USER_NAME, _CHAP_CHALLENGE, _MS_CHAP_CHALLENGE}
"""What a supplicant may send."""

_LONGEST_PASSWORD_OCTETS: Final = 512
"""128 characters of four octets."""
_EAP_OCTETS: Final = 1020
"""Every EAP packet may be as long (RFC 3748 section 3.1); around it, TLS is what is fragmented."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What a proof may use of the tunnel that it travels in."""

    outer: str
    """The outer identity."""
    offers: Sequence[Offer]
    """The methods of EAP inside; none where there is none."""
    chance: Chance
    implicit_challenge: Callable[[int], bytes]
    """Returns that many octets that only this tunnel has (RFC 5281 section 11.1)."""


class Inner(Protocol):
    """One proof under way."""

    def receive(self, avps: Avps) -> Outcome:
        """Return what follows from one message. Raises MalformedMethod."""

    def answer(self, answer: Answer) -> Outcome:
        """Return what follows from the answer to its question."""


def choose(avps: Avps, tunnel: Tunnel) -> Inner | Failed:
    """Return the proof that a supplicant begins by its first AVPs, which are still to be received.

    Raises MalformedMethod for none, and for more than one.

    Deviation: MS-CHAP is not known, and MD5-Challenge only where it is offered as EAP; RFC 5281
    section 11.4 wants the latter, of which nothing is left that protects a password.
    """
    proof = _proof_in(avps)
    if proof == _EAP_MESSAGE:
        return EapInside(tunnel)
    user_name = identity.read(_required(avps, _USER_NAME))
    if not user_name:
        return Failed(Failure.BAD_IDENTITY)
    citizen = identity.complete(tunnel.outer, user_name)
    if citizen is None:
        return Failed(Failure.REALM_MISMATCH)
    if proof == _USER_PASSWORD:
        return Pap(citizen)
    if proof == _CHAP_PASSWORD:
        return Chap(citizen, tunnel)
    return MsChapV2(citizen, tunnel)


class Pap:
    """The password itself (RFC 5281 section 11.2.5)."""

    def __init__(self, citizen: str) -> None:
        self._citizen = citizen

    def receive(self, avps: Avps) -> Outcome:
        """Return the question whether the password is right, without its padding."""
        password = avps[_USER_PASSWORD].rstrip(b"\0")
        if len(password) > _LONGEST_PASSWORD_OCTETS:
            raise MalformedMethod(f"a password of {len(password)} octets")
        return AskPassword(self._citizen, password, Proof.TTLS_PAP)

    def answer(self, answer: Answer) -> Outcome:
        """Return the end."""
        if isinstance(answer, Right):
            return Done(self._citizen, answer.credential, Proof.TTLS_PAP, b"")
        return Failed(Failure.CREDENTIAL_REFUSED)


class Chap:
    """A response by MD5 to the challenge that the tunnel is (RFC 5281 section 11.2.2)."""

    def __init__(self, citizen: str, tunnel: Tunnel) -> None:
        self._citizen = citizen
        self._challenge, self._identifier = _implicit_challenge(tunnel)
        self._response = b""

    def receive(self, avps: Avps) -> Outcome:
        """Return the question which secrets there are."""
        self._response = avps[_CHAP_PASSWORD]
        _expect(_required(avps, _CHAP_CHALLENGE), self._challenge)
        _expect(self._response[:1], self._identifier)
        return AskSecrets(self._citizen, Proof.TTLS_CHAP)

    def answer(self, answer: Answer) -> Outcome:
        """Return the end: success where one of the secrets explains the response."""
        for candidate in _candidates(answer):
            if chap.matches(candidate.secret, self._response, self._challenge):
                return Done(self._citizen, candidate.credential, Proof.TTLS_CHAP, b"")
        return Failed(Failure.CREDENTIAL_REFUSED)


class MsChapV2:
    """A response to the challenge that the tunnel is, and the server's own proof in return (RFC
    5281 section 11.2.4). The supplicant acknowledges either end by a message without AVPs."""

    def __init__(self, citizen: str, tunnel: Tunnel) -> None:
        self._citizen = citizen
        self._challenge, self._identifier = _implicit_challenge(tunnel)
        self._user_name = b""
        self._response: mschap.Response | None = None
        self._end: Done | Failed | None = None

    def receive(self, avps: Avps) -> Outcome:
        """Return the question which secrets there are, and the end after what followed from it."""
        if self._end is not None:
            return self._acknowledged(avps, self._end)
        try:
            self._response = mschap.parse_response(avps[_MS_CHAP2_RESPONSE])
        except MalformedPacket as error:
            raise MalformedMethod("an MS-CHAP2-Response of another length") from error
        _expect(_required(avps, _MS_CHAP_CHALLENGE), self._challenge)
        _expect(bytes((self._response.identifier,)), self._identifier)
        self._user_name = avps[_USER_NAME]
        return AskSecrets(self._citizen, Proof.TTLS_MSCHAPV2)

    def answer(self, answer: Answer) -> Outcome:
        """Return what tells the supplicant the outcome, which it has to acknowledge."""
        if self._response is None:
            raise RuntimeError("there is no response to explain")
        for candidate in _candidates(answer):
            proven = mschap.verify(
                candidate.secret, self._response, self._challenge, self._user_name
            )
            if proven is not None:
                self._end = Done(self._citizen, candidate.credential, Proof.TTLS_MSCHAPV2, b"")
                return self._tell(_MS_CHAP2_SUCCESS, proven.authenticator_response)
        self._end = Failed(Failure.CREDENTIAL_REFUSED)
        return self._tell(_MS_CHAP_ERROR, mschap.refusal("This secret is not right."))

    def _tell(self, place: Place, text: bytes) -> Send:
        return Send(encode([Avp(place, self._identifier + text)]))

    @staticmethod
    def _acknowledged(avps: Avps, end: Done | Failed) -> Outcome:
        if avps and isinstance(end, Done):
            raise MalformedMethod("AVPs where an empty message was due")
        return end


class EapInside:
    """An EAP conversation of its own (RFC 5281 section 11.2.1). Neither its EAP-Success nor its
    EAP-Failure is sent: the tunnel's own end tells."""

    def __init__(self, tunnel: Tunnel) -> None:
        if not tunnel.offers:
            raise MalformedMethod("EAP inside, which is not offered")
        self._conversation = Conversation(tunnel.offers, tunnel.chance, within=tunnel.outer)

    def receive(self, avps: Avps) -> Outcome:
        """Return what follows from one EAP packet."""
        if _proof_in(avps) != _EAP_MESSAGE:
            raise MalformedMethod("another proof in place of EAP")
        return self._follow(self._conversation.receive(avps[_EAP_MESSAGE], _EAP_OCTETS))

    def answer(self, answer: Answer) -> Outcome:
        """Return what follows from an answer to the method inside."""
        return self._follow(self._conversation.answer(answer, _EAP_OCTETS))

    @staticmethod
    def _follow(step: Step) -> Outcome:
        match step:
            case Challenge(eap):
                return Send(encode([Avp(_EAP_MESSAGE, eap)]))
            case Discard(_, reason):
                # No packet is lost or forged in a tunnel: nothing is to be waited for.
                raise MalformedMethod(f"EAP inside: {reason}")
            case Accept(_, citizen, credential, proof, _):
                return Done(citizen, credential, proof, b"")
            case Fail(_, reason):
                return Failed(reason)
        return step


def _proof_in(avps: Avps) -> Place:
    proofs = avps.keys() & _PROOFS
    if len(proofs) != 1:
        raise MalformedMethod(f"{len(proofs)} proofs in one message")
    return proofs.pop()


def _required(avps: Avps, place: Place) -> bytes:
    if place not in avps:
        raise MalformedMethod(f"no AVP {place}")
    return avps[place]


def _implicit_challenge(tunnel: Tunnel) -> tuple[bytes, bytes]:
    """The challenge, as long in CHAP as in MS-CHAPv2, and the one octet of its identifier."""
    octets = tunnel.implicit_challenge(mschap.CHALLENGE_OCTETS + 1)
    return octets[: mschap.CHALLENGE_OCTETS], octets[mschap.CHALLENGE_OCTETS :]


def _expect(given: bytes, implicit: bytes) -> None:
    # A challenge of the supplicant's choice could have been answered by somebody else, elsewhere.
    if not hmac.compare_digest(given, implicit):
        raise MalformedMethod("another challenge than the tunnel's own")


def _candidates(answer: Answer) -> tuple[Candidate, ...]:
    return answer.candidates if isinstance(answer, Secrets) else ()
