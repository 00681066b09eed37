"""Members of an open federation find each other by DNS: a Farandole finds a FreeRADIUS, and a
radsecproxy finds the Farandole."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.interop import basil
from tests.interop.eapol import PEAP_MSCHAPV2, TLS, TTLS_PAP, Method, Outcome
from tests.interop.open_federation import OpenFederation, run_open_federation
from tests.radius.served import PHONE_AS_SENT, radclient

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("discovery"),  # one federation for all
]

every_method = pytest.mark.parametrize("method", (TLS, TTLS_PAP, PEAP_MSCHAPV2), ids=str)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFederation]:
    with run_open_federation(tmp_path_factory.mktemp("open")) as members:
        yield members


@every_method
def test_we_find_freeradius(members: OpenFederation, method: Method) -> None:
    verdict = members.ours.authenticate(members.giulia.supplicant(method))
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story


@every_method
def test_radsecproxy_finds_us(members: OpenFederation, method: Method) -> None:
    verdict = members.proxy.authenticate(members.anna.supplicant(method))
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story


def test_whose_password_is_wrong_is_refused_at_both_ends(members: OpenFederation) -> None:
    wrong = [
        replace(citizen.supplicant(TTLS_PAP), password="not this one")
        for citizen in (members.giulia, members.anna)
    ]
    verdicts = [
        server.authenticate(supplicant)
        for server, supplicant in zip((members.ours, members.proxy), wrong, strict=True)
    ]
    assert [verdict.outcome for verdict in verdicts] == [Outcome.REJECTED] * 2


def test_dns_may_name_a_server_that_is_not_the_realms(members: OpenFederation) -> None:
    """FreeRADIUS would answer for this realm too, but its certificate is for another."""
    realm = basil.OTHER_REALM
    giulia = replace(members.giulia, name=f"giulia@{realm}")
    verdict = members.ours.authenticate(giulia.supplicant(TTLS_PAP))
    assert verdict.outcome is Outcome.REJECTED, verdict.story
    members.ours.process.await_line("radsec server not used: wrong realm")


async def test_accounting_goes_where_dns_says(members: OpenFederation) -> None:
    told = {
        "Acct-Session-Id": "found",
        "User-Name": basil.GIULIA,
        "Calling-Station-Id": PHONE_AS_SENT,
        "Acct-Status-Type": "Start",
    }
    where = ("127.0.0.1", members.our_acct_port)
    directory = members.operator.directory
    sent = await radclient(directory, where, "acct", told, members.secret)
    assert sent.got == "Accounting-Response"
    members.ours.process.await_condition(
        lambda: 'Acct-Session-Id = "found"' in members.basil.detail, "send it home"
    )
