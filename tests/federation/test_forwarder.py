"""Which server is asked for whom, and what the NAS hears when none answers."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request
from radius.wire.packet import Code, Packet
from tests.federation import homes
from tests.federation.homes import Home, home
from tests.federation.nodes import LAVENDER, Node, at, node, until
from tests.ports import free_port
from tests.radius.served import PHONE_AS_SENT, Socket, duplicates, pap, sample
from tests.village import NAS_SECRET

GIULIA = "giulia@basil.example"
PIERO = "piero@sage.example"
EAP_IDENTITY = b"\2\1\0\5\1"
EAP_FAILURE = b"\4\1\0\4"


@pytest.fixture
async def visited(tmp_path: Path) -> AsyncIterator[Node]:
    """A member that waits for its partners for moments only."""
    async with node(LAVENDER, tmp_path, response_seconds=0.4) as visited:
        yield visited


@pytest.fixture
async def first() -> AsyncIterator[Home]:
    with home() as found:
        yield found


@pytest.fixture
async def second() -> AsyncIterator[Home]:
    with home(priority=1) as found:
        yield found


async def know(visited: Node, *servers: Home) -> None:
    realms = ["basil.example", "sage.example"]
    await visited.know("basil", realms, [each.server for each in servers])


def eap(name: str = GIULIA, state: bytes | None = None) -> Packet:
    attributes = Attributes.of(
        ("User-Name", name),
        ("Calling-Station-Id", PHONE_AS_SENT),
        ("EAP-Message", EAP_IDENTITY),
    )
    if state is not None:
        attributes = attributes.with_("State", state)
    return Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), attributes)


def says_unreachable(reply: Packet) -> bool:
    """Whether a NAS is told, by RADIUS and by EAP, that the home does not answer."""
    cause = reply.attributes.integer("Error-Cause")
    return (reply.code, cause) == (Code.ACCESS_REJECT, 505)


async def test_a_dead_home_is_a_typed_refusal(visited: Node) -> None:
    await visited.know("basil", ["basil.example"], [at(free_port())])
    reply = await visited.answer(eap())
    assert says_unreachable(reply)
    assert reply.attributes.octets("EAP-Message") == EAP_FAILURE
    plain = await visited.answer(pap(GIULIA, "whatever"))
    assert says_unreachable(plain)
    assert plain.attributes.has("Reply-Message")
    assert not plain.attributes.has("EAP-Message")


async def test_a_home_that_cannot_be_found_is_a_typed_refusal(visited: Node) -> None:
    nowhere = replace(at(free_port()), host="nowhere.invalid")
    await visited.know("basil", ["basil.example"], [nowhere])
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))


async def test_a_realm_of_nobody_is_refused_and_nobody_asked(visited: Node, first: Home) -> None:
    await know(visited, first)
    for name in ("giulia@nowhere.example", "giulia@gmail", "giulia@", "giulia@basil .example"):
        reply = await visited.answer(eap(name))
        assert (reply.code, reply.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, 502)
        assert reply.attributes.octets("EAP-Message") == EAP_FAILURE
    assert first.requests == []


async def test_garbage_is_no_answer(visited: Node, first: Home) -> None:
    await know(visited, first)
    for garbage in (b"", b"\0" * 20, secrets.token_bytes(300), bytes((2, 0, 0, 20)) + bytes(16)):
        first.answer = partial(_say, garbage)
        assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))
        # What answers is there: the next one may be better.
        first.answer = homes.accept
        assert (await visited.answer(pap(GIULIA, "whatever"))).code is Code.ACCESS_ACCEPT


def _say(octets: bytes, request: Packet) -> bytes:
    return octets


async def test_keys_that_are_none_are_no_answer(visited: Node, first: Home) -> None:
    await know(visited, first)
    first.answer = lambda request: homes.reply(
        request, Code.ACCESS_ACCEPT, ("MS-MPPE-Recv-Key", b"\x80\1no ciphertext")
    )
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))


async def test_a_late_answer_lets_nobody_in(visited: Node, first: Home) -> None:
    await know(visited, first)
    late: list[Packet] = []
    first.answer = late.append
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))
    first.answer = lambda request: homes.encode(homes.accept(late[0]), late[0])
    # The answer to what was asked before answers nothing that is asked now.
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))


async def test_the_next_server_is_asked_where_one_is_silent(
    visited: Node, first: Home, second: Home
) -> None:
    await know(visited, first, second)
    first.answer, first.is_well = homes.keep_silent, False
    reply = await visited.answer(pap(GIULIA, "whatever"))
    assert reply.code is Code.ACCESS_ACCEPT
    assert (len(first.asked), len(second.asked)) == (1, 1)


async def test_the_next_server_is_asked_where_one_knows_no_way(
    visited: Node, first: Home, second: Home
) -> None:
    await know(visited, first, second)
    first.answer = lambda request: homes.reply(
        request, Code.ACCESS_REJECT, ("Error-Cause", "Request-Not-Routable")
    )
    assert (await visited.answer(pap(GIULIA, "whatever"))).code is Code.ACCESS_ACCEPT
    second.answer = first.answer
    reply = await visited.answer(pap(PIERO, "whatever"))
    assert (reply.code, reply.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, 502)


async def test_a_conversation_stays_with_its_server(
    visited: Node, first: Home, second: Home
) -> None:
    await know(visited, first, second)
    first.answer, second.answer = homes.keep_silent, homes.challenge
    reply = await visited.answer(eap())
    assert reply.code is Code.ACCESS_CHALLENGE
    asked = len(first.asked)
    # The first would be asked now by all that is new, as it has the higher priority.
    first.answer = homes.challenge
    for _ in range(3):
        state = reply.attributes.octets("State")
        reply = await visited.answer(eap(state=state))
        assert reply.code is Code.ACCESS_CHALLENGE
    assert (len(first.asked), len(second.asked)) == (asked, 4)
    second.answer = homes.keep_silent
    reply = await visited.answer(eap(state=reply.attributes.octets("State")))
    # The supplicant begins anew: nobody else knows the conversation.
    assert says_unreachable(reply)
    assert reply.attributes.octets("EAP-Message") == EAP_FAILURE
    assert len(first.asked) == asked


async def test_one_dead_realm_behind_a_hop_does_not_condemn_it(visited: Node, first: Home) -> None:
    await know(visited, first)
    first.answer = lambda request: (
        homes.accept(request) if request.attributes.text("User-Name") == GIULIA else None
    )
    for _ in range(3):
        assert says_unreachable(await visited.answer(pap(PIERO, "whatever")))
        assert (await visited.answer(pap(GIULIA, "whatever"))).code is Code.ACCESS_ACCEPT
    asked = first.users().count(PIERO)
    for _ in range(5):
        # Nobody waits for it any more: the hop is not even asked.
        assert says_unreachable(await visited.answer(pap(PIERO, "whatever")))
        assert (await visited.answer(pap(GIULIA, "whatever"))).code is Code.ACCESS_ACCEPT
    assert (asked, first.users().count(PIERO)) == (3, 3)
    assert first.users().count(GIULIA) == 8


async def test_a_nas_that_repeats_itself_is_heard_once(visited: Node, first: Home) -> None:
    await know(visited, first)
    request = pap(GIULIA, "whatever")
    datagram = encode_access_request(request, NAS_SECRET.reveal())
    nas = Socket()
    where = ("127.0.0.1", visited.radius.auth_port)
    resent = duplicates("resent") + duplicates("in_progress")
    try:
        answers = []
        nas.send(datagram, where)
        nas.send(datagram, where)
        answers.append(await nas.receive())
        nas.send(datagram, where)
        answers.append(await nas.receive())
    finally:
        nas.close()
    assert answers[0] == answers[1]
    assert len(first.asked) == 1
    assert duplicates("resent") + duplicates("in_progress") == resent + 2


async def test_a_server_comes_back_without_a_hand(visited: Node, first: Home) -> None:
    await know(visited, first)
    address = first.server.address

    async def is_up() -> bool:
        return sample("farandole_federation_server_up", partner="basil", server=address) == 1.0

    async def is_down() -> bool:
        return not await is_up()

    async def was_probed() -> bool:
        return first.probes > 0

    await until(was_probed)
    await until(is_up)
    first.answer, first.is_well = homes.keep_silent, False
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))
    await until(is_down)
    asked = len(first.asked)
    assert says_unreachable(await visited.answer(pap(GIULIA, "whatever")))
    # It is known to be away: nothing is sent there but the question how it is.
    assert len(first.asked) <= asked + 1
    first.answer, first.is_well = homes.accept, True
    await until(is_up)
    assert (await visited.answer(pap(GIULIA, "whatever"))).code is Code.ACCESS_ACCEPT
