"""An ID token of ours that a client sends back, to say whom it means."""

from dataclasses import dataclass

from aaa import session_owner
from aaa.errors import Invalid
from federation.trust import statements
from portal.parts import Parts


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """Whom an ID token was about, and which client it was for."""

    citizen_id: int
    entity: str


def read(parts: Parts, token: str) -> IdTokenHint | None:
    """Return what an ID token of ours says; None where it is none. It may have expired (OpenID
    Connect RP-Initiated Logout 1.0 section 4)."""
    try:
        _, claims = statements.opened(token, parts.partners.current.keys.provider.published)
    except Invalid:
        return None
    sealed, entity = claims.get("radius_class"), claims.get("aud")
    owner = session_owner.unseal(parts.keyring, str(sealed).encode())
    is_ours = claims.get("iss") == parts.settings.portal.public_url
    if owner is None or not is_ours or not isinstance(entity, str):
        return None
    return IdTokenHint(owner.citizen_id, entity)
