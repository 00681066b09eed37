"""Who wrote this packet: sign what we send, verify what came (RFC 2865, 2866, 3579, 5176).

Every proof is an MD5 over the packet and the shared secret. What to do about a request without
Message-Authenticator is the caller's policy; here only what the RFCs forbid outright is refused.
`datagram` is always the octets that `packet.parse` made `packet` of, padding included or not.
"""

import hmac
from functools import lru_cache
from hashlib import md5
from typing import TYPE_CHECKING, Final

from radius.wire.attributes import Attributes
from radius.wire.errors import AuthenticatorFlaw, BadAuthenticator
from radius.wire.packet import HEADER_OCTETS, Code, Packet, encode_attributes, encode_header

if TYPE_CHECKING:
    from hashlib import _Hash

MESSAGE_AUTHENTICATOR: Final = 80
EAP_MESSAGE: Final = 79
_ZERO: Final = bytes(16)
_AUTHENTICATOR_OCTETS: Final = 16
_UNSIGNED: Final = bytes((MESSAGE_AUTHENTICATOR, _AUTHENTICATOR_OCTETS + 2)) + _ZERO
_INNER: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))
_BLOCK_OCTETS: Final = 64


def encode_access_request(packet: Packet, secret: bytes) -> bytes:
    """Return the datagram of an Access-Request or Status-Server, with its random authenticator
    as it stands and Message-Authenticator in front of the other attributes (RFC 3579 3.2)."""
    body = _signed_body(packet, packet.authenticator, secret)
    return encode_header(packet.code, packet.identifier, len(body), packet.authenticator) + body


def encode_accounting_request(packet: Packet, secret: bytes) -> bytes:
    """Return the datagram of an Accounting-Request; its authenticator is computed here
    (RFC 2866 section 3) and Message-Authenticator left out."""
    body = encode_attributes(packet.attributes.without("Message-Authenticator"))
    return _with_authenticator(packet, body, _ZERO, secret)


def encode_dynamic_request(packet: Packet, secret: bytes) -> bytes:
    """Return the datagram of a CoA-Request or Disconnect-Request; its authenticator is computed
    here over a Message-Authenticator that counted it as zero (RFC 5176 sections 2.3 and 3.4)."""
    body = _signed_body(packet, _ZERO, secret)
    return _with_authenticator(packet, body, _ZERO, secret)


def encode_unsigned_dynamic_request(packet: Packet, secret: bytes) -> bytes:
    """Return the same without Message-Authenticator, for a NAS that refuses what it does not
    know. RFC 5176 section 3.4 leaves the attribute to the sender."""
    body = encode_attributes(packet.attributes.without("Message-Authenticator"))
    return _with_authenticator(packet, body, _ZERO, secret)


def encode_request(packet: Packet, secret: bytes) -> bytes:
    """Return the datagram of a request of any kind, as the RFC of its code has it signed."""
    if packet.code in (Code.COA_REQUEST, Code.DISCONNECT_REQUEST):
        return encode_dynamic_request(packet, secret)
    if packet.code is Code.ACCOUNTING_REQUEST:
        return encode_accounting_request(packet, secret)
    return encode_access_request(packet, secret)


def encode_reply(reply: Packet, request_authenticator: bytes, secret: bytes) -> bytes:
    """Return the datagram of a reply to an Access-Request or Status-Server, the first attribute
    of which is always Message-Authenticator, as the remedy for BlastRADIUS asks."""
    body = _signed_body(reply, request_authenticator, secret)
    return _with_authenticator(reply, body, request_authenticator, secret)


def encode_reply_in_kind(reply: Packet, request: Packet, secret: bytes) -> bytes:
    """Return the datagram of a reply to an Accounting-, CoA- or Disconnect-Request, with a
    Message-Authenticator if the request had one: their Response Authenticator is proof enough."""
    if request.attributes.has("Message-Authenticator"):
        return encode_reply(reply, request.authenticator, secret)
    body = encode_attributes(reply.attributes.without("Message-Authenticator"))
    return _with_authenticator(reply, body, request.authenticator, secret)


def verify_access_request(datagram: bytes, packet: Packet, secret: bytes) -> bool:
    """Return whether an Access-Request or Status-Server has a Message-Authenticator.

    Raises BadAuthenticator if it is wrong, or missing where it must be: with EAP-Message
    (RFC 3579 section 3.1) and in Status-Server (RFC 5997 section 3).
    """
    if _has_message_authenticator(datagram, packet, (packet.authenticator,), secret):
        return True
    if packet.code is Code.STATUS_SERVER:
        raise BadAuthenticator(AuthenticatorFlaw.MISSING_MESSAGE_AUTHENTICATOR)
    _refuse_unsigned_eap(packet)
    return False


def verify_accounting_request(datagram: bytes, packet: Packet, secret: bytes) -> bool:
    """Return whether an Accounting-Request has a Message-Authenticator.

    Raises BadAuthenticator if that or the Request Authenticator (RFC 2866 section 3) is wrong.
    No RFC defines the attribute here; as in RFC 5176 it counts the Request Authenticator as
    zero, since each of the two cannot be made over the other.
    """
    return _verify_computed(datagram, packet, secret)


