"""The dialects, against values worked out here by CoovaChilli's own rules."""

import hashlib
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from aaa.nas.adapter import Adapter, Arrival, BadRedirect, Door, Navigate, RedirectFlaw, Submit
from aaa.nas.registry import ADAPTERS, adapter
from aaa.policy import Grant
from aaa.secret import Secret

PORTAL = "https://wifi.village.example/at/square/"
OPEN = Door(PORTAL, None, None)
SIGNED = Door(PORTAL, Secret("uam secret"), None)
CHALLENGE = "00112233445566778899aabbccddeeff"
QUERY = (
    f"res=notyet&uamip=10.1.0.1&uamport=3990&challenge={CHALLENGE}"
    "&called=00-11-22-AA-BB-CC&mac=02-00-5E-00-53-01&ip=10.1.0.7&nasid=square"
    "&userurl=http%3a%2f%2fexample.org%2fa%3fb%3dc&sessionid=5f1"
)
CHILLI = ADAPTERS["coovachilli"]


def signed(query: str, secret: bytes = b"uam secret") -> str:
    md = hashlib.md5(f"{PORTAL}?{query}".encode() + secret).hexdigest().upper()
    return f"{query}&md={md}"


def parameters(query: str = QUERY, door: Door = OPEN) -> dict[str, str]:
    redirect = CHILLI.parse_redirect(query, door)
    assert not isinstance(redirect, BadRedirect)
    assert redirect.parameters is not None
    return redirect.parameters


def test_a_redirect_says_who_and_where() -> None:
    redirect = CHILLI.parse_redirect(QUERY, OPEN)
    assert not isinstance(redirect, BadRedirect)
    assert redirect.arrival is Arrival.NOT_YET
    assert redirect.device_mac == "02:00:5e:00:53:01"
    assert redirect.original_url == "http://example.org/a?b=c"
    assert (redirect.session_id, redirect.device_address) == ("5f1", "10.1.0.7")


@pytest.mark.parametrize(
    ("words", "arrival"),
    [
        ("res=success", Arrival.SUCCESS),
        ("res=already", Arrival.ALREADY),
        ("res=failed&reason=timeout", Arrival.FAILED),
        ("res=reject", Arrival.FAILED),
        ("res=logoff", Arrival.LOGGED_OFF),
    ],
)
def test_each_way_to_arrive(words: str, arrival: Arrival) -> None:
    redirect = CHILLI.parse_redirect(QUERY.replace("res=notyet", words), OPEN)
    assert not isinstance(redirect, BadRedirect)
    assert redirect.arrival is arrival
    assert redirect.failure == ("timeout" if "timeout" in words else None)


def test_the_checksum_is_over_the_raw_url() -> None:
    assert not isinstance(CHILLI.parse_redirect(signed(QUERY), SIGNED), BadRedirect)
    recoded = signed(QUERY).replace("%3a", "%3A")
    assert CHILLI.parse_redirect(recoded, SIGNED) == BadRedirect(RedirectFlaw.WRONG_CHECKSUM)


@pytest.mark.parametrize(
    ("query", "flaw"),
    [
        (QUERY, RedirectFlaw.MISSING_CHECKSUM),
        (signed(QUERY, b"another"), RedirectFlaw.WRONG_CHECKSUM),
        (signed(QUERY).lower(), RedirectFlaw.MISSING_CHECKSUM),
        (signed(QUERY).replace("10.1.0.7", "10.1.0.8"), RedirectFlaw.WRONG_CHECKSUM),
        (signed(QUERY) + "&uamip=6.6.6.6", RedirectFlaw.WRONG_CHECKSUM),
        (signed(QUERY.replace("10.1.0.1", "9.9.9.9")), RedirectFlaw.FOREIGN_HOST),
        (signed("res=notyet"), RedirectFlaw.INCOMPLETE),
    ],
)
def test_redirects_that_are_not_believed(query: str, flaw: RedirectFlaw) -> None:
    found = CHILLI.parse_redirect(query, SIGNED)
    assert isinstance(found, BadRedirect)
    if query != signed(QUERY).lower():
        assert found == BadRedirect(flaw)


