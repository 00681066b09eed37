"""What an Access-Request proves itself by: PAP, CHAP (RFC 2865) or MS-CHAPv2 (RFC 2548)."""

import hmac
from typing import Protocol

from aaa.secret import Secret
from radius.request import Request
from radius.wire import chap, mschap
from radius.wire.errors import Malformation, MalformedPacket

Named = tuple[str, bytes]
"""The name and the octets of an attribute."""


class Proof(Protocol):
    """One proof, and what the answer to it has to carry."""

    @property
    def password(self) -> Secret | None:
        """What was sent in clear; None in answer to a challenge."""

    def matches(self, secret: bytes) -> bool:
        """Whether it is, or was made from, a secret that we hold."""

    def accepted(self) -> tuple[Named, ...]:
        """Return what an Access-Accept has for the supplicant, and for the NAS' link to it."""

    def refused(self, message: str) -> tuple[Named, ...]:
        """Return what an Access-Reject has for the supplicant, `message` in it for the person."""


def proof_of(request: Request) -> Proof | None:
    """Return the proof in a request, None where there is none that we know.

    Raises MalformedPacket where it has another length than its RFC gives it.
    """
    attributes = request.packet.attributes
    chap_password = attributes.octets("CHAP-Password")
    if chap_password is not None:
        return Chap(chap_password, attributes.octets("CHAP-Challenge") or b"")
    response = attributes.octets("MS-CHAP2-Response")
    challenge = attributes.octets("MS-CHAP-Challenge")
    if response is not None and challenge is not None:
        return MsChapV2(request, response, challenge)
    password = attributes.octets("User-Password")
    return None if password is None else Pap(password)


class _Silent:
    """A proof whose answer carries nothing of its own."""

    def accepted(self) -> tuple[Named, ...]:
        return ()

    def refused(self, message: str) -> tuple[Named, ...]:
        return ()


class Pap(_Silent):
    """The password itself."""

    def __init__(self, password: bytes) -> None:
        self.password = Secret(password)

    def matches(self, secret: bytes) -> bool:
        """Whether it is this secret."""
        return hmac.compare_digest(self.password.reveal(), secret)


class Chap(_Silent):
    """A response by MD5 to the NAS' challenge."""

    password = None

    def __init__(self, chap_password: bytes, challenge: bytes) -> None:
        self._chap_password = chap_password
        self._challenge = challenge

    def matches(self, secret: bytes) -> bool:
        """Whether the response was made from this secret."""
        return chap.matches(secret, self._chap_password, self._challenge)


class MsChapV2:
    """A response by MS-CHAPv2 to the NAS' challenge; keeps what follows from the secret that it
    matched, since the supplicant wants a proof of us too."""

    password = None

    def __init__(self, request: Request, response: bytes, challenge: bytes) -> None:
        if len(challenge) != mschap.CHALLENGE_OCTETS:
            raise MalformedPacket(Malformation.BAD_ATTRIBUTE)
        self._request = request
        self._response = mschap.parse_response(response)
        self._challenge = challenge
        self._proven: mschap.Proven | None = None

    def matches(self, secret: bytes) -> bool:
        """Whether the response was made from this secret, and the name in the request."""
        name = self._request.packet.attributes.octets("User-Name") or b""
        self._proven = mschap.verify(secret, self._response, self._challenge, name)
        return self._proven is not None

    def accepted(self) -> tuple[Named, ...]:
        """Return MS-CHAP2-Success (RFC 2548 section 2.3.3) and the keys of the link."""
        if self._proven is None:
            return ()
        keys = self._proven.keys
        return (
            ("MS-CHAP2-Success", self._identified(self._proven.authenticator_response)),
            ("MS-MPPE-Recv-Key", keys.recv),
            ("MS-MPPE-Send-Key", keys.send),
        )

    def refused(self, message: str) -> tuple[Named, ...]:
        """Return MS-CHAP-Error (RFC 2548 section 2.1.5)."""
        return (("MS-CHAP-Error", self._identified(mschap.refusal(message))),)

    def _identified(self, text: bytes) -> bytes:
        return bytes((self._response.identifier,)) + text
