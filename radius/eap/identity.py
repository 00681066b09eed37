"""Whose conversation it is: outer and inner identities (RFC 7542, RFC 5281 section 7.3)."""

import unicodedata
from typing import Final

_LONGEST_OCTETS: Final = 253
"""As much as a User-Name holds."""


def read(octets: bytes) -> str | None:
    """Return an identity as text, or None where it is too long or no text that may be shown."""
    # Some supplicants end it with a NUL.
    octets = octets.removesuffix(b"\0")
    if not octets or len(octets) > _LONGEST_OCTETS:
        return None
    try:
        identity = octets.decode()
    except UnicodeDecodeError:
        return None
    return identity if identity.isprintable() else None


def realm(identity: str) -> str | None:
    """Return what follows the last `@`, folded so that realms compare; None where nothing does."""
    _, at, found = identity.rpartition("@")
    return unicodedata.normalize("NFC", found).casefold() if at and found else None


def complete(outer: str, inner: str) -> str | None:
    """Return the whole inner identity, or None where it names another realm than the outer one.

    The request came here by the outer realm: whoever proves to be of another would have passed by
    the rules, and the accounting, of the wrong place. A bare inner name takes the outer realm.
    """
    outer_realm, inner_realm = realm(outer), realm(inner)
    if inner_realm is None:
        return inner if outer_realm is None else f"{inner.rstrip('@')}@{outer_realm}"
    return inner if outer_realm in (None, inner_realm) else None
