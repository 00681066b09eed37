"""How each version of RADIUS is spoken with a neighbour: what proves a packet, what hides values,
what an answer is matched by, what is said in place of nothing."""

from secrets import randbelow, token_bytes
from typing import Final, Protocol

from aaa.secret import Secret
from radius.clients import verify_request
from radius.outstanding import IDENTIFIERS, Identifiers, Tokens
from radius.request import Reply, Unanswered
from radius.wire import version_1_1
from radius.wire.attributes import Attributes
from radius.wire.authenticator import (
    encode_reply,
    encode_reply_in_kind,
    encode_request,
    verify_reply,
)
from radius.wire.errors import MalformedPacket
from radius.wire.hop import hide_reply, hide_request, reveal_reply, reveal_request
from radius.wire.packet import ANSWERS, Code, Packet, parse

RADSEC_SECRET: Final = Secret(b"radsec")
"""RFC 6614 section 2.3: TLS proves who speaks; this signs and hides for form's sake."""

_SIGNED_IN_KIND: Final = frozenset(
    (Code.ACCOUNTING_REQUEST, Code.COA_REQUEST, Code.DISCONNECT_REQUEST)
)
# Packets that nothing is ever answered to, or two of us would go on for ever.
_ARE_ANSWERS: Final = frozenset(code for codes in ANSWERS.values() for code in codes) | {
    Code.PROTOCOL_ERROR
}
# RFC 5176 section 3.5. What no value fits is 506 (RFC 9765 section 6.1); of these, 502 and 506 have
# a client ask another server, and all others have it stop.
_CAUSES: Final = {
    Unanswered.MALFORMED_TOO_LONG: "Invalid-Request",
    Unanswered.MALFORMED_TOO_SHORT: "Invalid-Request",
    Unanswered.MALFORMED_BAD_LENGTH: "Invalid-Request",
    Unanswered.MALFORMED_BAD_ATTRIBUTE: "Invalid-Request",
    Unanswered.UNSUPPORTED_CODE: "Unsupported-Extension",
    Unanswered.PARTNER_SUSPENDED: "Request-Not-Routable",
    Unanswered.ORDER_NOT_CURRENT: "Invalid-Attribute-Value",
}
_NO_OTHER_CAUSE: Final = "Resources-Unavailable"
_MOST_TOKENS: Final = 1024


class Version(Protocol):
    """One version, with what it needs to be spoken with one neighbour."""

    @property
    def name(self) -> str:
        """As operators write it: "1.1"."""

    @property
    def most_outstanding(self) -> int:
        """How many requests may be on their way at once over one connection."""

    @property
    def may_repeat(self) -> bool:
        """Whether the same request may come twice."""

    def receive(self, octets: bytes) -> tuple[Packet, bool]:
        """Return a request as it came, and whether nobody but the client can have made it. Raises
        MalformedPacket, BadAuthenticator."""

    def reveal(self, request: Packet) -> Packet:
        """Return a request with nothing hidden in it. Raises MalformedPacket."""

    def answer(self, reply: Reply, request: Packet) -> bytes:
        """Return the octets of an answer to a request as it came."""

    def decline(self, octets: bytes, reason: Unanswered) -> bytes | None:
        """Return what is said to a request that gets no answer; None for silence."""

    def numbers(self) -> Identifiers | Tokens:
        """Return what the requests on a new connection are told apart by."""

    def ask(self, request: Packet) -> bytes:
        """Return the octets of a request in which nothing is hidden."""

    def accept(self, octets: bytes, reply: Packet, request: bytes, code: Code) -> Packet | None:
        """Return an answer to the octets of a request of this code, with nothing hidden in it; None
        where it is no answer to that. Raises MalformedPacket, BadAuthenticator."""

    def parse(self, octets: bytes) -> Packet:
        """Return an answer as it came; its number tells the request. Raises MalformedPacket."""


