"""FreeRADIUS as our partner, both ways: its citizens at our hotspot, ours at its."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select

from aaa.database import Database
from aaa.model import Session
from aaa.secret import Secret
from federation.model import Transport
from radius.wire.packet import Code
from tests.interop.basil import ADDRESS, GIULIA, LAST_SECOND, PASSWORD
from tests.interop.eapol import PEAP_MSCHAPV2, TLS, TTLS_PAP, Method, Outcome
from tests.interop.partners import ACCOUNT_PASSWORD, BRUNO, SHARED, Members, run_members
from tests.radius.fake_nas import FakeNas, acknowledge
from tests.radius.served import PHONE_AS_SENT, Radclient, radclient, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("partners"),  # one pair of servers for all
]

CAPTURED = {
    "login_url": "https://192.168.1.1/login",
    "mac": PHONE_AS_SENT,
    "url": "http://example.org/",
}
METHODS = (
    TLS,
    TTLS_PAP,
    Method("TTLS", "auth=CHAP"),
    Method("TTLS", "auth=MSCHAPV2"),
    PEAP_MSCHAPV2,
)
every_method = pytest.mark.parametrize("method", METHODS, ids=str)


@pytest.fixture(scope="module", params=Transport)
def members(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Members]:
    """Partners over UDP, then over TLS."""
    with run_members(tmp_path_factory.mktemp("members"), request.param) as members:
        yield members


@pytest.fixture
async def access_point(members: Members) -> AsyncIterator[FakeNas]:
    """Our own, as orders find it."""
    loop = asyncio.get_running_loop()
    transport, access_point = await loop.create_datagram_endpoint(
        lambda: FakeNas(acknowledge, members.secret), local_addr=("127.0.0.1", members.square)
    )
    yield access_point
    transport.close()


@every_method
def test_their_citizen_logs_in_at_our_hotspot(members: Members, method: Method) -> None:
    verdict = members.ours.authenticate(members.giulia.supplicant(method))
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story


@every_method
def test_our_citizen_logs_in_at_their_hotspot(members: Members, method: Method) -> None:
    verdict = members.theirs.authenticate(members.anna.supplicant(method))
    assert verdict.outcome is Outcome.ACCEPTED, verdict.story


def test_who_is_refused_at_home_is_refused_there(members: Members) -> None:
    here, there = (
        server.authenticate(replace(citizen.supplicant(TTLS_PAP), password="not this one"))
        for server, citizen in ((members.ours, members.giulia), (members.theirs, members.anna))
    )
    assert (here.outcome, there.outcome) == (Outcome.REJECTED, Outcome.REJECTED), here.story


async def send(members: Members, port: int, command: str, attributes: dict[str, str]) -> Radclient:
    directory = members.basil.directory
    return await radclient(directory, ("127.0.0.1", port), command, attributes, members.secret)


def log_in(name: str, password: str) -> dict[str, str]:
    return {
        "User-Name": name,
        "User-Password": f'"{password}"',
        "Calling-Station-Id": PHONE_AS_SENT,
        "Message-Authenticator": "0x00",
    }


async def test_a_password_goes_home_and_no_vlan_comes_back(members: Members) -> None:
    there = await send(members, members.theirs.port, "auth", log_in(GIULIA, PASSWORD))
    assert there.got == "Access-Accept"
    assert 'Tunnel-Private-Group-Id:0 = "99"' in there.output
    here = await send(members, members.ours.port, "auth", log_in(GIULIA, PASSWORD))
    assert here.got == "Access-Accept", here.output
    assert "Session-Timeout = 1800" in here.output
    assert "Tunnel" not in here.output
    assert "Filter-Id" not in here.output
    assert here.output.count("Class = ") == 2
    ours = await send(members, members.theirs.port, "auth", log_in(BRUNO, ACCOUNT_PASSWORD))
    assert ours.got == "Access-Accept", ours.output


async def test_accounting_goes_home(members: Members) -> None:
    """Both ways: FreeRADIUS writes what it took into a file."""
    counted = {
        "Acct-Session-Time": "600",
        "Acct-Input-Octets": "1000",
        "Acct-Output-Octets": "70000",
        "Calling-Station-Id": PHONE_AS_SENT,
    }
    begun = counted | {"Acct-Session-Id": "visit-1", "User-Name": GIULIA, "Class": '"of basil"'}
    for kind in ("Start", "Stop"):
        sent = await send(
            members, members.our_acct_port, "acct", begun | {"Acct-Status-Type": kind}
        )
        assert sent.got == "Accounting-Response"
    members.theirs.process.await_condition(
        lambda: members.basil.detail.count('Acct-Session-Id = "visit-1"') == 2,
        f"write both; it wrote:\n{members.basil.detail}",
    )
    detail = members.basil.detail
    assert "Acct-Output-Octets = 70000" in detail
    assert f'User-Name = "{GIULIA}"' in detail
    assert 'Operator-Name = "1village.example"' in detail
    begun = counted | {"Acct-Session-Id": "visit-2", "User-Name": BRUNO}
    for kind in ("Start", "Stop"):
        sent = await send(
            members, members.basil.acct_port, "acct", begun | {"Acct-Status-Type": kind}
        )
        assert sent.got == "Accounting-Response"
    found = await _session(members, "visit-2")
    assert found is not None
    assert (found.session_seconds, found.upload_octets + found.download_octets) == (600, 71_000)
    assert found.citizen_id is not None
    assert found.stopped_at is not None


async def test_our_citizen_is_put_off_there(members: Members) -> None:
    """FreeRADIUS is the proxy of the place: what it acknowledges is what it was asked for."""
    begun = {"Acct-Session-Id": "visit-3", "User-Name": BRUNO, "NAS-Identifier": "harbour"}
    begun |= {"Calling-Station-Id": PHONE_AS_SENT, "Acct-Status-Type": "Start"}
    sent = await send(members, members.basil.acct_port, "acct", begun)
    assert sent.got == "Accounting-Response"
    ended = members.operator.do("session", "disconnect", "--citizen", BRUNO, "--wait", "20")
    assert "acknowledged" in ended
    (order,) = members.basil.orders.strip().split("\n\n")
    told = dict(re.findall(r"^\t([\w-]+) = (.*)$", order, flags=re.MULTILINE))
    assert told["Packet-Type"] == "Disconnect-Request"
    assert told["Acct-Session-Id"] == '"visit-3"'
    assert told["NAS-Identifier"] == '"harbour"'
    assert told["User-Name"] == f'"{BRUNO}"'
    assert told["Calling-Station-Id"] == f'"{PHONE_AS_SENT}"'


@pytest.mark.parametrize("members", [Transport.UDP], indirect=True)
async def test_their_home_puts_its_citizen_off_here(
    members: Members, access_point: FakeNas
) -> None:
    """Over UDP: FreeRADIUS has no second home server at the port of RADIUS over TLS."""
    told = {"Acct-Session-Id": "visit-4", "User-Name": GIULIA, "Calling-Station-Id": PHONE_AS_SENT}
    started = told | {"Acct-Status-Type": "Start"}
    assert (await send(members, members.our_acct_port, "acct", started)).got
    counted = {"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": str(LAST_SECOND)}
    assert (await send(members, members.our_acct_port, "acct", told | counted)).got
    await until(lambda: bool(access_point.requests))
    (order,) = access_point.requests
    assert order.code is Code.DISCONNECT_REQUEST
    assert order.attributes.text("Acct-Session-Id") == "visit-4"


@pytest.mark.parametrize("members", [Transport.UDP], indirect=True)
async def test_radclient_ends_and_changes_a_session(
    members: Members, access_point: FakeNas
) -> None:
    """Sent as by the partner, whose address the packet names for radclient, and signed."""
    session = {"Acct-Session-Id": "visit-5", "Calling-Station-Id": PHONE_AS_SENT}
    started = session | {"Acct-Status-Type": "Start", "User-Name": GIULIA}
    assert (await send(members, members.our_acct_port, "acct", started)).got
    order = {"Packet-Src-IP-Address": ADDRESS, "Event-Timestamp": f'"{time.time():.0f}"'}
    order |= session | {"Message-Authenticator": "0x00"}
    where = "127.0.0.1", members.our_coa_port
    directory, secret = members.basil.directory, Secret(SHARED)
    for command, changed, got in (
        ("disconnect", {"Acct-Session-Id": "visit-0"}, "Disconnect-NAK"),
        ("coa", {"Session-Timeout": "600"}, "CoA-ACK"),
        ("coa", {"Session-Timeout": "600", "Filter-Id": "open"}, "CoA-NAK"),
        ("disconnect", {}, "Disconnect-ACK"),
    ):
        answer = await radclient(directory, where, command, order | changed, secret)
        assert answer.got == got, answer.output
    told = [each.attributes.integer("Session-Timeout") for each in access_point.requests]
    assert told == [600, None]


async def test_their_citizen_logs_in_on_our_pages(members: Members) -> None:
    """The portal, a process of its own, asks FreeRADIUS about the password; the gateway gets a
    ticket, and its accounting goes home under a pseudonym."""
    with members.operator.serve("portal") as served, httpx.Client(follow_redirects=True) as browser:
        browser.base_url = f"http://{served.endpoints['portal']}"
        visit = browser.get("/at/counter/", params=CAPTURED).url.path
        typed = {"identifier": "giulia@basil", "password": PASSWORD}
        page = browser.post(f"{visit}/login", data=typed).text
    told = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    name = told["username"]
    assert re.fullmatch(r"v-\w{16}@basil\.example", name)
    identified = {"NAS-Identifier": "counter"}
    packet = log_in(name, told["password"]) | identified
    reply = await send(members, members.ours.port, "auth", packet)
    assert reply.got == "Access-Accept", reply.output
    assert "Session-Timeout = 1" in reply.output
    assert "Tunnel" not in reply.output
    classes = re.findall(r"Class = (0x\w+)", reply.output)
    assert classes[0] == f"0x{b'of basil'.hex()}"
    started = {"Acct-Session-Id": f"web-{name}", "Acct-Status-Type": "Start", "User-Name": name}
    started |= identified | {"Class": classes[0], "Calling-Station-Id": PHONE_AS_SENT}
    sent = await send(members, members.our_acct_port, "acct", started)
    assert sent.got == "Accounting-Response"
    members.theirs.process.await_condition(
        lambda: f'Acct-Session-Id = "web-{name}"' in members.basil.detail,
        f"write it; it wrote:\n{members.basil.detail}",
    )
    record = members.basil.detail.split(f'Acct-Session-Id = "web-{name}"')[0].rpartition("\n\n")[2]
    assert GIULIA not in record


async def test_a_realm_of_nobody_is_refused_by_either(members: Members) -> None:
    packet = log_in("piero@nowhere.example", "whatever")
    for port in (members.ours.port, members.theirs.port):
        assert (await send(members, port, "auth", packet)).got == "Access-Reject"


async def _session(members: Members, acct_session_id: str) -> Session | None:
    database = Database(f"sqlite:///{members.operator.directory}/state/farandole.db")
    try:
        async with database.read("test") as session:
            query = select(Session).where(Session.acct_session_id == acct_session_id)
            found: Session | None = await session.scalar(query)
            return found
    finally:
        await database.close()
