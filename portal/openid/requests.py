"""Whether an authorization request may be answered (OpenID Connect Core 1.0 section 3.1.2): pure.

Deviation: `state`, `nonce` and PKCE by S256 have to be there (FAPI 2.0 asks for the same), since
whoever asks is another of our kind. A request object, with which OpenID Federation 1.0 section
12.1.1 would have a stranger prove itself, is not: nobody is a client who has not joined before.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from portal.languages import LANGUAGES
from portal.openid.parameters import Error, Parameters, Refused

MOST_STATE: Final = 2048
MOST_NONCE: Final = 512
_MOST_HINT: Final = 254
# BASE64URL of a SHA-256 (RFC 7636 section 4.2).
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
# RFC 5580 section 4.1: 1 is a realm.
_OPERATOR: Final = re.compile(r"1[a-z0-9.-]{1,252}")
# There is no session of ours, so that everybody logs in each time, and chooses their account.
PROMPTS: Final = ("none", "login", "consent", "select_account")
_NOT_SUPPORTED: Final = {
    "request": Error.REQUEST_NOT_SUPPORTED,
    "request_uri": Error.REQUEST_URI_NOT_SUPPORTED,
    "registration": Error.REGISTRATION_NOT_SUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered. `operator`: which of its places the partner asks for, as an
    Operator-Name (RFC 5580); an extension of ours, that a client may leave out."""

    state: str
    nonce: str
    code_challenge: str
    wants_consent: bool
    login_hint: str | None = field(repr=False)
    id_token_hint: str | None = field(repr=False)
    language: str | None
    operator: str | None


def check(parameters: Parameters) -> Asked | Refused:
    """Return what a client that is known asks for, to be sent where it may be sent, or why it is
    refused."""
    state = parameters.visible("state", MOST_STATE)
    nonce = parameters.visible("nonce", MOST_NONCE)
    challenge = parameters.get("code_challenge") or ""
    if refused := _refused(parameters) or _refused_prompt(parameters):
        return refused
    if state is None:
        return _invalid("state is missing, too long, or not visible ASCII")
    if nonce is None:
        return _invalid("nonce is missing, too long, or not visible ASCII")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        return _invalid("a code_challenge by the code_challenge_method S256 is required (RFC 7636)")
    hint = parameters.get("login_hint") or ""
    operator = parameters.get("operator_name") or ""
    return Asked(
        state=state,
        nonce=nonce,
        code_challenge=challenge,
        wants_consent="consent" in parameters.words("prompt"),
        login_hint=hint if hint.isprintable() and 0 < len(hint) <= _MOST_HINT else None,
        id_token_hint=parameters.get("id_token_hint"),
        language=language_of(parameters),
        operator=operator if _OPERATOR.fullmatch(operator) else None,
    )


def language_of(parameters: Parameters) -> str | None:
    """Return the first language of `ui_locales` that we speak (OpenID Connect Core 1.0 section
    3.1.2.1); None leaves it to the browser."""
    asked = (tag.partition("-")[0].lower() for tag in (parameters.get("ui_locales") or "").split())
    return next((language for language in asked if language in LANGUAGES), None)


def _refused(parameters: Parameters) -> Refused | None:
    if parameters.repeated:
        return _invalid("a parameter is there twice")
    for name, error in _NOT_SUPPORTED.items():
        if name in parameters:
            return Refused(error, f"the parameter {name} is not supported")
    if "response_type" not in parameters:
        return _invalid("response_type is missing")
    if parameters.get("response_type") != "code":
        return Refused(Error.UNSUPPORTED_RESPONSE_TYPE, "the one response_type is code")
    if parameters.get("response_mode") not in (None, "query"):
        return _invalid("the one response_mode is query")
    if "openid" not in parameters.words("scope"):
        return Refused(Error.INVALID_SCOPE, "the scope has to have openid")
    max_age = parameters.get("max_age") or "0"
    if not (max_age.isascii() and max_age.isdecimal()):
        return _invalid("max_age is no number of seconds")
    return None


def _refused_prompt(parameters: Parameters) -> Refused | None:
    prompts = parameters.words("prompt")
    if not prompts <= set(PROMPTS):
        return _invalid("prompt has a value that is not supported")
    if "none" not in prompts:
        return None
    if len(prompts) > 1:
        return _invalid("prompt has none and more than that")
    return Refused(Error.LOGIN_REQUIRED, "everybody logs in each time: there are no sessions here")


def _invalid(why: str) -> Refused:
    return Refused(Error.INVALID_REQUEST, why)