def verify_dynamic_request(datagram: bytes, packet: Packet, secret: bytes) -> bool:
    """Return whether a CoA-Request or Disconnect-Request has a Message-Authenticator.

    Raises BadAuthenticator if that or the Request Authenticator is wrong. RFC 5176 section 3.4.
    """
    return _verify_computed(datagram, packet, secret)


def verify_reply(
    datagram: bytes, reply: Packet, request_authenticator: bytes, secret: bytes
) -> bool:
    """Return whether a reply of any kind has a Message-Authenticator.

    Raises BadAuthenticator if that or the Response Authenticator is wrong, or if EAP-Message is
    unsigned. Deviation: in replies to CoA, Disconnect and accounting, a Message-Authenticator
    that counts the authenticator as zero passes too, as FreeRADIUS makes it.
    """
    _check_authenticator(
        datagram, reply, request_authenticator, secret, AuthenticatorFlaw.RESPONSE_AUTHENTICATOR
    )
    counted_as = (
        (request_authenticator,)
        if reply.code in _SIGNED_BY_REQUEST
        else (request_authenticator, _ZERO)
    )
    if _has_message_authenticator(datagram, reply, counted_as, secret):
        return True
    _refuse_unsigned_eap(reply)
    return False


_SIGNED_BY_REQUEST: Final = frozenset(
    (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE, Code.PROTOCOL_ERROR)
)


def _signed_body(packet: Packet, counted_as: bytes, secret: bytes) -> bytes:
    """The attributes with Message-Authenticator first, made over `counted_as` as authenticator."""
    body = _UNSIGNED + encode_attributes(_without_message_authenticator(packet.attributes))
    header = encode_header(packet.code, packet.identifier, len(body), counted_as)
    return _UNSIGNED[:2] + _hmac_md5(secret, header + body) + body[len(_UNSIGNED) :]


def _without_message_authenticator(attributes: Attributes) -> Attributes:
    if not attributes.has("Message-Authenticator"):
        return attributes
    return attributes.without("Message-Authenticator")


def _with_authenticator(packet: Packet, body: bytes, counted_as: bytes, secret: bytes) -> bytes:
    """The datagram whose authenticator is MD5 over itself with `counted_as` in that place."""
    header = encode_header(packet.code, packet.identifier, len(body), counted_as)
    return header[:4] + md5(header + body + secret).digest() + body  # noqa: S324


def _verify_computed(datagram: bytes, packet: Packet, secret: bytes) -> bool:
    _check_authenticator(datagram, packet, _ZERO, secret, AuthenticatorFlaw.REQUEST_AUTHENTICATOR)
    return _has_message_authenticator(datagram, packet, (_ZERO,), secret)


def _check_authenticator(
    datagram: bytes, packet: Packet, counted_as: bytes, secret: bytes, flaw: AuthenticatorFlaw
) -> None:
    length = datagram[2] << 8 | datagram[3]
    signed = datagram[:4] + counted_as + datagram[HEADER_OCTETS:length] + secret
    if not hmac.compare_digest(md5(signed).digest(), packet.authenticator):  # noqa: S324
        raise BadAuthenticator(flaw)


def _has_message_authenticator(
    datagram: bytes, packet: Packet, counted_as: tuple[bytes, ...], secret: bytes
) -> bool:
    """Whether there is one, made with any of `counted_as` for authenticator; raises if wrong."""
    position, value = _find_message_authenticator(packet)
    if not position:
        return False
    length = datagram[2] << 8 | datagram[3]
    body = datagram[HEADER_OCTETS:position] + _ZERO + datagram[position + 16 : length]
    for authenticator in counted_as:
        made = _hmac_md5(secret, datagram[:4] + authenticator + body)
        if hmac.compare_digest(made, value):
            return True
    raise BadAuthenticator(AuthenticatorFlaw.MESSAGE_AUTHENTICATOR)


def _find_message_authenticator(packet: Packet) -> tuple[int, bytes]:
    """Where in the datagram its value starts, 0 if there is none; raises if it has no equal."""
    found, value = 0, b""
    position = HEADER_OCTETS
    for number, octets in packet.attributes:
        if number == MESSAGE_AUTHENTICATOR:
            if found or len(octets) != _AUTHENTICATOR_OCTETS:
                raise BadAuthenticator(AuthenticatorFlaw.MESSAGE_AUTHENTICATOR)
            found, value = position + 2, octets
        position += len(octets) + 2
    return found, value


def _refuse_unsigned_eap(packet: Packet) -> None:
    if packet.attributes.has("EAP-Message"):
        raise BadAuthenticator(AuthenticatorFlaw.MISSING_MESSAGE_AUTHENTICATOR)


def _hmac_md5(secret: bytes, message: bytes) -> bytes:
    """RFC 2104. The half of the work that depends on the secret alone is done once a secret."""
    inner, outer = (half.copy() for half in _keyed(secret))
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=4096)
def _keyed(secret: bytes) -> "tuple[_Hash, _Hash]":
    key = md5(secret).digest() if len(secret) > _BLOCK_OCTETS else secret  # noqa: S324
    key = key.ljust(_BLOCK_OCTETS, b"\0")
    return md5(key.translate(_INNER)), md5(key.translate(_OUTER))  # noqa: S324
