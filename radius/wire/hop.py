"""What of a packet concerns one hop alone, before RADIUS/1.1: values hidden by its secret.

Everything inside works with packets in clear. A request is revealed when it has come and its
sender is known, and hidden when it goes on; an answer likewise. So whoever reads a password or
a key, or hands it to the next hop, need not know how either hop hides it, if at all.
"""

from collections.abc import Callable
from typing import Final

from radius.wire import nesting
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, VENDOR_SPECIFIC, Definition, Oid
from radius.wire.hiding import decrypt_salted, encrypt_salted, hide_password, unhide_password
from radius.wire.nesting import Pair
from radius.wire.packet import Code, Packet

_USER_PASSWORD: Final = 2
_SALTED: Final[dict[Oid, Definition]] = {
    oid: definition for oid, definition in DICTIONARY.by_oid.items() if definition.encrypt == 2
}
_SALTED_NUMBERS: Final = frozenset(oid[0] for oid in _SALTED if len(oid) == 1)
_SALTED_VENDORS: Final = frozenset(oid[1].to_bytes(4, "big") for oid in _SALTED if len(oid) > 1)
_LAST_TAG: Final = 0x1F
_SALT_OCTETS: Final = 2
_SALT_MARK: Final = 0x8000


def reveal_request(packet: Packet, secret: bytes) -> Packet:
    """Return an Access-Request with its User-Password in clear and its CHAP-Challenge named, which
    may have been its Request Authenticator (RFC 2865 section 5.3); any other request as it is.

    Raises MalformedPacket for a password of a length that it cannot have.
    """
    if packet.code is not Code.ACCESS_REQUEST:
        return packet
    attributes = packet.attributes.changed(
        _USER_PASSWORD, lambda hidden: unhide_password(hidden, secret, packet.authenticator)
    )
    if attributes.has("CHAP-Password") and not attributes.has("CHAP-Challenge"):
        attributes = attributes.with_("CHAP-Challenge", packet.authenticator)
    return packet if attributes is packet.attributes else _with(packet, attributes)


def hide_request(packet: Packet, secret: bytes) -> Packet:
    """Return an Access-Request with its User-Password hidden by its Request Authenticator; any
    other request as it is. Raises ValueError for a password above 128 octets."""
    if packet.code is not Code.ACCESS_REQUEST:
        return packet
    attributes = packet.attributes.changed(
        _USER_PASSWORD, lambda clear: hide_password(clear, secret, packet.authenticator)
    )
    return packet if attributes is packet.attributes else _with(packet, attributes)


def reveal_reply(reply: Packet, request_authenticator: bytes, secret: bytes) -> Packet:
    """Return an Access-Accept with its Tunnel-Password and keys in clear; any other reply as it is.

    Raises MalformedPacket where one of them cannot be decrypted.
    """

    def reveal(definition: Definition, octets: bytes) -> bytes:
        if not definition.has_tag:
            return decrypt_salted(octets, secret, request_authenticator)
        tag, salted = definition.split_tag(octets)
        return bytes((tag,)) + decrypt_salted(salted, secret, request_authenticator)

    return _with_salted(reply, reveal)


def hide_reply(
    reply: Packet, request_authenticator: bytes, secret: bytes, chance: Callable[[int], bytes]
) -> Packet:
    """Return an Access-Accept with its Tunnel-Password and keys encrypted, each by a salt of its
    own (RFC 2868 section 3.5); any other reply as it is. `chance` returns random octets.

    Raises ValueError for a value above 239 octets.
    """
    salt = -1

    def hide(definition: Definition, octets: bytes) -> bytes:
        nonlocal salt
        salt = int.from_bytes(chance(_SALT_OCTETS), "big") if salt < 0 else salt + 1
        marked = (salt | _SALT_MARK) & 0xFFFF
        tag, value = b"", octets
        if definition.has_tag:
            is_tagged = bool(octets) and octets[0] <= _LAST_TAG
            tag, value = (octets[:1], octets[1:]) if is_tagged else (b"\0", octets)
        salted = encrypt_salted(value, marked.to_bytes(2, "big"), secret, request_authenticator)
        return tag + salted

    return _with_salted(reply, hide)


def is_salted(place: Oid) -> bool:
    """Whether the value at a place is encrypted with a salt on a hop before RADIUS/1.1."""
    return place in _SALTED


def _with_salted(reply: Packet, change: Callable[[Definition, bytes], bytes]) -> Packet:
    """The reply with every value changed that is salted."""
    if reply.code is not Code.ACCESS_ACCEPT or not _has_salted(reply.attributes):
        return reply
    pairs: list[Pair] = []
    for group, leaves in nesting.groups(tuple(reply.attributes)):
        if not any(is_salted(oid) for oid, _ in leaves):
            pairs += group
            continue
        for oid, octets in leaves:
            definition = _SALTED.get(oid)
            changed = octets if definition is None else change(definition, octets)
            pairs += nesting.wrap(DICTIONARY.placed(oid), changed)
    return _with(reply, Attributes(tuple(pairs)))


def _has_salted(attributes: Attributes) -> bool:
    """Whether a closer look is worth it: nearly every answer has none."""
    for number, octets in attributes:
        if number == VENDOR_SPECIFIC:
            if octets[:4] in _SALTED_VENDORS:
                return True
        elif number in _SALTED_NUMBERS:
            return True
    return False


def _with(packet: Packet, attributes: Attributes) -> Packet:
    return Packet(packet.code, packet.identifier, packet.authenticator, attributes)
