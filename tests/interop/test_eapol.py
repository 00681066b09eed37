"""Real eapol_test against us and against FreeRADIUS: the same list, the same expectations.

Where FreeRADIUS fails a case, eapol_test may be unable to do it; where it passes and we fail, it is
we who cannot. What is known to be impossible stands in one table, `CANNOT`, and is tried all the
same.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.interop.eapol import (
    ANNA,
    CUI,
    METHODS,
    OUTER,
    PEAP_GTC,
    PEAP_MSCHAPV2,
    REALM,
    TLS,
    TTLS_PAP,
    WITH_PASSWORD,
    Binding,
    Method,
    Outcome,
    Server,
    Supplicant,
    Tls,
    Verdict,
)
from tests.interop.farandole import ACCOUNT_PASSWORD, BRUNO, Farandole, run_farandole
from tests.interop.freeradius import run_freeradius
from tests.interop.relay import relay

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("eapol"),  # one server of each kind for all
]

SIZES: Final = (100, 500, 1300)
# (server, case) and why it cannot. Another version may: a case that passes is no failure.
CANNOT: Final = {
    ("FreeRADIUS", f"{PEAP_MSCHAPV2} {Tls.V1_2} 100"): (
        "FreeRADIUS 3.2.1 forgets the State of PEAP's inner conversation when a response in the "
        "tunnel comes in fragments"
    ),
    ("FreeRADIUS", f"resumption {Tls.V1_3}"): (
        "FreeRADIUS 3.2.1 resumes a session of TLS 1.3 without the name in its certificate, which "
        "its own policy then misses"
    ),
}
every_version = pytest.mark.parametrize("tls", Tls)
every_method = pytest.mark.parametrize("method", METHODS, ids=str)
every_password_method = pytest.mark.parametrize("method", WITH_PASSWORD, ids=str)


@pytest.fixture(scope="module")
def freeradius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_freeradius(tmp_path_factory.mktemp("freeradius")) as server:
        yield server


@pytest.fixture(scope="module")
def farandole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farandole]:
    with run_farandole(tmp_path_factory.mktemp("farandole")) as farandole:
        yield farandole


@pytest.fixture(params=["freeradius", "farandole"])
def server(request: pytest.FixtureRequest) -> Server:
    """FreeRADIUS, then we."""
    found: Server | Farandole = request.getfixturevalue(request.param)
    return found.server if isinstance(found, Farandole) else found


def set_up(server: Server, method: Method, tls: Tls, size: int = 1300) -> Supplicant:
    """Return a supplicant with everything right."""
    supplicant = Supplicant(method, server.anchor, tls, fragment_size=size)
    if method is TLS:
        return replace(supplicant, holder=server.certificates["valid"])
    return replace(supplicant, password=server.password)


def expect(request: pytest.FixtureRequest, server: Server, case: str) -> None:
    """Expect a failure where the server is known for it."""
    if reason := CANNOT.get((server.name, case)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False))


def assert_accepted(verdict: Verdict) -> None:
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story


def assert_refused(server: Server, supplicant: Supplicant, why: str) -> None:
    """Hold that a supplicant is refused properly, and for the reason that it should be."""
    mark = len(server.process.output)
    verdict = server.authenticate(supplicant)
    assert verdict.outcome is Outcome.REJECTED, verdict.story
    server.await_reason(why, mark)


@pytest.mark.parametrize("size", SIZES)
@every_version
@every_method
def test_the_right_credential_is_accepted(
    request: pytest.FixtureRequest, server: Server, method: Method, tls: Tls, size: int
) -> None:
    expect(request, server, f"{method} {tls} {size}")
    verdict = server.authenticate(set_up(server, method, tls, size))
    assert_accepted(verdict)
    assert verdict.tls == tls
    assert verdict.is_fragmented == (size == 100 or (method is TLS and size == 500)), verdict.story
    assert verdict.longest_request <= size + server.overhead


@every_version
@every_password_method
def test_a_wrong_password_is_refused(server: Server, method: Method, tls: Tls) -> None:
    assert_refused(server, replace(set_up(server, method, tls), password="thyme"), "wrong password")


@every_version
@every_password_method
def test_an_unknown_identity_is_refused(server: Server, method: Method, tls: Tls) -> None:
    nobody = replace(set_up(server, method, tls), identity=ANNA.replace("anna", "nobody"))
    assert_refused(server, nobody, "unknown identity")


@every_version
@every_method
def test_an_outer_identity_of_another_realm_is_refused(
    server: Server, method: Method, tls: Tls
) -> None:
    elsewhere = replace(set_up(server, method, tls), outer="anonymous@other.example")
    assert_refused(server, elsewhere, "other realm")


@pytest.mark.parametrize("why", ["expired", "revoked", "foreign", "for a server", "unknown"])
@every_version
def test_a_certificate_that_is_not_right_is_refused(server: Server, tls: Tls, why: str) -> None:
    supplicant = set_up(server, TLS, tls)
    assert_refused(server, replace(supplicant, holder=server.certificates[why]), why)


@every_version
@pytest.mark.parametrize("outer", [OUTER, f"@{REALM}"])
@pytest.mark.parametrize("method", [TLS, TTLS_PAP, PEAP_MSCHAPV2], ids=str)
def test_the_outer_identity_may_be_anybodys(
    server: Server, method: Method, outer: str, tls: Tls
) -> None:
    assert_accepted(server.authenticate(replace(set_up(server, method, tls), outer=outer)))


@every_version
@every_method
def test_a_supplicant_that_does_not_trust_the_server_is_refused(
    server: Server, method: Method, tls: Tls
) -> None:
    elsewhere = server.certificates["foreign"].certificate
    supplicant = replace(set_up(server, method, tls), anchor=elsewhere)
    assert_refused(server, supplicant, "not trusted by the supplicant")


@every_version
def test_a_supplicant_that_expects_another_server_is_refused(server: Server, tls: Tls) -> None:
    supplicant = replace(set_up(server, TTLS_PAP, tls), server_name="radius.other.example")
    assert_refused(server, supplicant, "not who the supplicant expects")


def test_a_supplicant_with_no_method_but_md5_is_refused(server: Server) -> None:
    supplicant = replace(set_up(server, TTLS_PAP, Tls.V1_2), method=Method("MD5"))
    assert_refused(server, supplicant, "no method in common")


@every_version
def test_a_certificate_is_resumed(request: pytest.FixtureRequest, server: Server, tls: Tls) -> None:
    expect(request, server, f"resumption {tls}")
    supplicant = replace(set_up(server, TLS, tls), has_tickets=True)
    first, second = server.authenticate_twice(supplicant)
    assert_accepted(first)
    assert_accepted(second)
    assert (first.is_resumed, second.is_resumed) == (False, True), second.story


def test_a_supplicant_without_tickets_may_come_again(server: Server) -> None:
    """Whether it resumes by session identifier, as with FreeRADIUS, or not, as with us."""
    for verdict in server.authenticate_twice(set_up(server, TLS, Tls.V1_2)):
        assert_accepted(verdict)


@every_version
@pytest.mark.parametrize("method", [TTLS_PAP, PEAP_MSCHAPV2], ids=str)
def test_a_tunnel_is_not_resumed(server: Server, method: Method, tls: Tls) -> None:
    """The password counts every time."""
    supplicant = replace(set_up(server, method, tls), has_tickets=True)
    first, second = server.authenticate_twice(supplicant)
    assert_accepted(first)
    assert_accepted(second)
    assert not second.is_resumed


# From here on: what FreeRADIUS has no equal of.


@every_version
def test_a_certificate_that_was_revoked_meanwhile_is_not_resumed(
    farandole: Farandole, tls: Tls
) -> None:
    server = farandole.server
    name = f"phone of {tls}"
    supplicant = replace(
        set_up(server, TLS, tls), holder=farandole.add_certificate(name), has_tickets=True
    )
    with relay(server.port, lambda: farandole.revoke(name)) as port:
        mark = len(server.process.output)
        first, second = server.authenticate_twice(supplicant, port)
    assert_accepted(first)
    assert second.outcome is Outcome.REJECTED, second.story
    assert second.is_resumed, second.story
    server.await_reason("revoked", mark)


@every_version
@pytest.mark.parametrize("binding", Binding)
@pytest.mark.parametrize("method", [PEAP_MSCHAPV2, PEAP_GTC], ids=str)
def test_a_tunnel_is_bound_to_the_method_inside(
    farandole: Farandole, method: Method, binding: Binding, tls: Tls
) -> None:
    """Then the keys are others, as `assert_accepted` sees."""
    supplicant = replace(set_up(farandole.server, method, tls), binding=binding)
    verdict = farandole.server.authenticate(supplicant)
    assert_accepted(verdict)
    assert verdict.is_bound == (binding is not Binding.NEVER), verdict.story


@pytest.mark.parametrize("method", [TLS, TTLS_PAP, PEAP_MSCHAPV2], ids=str)
def test_the_cui_is_told_where_it_is_asked_for(farandole: Farandole, method: Method) -> None:
    """By one NUL octet (RFC 4372); it is the same each time."""
    supplicant = set_up(farandole.server, method, Tls.V1_2)
    asked = [farandole.server.authenticate(supplicant, f"{CUI}:x:00") for _ in range(2)]
    for verdict in asked:
        assert_accepted(verdict)
    once, again = (verdict.final(CUI) for verdict in asked)
    assert once == again
    assert len(once) == 1
    assert farandole.server.authenticate(supplicant).final(CUI) == []


@every_version
def test_the_account_password_counts_for_those_who_type_it(farandole: Farandole, tls: Tls) -> None:
    supplicant = set_up(farandole.server, TTLS_PAP, tls)
    typed = replace(supplicant, identity=BRUNO, password=ACCOUNT_PASSWORD)
    assert_accepted(farandole.server.authenticate(typed))


@pytest.mark.parametrize("method", WITH_PASSWORD[1:], ids=str)
def test_the_account_password_counts_nowhere_else(farandole: Farandole, method: Method) -> None:
    supplicant = set_up(farandole.server, method, Tls.V1_2)
    typed = replace(supplicant, identity=BRUNO, password=ACCOUNT_PASSWORD)
    assert_refused(farandole.server, typed, "wrong password")


@every_password_method
def test_a_bare_name_is_of_the_outer_realm(farandole: Farandole, method: Method) -> None:
    supplicant = replace(set_up(farandole.server, method, Tls.V1_2), identity="anna")
    assert_accepted(farandole.server.authenticate(supplicant))


@every_method
def test_a_realm_that_nobody_has_is_refused(farandole: Farandole, method: Method) -> None:
    supplicant = set_up(farandole.server, method, Tls.V1_2)
    nowhere = replace(supplicant, outer="anonymous@nowhere.example")
    assert_refused(farandole.server, nowhere, "unknown realm")


def test_the_next_root_and_certificate_leave_everybody_online(farandole: Farandole) -> None:
    """The server shows its new certificate without a restart; old and new devices believe it, and
    are believed."""
    server, operator = farandole.server, farandole.operator
    operator.do("ca", "renew", "--authority", "--yes")
    operator.do("ca", "renew")
    fingerprint = operator.ask("ca", "show")["server"]["sha256"]
    old = set_up(server, TLS, Tls.V1_3)

    def is_shown() -> bool:
        verdict = server.authenticate(old)
        assert_accepted(verdict)
        return verdict.server_fingerprint == fingerprint

    server.process.await_condition(is_shown, "show its new certificate")
    holder = farandole.add_certificate("of the next root")
    new = replace(old, holder=holder, anchor=holder.certificate.with_name("ca.pem"))
    assert_accepted(server.authenticate(new))
