"""To the pages of a home: an authorization request (OpenID Connect Core 1.0 section 3.1.2.1), and
what has to be known of it when a browser comes back.

The `state` parameter is all that leads back to the visit. The nonce and the verifier (RFC 7636) are
derived from it, so that only its digest is stored: the database alone redeems no code.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.secret import Keyring
from federation.trust import statements
from federation.trust.description import Provider
from federation.trust.publishing import CALLBACK
from federation.trust.statements import Signer
from portal.model import HomeVisit

# How long somebody may take on the pages of their home.
LIFETIME: Final = timedelta(minutes=15)
_ASSERTED_FOR: Final = timedelta(minutes=1)
# RFC 7523 section 2.2.
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_STATE_OCTETS: Final = 32
# RFC 5580 section 4.1: an Operator-Name that is a realm.
_REALM: Final = "1"
_LONGEST_STATE: Final = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """A way to a home that was begun, and is being ended: whose visit it is of, and what was asked
    of whom."""

    attempt_id: int
    issuer: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


async def begin(
    session: AsyncSession, keyring: Keyring, attempt_id: int, provider: Provider, now: datetime
) -> str:
    """Store a way to a home; return its `state`."""
    state = secrets.token_urlsafe(_STATE_OCTETS)
    session.add(
        HomeVisit(
            state_digest=_digest(keyring, state),
            attempt_id=attempt_id,
            issuer=provider.issuer,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return state


async def end(session: AsyncSession, keyring: Keyring, state: str, now: datetime) -> Begun | None:
    """Return the way that a `state` was made for, once; None for any other, or when it is late."""
    if len(state) > _LONGEST_STATE:
        return None
    ended = await session.execute(
        update(HomeVisit)
        .where(
            HomeVisit.state_digest == _digest(keyring, state),
            HomeVisit.used_at.is_(None),
            HomeVisit.expires_at > now,
        )
        .values(used_at=now)
        .returning(HomeVisit.attempt_id, HomeVisit.issuer)
    )
    row = ended.one_or_none()
    if row is None:
        return None
    return Begun(row.attempt_id, row.issuer, _nonce(keyring, state), _verifier(keyring, state))


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks a home, and what may be of use to it: ``us`` is our entity identifier, ``operator``
    the realm of the collectivity whose place it is, ``hint`` the identifier that was typed, if any
    was."""

    us: str
    operator: str
    language: str
    hint: str = field(default="", repr=False)


def authorization_url(keyring: Keyring, provider: Provider, state: str, wish: Wish) -> str:
    """Return where a browser begins at a home."""
    challenge = hashlib.sha256(_verifier(keyring, state).encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": wish.us,
        "redirect_uri": wish.us + CALLBACK,
        "scope": "openid",
        "state": state,
        "nonce": _nonce(keyring, state),
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "ui_locales": wish.language,
        # Ours alone: by which the pseudonym is another one in each of our collectivities.
        "operator_name": f"{_REALM}{wish.operator}",
    }
    if wish.hint:
        asked["login_hint"] = wish.hint
    mark = "&" if "?" in provider.authorization_endpoint else "?"
    return f"{provider.authorization_endpoint}{mark}{urlencode(asked)}"


def token_request(
    begun: Begun, code: str, us: str, signer: Signer, now: datetime
) -> dict[str, str]:
    """Return the form that redeems a code, and proves us by our key (OpenID Connect Core 1.0
    section 9, `private_key_jwt`)."""
    assertion = {
        "iss": us,
        "sub": us,
        "aud": begun.issuer,
        "jti": secrets.token_urlsafe(16),
        **statements.times(now, _ASSERTED_FOR),
    }
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": us + CALLBACK,
        "code_verifier": begun.verifier,
        "client_id": us,
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": statements.sign(assertion, signer, "JWT"),
    }


def _digest(keyring: Keyring, state: str) -> str:
    return keyring.digest(state, "home-visit")


def _nonce(keyring: Keyring, state: str) -> str:
    return keyring.digest(state, "home-visit-nonce")


def _verifier(keyring: Keyring, state: str) -> str:
    return keyring.digest(state, "home-visit-verifier")
