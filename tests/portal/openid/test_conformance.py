"""The authorization code flow, held to its specifications by clients that are not ours.

Core: OpenID Connect Core 1.0; Discovery: OpenID Connect Discovery 1.0.
"""

import base64
import hashlib
import hmac
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import (
    parse_authorization_code_response,
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from monitoring.federation_metrics import OPENID_OUTCOMES, openid_requests
from tests.portal.openid.relying import (
    ASSERTION_TYPE,
    NONCE,
    STATE,
    VERIFIER,
    RelyingParty,
    challenge,
    log_in,
    make_keys,
    opened,
    query_of,
    rotate_keys,
    way_back,
)
from tests.portal.visitor import PUBLIC_URL


def _half_hash(token: str) -> str:
    octets = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


# The whole way


async def test_a_client_that_others_wrote_logs_a_citizen_in(liguria: RelyingParty) -> None:
    portal = liguria.portal
    portal.village.clock.now = datetime.now(UTC)
    await make_keys(portal)
    web = portal.browser()
    found = (await web.client.get("/.well-known/openid-configuration")).json()
    published = (await web.client.get(urlsplit(found["jwks_uri"]).path)).json()
    url = prepare_grant_uri(
        found["authorization_endpoint"],
        liguria.entity,
        "code",
        liguria.redirect_uri,
        scope="openid",
        state=STATE,
        nonce=NONCE,
        code_challenge=create_s256_code_challenge(VERIFIER),
        code_challenge_method="S256",
    )
    browser = portal.browser()
    back = way_back(await log_in(browser, await browser.get(url)))
    code = parse_authorization_code_response(back, STATE)["code"]
    assertion = private_key_jwt_sign(
        liguria.key,
        liguria.entity,
        found["token_endpoint"],
        alg="ES256",
        header={"kid": liguria.kid},
    )
    body = prepare_token_request(
        "authorization_code",
        redirect_uri=liguria.redirect_uri,
        code=code,
        code_verifier=VERIFIER,
        client_assertion_type=ASSERTION_TYPE,
        client_assertion=assertion,
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    token = (await web.client.post(found["token_endpoint"], content=body, headers=form)).json()
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(published), algorithms=["ES256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        options={"iss": {"value": found["issuer"]}, "aud": {"value": liguria.entity}},
        params={"nonce": NONCE, "client_id": liguria.entity, "access_token": token["access_token"]},
    )
    claims.validate(leeway=5)
    assert claims["realm"] == "village.example"


async def test_what_an_id_token_says(liguria: RelyingParty) -> None:
    """Core sections 2, 3.1.3.6 and 3.1.3.7."""
    village = liguria.portal.village
    code = await liguria.log_in(liguria.portal.browser())
    logged_in_at = village.clock()
    village.clock.advance(seconds=30)
    token = await liguria.id_token(code)
    claims = token.claims
    now = int(village.clock().timestamp())
    assert token.header["alg"] == "ES256"
    assert claims["iss"] == PUBLIC_URL
    assert claims["aud"] == liguria.entity
    assert claims.get("azp") in (None, liguria.entity)
    assert claims["iat"] == now < claims["exp"] <= now + 600
    assert claims["auth_time"] == int(logged_in_at.timestamp())
    assert claims["nonce"] == NONCE
    assert claims["amr"] == ["pwd"]
    assert claims["at_hash"] == _half_hash(token.response.json()["access_token"])
    assert len(claims["sub"]) <= 255
    assert claims["sub"].isascii()


async def test_nothing_in_a_token_names_the_citizen(small_liguria: RelyingParty) -> None:
    token = await small_liguria.id_token(await small_liguria.log_in(small_liguria.portal.browser()))
    told = json.dumps(dict(token.claims)).replace("village.example", "")
    assert "anna" not in told
    assert "mail.example" not in told


async def test_a_token_response_is_kept_by_nobody(small_liguria: RelyingParty) -> None:
    """RFC 6749 section 5.1; Core section 3.1.3.3."""
    response = await small_liguria.redeem(
        await small_liguria.log_in(small_liguria.portal.browser())
    )
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert said["token_type"] == "Bearer"
    assert said["access_token"]
    assert "refresh_token" not in said
    refused = await small_liguria.redeem("no code")
    assert refused.headers["cache-control"] == "no-store"
    assert refused.headers["content-type"] == "application/json"


async def test_the_way_back_says_who_answers(small_liguria: RelyingParty) -> None:
    """RFC 9207 section 2; RFC 6749 section 4.1.2: the state as it was sent, the query kept."""
    browser = small_liguria.portal.browser()
    elsewhere = f"{small_liguria.entity}/other?way=2"
    url = small_liguria.url(redirect_uri=elsewhere, state="+ & = %/\"'<é"[:-1])
    back = way_back(await log_in(browser, await browser.get(url)))
    assert back.startswith(f"{elsewhere}&")
    told = query_of(back)
    assert told["iss"] == PUBLIC_URL
    assert told["state"] == "+ & = %/\"'<"
    token = await small_liguria.id_token(told["code"], redirect_uri=elsewhere)
    assert token.claims["iss"] == told["iss"]


async def test_a_request_may_be_a_form(small_liguria: RelyingParty) -> None:
    """Core section 3.1.2.1: GET and POST."""
    browser = small_liguria.portal.browser()
    page = await browser.post("/openid/authorize", **small_liguria.asks())
    code = query_of(way_back(await log_in(browser, page)))["code"]
    assert (await small_liguria.redeem(code)).status_code == 200


# The authorization endpoint: who is answered by a page, and sent nowhere


WRONG_PLACES = {
    "missing": None,
    "empty": "",
    "longer": "https://wifi.liguria.example/federation/callback/",
    "shorter": "https://wifi.liguria.example/federation",
    "with a query": "https://wifi.liguria.example/federation/callback?next=x",
    "with a fragment": "https://wifi.liguria.example/federation/callback#",
    "by another scheme": "http://wifi.liguria.example/federation/callback",
    "on another port": "https://wifi.liguria.example:444/federation/callback",
    "in capitals": "https://WIFI.liguria.example/federation/callback",
    "of somebody else": "https://wifi.piemonte.example/federation/callback",
    "a script": "javascript:alert(1)",
}


async def test_a_redirect_uri_that_was_not_declared_is_never_followed(
    small_liguria: RelyingParty,
) -> None:
    """RFC 6749 section 4.1.2.1, RFC 9700 section 2.1: character by character."""
    client = small_liguria.portal.browser().client
    found = {
        case: await client.get(small_liguria.url(redirect_uri=place))
        for case, place in WRONG_PLACES.items()
    }
    assert {case for case, response in found.items() if response.status_code != 400} == set()
    assert {case for case, response in found.items() if "location" in response.headers} == set()
    assert {case for case, response in found.items() if "http-equiv" in response.text} == set()


async def test_nobody_but_a_partner_is_a_client(small_liguria: RelyingParty) -> None:
    client = small_liguria.portal.browser().client
    for client_id in (None, "", "https://wifi.piemonte.example", "liguria"):
        response = await client.get(small_liguria.url(client_id=client_id))
        assert (response.status_code, response.headers.get("location")) == (400, None)


async def test_of_two_that_differ_none_is_believed(small_liguria: RelyingParty) -> None:
    client = small_liguria.portal.browser().client
    for name in ("client_id", "redirect_uri"):
        url = f"{small_liguria.url()}&{name}=https%3A%2F%2Fwifi.piemonte.example"
        response = await client.get(url)
        assert (response.status_code, response.headers.get("location")) == (400, None)


async def test_a_suspended_partner_is_no_client_any_more(liguria: RelyingParty) -> None:
    browser = liguria.portal.browser()
    page = await browser.get(liguria.url())
    code = await liguria.log_in(liguria.portal.browser())
    await liguria.suspend()
    assert (await browser.client.get(liguria.url())).status_code == 400
    assert (await browser.get(page.url.path)).status_code == 410
    refused = await liguria.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


# The authorization endpoint: what goes back with an error


ERRORS: dict[str, tuple[dict[str, str | None], str]] = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "token": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "implicit": ({"response_type": "id_token"}, "unsupported_response_type"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "no openid": ({"scope": "profile email"}, "invalid_scope"),
    "no nonce": ({"nonce": None}, "invalid_request"),
    "empty nonce": ({"nonce": ""}, "invalid_request"),
    "a nonce that is none": ({"nonce": "a\0b"}, "invalid_request"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "plain by default": ({"code_challenge_method": None}, "invalid_request"),
    "plain PKCE": (
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        "invalid_request",
    ),
    "a challenge that is none": ({"code_challenge": "short"}, "invalid_request"),
    "fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "form_post": ({"response_mode": "form_post"}, "invalid_request"),
    "request object": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    "request by reference": (
        {"request_uri": "https://wifi.liguria.example/request"},
        "request_uri_not_supported",
    ),
    "registration": ({"registration": "{}"}, "registration_not_supported"),
    "prompt none": ({"prompt": "none"}, "login_required"),
    "prompt none and more": ({"prompt": "none login"}, "invalid_request"),
    "prompt of another make": ({"prompt": "create"}, "invalid_request"),
    "max_age": ({"max_age": "-1"}, "invalid_request"),
    "hint of nobody": ({"id_token_hint": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request"),
}


async def test_an_error_goes_back_with_state_and_issuer(small_liguria: RelyingParty) -> None:
    """RFC 6749 section 4.1.2.1; Core sections 3.1.2.6, 6 and 7.2.1; RFC 7636 section 4.4.1."""
    client = small_liguria.portal.browser().client
    counted = _counted("authorize")
    answered = {}
    for case, (changes, _) in ERRORS.items():
        response = await client.get(small_liguria.url(**changes))
        place, _, _ = response.headers["location"].partition("?")
        answered[case] = (response.status_code, place, query_of(response.headers["location"]))
    right = {"state": STATE, "iss": PUBLIC_URL}
    assert {
        case: (status, place, {**told, "error_description": ""})
        for case, (status, place, told) in answered.items()
    } == {
        case: (303, small_liguria.redirect_uri, {**right, "error": error, "error_description": ""})
        for case, (_, error) in ERRORS.items()
    }
    assert not set("".join(told["error_description"] for _, _, told in answered.values())) & set(
        '"\\'
    )
    assert _counted("authorize") - counted == Counter(error for _, error in ERRORS.values())


def _counted(endpoint: str) -> Counter[str]:
    words = OPENID_OUTCOMES[endpoint]
    return Counter(
        {word: int(openid_requests.labels(endpoint, word)._value.get()) for word in words}
    )


async def test_without_a_state_nothing_is_begun(small_liguria: RelyingParty) -> None:
    response = await small_liguria.portal.browser().client.get(small_liguria.url(state=None))
    told = query_of(response.headers["location"])
    assert told["error"] == "invalid_request"
    assert "state" not in told


async def test_no_parameter_is_there_twice(small_liguria: RelyingParty) -> None:
    """RFC 6749 section 3.1."""
    client = small_liguria.portal.browser().client
    for name in ("state", "scope", "nonce", "code_challenge", "anything"):
        url = f"{small_liguria.url()}&{urlencode([(name, 'one'), (name, 'two')])}"
        response = await client.get(url)
        assert query_of(response.headers["location"])["error"] == "invalid_request"


IGNORED = (
    {"scope": "openid profile email offline_access"},
    {"acr_values": "https://www.spid.gov.it/SpidL2", "display": "popup"},
    {"claims_locales": "de", "ui_locales": "de nds"},
    {"claims": '{"id_token":{"email":{"essential":true}}}'},
    {"max_age": "0", "prompt": "login"},
    {"prompt": "select_account", "audience": "anything", "resource": ""},
)


async def test_what_is_not_understood_is_ignored(small_liguria: RelyingParty) -> None:
    """Core sections 3.1.2.1, 5.5 and 15.1."""
    for ignored in IGNORED:
        code = await small_liguria.log_in(small_liguria.portal.browser(), **ignored)
        token = await small_liguria.id_token(code)
        assert "email" not in token.claims
        assert "auth_time" in token.claims


# The token endpoint: codes


async def test_a_code_serves_once(liguria: RelyingParty) -> None:
    """RFC 6749 section 4.1.2: what it led to is void."""
    portal = liguria.portal
    code = await liguria.log_in(portal.browser())
    assert (await liguria.redeem(code)).status_code == 200
    led_to = await liguria.start_session()
    counter = openid_requests.labels("token", "replayed_code")
    before = counter._value.get()
    refused = await liguria.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert counter._value.get() == before + 1
    assert await portal.disconnected() == [led_to]


async def test_a_code_is_good_for_a_minute(small_liguria: RelyingParty) -> None:
    code = await small_liguria.log_in(small_liguria.portal.browser())
    small_liguria.portal.village.clock.advance(seconds=60)
    refused = await small_liguria.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_its_clients_alone(liguria: RelyingParty) -> None:
    """RFC 6749 section 4.1.3."""
    other = RelyingParty(liguria.portal, "piemonte")
    await other.join()
    code = await liguria.log_in(liguria.portal.browser())
    stolen = await other.redeem(code, redirect_uri=liguria.redirect_uri)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await liguria.redeem(code)).status_code == 200


WRONG_FIELDS: dict[str, tuple[dict[str, str | None], str]] = {
    "another verifier": ({"code_verifier": VERIFIER + "x"}, "invalid_grant"),
    "the challenge itself": ({"code_verifier": challenge()}, "invalid_grant"),
    "a verifier that is none": ({"code_verifier": "short"}, "invalid_grant"),
    "no verifier": ({"code_verifier": None}, "invalid_request"),
    "another declared place": (
        {"redirect_uri": "https://wifi.liguria.example/other?way=2"},
        "invalid_grant",
    ),
    "no place": ({"redirect_uri": None}, "invalid_request"),
    "no code": ({"code": None}, "invalid_request"),
    "a code that is none": ({"code": "é" * 48}, "invalid_grant"),
    "a code of half a code": ({"code": "A" * 48}, "invalid_grant"),
    "no grant_type": ({"grant_type": None}, "invalid_request"),
    "refresh_token": ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
    "password": ({"grant_type": "password"}, "unsupported_grant_type"),
}


async def test_a_token_request_fits_what_was_asked(small_liguria: RelyingParty) -> None:
    """RFC 6749 sections 4.1.3 and 5.2; RFC 7636 section 4.6."""
    answered = {}
    for case, (changes, _) in WRONG_FIELDS.items():
        # No faster than a person may log in.
        small_liguria.portal.village.clock.advance(minutes=2)
        code = await small_liguria.log_in(small_liguria.portal.browser())
        refused = await small_liguria.redeem(**({"code": code} | changes))
        answered[case] = (refused.status_code, refused.json()["error"])
    assert answered == {case: (400, error) for case, (_, error) in WRONG_FIELDS.items()}


async def test_a_wrong_verifier_spends_the_code(small_liguria: RelyingParty) -> None:
    code = await small_liguria.log_in(small_liguria.portal.browser())
    assert (await small_liguria.redeem(code, code_verifier="x" * 43)).status_code == 400
    assert (await small_liguria.redeem(code)).status_code == 400


async def test_a_token_request_is_a_form_without_repetition(small_liguria: RelyingParty) -> None:
    """RFC 6749 sections 3.2 and 4.1.3."""
    client = small_liguria.portal.browser().client
    form = small_liguria.redeems(await small_liguria.log_in(small_liguria.portal.browser()))
    answers = [
        await client.post("/openid/token", json=form),
        await client.post("/openid/token", content=urlencode([*form.items(), ("code", "two")])),
        await client.post("/openid/token", data={**form, "grant_type": ["authorization_code"] * 2}),
    ]
    assert [(each.status_code, each.json()["error"]) for each in answers] == [
        (400, "invalid_request")
    ] * 3
    assert (await client.get("/openid/token", params=form)).status_code == 405


# The token endpoint: clients


async def test_a_client_proves_itself_for_issuer_or_endpoint(small_liguria: RelyingParty) -> None:
    """Core section 9; RFC 7523 section 3."""
    for audience in (PUBLIC_URL, f"{PUBLIC_URL}/openid/token", [PUBLIC_URL]):
        code = await small_liguria.log_in(small_liguria.portal.browser())
        assertion = small_liguria.assertion(aud=audience)
        token = await small_liguria.id_token(code, client_assertion=assertion)
        assert token.claims["aud"] == small_liguria.entity


async def test_an_assertion_may_say_less_or_more_of_itself(small_liguria: RelyingParty) -> None:
    headers: list[dict[str, Any]] = [{"kid": None}, {"typ": "JWT"}]
    for header in [*headers, {"typ": "client-authentication+jwt"}]:
        code = await small_liguria.log_in(small_liguria.portal.browser())
        assertion = small_liguria.assertion(header, iat=None)
        form = {"client_assertion": assertion, "client_id": small_liguria.entity}
        assert (await small_liguria.redeem(code, **form)).status_code == 200


def _unsigned(party: RelyingParty) -> str:
    _, body, _ = party.assertion().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{none}.{body}."


def _by_the_public_key(party: RelyingParty) -> str:
    claims = jwt.decode(party.assertion(), party.key, algorithms=["ES256"]).claims
    head = {"alg": "HS256", "kid": party.kid}
    told = b".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (head, claims)
    )
    proof = hmac.digest(party.key.as_pem(private=False), told, "sha256")
    return f"{told.decode()}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"


def _by_another_key(party: RelyingParty) -> str:
    return RelyingParty(party.portal, party.name, party.kid).assertion()


WRONG_ASSERTIONS = {
    "alg none": _unsigned,
    "HS256 with the public key": _by_the_public_key,
    "another key": _by_another_key,
    "a key of another name": lambda party: party.assertion({"kid": "another"}),
    "another kind": lambda party: party.assertion({"typ": "entity-statement+jwt"}),
    "for somebody else": lambda party: party.assertion(aud="https://wifi.piemonte.example"),
    "for somebody else too": lambda party: party.assertion(
        aud=[PUBLIC_URL, "https://wifi.piemonte.example"]
    ),
    "for nobody": lambda party: party.assertion(aud=None),
    "for an empty list": lambda party: party.assertion(aud=[]),
    "by another issuer": lambda party: party.assertion(iss="https://wifi.piemonte.example"),
    "about another subject": lambda party: party.assertion(sub="https://wifi.piemonte.example"),
    "expired": lambda party: party.assertion(exp=_seconds(party, minutes=-2)),
    "without an end": lambda party: party.assertion(exp=None),
    "good for a day": lambda party: party.assertion(exp=_seconds(party, days=1)),
    "from the future": lambda party: party.assertion(nbf=_seconds(party, minutes=5)),
    "without a jti": lambda party: party.assertion(jti=None),
    "with a jti that is none": lambda party: party.assertion(jti=7),
    "no JWT": lambda party: "an assertion",
    "nothing": lambda party: None,
}


def _seconds(party: RelyingParty, **ahead: float) -> int:
    return int((party.portal.village.clock() + timedelta(**ahead)).timestamp())


async def test_a_client_that_does_not_prove_itself_gets_nothing(
    small_liguria: RelyingParty,
) -> None:
    """RFC 7523 section 3; Core section 9; RFC 8725 section 3.1."""
    code = await small_liguria.log_in(small_liguria.portal.browser())
    answered = {}
    for case, assertion in WRONG_ASSERTIONS.items():
        refused = await small_liguria.redeem(code, client_assertion=assertion(small_liguria))
        answered[case] = (refused.status_code, refused.json()["error"])
    assert answered == dict.fromkeys(WRONG_ASSERTIONS, (400, "invalid_client"))
    # The code is as good as before.
    assert (await small_liguria.redeem(code)).status_code == 200


async def test_an_assertion_serves_once(liguria: RelyingParty) -> None:
    """RFC 7523 section 3: jti. Two clients may use the same one."""
    other = RelyingParty(liguria.portal, "piemonte")
    await other.join()
    assertion = liguria.assertion(jti="the same")
    first, second = [
        await liguria.redeem(
            await liguria.log_in(liguria.portal.browser()), client_assertion=assertion
        )
        for _ in range(2)
    ]
    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (400, "invalid_client")
    code = await other.log_in(liguria.portal.browser())
    theirs = await other.redeem(code, client_assertion=other.assertion(jti="the same"))
    assert theirs.status_code == 200


async def test_there_are_no_other_ways_for_a_client(small_liguria: RelyingParty) -> None:
    """RFC 6749 section 5.2: who used the Authorization header is answered by its scheme."""
    client = small_liguria.portal.browser().client
    form = small_liguria.redeems(await small_liguria.log_in(small_liguria.portal.browser()))
    basic = await client.post("/openid/token", data=form, auth=("liguria", "secret"))
    assert (basic.status_code, basic.json()["error"]) == (401, "invalid_client")
    assert basic.headers["www-authenticate"].startswith("Basic ")
    posted = await client.post("/openid/token", data=form | {"client_secret": "secret"})
    assert (posted.status_code, posted.json()["error"]) == (400, "invalid_client")
    another = {"client_id": "https://wifi.piemonte.example"}
    mixed = await client.post("/openid/token", data=form | another)
    assert mixed.json()["error"] == "invalid_client"


# Keys, subjects, discovery


async def test_a_token_by_a_former_key_still_verifies(liguria: RelyingParty) -> None:
    """Core section 10.1.1."""
    former = await liguria.id_token(await liguria.log_in(liguria.portal.browser()))
    await rotate_keys(liguria.portal)
    newer = await liguria.id_token(await liguria.log_in(liguria.portal.browser()))
    assert former.header["kid"] != newer.header["kid"]
    published = (await liguria.portal.browser().client.get("/openid/keys")).json()["keys"]
    assert opened(former.response, published).claims == former.claims
    for key in published:
        assert not ECKey.import_key(key).is_private
        assert (key["use"], key["alg"]) == ("sig", "ES256")


async def test_subjects_are_pairwise_and_stay(liguria: RelyingParty) -> None:
    """Core section 8.1."""
    other = RelyingParty(liguria.portal, "piemonte")
    await other.join()
    first, again = [
        (await liguria.id_token(await liguria.log_in(liguria.portal.browser()))).claims
        for _ in range(2)
    ]
    elsewhere = (await other.id_token(await other.log_in(other.portal.browser()))).claims
    assert first["sub"] == again["sub"] != elsewhere["sub"]
    assert first["cui"] == again["cui"] != elsewhere["cui"]


async def test_discovery_says_what_is_so(small_liguria: RelyingParty) -> None:
    """Discovery sections 3 and 4; OpenID Federation 1.0 section 5.1.3 says the same."""
    response = await small_liguria.portal.browser().client.get("/.well-known/openid-configuration")
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert said["issuer"] == PUBLIC_URL
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"):
        assert said[name].startswith(f"{PUBLIC_URL}/openid/")
    assert said["response_types_supported"] == ["code"]
    assert said["subject_types_supported"] == ["pairwise"]
    assert said["id_token_signing_alg_values_supported"] == ["ES256"]
    assert said["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["request_uri_parameter_supported"] is False
    token = await small_liguria.id_token(await small_liguria.log_in(small_liguria.portal.browser()))
    assert token.claims.keys() <= set(said["claims_supported"])


async def test_where_it_is_switched_off_nothing_of_it_is_there(
    small_liguria: RelyingParty,
) -> None:
    portal = small_liguria.portal
    client = portal.browser(portal.without_openid()).client
    for path in ("/.well-known/openid-configuration", "/openid/keys", "/openid/log-out"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get(small_liguria.url())).status_code == 404
    assert (await client.post("/openid/token")).status_code == 404


def test_every_outcome_is_counted_from_zero() -> None:
    counted = {
        (sample.labels["endpoint"], sample.labels["outcome"])
        for metric in openid_requests.collect()
        for sample in metric.samples
    }
    declared = {(at, word) for at, words in OPENID_OUTCOMES.items() for word in words}
    assert counted == declared | {(at, "accepted") for at in OPENID_OUTCOMES}
