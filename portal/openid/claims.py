"""What an ID token says of a citizen: under which pseudonym, how it was proven, and what the place
that they visit needs to let them in and to account for them. Never a name."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any, Final

from aaa import cui, policy, session_owner
from aaa.authentication import Method
from aaa.citizens import CitizenRecord
from aaa.secret import Keyring
from aaa.session_owner import SessionOwner
from portal.openid.clients import KnownClient
from portal.openid.grants import Grant

LIFETIME: Final = timedelta(minutes=5)
"""How long an ID token may be taken for new."""
# RFC 8176 section 2.
_METHODS: Final = {Method.PASSWORD: "pwd", Method.EMAIL_CODE: "otp"}
# Beside those of the standard; RADIUS' own words, where it has them.
OF_OURS: Final = (
    *("realm", "cui", "radius_class"),
    *("session_timeout", "idle_timeout", "acct_interim_interval"),
)
STANDARD: Final = (*("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "at_hash"),)


def subject(keyring: Keyring, citizen_id: int, entity: str) -> str:
    """Return the pseudonym of a citizen at one client, for good (OpenID Connect Core 1.0 section
    8.1): 43 signs. Two clients cannot put theirs together."""
    key = keyring.derive("openid-subject")
    return _text(hmac.digest(key, f"{citizen_id} {entity}".encode(), "sha256"))


def pseudonym(keyring: Keyring, citizen_id: int, client: KnownClient, operator: str | None) -> str:
    """Return the Chargeable-User-Identity that RADIUS gives for the citizen there."""
    visited = client.partner.collectivity.id
    own = cui.pseudonym(keyring.derive(cui.KEY), citizen_id, visited)
    if operator is None:
        return own
    return cui.at_operator(keyring.derive(cui.OPERATOR_KEY), own.encode(), operator.encode())


def half_hash(token: str) -> str:
    """Return the left half of a token's SHA-256, as `at_hash` has it (OpenID Connect Core 1.0
    section 3.1.3.6)."""
    return _text(hashlib.sha256(token.encode()).digest()[:16])


def s256(verifier: str) -> str:
    """Return the code challenge of a code verifier (RFC 7636 section 4.6)."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def compose(
    keyring: Keyring,
    issuer: str,
    client: KnownClient,
    citizen: CitizenRecord,
    grant: Grant,
    limits: policy.Grant,
    access_token: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the claims of an ID token (OpenID Connect Core 1.0 section 2), and ours."""
    owner = SessionOwner(Method.OPENID, citizen.id, None)
    bounds = {
        "session_timeout": limits.session_seconds,
        "idle_timeout": limits.idle_seconds,
        "acct_interim_interval": limits.interim_seconds,
    }
    return {
        "iss": issuer,
        "sub": subject(keyring, citizen.id, client.entity),
        "aud": client.entity,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "auth_time": int(grant.proven_at.timestamp()),
        "nonce": grant.nonce,
        "amr": [_METHODS[grant.method]],
        "at_hash": half_hash(access_token),
        "realm": citizen.collectivity.realm,
        "cui": pseudonym(keyring, citizen.id, client, grant.operator),
        "radius_class": session_owner.seal(keyring, owner),
        **{name: seconds for name, seconds in bounds.items() if seconds is not None},
    }


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