def test_a_gateway_outside_must_be_on_record() -> None:
    query = QUERY.replace("10.1.0.1", "gateway.village.example")
    assert CHILLI.parse_redirect(query, OPEN) == BadRedirect(RedirectFlaw.FOREIGN_HOST)
    known = Door(PORTAL, None, "Gateway.Village.Example")
    assert not isinstance(CHILLI.parse_redirect(query, known), BadRedirect)
    assert CHILLI.parse_redirect(QUERY, known) == BadRedirect(RedirectFlaw.FOREIGN_HOST)


@pytest.mark.parametrize(
    "host", ["fe80::1%]@9.9.9.9?", "fe80::1%]@9.9.9.9#", "fe80::1%eth0", "9.9.9.9\\@10.1.0.1"]
)
def test_a_host_is_what_a_browser_takes_for_it(host: str) -> None:
    query = QUERY.replace("10.1.0.1", quote(host))
    assert CHILLI.parse_redirect(query, OPEN) == BadRedirect(RedirectFlaw.FOREIGN_HOST)
    for url in (f"http://{host}/", f"http://[{host}]/"):
        query = f"login_url={quote(url)}&mac=02-00-5E-00-53-01"
        found = ADAPTERS["generic"].parse_redirect(query, OPEN)
        assert found == BadRedirect(RedirectFlaw.FOREIGN_HOST)


@pytest.mark.parametrize("door", [OPEN, SIGNED])
def test_chap(door: Door) -> None:
    way = CHILLI.login(parameters(), "anna@village.example", "ticket23456789", "", door)
    assert isinstance(way, Navigate)
    url = urlsplit(way.url)
    assert (url.scheme, url.netloc, url.path) == ("http", "10.1.0.1:3990", "/logon")
    challenge = bytes.fromhex(CHALLENGE)
    if door is SIGNED:
        challenge = hashlib.md5(challenge + b"uam secret").digest()
    assert parse_qs(url.query) == {
        "username": ["anna@village.example"],
        "response": [hashlib.md5(b"\0ticket23456789" + challenge).hexdigest()],
    }


@pytest.mark.parametrize("vendor", ["coovachilli", "uspot"])
def test_pap_is_masked_with_the_challenge_and_the_secret(vendor: str) -> None:
    door = Door(PORTAL, Secret("uam secret"), None, uses_pap=True)
    masked = bytes.fromhex(password_of(ADAPTERS[vendor], parameters(), door))
    mask = hashlib.md5(bytes.fromhex(CHALLENGE) + b"uam secret").digest()
    assert bytes(a ^ b for a, b in zip(masked, mask, strict=True)) == b"ticket23456789\0\0"


def test_without_a_secret_pap_is_masked_with_the_challenge_alone() -> None:
    door = Door(PORTAL, None, None, uses_pap=True)
    masked = bytes.fromhex(password_of(CHILLI, parameters(), door))
    mask = bytes.fromhex(CHALLENGE)
    assert bytes(a ^ b for a, b in zip(masked, mask, strict=True)) == b"ticket23456789\0\0"


def test_pap_is_plain_where_the_gateway_masks_nothing() -> None:
    open_pap = Door(PORTAL, None, None, uses_pap=True)
    assert password_of(ADAPTERS["uspot"], parameters(), open_pap) == "ticket23456789"
    no_challenge = parameters(QUERY.replace(f"&challenge={CHALLENGE}", ""))
    for door in (OPEN, SIGNED, open_pap):
        assert password_of(CHILLI, no_challenge, door) == "ticket23456789"


@pytest.mark.parametrize("res", ["success", "already"])
def test_after_a_log_in_the_gateway_is_asked_for_a_challenge(res: str) -> None:
    query = QUERY.replace("res=notyet", f"res={res}").replace(f"&challenge={CHALLENGE}", "")
    way = CHILLI.login(parameters(query), "anna", "ticket23456789", "", OPEN)
    assert way == Navigate("http://10.1.0.1:3990/prelogin")


def password_of(adapter: Adapter, kept: dict[str, str], door: Door) -> str:
    way = adapter.login(kept, "anna", "ticket23456789", "", door)
    assert isinstance(way, Navigate)
    (password,) = parse_qs(urlsplit(way.url).query)["password"]
    return password


