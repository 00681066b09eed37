"""The addresses of the OpenID provider: parse, ask one service, answer.

To citizens it shows pages, as a visit does: the token in the URL is all there is, no cookie and no
script. To partners' servers it says JSON.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from aaa.secret import Secret
from federation.trust import publishing
from federation.trust.description import Provider
from portal.answers import Go
from portal.dependencies import FormHere, PartsHere, SignInHere, SourceHere, parts_of, wish_of
from portal.notices import notice
from portal.openid import authorization, discovery, finish, log_out, outcomes, proofs, token
from portal.openid.outcomes import Endpoint
from portal.openid.parameters import Error, Parameters, Refused
from portal.parts import Parts
from portal.rendering import language_of, not_found, respond

router = APIRouter()

_MOST_FIELDS: Final = 40
_FORM: Final = "application/x-www-form-urlencoded"
_KEPT_FOR_AN_HOUR: Final = {"Cache-Control": "public, max-age=3600"}
# RFC 6749 section 5.1; OpenID Connect Core 1.0 section 3.1.3.3.
_NOT_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Addresses below a log-in that take forms.
_STEPS: Final = frozenset({"email", "code", "login", "account", "terms", "consent"})


def provider_of(request: Request) -> Provider:
    """Return our provider; nothing of it is there where it is switched off, or has no key yet."""
    parts = parts_of(request)
    provider = publishing.provider(parts.settings, parts.partners.current.keys.provider)
    if provider is None:
        raise HTTPException(404)
    return provider


async def parameters_of(request: Request) -> Parameters:
    """Return the parameters of a request: of its query, or of the form in it."""
    if request.method == "GET":
        return Parameters(request.query_params.multi_items())
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return Parameters(form.multi_items())


ProviderHere = Annotated[Provider, Depends(provider_of)]
ParametersHere = Annotated[Parameters, Depends(parameters_of)]


@router.get("/.well-known/openid-configuration")
async def describe(provider: ProviderHere) -> Response:
    """What the provider is (OpenID Connect Discovery 1.0 section 4)."""
    return JSONResponse(discovery.metadata(provider), headers=_KEPT_FOR_AN_HOUR)


@router.get("/openid/keys")
async def keys(provider: ProviderHere) -> Response:
    """The keys that sign ID tokens, or did so a while ago, or will (RFC 7517)."""
    return JSONResponse({"keys": list(provider.keys)}, headers=_KEPT_FOR_AN_HOUR)


@router.get("/openid/authorize")
@router.post("/openid/authorize")
async def authorize(
    request: Request,
    parts: PartsHere,
    provider: ProviderHere,
    parameters: ParametersHere,
    source: SourceHere,
) -> Response:
    """A partner's portal sends a browser here."""
    return respond(parts, request, await authorization.authorize(parts, parameters, source))


@router.post("/openid/token")
async def redeem(
    request: Request, parts: PartsHere, provider: ProviderHere, parameters: ParametersHere
) -> Response:
    """A partner's portal redeems a code (RFC 6749 section 5)."""
    answer = await _redeemed(request, parts, provider)
    if not isinstance(answer, Refused):
        return JSONResponse(answer, headers=_NOT_KEPT)
    said = {"error": answer.error.value, "error_description": answer.why}
    headers = dict(_NOT_KEPT)
    scheme = (request.headers.get("authorization") or "").partition(" ")[0]
    if scheme and answer.error is Error.INVALID_CLIENT:
        headers["WWW-Authenticate"] = f'{scheme if scheme.isalpha() else "Basic"} realm="openid"'
    return JSONResponse(said, 401 if "WWW-Authenticate" in headers else 400, headers)


async def _redeemed(
    request: Request, parts: Parts, provider: Provider
) -> Mapping[str, object] | Refused:
    media_type = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        answer = Refused(Error.INVALID_REQUEST, "the request has to be an urlencoded form")
    elif "authorization" in request.headers:
        answer = Refused(Error.INVALID_CLIENT, "private_key_jwt is the one way for a client")
    else:
        return await token.redeem(parts, provider, await parameters_of(request))
    outcomes.refuse(parts, Endpoint.TOKEN, answer, None)
    return answer


