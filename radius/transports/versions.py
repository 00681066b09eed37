"""How a version of RADIUS is spoken with a client: what proves a request, what hides its values,
how its answer is written."""

from secrets import token_bytes
from typing import Protocol

from aaa.secret import Secret
from radius.clients import verify_request
from radius.request import Reply
from radius.wire.authenticator import encode_reply, encode_reply_in_kind
from radius.wire.hop import hide_reply, reveal_request
from radius.wire.packet import Code, Packet, parse


class Version(Protocol):
    """One version, with what it needs to be spoken with one client."""

    def receive(self, datagram: bytes) -> tuple[Packet, bool]:
        """Return a request, and whether nobody but the client can have made it. Raises
        MalformedPacket, BadAuthenticator."""

    def reveal(self, request: Packet) -> Packet:
        """Return a request with nothing hidden in it. Raises MalformedPacket."""

    def encode(self, reply: Reply, request: Packet) -> bytes:
        """Return the octets of an answer to a request as it came."""


class Radius10:
    """RADIUS as RFC 2865 has it: a shared secret proves and hides."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def receive(self, datagram: bytes) -> tuple[Packet, bool]:
        """See :class:`Version`: what is not signed may be forged."""
        packet = parse(datagram)
        return packet, verify_request(datagram, packet, self._secret.reveal())

    def reveal(self, request: Packet) -> Packet:
        """See :class:`Version`."""
        return reveal_request(request, self._secret.reveal())

    def encode(self, reply: Reply, request: Packet) -> bytes:
        """See :class:`Version`: signed as the request demands."""
        said, secret = reply.packet, self._secret.reveal()
        packet = Packet(said.code, request.identifier, said.authenticator, said.attributes)
        packet = hide_reply(packet, request.authenticator, secret, token_bytes)
        if request.code is Code.ACCOUNTING_REQUEST:
            return encode_reply_in_kind(packet, request, secret)
        return encode_reply(packet, request.authenticator, secret)
