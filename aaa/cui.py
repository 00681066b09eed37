"""Chargeable-User-Identity: a pseudonym that a visited place may know a citizen by (RFC 4372)."""

import hmac
from typing import Final

_OCTETS: Final = 16


def pseudonym(key: bytes, citizen_id: int, visited_collectivity_id: int) -> str:
    """Return the same 32 hex digits for a citizen at each visit to one collectivity.

    Keyed, so that nobody without ``key`` finds the citizen behind it; another one in each
    collectivity, so that two of them cannot put together who was where.
    """
    told = f"{citizen_id}@{visited_collectivity_id}".encode()
    return hmac.digest(key, told, "sha256")[:_OCTETS].hex()
