"""Tokens in addresses: all that a browser needs to go on with something, and all that it may.

16 random signs (96 bits) by which a row is found, and 32 more that only who has the installation's
key can tell (128 bits). So the database alone opens nothing, and yet the portal can lead a browser
that comes back to where it was.
"""

import hmac
import re
import secrets
from typing import Final

from aaa.secret import Keyring

_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{16})([0-9a-f]{32})")


def new_reference() -> str:
    """Return the public half of a new token."""
    return secrets.token_urlsafe(12)


def token_of(keyring: Keyring, reference: str, purpose: str) -> str:
    """Return the whole token of a reference; one for each purpose ("visit")."""
    return f"{reference}{keyring.digest(reference, purpose)[:32]}"


def reference_in(keyring: Keyring, token: str, purpose: str) -> str | None:
    """Return the reference in a token that we made for this purpose; None where we did not."""
    found = _TOKEN.fullmatch(token)
    if not found or not hmac.compare_digest(token_of(keyring, found[1], purpose), token):
        return None
    return found[1]
