"""Every home from every other place, with a hub between and without, by programs that we did not
write at one end, at the other, in the middle, and as the supplicant."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from tests.interop import basil
from tests.interop.chains import WAYS, Chains, Way, run_chains
from tests.interop.eapol import PEAP_MSCHAPV2, TLS, TTLS_PAP, Method, Outcome, Tls
from tests.interop.hub import AWAY
from tests.radius.served import PHONE_AS_SENT, Radclient, radclient

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("chains"),  # one set of servers for all
]

every_way = pytest.mark.parametrize("way", WAYS, ids=str)
every_method = pytest.mark.parametrize("method", (TLS, TTLS_PAP, PEAP_MSCHAPV2), ids=str)
_VLAN = (64, 65, 81)
_FILTER_ID = 11


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chains]:
    with run_chains(tmp_path_factory.mktemp("chains")) as chains:
        yield chains


@pytest.mark.parametrize("tls", Tls)
@every_method
@every_way
def test_a_citizen_logs_in_elsewhere(chains: Chains, way: Way, method: Method, tls: Tls) -> None:
    """With the keys that the supplicant has, and in no network that their home would have."""
    supplicant = chains.citizens[way.realm].supplicant(method, tls)
    verdict = chains.servers[way.visited].authenticate(supplicant)
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story
    assert [verdict.final(number) for number in (*_VLAN, _FILTER_ID)] == [[]] * 4


@every_way
def test_who_is_refused_at_home_is_refused_elsewhere(chains: Chains, way: Way) -> None:
    right = chains.citizens[way.realm].supplicant(TTLS_PAP)
    wrong = replace(right, password="not this one")
    nobody = replace(right, identity=f"nobody@{way.realm}")
    verdicts = [chains.servers[way.visited].authenticate(each) for each in (wrong, nobody)]
    assert [verdict.outcome for verdict in verdicts] == [Outcome.REJECTED] * 2, verdicts[0].story


async def send(chains: Chains, visited: str, command: str, attributes: dict[str, str]) -> Radclient:
    server = chains.servers[visited]
    port = chains.acct_ports[visited] if command == "acct" else server.port
    return await radclient(
        server.directory, ("127.0.0.1", port), command, attributes, chains.secret
    )


def log_in(name: str, **password: str) -> dict[str, str]:
    ((attribute, text),) = password.items()
    return {
        "User-Name": name,
        attribute.replace("_", "-"): f'"{text}"',
        "Calling-Station-Id": PHONE_AS_SENT,
        "Message-Authenticator": "0x00",
    }


@every_way
async def test_a_password_goes_home_in_clear_and_as_a_challenge(chains: Chains, way: Way) -> None:
    citizen = chains.citizens[way.realm]
    clear = log_in(citizen.name, User_Password=citizen.password)
    challenge = log_in(citizen.name, CHAP_Password=citizen.password)
    wrong = log_in(citizen.name, CHAP_Password="not this one")
    sent = [await send(chains, way.visited, "auth", each) for each in (clear, challenge, wrong)]
    got = [each.got for each in sent]
    assert got == ["Access-Accept", "Access-Accept", "Access-Reject"], sent[0].output
    assert "Tunnel" not in sent[0].output
    assert "Filter-Id" not in sent[0].output


@every_way
async def test_accounting_arrives_at_home_once(chains: Chains, way: Way) -> None:
    session = str(way)
    told = {
        "Acct-Session-Id": session,
        "User-Name": chains.citizens[way.realm].name,
        "Calling-Station-Id": PHONE_AS_SENT,
        "Acct-Session-Time": "600",
        "Acct-Input-Octets": "1000",
        "Acct-Output-Octets": "70000",
    }
    for kind in ("Start", "Stop", "Stop"):
        sent = await send(chains, way.visited, "acct", told | {"Acct-Status-Type": kind})
        assert sent.got == "Accounting-Response", kind
    if way.visited in chains.operators:
        chains.servers[way.visited].process.await_condition(
            lambda: (
                rows(chains, way.visited, "SELECT count(*) FROM forwarded_accounting") == [(0,)]
            ),
            "send all that waits",
        )
    if way.home == "basil":
        detail = chains.basil.detail
        assert detail.count(f'Acct-Session-Id = "{session}"') == 2, detail
        assert f'User-Name = "{told["User-Name"]}"' in detail
        operator = {"village": "1village.example", "valle": "1valle.example"}[way.visited]
        assert f'Operator-Name = "{operator}"' in detail
        return
    query = """
        SELECT session_seconds, upload_octets + download_octets, stopped_at IS NOT NULL, citizen_id
        FROM session WHERE acct_session_id = ?
    """
    ((*counted, citizen),) = rows(chains, way.home, query, session)
    assert counted == [600, 71_000, 1]
    assert citizen is not None


def rows(chains: Chains, name: str, query: str, *values: str) -> list[tuple[object, ...]]:
    """Return what a Farandole has stored."""
    file = chains.operators[name].directory / "state" / "farandole.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute(query, values).fetchall()


@pytest.mark.parametrize("visited", ["village", "valle"])
async def test_a_home_behind_the_hub_that_is_away_is_told_apart_from_the_hub(
    chains: Chains, visited: str
) -> None:
    """The hub says nothing, and we say what is wrong; the others behind it are asked as before."""
    nobody = log_in(f"piero@{AWAY}", User_Password="whatever")
    sent = await send(chains, visited, "auth", nobody)
    assert sent.got == "Access-Reject", sent.output
    assert "Error-Cause = Proxy-Processing-Error" in sent.output, sent.output
    giulia = chains.citizens[basil.REALM]
    sent = await send(chains, visited, "auth", log_in(giulia.name, User_Password=giulia.password))
    assert sent.got == "Access-Accept", sent.output


@pytest.mark.parametrize("visited", ["village", "valle", "basil"])
async def test_a_realm_of_nobody_is_refused(chains: Chains, visited: str) -> None:
    """By the hub, or by FreeRADIUS, which knows no way to it."""
    packet = log_in("piero@nowhere.example", User_Password="whatever")
    assert (await send(chains, visited, "auth", packet)).got == "Access-Reject"