@router.get("/openid/log-out")
@router.post("/openid/log-out")
async def begin_log_out(
    request: Request, parts: PartsHere, provider: ProviderHere, parameters: ParametersHere
) -> Response:
    """A partner's portal says that somebody leaves."""
    return respond(parts, request, log_out.begin(parts, parameters))


@router.get("/openid/log-out/{sealed}")
async def ask_who_leaves(
    request: Request, parts: PartsHere, provider: ProviderHere, sealed: str
) -> Response:
    """Whether the citizen wants it too."""
    return respond(parts, request, log_out.ask(parts, sealed))


@router.post("/openid/log-out/{sealed}")
async def confirm(
    request: Request, parts: PartsHere, provider: ProviderHere, sealed: str
) -> Response:
    """They do."""
    return respond(parts, request, await log_out.confirm(parts, sealed))


@router.get("/openid/sign-in/{token}")
async def go_on(request: Request, parts: PartsHere, sign_in: SignInHere) -> Response:
    """Wherever the log-in stands."""
    return respond(parts, request, await finish.go_on(parts, sign_in))


@router.post("/openid/sign-in/{token}/email")
async def request_code(
    request: Request, parts: PartsHere, sign_in: SignInHere, source: SourceHere, form: FormHere
) -> Response:
    """Send a code to an address."""
    language = language_of(request, sign_in, sign_in.place.language)
    answer = await proofs.request_code(parts, sign_in, form.text("email"), source, language)
    return respond(parts, request, answer)


@router.post("/openid/sign-in/{token}/code")
async def try_code(
    request: Request, parts: PartsHere, sign_in: SignInHere, source: SourceHere, form: FormHere
) -> Response:
    """Check a code."""
    return respond(parts, request, await proofs.try_code(parts, sign_in, form.text("code"), source))


@router.post("/openid/sign-in/{token}/login")
async def log_in(
    request: Request, parts: PartsHere, sign_in: SignInHere, source: SourceHere, form: FormHere
) -> Response:
    """Check an identifier, or an address, with a password."""
    password = Secret(form.exactly("password"))
    answer = await proofs.log_in(parts, sign_in, form.text("identifier"), password, source)
    return respond(parts, request, answer)


@router.post("/openid/sign-in/{token}/account")
async def create_account(
    request: Request, parts: PartsHere, sign_in: SignInHere, source: SourceHere, form: FormHere
) -> Response:
    """Create an account for a proven address."""
    wish = wish_of(form, language_of(request, sign_in, sign_in.place.language))
    return respond(parts, request, await proofs.create_account(parts, sign_in, wish, source))


@router.post("/openid/sign-in/{token}/terms")
async def accept_terms(
    request: Request, parts: PartsHere, sign_in: SignInHere, form: FormHere
) -> Response:
    """Accept the terms of one's home."""
    is_ticked = form.is_ticked("accept_terms")
    return respond(
        parts, request, await proofs.accept_terms(parts, sign_in, accepts_terms=is_ticked)
    )


@router.post("/openid/sign-in/{token}/consent")
async def agree(request: Request, parts: PartsHere, sign_in: SignInHere) -> Response:
    """Let the place know what it will know."""
    return respond(parts, request, await finish.agree(parts, sign_in))


@router.get("/openid/sign-in/{token}/leave")
async def leave(request: Request, parts: PartsHere, sign_in: SignInHere) -> Response:
    """Go back to the place without having logged in."""
    return respond(parts, request, finish.leave(parts, sign_in))


@router.get("/openid/sign-in/{token}/{step}")
async def return_to_sign_in(
    request: Request, parts: PartsHere, sign_in: SignInHere, step: str
) -> Response:
    """A form that was not taken is shown at its own address, where a browser may open it again."""
    answer = Go(sign_in.way(parts.keyring)) if step in _STEPS else not_found()
    return respond(parts, request, answer)


@router.get("/openid/sign-in/{token}/notice/{kind}")
async def notice_in_sign_in(
    request: Request, parts: PartsHere, sign_in: SignInHere, kind: str
) -> Response:
    """A notice, from which one finds back."""
    return respond(parts, request, notice(parts, kind, within=sign_in))
