"""Chargeable-User-Identity: a pseudonym that a visited place may know a citizen by (RFC 4372)."""

import hmac
from typing import Final

KEY: Final = "cui"
"""The purpose of the key of pseudonyms; OPERATOR_KEY: of those for operators."""
OPERATOR_KEY: Final = "cui-at-operator"
_OCTETS: Final = 16


def pseudonym(key: bytes, citizen_id: int, visited_collectivity_id: int) -> str:
    """Return the same 32 hex digits for a citizen at each visit to one collectivity.

    Keyed, so that nobody without ``key`` finds the citizen behind it; another one in each
    collectivity, so that two of them cannot put together who was where.
    """
    told = f"{citizen_id}@{visited_collectivity_id}".encode()
    return hmac.digest(key, told, "sha256")[:_OCTETS].hex()


def at_operator(key: bytes, identity: bytes, operator: bytes) -> str:
    """Return the pseudonym at one operator of a partner (RFC 5580): another one for each of them,
    made from `identity`, the citizen's pseudonym at that partner."""
    return hmac.digest(key, identity + operator, "sha256")[:_OCTETS].hex()
