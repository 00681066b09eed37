"""What a conversation asks of a method, and what a method returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from radius.eap.packet import Type
from radius.eap.steps import Answer, Failure, Proof, Question

Chance = Callable[[int], bytes]
"""Returns that many random octets."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request of this method with `data` after its type octet."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The supplicant has proven `identity` by the credential that an answer named. `msk`: 64
    octets, or none of an inner method that derives no key of its own."""

    identity: str
    credential: int
    proof: Proof
    msk: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The method is over, without success."""

    reason: Failure


Outcome = Send | Question | Done | Failed


class MalformedMethod(Exception):
    """Data that no supplicant of this method sends; the conversation ends with MALFORMED."""


class Method(Protocol):
    """One method within one conversation.

    `start` once; then `receive` with the data of each response, or `answer` where the last outcome
    was a question. `limit` is how many octets the data of a request may have, after its type.
    """

    @property
    def type(self) -> Type:
        """The type of its requests and responses."""

    def start(self, limit: int) -> Send:
        """Return its first request."""

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Return what follows from a response of this type. Raises MalformedMethod."""

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return what follows from the answer to its question."""


MakeMethod = Callable[[str], Method]
"""Makes a method for an outer identity."""
