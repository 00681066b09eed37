"""The code that an invitation is, and what two members derive from it: pure.

The inviting member prints it, a person carries it over, the invited one reads it. It says where
the inviting member is and by which key it signs, so that nothing else has to be believed of the
way; its token, which travels no other way, proves the invited one, and is what both derive the
secrets of their canaries from: none crosses the network.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Final

from aaa.errors import Invalid
from aaa.secret import Secret
from federation.trust.description import check_entity

REFERENCE_SIGNS: Final = 12
REFERENCE: Final = r"[\w-]{12}"
_PARTS: Final = re.compile(rf"({REFERENCE})\.([\w-]{{32}})\.([\w-]{{43}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Code:
    """`entity` invites; `reference` finds the invitation there, `token` proves who has the code;
    `thumbprint` (RFC 7638) is of the key that the entity signs with."""

    entity: str
    reference: str
    token: Secret
    thumbprint: str

    @property
    def text(self) -> str:
        """The code as it is printed."""
        return f"{self.entity}#{self.reference}.{self.token.reveal().decode()}.{self.thumbprint}"


@dataclass(frozen=True, slots=True)
class CanaryAccount:
    """An account that no person has: its name before the @, and its Wi-Fi secret."""

    name: str
    secret: Secret


def read(text: str) -> Code:
    """Return the code that a person pasted, white space of any kind within it left out. Raises
    Invalid."""
    entity, _, rest = "".join(text.split()).partition("#")
    found = _PARTS.fullmatch(rest)
    if found is None:
        raise Invalid(
            "this is no invitation: paste the whole line that `farandole partner invite` printed, "
            "from https:// to its end"
        )
    return Code(check_entity(entity), found[1], Secret(found[2]), found[3])


def proof(token: Secret, inviting: str, invited: str, thumbprint: str) -> str:
    """Return what shows that the invited entity, which signs with the key of a thumbprint, has the
    token."""
    return _derived(token, "proof", inviting, invited, thumbprint)


def canary(token: Secret, visited: str, home: str) -> CanaryAccount:
    """Return the account at `home` that `visited` logs in with to see whether that works."""
    name = _derived(token, "canary name", visited, home)
    secret = _derived(token, "canary secret", visited, home)
    folded = re.sub("[^a-z0-9]", "", name.lower())
    return CanaryAccount(f"canary-{folded[:12]}", Secret(secret))


def _derived(token: Secret, purpose: str, *about: str) -> str:
    told = "\n".join((purpose, *about)).encode()
    digest = hmac.digest(token.reveal(), told, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
