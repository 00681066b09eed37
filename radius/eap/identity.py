"""Whose conversation it is: outer and inner identities (RFC 7542, RFC 5281 section 7.3)."""

import unicodedata
from typing import Final

_LONGEST_OCTETS: Final = 253
"""As much as a User-Name holds."""


def read(octets: bytes) -> str | None:
    """Return an identity as text, or None where it is too long or no text that may be shown. It is
    empty where a supplicant does not say (RFC 3748 section 5.1)."""
    # Some supplicants end it with a NUL.
    octets = octets.removesuffix(b"\0")
    if len(octets) > _LONGEST_OCTETS:
        return None
    try:
        identity = octets.decode()
    except UnicodeDecodeError:
        return None
    return identity if identity.isprintable() else None


def realm(identity: str) -> str | None:
    """Return what follows the last `@` as realms are written in RADIUS, in ASCII and folded (RFC
    7542 section 2.2); None where nothing does. What is no domain name is only folded."""
    folded = unicodedata.normalize("NFKC", identity).strip().casefold()
    found = folded.rpartition("@")[2] if "@" in folded else ""
    try:
        return found.encode("idna").decode("ascii") or None
    except UnicodeError:
        return found


def complete(outer: str, inner: str) -> str | None:
    """Return the whole inner identity, or None where it names another realm than the outer one.

    The request came here by the outer realm: whoever proves to be of another would have passed by
    the rules, and the accounting, of the wrong place. A bare inner name takes the outer realm.
    """
    outer_realm, inner_realm = realm(outer), realm(inner)
    if inner_realm is None:
        return inner if outer_realm is None else f"{inner.rstrip('@')}@{outer_realm}"
    return inner if outer_realm in (None, inner_realm) else None
