"""Two members who have never heard of each other, and a DNS server that one of them asks."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select

from aaa.snapshot import RadsecPeerEntry
from federation import partners
from federation.directory import DiscoveryEntry
from federation.discovery.search import check_service
from federation.discovery.zone import lines
from federation.model import ForwardedAccounting, Proof, Transport
from federation.partners import NewServer
from federation.stand_ins import Sender
from radius.wire.packet import Code, Packet
from tests.federation.nodes import BASIL, LAVENDER, WIFI_SECRET, Node, node, until
from tests.interop.nameserver import run_nameserver
from tests.ports import free_port
from tests.radius.served import PHONE_AS_SENT, Named, accounting, chapped, pap
from tests.village import PASSWORD

pytestmark = pytest.mark.interop

SERVICE = check_service("aaa+auth:radius.tls.tcp")
DEVICE: Named = ("Calling-Station-Id", PHONE_AS_SENT)
NOT_ROUTABLE = 502
PROXY_TROUBLE = 505
Log = list[MutableMapping[str, Any]]


@pytest.fixture
def log() -> Iterator[Log]:
    with structlog.testing.capture_logs() as log:
        yield log


@pytest.fixture
async def basil(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(BASIL, tmp_path) as basil:
        yield basil


@pytest.fixture
async def lavender(tmp_path: Path, basil: Node, log: Log) -> AsyncIterator[Node]:
    """The member that asks DNS, which has what Basil publishes, and a realm that leads to us."""
    port = free_port()
    async with node(LAVENDER, tmp_path, resolver=f"127.0.0.1:{port}") as lavender:
        # Its port was none that it could have known of before.
        await lavender.stop()
        await lavender.start()
        zones = {
            "basil.example": "radius IN A 127.0.0.1\n"
            + published(basil, BASIL.realm)
            + f"\n_radiustls._tcp.away IN SRV 0 1 {free_port()} radius",
            "loop.example": published(lavender, "loop.example"),
            "lavender.example": "radius IN A 127.0.0.1",
        }
        anchor = lavender.identity.anchors[0]
        whoever = Sender(peers=(RadsecPeerEntry(anchor, "*", None),))
        await basil.know("everybody", ["*"], [], whoever, terms(lavender))
        with run_nameserver(tmp_path / "dns", port, zones):
            yield lavender


def published(there: Node, realm: str) -> str:
    """What a member publishes, as zone lines."""
    server = f"{there.identity.names[0]}:{there.settings.radius.radsec_port}"
    return "\n".join(map(str, lines(SERVICE, [realm], [server])))


def terms(there: Node, proof: Proof = Proof.NAME, service: str = SERVICE.text) -> DiscoveryEntry:
    """What is agreed in a federation that one member's root signs for."""
    return DiscoveryEntry(check_service(service), there.identity.anchors[0], proof)


async def refusal(lavender: Node, log: Log, realm: str) -> tuple[int | None, str]:
    """The Error-Cause with which somebody of a realm is refused, and why."""
    reply = await lavender.answer(pap(f"piero@{realm}", "whatever", DEVICE))
    assert reply.code is Code.ACCESS_REJECT
    answered = [line for line in log if line["event"] == "request answered"]
    return reply.attributes.integer("Error-Cause"), answered[-1]["reason"]


async def test_a_home_is_found_and_asked(lavender: Node, basil: Node, log: Log) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    requests: list[Packet] = [
        pap(BASIL.nai, PASSWORD.reveal(), DEVICE),
        chapped(BASIL.nai, WIFI_SECRET, DEVICE),
        pap(BASIL.nai, "not this one", DEVICE),
    ]
    replies = [await lavender.answer(request) for request in requests]
    codes = [reply.code for reply in replies]
    assert codes == [Code.ACCESS_ACCEPT, Code.ACCESS_ACCEPT, Code.ACCESS_REJECT]
    looked = [line for line in log if line["event"] == "servers looked for"]
    assert [(line["realm"], line["outcome"]) for line in looked] == [("basil.example", "found")]


async def test_accounting_goes_to_where_it_is_found(lavender: Node, basil: Node) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    for kind in ("Start", "Stop"):
        await lavender.answer(accounting(kind, ("User-Name", BASIL.nai)))
    await until(lavender.has_sent)
    (session,) = await basil.sessions()
    assert session.stopped_at is not None


async def test_a_home_that_is_away_holds_up_no_others_accounting(
    lavender: Node, basil: Node, log: Log
) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    for number in range(4):
        names: list[Named] = [("User-Name", "piero@away.basil.example"), DEVICE]
        await lavender.answer(accounting("Start", *names, session_id=f"away-{number}"))

    async def have_failed() -> bool:
        async with lavender.village.database.read("test") as session:
            row = ForwardedAccounting
            left = select(func.count()).where(row.attempts == 0)
            return (await session.scalar(left)) == 0

    await until(have_failed)
    await lavender.answer(accounting("Start", ("User-Name", BASIL.nai), session_id="here"))
    await until(basil.sessions)

    async def have_settled() -> bool:
        return await lavender.waiting() == 4

    await until(have_settled)
    assert "a partner takes no accounting" not in {line["event"] for line in log}


async def test_a_realm_without_servers_is_nobodys(lavender: Node, basil: Node, log: Log) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    assert await refusal(lavender, log, "no.basil.example") == (NOT_ROUTABLE, "unknown_realm")


async def test_what_leads_back_to_us_is_refused(lavender: Node, basil: Node, log: Log) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    assert await refusal(lavender, log, "loop.example") == (NOT_ROUTABLE, "routing_loop")


async def test_while_dns_says_nothing_the_home_is_away(
    lavender: Node, basil: Node, log: Log
) -> None:
    """This domain is none that the DNS server knows of, and it asks nobody."""
    await lavender.know("everybody", ["*"], [], None, terms(basil))
    assert await refusal(lavender, log, "far.example") == (PROXY_TROUBLE, "home_unreachable")


async def test_a_server_that_another_root_signs_for_is_not_asked(lavender: Node, log: Log) -> None:
    await lavender.know("everybody", ["*"], [], None, terms(lavender))
    assert await refusal(lavender, log, BASIL.realm) == (PROXY_TROUBLE, "home_unreachable")
    assert "radsec server not used: untrusted certificate" in {line["event"] for line in log}


async def test_a_server_has_to_prove_the_realm(lavender: Node, basil: Node, log: Log) -> None:
    """Unless its name is enough: Basil's certificate says nothing of realms."""
    await lavender.know("everybody", ["*"], [], None, terms(basil, Proof.REALM))
    assert await refusal(lavender, log, BASIL.realm) == (PROXY_TROUBLE, "home_unreachable")
    assert "radsec server not used: wrong realm" in {line["event"] for line in log}


async def test_where_dns_has_nobody_the_named_servers_are_asked(
    lavender: Node, basil: Node
) -> None:
    named: list[NewServer] = [basil.server(Transport.TLS)]
    other = terms(basil, service="x-eduroam:radius.tls")
    await lavender.know("everybody", ["*"], named, None, other)
    reply = await lavender.answer(pap(BASIL.nai, PASSWORD.reveal(), DEVICE))
    assert reply.code is Code.ACCESS_ACCEPT
    # And alone, once nothing is looked for any more.
    await lavender.change("everybody", partners.stop_discovering)
    reply = await lavender.answer(pap(BASIL.nai, PASSWORD.reveal(), DEVICE))
    assert reply.code is Code.ACCESS_ACCEPT
