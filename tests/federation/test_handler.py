"""Who is answered here, who is asked for elsewhere, and what each side is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from radius.wire.attributes import Attributes
from radius.wire.hiding import unhide_password
from radius.wire.packet import Code, Packet
from tests.federation import homes
from tests.federation.homes import Home, home
from tests.federation.nodes import LAVENDER, SHARED, Node, node
from tests.federation.test_forwarder import EAP_FAILURE, GIULIA, eap
from tests.radius.served import PHONE_AS_SENT, Named, accounting, pap, sample
from tests.village import PASSWORD

DEVICE: Named = ("Calling-Station-Id", PHONE_AS_SENT)
_PROXY_STATE = 33


@pytest.fixture
async def visited(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path) as visited:
        yield visited


@pytest.fixture
async def everywhere(visited: Node) -> AsyncIterator[Home]:
    """A partner that has every realm that nobody else has."""
    with home() as found:
        await visited.know("everywhere", ["*"], [found.server])
        yield found


async def test_what_is_ours_stays_here(visited: Node, everywhere: Home) -> None:
    password = PASSWORD.reveal()
    for name in ("anna", "anna@lavender.example", "Anna@LAVENDER.example"):
        assert (await visited.answer(pap(name, password, DEVICE))).code is Code.ACCESS_ACCEPT
    for name in (PHONE_AS_SENT, f"{PHONE_AS_SENT}@gateway.example", "anna@below.lavender.example"):
        assert (await visited.answer(pap(name, password, DEVICE))).code is Code.ACCESS_REJECT
    await visited.answer(accounting("Start", ("User-Name", "anna@lavender.example")))
    (session,) = await visited.sessions()
    assert session.citizen_id == visited.citizen_id
    assert everywhere.requests == []
    assert await visited.waiting() == 0
    assert (await visited.answer(pap(GIULIA, password))).code is Code.ACCESS_ACCEPT
    assert everywhere.users() == [GIULIA]


async def test_a_home_is_told_what_it_needs_and_no_more(visited: Node, everywhere: Home) -> None:
    more: tuple[Named, ...] = (
        DEVICE,
        ("NAS-IP-Address", "192.0.2.3"),
        ("NAS-Identifier", "the old mill"),
        ("Operator-Name", "1somebody.example"),
        ("Proxy-State", b"first"),
        ("Proxy-State", b"second"),
        ("WISPr-Location-Name", "Moulin"),
    )
    reply = await visited.answer(pap(GIULIA, "thyme", *more))
    (told,) = everywhere.requests
    attributes = told.attributes
    assert attributes.text("Operator-Name") == "1lavender.example"
    assert attributes.text("NAS-Identifier") == "mill"
    assert attributes.octets("Chargeable-User-Identity") == b"\0"
    assert not attributes.has("NAS-IP-Address")
    assert not attributes.has("WISPr-Location-Name")
    hidden = attributes.octets("User-Password")
    assert hidden is not None
    assert unhide_password(hidden, SHARED.reveal(), told.authenticator) == b"thyme"
    states = [octets for number, octets in attributes if number == _PROXY_STATE]
    assert states[:2] == [b"first", b"second"]
    assert len(states) == 3
    # The NAS gets back its own, in order.
    given = [octets for number, octets in reply.attributes if number == _PROXY_STATE]
    assert given == [b"first", b"second"]


async def test_a_place_may_want_no_passwords_but_inside_eap(
    visited: Node, everywhere: Home
) -> None:
    await visited.limit(visited.here, passwords_at_nas="no")
    assert (await visited.answer(pap(GIULIA, "thyme"))).code is Code.ACCESS_REJECT
    assert everywhere.requests == []
    everywhere.answer = homes.challenge
    assert (await visited.answer(eap())).code is Code.ACCESS_CHALLENGE


async def test_eap_ends_even_where_the_home_forgets_to_say_so(
    visited: Node, everywhere: Home
) -> None:
    everywhere.answer = lambda request: homes.reply(request, Code.ACCESS_REJECT)
    reply = await visited.answer(eap())
    assert reply.code is Code.ACCESS_REJECT
    assert reply.attributes.octets("EAP-Message") == EAP_FAILURE


async def test_a_home_sets_nothing_of_our_network(visited: Node, everywhere: Home) -> None:
    def generous(request: Packet) -> Packet:
        return homes.reply(
            request,
            Code.ACCESS_ACCEPT,
            ("Filter-Id", "everything"),
            ("WISPr-Bandwidth-Max-Down", 1_000_000_000),
            ("WISPr-Redirection-URL", "https://elsewhere.example/"),
            ("Framed-IP-Address", "192.0.2.9"),
            ("Acct-Interim-Interval", 1),
            ("Session-Timeout", 99_999_999),
            ("User-Name", "anna@lavender.example"),
        )

    everywhere.answer = generous
    await visited.limit(visited.here, session_seconds="3600", download_kbps="4000")
    reply = await visited.answer(pap(GIULIA, "thyme", DEVICE))
    assert reply.code is Code.ACCESS_ACCEPT
    told = reply.attributes
    absent = ("Filter-Id", "WISPr-Redirection-URL", "Framed-IP-Address", "User-Name")
    assert not any(told.has(name) for name in absent)
    assert told.integer("Session-Timeout") == 3600
    assert told.integer("Acct-Interim-Interval") == 600
    assert told.integer("WISPr-Bandwidth-Max-Down") == 4_000_000


async def test_nobody_is_named_in_the_log(visited: Node, everywhere: Home) -> None:
    with structlog.testing.capture_logs() as log:
        await visited.answer(pap(GIULIA, "thyme", DEVICE))
        everywhere.answer = lambda request: homes.reply(request, Code.ACCESS_REJECT)
        await visited.answer(pap(GIULIA, "thyme", DEVICE))
    (first, second) = [line for line in log if line["event"] == "request forwarded"]
    assert (first["partner"], first["outcome"]) == ("everywhere", "accept")
    assert (second["server"], second["outcome"]) == (everywhere.server.address, "reject")
    told = str(log)
    assert "giulia" not in told
    assert PHONE_AS_SENT not in told


async def test_a_visit_is_counted_as_the_log_in_of_a_partners_citizen(
    visited: Node, everywhere: Home
) -> None:
    def counted() -> float:
        labels = {"collectivity": "lavender", "method": "partner", "outcome": "accept"}
        return sample("farandole_log_ins_total", **labels)

    before = counted()
    await visited.answer(pap(GIULIA, "thyme"))
    assert counted() == before + 1


async def test_status_is_our_own(visited: Node, everywhere: Home) -> None:
    status = Packet(Code.STATUS_SERVER, 0, bytes(range(16)), Attributes())
    assert (await visited.answer(status)).code is Code.ACCESS_ACCEPT
    assert everywhere.requests == []
