"""What a member says of itself: told whole, and each of its lies refused by name."""

import base64
import copy
import json
from dataclasses import replace
from itertools import count
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from federation.trust import description, statements
from federation.trust.description import Client, Description, Provider, Realm, Server
from tests.federation.members import (
    ENTITY,
    LIGURIA,
    LOGO,
    ROOT,
    claims_of,
    liguria,
    new_signer,
    public,
    statement_of,
)
from tests.radius.eap.certificates import Authority
from tests.village import NOON

OTHER_ROOT: Final = Authority("Another").root.certificate.public_bytes(Encoding.DER)
KEYS: Final = tuple(public(new_signer()) for _ in range(2))
MEMBER: Final = ("metadata", "farandole_member")
ENTITY_OF: Final = ("metadata", "federation_entity")
PROVIDER: Final = ("metadata", "openid_provider")
CLIENT: Final = ("metadata", "openid_relying_party")

hosts = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?(\.[a-z]{2,5}){1,2}", fullmatch=True)
titles = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)
slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
keys = st.sampled_from([KEYS, KEYS[:1], KEYS[1:]])
pages = st.sampled_from([f"{ENTITY}/a", f"{ENTITY}/b?c=d", ENTITY])


def several(what: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(what, max_size=most).map(tuple)


descriptions = st.builds(
    Description,
    entity=st.just(ENTITY),
    slug=slugs,
    title=titles,
    country=st.sampled_from(["FR", "IT", "MC"]),
    language=st.sampled_from(["fr", "it", "oc", "pt-BR"]),
    timezone=st.sampled_from(["Europe/Paris", "Europe/Rome"]),
    realms=several(st.builds(Realm, realm=hosts, alias=slugs, title=titles)),
    servers=st.lists(
        st.builds(Server, host=hosts, port=st.integers(1, 65535), name=hosts),
        max_size=4,
        unique_by=lambda server: (server.host, server.port),
    ).map(tuple),
    anchors=several(st.sampled_from([ROOT, OTHER_ROOT])),
    names=several(hosts),
    keys=keys,
    contact=st.none() | st.just("wifi@liguria.example"),
    logo_svg=st.none() | st.just(LOGO),
    provider=st.none()
    | st.builds(
        Provider,
        issuer=st.just(ENTITY),
        authorization_endpoint=pages,
        token_endpoint=pages,
        end_session_endpoint=pages,
        keys=keys,
    ),
    client=st.none()
    | st.builds(
        Client, redirect_uris=several(pages), post_logout_redirect_uris=several(pages), keys=keys
    ),
)


@pytest.mark.fuzz
@given(descriptions)
def test_what_is_told_is_read_again(described: Description) -> None:
    told = json.loads(json.dumps(claims_of(described)))
    read = description.read(told)
    assert replace(read, logo_svg=None) == replace(described, logo_svg=None)
    assert (read.logo_svg is None) == (described.logo_svg is None)


def test_a_region_of_a_thousand_communes_is_told_in_one_statement() -> None:
    realms = tuple(
        Realm(f"commune-{number}.sud.example", f"commune-{number}", f"Commune {number}")
        for number in range(1000)
    )
    region = liguria(realms=realms, logo_svg=LOGO.replace("/>", " " * 16_000 + "/>"))
    claims, _ = statements.self_signed(statement_of(region), NOON)
    assert description.read(claims).realms == realms


def test_the_law_pack_is_the_countrys() -> None:
    assert claims_of(liguria())["metadata"]["farandole_member"]["law_pack"] == "IT"


def told_with(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """What Liguria says, but for one value, which it may leave out (...)."""
    claims = copy.deepcopy(claims_of(liguria()))
    table: Any = claims
    for name in path[:-1]:
        table = table[name]
    if value is ...:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return claims


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("metadata",), ..., "nothing of metadata"),
        (MEMBER, ..., "nothing of farandole_member"),
        (ENTITY_OF, [], "nothing of federation_entity"),
        ((*ENTITY_OF, "organization_name"), "", "organization_name"),
        ((*ENTITY_OF, "organization_name"), "x" * 201, "longer than 200"),
        ((*ENTITY_OF, "organization_name"), "Liguria\x1b[2J", "organization_name"),
        ((*ENTITY_OF, "contacts"), ["a\x00b"], "contact"),
        ((*ENTITY_OF, "contacts"), [7], "contact"),
        ((*MEMBER, "slug"), "Regione Liguria", "no short name"),
        ((*MEMBER, "country"), "ßé", "country"),
        ((*MEMBER, "country"), "ITA", "country"),
        ((*MEMBER, "languages"), [], "language"),
        ((*MEMBER, "languages"), ["it\x00"], "language"),
        ((*MEMBER, "languages"), [{}], "language"),
        ((*MEMBER, "timezone"), 7, "timezone"),
        ((*MEMBER, "timezone"), "x" * 65, "longer than 64"),
        ((*MEMBER, "realms"), "liguria.example", "no list"),
        ((*MEMBER, "realms"), ["liguria.example"], "no list of realms"),
        ((*MEMBER, "realms"), [{"realm": "liguria", "alias": "x", "title": "x"}], "not a realm"),
        ((*MEMBER, "realms"), [{"realm": "*.it", "alias": "x", "title": "x"}], "not a realm"),
        (
            (*MEMBER, "realms"),
            [{"realm": "a." * 127 + "it", "alias": "x", "title": "x"}],
            "longer than 253",
        ),
        ((*MEMBER, "realms"), [{"realm": "a.it", "alias": "X Y", "title": "x"}], "short name"),
        ((*MEMBER, "realms"), [{"realm": "a.it", "alias": "x", "title": ""}], "title"),
        (
            (*MEMBER, "realms"),
            [{"realm": "a.it", "alias": "x", "title": "x"}] * 5001,
            "too long a one",
        ),
        ((*MEMBER, "radsec_servers"), ["host:2083"], "hosts and ports"),
        ((*MEMBER, "radsec_servers"), [{"host": "a.it", "port": 0, "name": "a"}], "hosts and"),
        ((*MEMBER, "radsec_servers"), [{"host": "a.it", "port": True, "name": "a"}], "hosts and"),
        ((*MEMBER, "radsec_servers"), [{"host": "a.it", "port": 1 << 16, "name": "a"}], "hosts"),
        ((*MEMBER, "radsec_servers"), [{"host": "a it", "port": 1, "name": "a"}], "one of its"),
        ((*MEMBER, "radsec_servers"), [{"host": "a.it", "port": 1}], "one of its hosts"),
        ((*MEMBER, "radsec_servers"), [{"host": "a.it", "port": 1, "name": "a"}] * 2, "twice"),
        ((*MEMBER, "radsec_client_names"), ["é.it"], "one of its hosts"),
        ((*MEMBER, "radsec_client_names"), ["*.it"], "one of its hosts"),
        ((*MEMBER, "radsec_client_names"), ["a.it"] * 21, "too long a one"),
        ((*MEMBER, "radsec_anchors"), ["no base64!"], "no certificate"),
        ((*MEMBER, "radsec_anchors"), [base64.b64encode(b"no DER").decode()], "no certificate"),
        ((*MEMBER, "logo_svg"), LOGO.replace("<path", "<script"), "<script>"),
        ((*MEMBER, "logo_svg"), LOGO.replace("d=", 'onload="x()" d='), "script in"),
        ((*MEMBER, "logo_svg"), LOGO.replace("<path", "<g>" * 2000 + "<path"), "no SVG"),
        (
            (*MEMBER, "logo_svg"),
            LOGO.replace("<path", "<g>" * 2000 + "<path").replace(
                "</svg>", "</g>" * 2000 + "</svg>"
            ),
            "nested",
        ),
        ((*PROVIDER, "issuer"), "https://wifi.piemonte.example", "somebody else"),
        ((*PROVIDER, "token_endpoint"), "https://evil.example/token", "another site's"),
        ((*PROVIDER, "token_endpoint"), f"{ENTITY}:444/token", "another site's"),
        ((*PROVIDER, "token_endpoint"), "https://[::1/token", "no address"),
        ((*PROVIDER, "token_endpoint"), "javascript:alert(1)", "no address"),
        ((*PROVIDER, "authorization_endpoint"), f"{ENTITY}/a b", "no address"),
        ((*PROVIDER, "jwks"), {"keys": []}, "names no keys"),
        ((*CLIENT, "redirect_uris"), ["https://evil.example/"], "another site's"),
        ((*CLIENT, "redirect_uris"), [f"{ENTITY}/#part"], "no address"),
        ((*CLIENT, "post_logout_redirect_uris"), "x", "no list"),
        ((*CLIENT, "jwks"), ..., "nothing of jwks"),
        (("jwks",), {"keys": []}, "names no keys"),
        (("sub",), 7, "does not say its sub"),
    ],
    ids=count(),
)
def test_what_cannot_be_is_refused_by_name(path: tuple[str, ...], value: object, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        description.read(told_with(path, value))


@pytest.mark.parametrize(
    "text",
    [
        *("", "wifi.example", "ftp://wifi.example", "https://", "https://wifi.example/"),
        *("https://wifi.example?a=b", "https://wifi.example#a", "https://a@wifi.example"),
        *("https://:b@wifi.example", "https://[::1", "https://wifi.example:99999x"),
        *("https://wi fi.example", "https://wifi.example/a b", "https://wifi.example\\evil"),
        *(
            "https://wifi.example/\x1b[2J",
            "https://wifi.example/..",
            f"https://{'x' * 300}.example",
        ),
    ],
    ids=count(),
)
def test_an_entity_is_the_address_of_a_site(text: str) -> None:
    with pytest.raises(Invalid, match="no address of a member"):
        description.check_entity(text)


@pytest.mark.parametrize(
    "text",
    [ENTITY, "http://127.0.0.1:8080", "https://[2001:db8::1]:8443", "https://host.example/wi-fi"],
)
def test_an_entity_may_have_a_port_and_a_path(text: str) -> None:
    assert description.check_entity(text) == text


@pytest.mark.fuzz
@given(st.text(st.characters(exclude_categories=[]), max_size=60) | st.text("ahtps:/[].@1é\\?#"))
def test_any_text_is_an_entity_or_invalid(text: str) -> None:
    try:
        assert description.check_entity(text) == text
    except Invalid:
        assert text != ENTITY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
PLACES = [
    (*table, name)
    for table in (MEMBER, ENTITY_OF, PROVIDER, CLIENT)
    for name in claims_of(liguria())["metadata"][table[1]]
]


@pytest.mark.fuzz
@given(st.sampled_from([*PLACES, MEMBER, ENTITY_OF, ("metadata",), ("jwks",), ("sub",)]), JSON)
def test_anything_in_any_place_is_read_or_refused(path: tuple[str, ...], value: object) -> None:
    try:
        read = description.read(told_with(path, value))
    except Invalid as error:
        assert str(error)
    else:
        assert read.keys == (public(LIGURIA),)
