"""The keys of an encrypted link, for the NAS in an Access-Accept (RFC 2548 section 2.4)."""

from collections.abc import Callable

from radius.request import Request
from radius.wire.hiding import encrypt_salted

_SALT_MARK = 0x80


def link_keys(
    request: Request, *, recv: bytes, send: bytes, chance: Callable[[int], bytes]
) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """Return MS-MPPE-Recv-Key and MS-MPPE-Send-Key, as the NAS receives and sends, encrypted for
    the NAS that asked. `chance` returns random octets."""
    secret, authenticator = request.secret.reveal(), request.packet.authenticator
    first, second = chance(2)
    # Both salts have the mark, and the last bit tells them apart.
    salts = (
        bytes((first | _SALT_MARK, second & ~1)),
        bytes((first | _SALT_MARK, second | 1)),
    )
    return (
        ("MS-MPPE-Recv-Key", encrypt_salted(recv, salts[0], secret, authenticator)),
        ("MS-MPPE-Send-Key", encrypt_salted(send, salts[1], secret, authenticator)),
    )
