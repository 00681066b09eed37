"""EAP-GTC (RFC 3748 section 5.6): the password in clear, as a tunnel may carry it."""

from typing import Final

from radius.eap.methods.method import Done, Failed, Outcome, Send
from radius.eap.packet import Type
from radius.eap.steps import Answer, AskPassword, Failure, Proof, Right

_PROMPT: Final = b"Password: "


class Gtc:
    """One EAP-GTC exchange, inside a tunnel; `proof` says which."""

    type: Final = Type.GTC

    def __init__(self, identity: str, proof: Proof) -> None:
        self._identity = identity
        self._proof = proof

    def start(self, limit: int) -> Send:
        """Return the prompt."""
        return Send(_PROMPT)

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Ask whether what the supplicant answers to the prompt is the password."""
        return AskPassword(self._identity, data, self._proof)

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return the end: there is no second try. No key comes of it."""
        if isinstance(answer, Right):
            return Done(self._identity, answer.credential, self._proof, msk=b"")
        return Failed(Failure.CREDENTIAL_REFUSED)