def test_the_gateway_redirects_who_enters() -> None:
    assert CHILLI.entry_url(parameters()) == "http://10.1.0.1:3990/prelogin"
    ipv6 = parameters(QUERY.replace("10.1.0.1", "fd00%3a%3a1").replace("3990", "4990"))
    assert CHILLI.entry_url(ipv6) == "http://[fd00::1]:4990/prelogin"
    others = [ADAPTERS[vendor] for vendor in sorted(ADAPTERS) if vendor != "coovachilli"]
    assert [each.entry_url(parameters()) for each in others] == [None, None, None]


def test_log_out_is_the_gateways_own() -> None:
    assert CHILLI.logout_url(parameters()) == "http://10.1.0.1:3990/logoff"
    ipv6 = parameters(QUERY.replace("10.1.0.1", "fd00%3a%3a1"))
    assert CHILLI.logout_url(ipv6) == "http://[fd00::1]:3990/logoff"


def test_a_form_for_a_nas_with_a_page_of_its_own() -> None:
    generic = ADAPTERS["generic"]
    query = "login_url=http%3A%2F%2F192.168.1.1%2Flogin&mac=02-00-5E-00-53-01&url=http://a.example/"
    redirect = generic.parse_redirect(query, OPEN)
    assert not isinstance(redirect, BadRedirect)
    assert redirect.arrival is Arrival.NOT_YET
    assert redirect.parameters is not None
    way = generic.login(redirect.parameters, "anna", "t", "https://back.example/", OPEN)
    assert way == Submit(
        "http://192.168.1.1/login",
        (("username", "anna"), ("password", "t"), ("url", "https://back.example/")),
    )
    assert generic.logout_url(redirect.parameters) is None
    failed = generic.parse_redirect(query + "&error=no", OPEN)
    assert not isinstance(failed, BadRedirect)
    assert (failed.arrival, failed.failure) == (Arrival.FAILED, "no")
    for bad in ("login_url=http://9.9.9.9/&mac=02-00-5E-00-53-01", "login_url=javascript:1"):
        assert isinstance(generic.parse_redirect(bad, OPEN), BadRedirect)


def test_limits_in_each_vendors_words() -> None:
    grant = Grant(3600, 600, 300, 2000, 500, 5 << 32 | 7)
    standard = {"Session-Timeout": 3600, "Idle-Timeout": 600, "Acct-Interim-Interval": 300}
    wispr = {"WISPr-Bandwidth-Max-Up": 500_000, "WISPr-Bandwidth-Max-Down": 2_000_000}
    assert dict(CHILLI.reply_attributes(grant)) == {
        **standard,
        **wispr,
        "ChilliSpot-Max-Total-Octets": 7,
        "ChilliSpot-Max-Total-Gigawords": 5,
    }
    assert dict(ADAPTERS["generic"].reply_attributes(grant)) == {**standard, **wispr}
    assert dict(ADAPTERS["hostapd"].reply_attributes(grant)) == standard


@pytest.mark.parametrize("vendor", sorted(ADAPTERS))
def test_no_limit_is_no_attribute(vendor: str) -> None:
    assert list(adapter(vendor).reply_attributes(Grant())) == []


def test_an_unknown_vendor_is_told_the_known_ones() -> None:
    with pytest.raises(Invalid, match="coovachilli"):
        adapter("acme")


@pytest.mark.parametrize("dialect", ADAPTERS.values(), ids=ADAPTERS)
@pytest.mark.parametrize("door", [OPEN, SIGNED])
@given(query=st.one_of(st.text(max_size=200), st.sampled_from([QUERY, signed(QUERY)])))
def test_any_query_is_understood_or_refused(dialect: Adapter, door: Door, query: str) -> None:
    redirect = dialect.parse_redirect(query, door)
    if not isinstance(redirect, BadRedirect):
        assert redirect.parameters is not None
        way = dialect.login(redirect.parameters, "anna", "ticket", "https://back.example", door)
        assert way.url.startswith("http")


@pytest.mark.parametrize("vendor", ["generic", "hostapd"])
def test_a_vlan_is_a_tunnel_over_ieee_802(vendor: str) -> None:
    assert [pair for pair in adapter(vendor).reply_attributes(Grant(vlan=42))] == [
        ("Tunnel-Type", 13),
        ("Tunnel-Medium-Type", 6),
        ("Tunnel-Private-Group-ID", "42"),
    ]
    assert list(adapter(vendor).reply_attributes(Grant())) == []