class Radius10:
    """RADIUS as RFC 2865 has it: a shared secret proves and hides."""

    name = "1.0"
    most_outstanding = IDENTIFIERS
    may_repeat = True

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def receive(self, octets: bytes) -> tuple[Packet, bool]:
        """See :class:`Version`: what is not signed may be forged."""
        packet = parse(octets)
        return packet, verify_request(octets, packet, self._secret.reveal())

    def reveal(self, request: Packet) -> Packet:
        """See :class:`Version`."""
        return reveal_request(request, self._secret.reveal())

    def answer(self, reply: Reply, request: Packet) -> bytes:
        """See :class:`Version`: signed as the request demands."""
        said, secret = reply.packet, self._secret.reveal()
        packet = Packet(said.code, request.identifier, said.authenticator, said.attributes)
        packet = hide_reply(packet, request.authenticator, secret, token_bytes)
        if request.code in _SIGNED_IN_KIND:
            return encode_reply_in_kind(packet, request, secret)
        return encode_reply(packet, request.authenticator, secret)

    def decline(self, octets: bytes, reason: Unanswered) -> None:
        """See :class:`Version`: silence (RFC 2865 section 3)."""

    def numbers(self) -> Identifiers:
        """See :class:`Version`."""
        return Identifiers()

    def ask(self, request: Packet) -> bytes:
        """See :class:`Version`."""
        secret = self._secret.reveal()
        return encode_request(hide_request(request, secret), secret)

    def parse(self, octets: bytes) -> Packet:
        """See :class:`Version`."""
        return parse(octets)

    def accept(self, octets: bytes, reply: Packet, request: bytes, code: Code) -> Packet | None:
        """See :class:`Version`."""
        if reply.code not in ANSWERS[code]:
            return None
        authenticator, secret = request[4:20], self._secret.reveal()
        verify_reply(octets, reply, authenticator, secret)
        return reveal_reply(reply, authenticator, secret)


class Radius11:
    """RADIUS/1.1 (RFC 9765): TLS proves and hides, and nothing is passed over in silence."""

    name = "1.1"
    most_outstanding = _MOST_TOKENS
    may_repeat = False

    def receive(self, octets: bytes) -> tuple[Packet, bool]:
        """See :class:`Version`."""
        return version_1_1.parse(octets), True

    def reveal(self, request: Packet) -> Packet:
        """See :class:`Version`."""
        return request

    def answer(self, reply: Reply, request: Packet) -> bytes:
        """See :class:`Version`: where the way was at fault, Protocol-Error says so (section 6.1),
        so that who asked can go another."""
        if reply.way_error is not None:
            return _protocol_error(request.identifier, reply.way_error, request.attributes)
        said = reply.packet
        return version_1_1.encode(Packet(said.code, request.identifier, b"", said.attributes))

    def decline(self, octets: bytes, reason: Unanswered) -> bytes | None:
        """See :class:`Version`: Protocol-Error, but never to an answer."""
        if octets[0] in _ARE_ANSWERS:
            return None
        cause = _CAUSES.get(reason, _NO_OTHER_CAUSE)
        try:
            attributes = version_1_1.parse(octets).attributes
        except MalformedPacket:
            attributes = Attributes()
        return _protocol_error(version_1_1.token_of(octets), cause, attributes)

    def numbers(self) -> Tokens:
        """See :class:`Version`."""
        return Tokens(randbelow(version_1_1.TOKENS), self.most_outstanding)

    def ask(self, request: Packet) -> bytes:
        """See :class:`Version`."""
        return version_1_1.encode(request)

    def parse(self, octets: bytes) -> Packet:
        """See :class:`Version`."""
        return version_1_1.parse(octets)

    def accept(self, octets: bytes, reply: Packet, request: bytes, code: Code) -> Packet | None:
        """See :class:`Version`."""
        is_answer = reply.code in ANSWERS[code] or reply.code is Code.PROTOCOL_ERROR
        return reply if is_answer else None


RADSEC_1_0: Final = Radius10(RADSEC_SECRET)
RADSEC_1_1: Final = Radius11()

NOT_SPOKEN: Final = version_1_1.encode(
    Packet(
        Code.PROTOCOL_ERROR,
        0,
        b"",
        Attributes.of(
            ("Error-Cause", "Unsupported-Extension"),
            ("Reply-Message", "RADIUS/1.1 is required here, and ALPN to agree on it (RFC 9765)"),
        ),
    )
)
"""Said to who speaks less than is required, before the connection ends: RFC 9765 section 3.3.1."""


def _protocol_error(token: int, cause: str | int, asked: Attributes) -> bytes:
    states = [("Proxy-State", state) for state in asked.all("Proxy-State")]
    attributes = Attributes.of(("Error-Cause", cause), *states)
    return version_1_1.encode(Packet(Code.PROTOCOL_ERROR, token, b"", attributes))
