"""The client's side of RADIUS over TLS, against our own server and against servers that are odd."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from aaa.pki.identity import ServerIdentity
from radius.request import Reply, Request, Unanswered
from radius.transports.radsec_client import RadsecClient, TlsPeer
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply, encode_reply_in_kind
from radius.wire.packet import Code, Packet, parse
from tests.radius.eap.certificates import CLIENT_AUTH, Authority, Issued
from tests.radius.radsec import (
    GATE,
    HOME,
    SECRET,
    Raw,
    admit,
    client,
    counted,
    fake_server,
    home_of,
    identity_of,
    peer_of,
)
from tests.radius.served import accounting, clear_pap, sample, serve, status, until
from tests.village import Village
from tests.waiting import pause


@pytest.fixture
async def asker(village: Village, ours: ServerIdentity) -> AsyncIterator[RadsecClient]:
    """The village asks others, with its own certificate."""
    async with client(village, ours) as asker:
        yield asker


def refusals(reason: str) -> float:
    return sample("farandole_radsec_refusals_total", direction="out", reason=reason)


def answer_to(octets: bytes) -> bytes:
    """What a server says that has nothing against it."""
    asked = parse(octets)
    if asked.code is Code.ACCOUNTING_REQUEST:
        reply = Packet(Code.ACCOUNTING_RESPONSE, asked.identifier, bytes(16), Attributes())
        return encode_reply_in_kind(reply, asked, SECRET.reveal())
    reply = Packet(Code.ACCESS_ACCEPT, asked.identifier, bytes(16), Attributes())
    return encode_reply(reply, asked.authenticator, SECRET.reveal())


def answer(server: Raw, octets: bytes) -> None:
    server.writer.write(answer_to(octets))


def ignore(server: Raw, octets: bytes) -> None:
    """Say nothing."""


async def test_all_kinds_by_one_connection(village: Village, ours: ServerIdentity) -> None:
    partners = Authority("Partner Root")
    await admit(village, anchor=partners.root.der, name=GATE)
    async with serve(village) as served, client(village, identity_of(partners.peer(GATE))) as asker:
        server = peer_of(served, ours)
        codes = [
            counted(await asker.exchange(server, packet, 20)).code
            for packet in (
                clear_pap("anna", "lavender in july"),
                accounting("Start"),
                status(),
            )
        ]
        assert len(served.logged("radsec client connected")) == 1
        assert sample("farandole_radsec_connections", direction="out", version="1.1") == 1
    assert codes == [Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE, Code.ACCESS_ACCEPT]


@pytest.mark.parametrize(("versions", "connections"), [("1.0", 2), ("1.0,1.1", 1)])
async def test_300_outstanding(
    village: Village, ours: ServerIdentity, versions: str, connections: int
) -> None:
    """A connection has 256 Identifiers, but ever so many Tokens; answers come back to who asked."""
    partners = Authority("Partner Root")
    await admit(village, anchor=partners.root.der, name=GATE)
    arrived = 0
    go_on = asyncio.Event()

    async def handler(request: Request) -> Reply | Unanswered:
        nonlocal arrived
        arrived += 1
        await go_on.wait()
        name = request.text("User-Name") or ""
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, bytes(16), Attributes.of(("User-Name", name))))

    async with (
        serve(village, handler) as served,
        client(village, identity_of(partners.peer(GATE)), versions) as asker,
    ):
        server = peer_of(served, ours)
        asked = [
            asyncio.ensure_future(asker.exchange(server, clear_pap(f"citizen-{number}", "x"), 30))
            for number in range(300)
        ]
        await until(lambda: arrived == 300)
        go_on.set()
        answers = [counted(packet) for packet in await asyncio.gather(*asked)]
        assert len(served.logged("radsec client connected")) == connections
    names = [packet.attributes.text("User-Name") for packet in answers]
    assert names == [f"citizen-{number}" for number in range(300)]


async def test_what_is_outstanding_fails_when_the_connection_is_cut(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    """At once, not when the time is over; and the next request connects anew."""
    received = 0

    def take(server: Raw, octets: bytes) -> None:
        nonlocal received
        received += 1
        if received == 1 or received > 11:
            answer(server, octets)

    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take) as (port, met):
        assert await asker.exchange(home_of(port, root), status(), 600) is not None
        asked = [
            asyncio.ensure_future(asker.exchange(home_of(port, root), status(), 600))
            for _ in range(10)
        ]
        await until(lambda: received == 11)
        met[0].writer.transport.abort()
        async with asyncio.timeout(20):
            assert await asyncio.gather(*asked) == [None] * 10
        assert await asker.exchange(home_of(port, root), status(), 600) is not None
        assert len(met) == 2


async def test_a_stream_that_is_out_of_step_is_given_up(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    """A packet was begun and never ended: what follows seems to be part of it."""
    received: list[bytes] = []

    def take(server: Raw, octets: bytes) -> None:
        received.append(octets)
        begun = bytes((2, 0, 15, 0))
        server.writer.write(begun if len(received) == 1 else answer_to(octets))

    before = refusals("bad_framing")
    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take) as (port, met):
        # What was begun meanwhile may still come to its end.
        assert await asker.exchange(home_of(port, root), status(), 0.3) is None
        assert len(met) == 1
        assert await asker.exchange(home_of(port, root), status(), 0.3) is None
        assert refusals("bad_framing") == before + 1
        async with asyncio.timeout(20):
            while await asker.exchange(home_of(port, root), status(), 20) is None:
                await pause()
        assert len(met) == 2


async def test_nothing_is_sent_twice(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    """RFC 6613 section 2.6.1; a late answer reaches nobody: the next has another Identifier."""
    received: list[bytes] = []

    def take(server: Raw, octets: bytes) -> None:
        received.append(octets)
        if len(received) == 2:
            server.writer.write(answer_to(received[0]) + answer_to(received[1]))

    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take) as (port, met):
        assert await asker.exchange(home_of(port, root), accounting("Start"), 0.3) is None
        reply = counted(await asker.exchange(home_of(port, root), accounting("Stop"), 20))
        assert [octets[1] for octets in received] == [0, 1]
        assert reply.identifier == 1
        assert len(met) == 1


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("untrusted_certificate", lambda root: Authority("Partner Root").peer(HOME)),
        ("wrong_name", lambda root: root.peer(GATE)),
        ("wrong_name", lambda root: root.peer("*.partner.example")),
        ("expired_certificate", lambda root: root.peer(HOME, valid=timedelta(minutes=-5))),
        ("wrong_purpose", lambda root: root.peer(HOME, usages=(CLIENT_AUTH,))),
    ],
)
async def test_a_server_that_is_not_the_partners(
    asker: RadsecClient,
    ours: ServerIdentity,
    root: Authority,
    tmp_path: Path,
    reason: str,
    shown: object,
) -> None:
    """Nothing is sent to it, and it is told once with its certificate."""
    issued: Issued = shown(root)  # type: ignore[operator]
    received: list[bytes] = []
    before = refusals(reason)
    with structlog.testing.capture_logs() as log:
        async with fake_server(
            issued, tmp_path, ours.anchors[0], lambda _, octets: received.append(octets)
        ) as (port, _):
            async with asyncio.timeout(20):
                assert await asker.exchange(home_of(port, root), status(), 600) is None
                assert await asker.exchange(home_of(port, root), status(), 600) is None
    assert received == []
    assert refusals(reason) == before + 1
    (line,) = [line for line in log if line["event"].startswith("radsec server not used")]
    assert line["reason"] == reason
    assert line["subject"].startswith("CN=")
    assert len(line["sha256"]) == 64


async def test_a_server_by_its_fingerprint(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    issued = root.peer(HOME)
    async with fake_server(issued, tmp_path, ours.anchors[0], answer) as (port, _):
        digest = hashlib.sha256(issued.der).hexdigest()
        right = TlsPeer("127.0.0.1", port, fingerprint=digest)
        wrong = TlsPeer("127.0.0.1", port, fingerprint="00" * 32)
        assert await asker.exchange(right, status(), 20) is not None
        assert await asker.exchange(wrong, status(), 20) is None


async def test_a_server_that_does_not_know_us(
    asker: RadsecClient, root: Authority, tmp_path: Path
) -> None:
    """In TLS 1.3 the handshake looks complete until the server hangs up: that is a failure all the
    same, and the server is left in peace for a while."""
    before = refusals("broken")
    async with fake_server(root.peer(HOME), tmp_path, root.root.der, answer) as (port, _):
        async with asyncio.timeout(20):
            assert await asker.exchange(home_of(port, root), status(), 600) is None
            await until(lambda: refusals("broken") == before + 1)
            assert await asker.exchange(home_of(port, root), status(), 600) is None
    assert refusals("broken") == before + 1


async def test_a_server_that_is_not_there(asker: RadsecClient, root: Authority) -> None:
    """It is tried once; who asks while it is left in peace hears so at once, and later again."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    before = refusals("unreachable")
    async with asyncio.timeout(20):
        assert await asker.exchange(home_of(port, root), status(), 600) is None
        assert await asker.exchange(home_of(port, root), status(), 600) is None
        assert refusals("unreachable") == before + 1
        while refusals("unreachable") == before + 1:
            assert await asker.exchange(home_of(port, root), status(), 600) is None
            await pause()


async def test_a_server_that_comes_back(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await asker.exchange(home_of(port, root), status(), 20) is None
    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], answer, port):
        async with asyncio.timeout(20):
            while await asker.exchange(home_of(port, root), status(), 20) is None:
                await pause()


async def test_garbage_from_a_server(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    before = refusals("bad_framing")

    def take(server: Raw, octets: bytes) -> None:
        server.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take) as (port, _):
        async with asyncio.timeout(20):
            assert await asker.exchange(home_of(port, root), status(), 600) is None
    assert refusals("bad_framing") == before + 1


async def test_answers_that_prove_nothing_are_ignored(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    def take(server: Raw, octets: bytes) -> None:
        forged = bytearray(answer_to(octets))
        forged[10] ^= 1
        other_code = bytes((5,)) + answer_to(octets)[1:]
        other_identifier = bytes((2, octets[1] ^ 1)) + answer_to(octets)[2:]
        overrun = bytes((2, octets[1], 0, 22)) + bytes(16) + bytes((1, 200))
        server.writer.write(bytes(forged) + other_code + other_identifier + overrun)
        answer(server, octets)

    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take) as (port, _):
        reply = counted(await asker.exchange(home_of(port, root), status(), 20))
    assert reply.code is Code.ACCESS_ACCEPT


async def test_a_certificate_that_was_renewed(
    village: Village, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    """New connections show it; the old one ends when nothing waits there any more."""
    shown = ours
    async with (
        client(village, lambda: shown) as asker,
        fake_server(root.peer(HOME), tmp_path, ours.anchors[0], answer) as (port, met),
    ):
        assert await asker.exchange(home_of(port, root), status(), 20) is not None
        shown = replace(ours, names=("renewed.example",))
        assert await asker.exchange(home_of(port, root), status(), 20) is not None
        assert len(met) == 2
        async with asyncio.timeout(20):
            await met[0].is_over.wait()


async def test_without_a_certificate_nothing_is_asked(village: Village, root: Authority) -> None:
    before = refusals("no_identity")
    async with client(village, lambda: None) as asker:
        assert await asker.exchange(home_of(1, root), status(), 600) is None
    assert refusals("no_identity") == before + 1


async def test_a_partner_that_has_gone_is_left(
    asker: RadsecClient, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    async with fake_server(root.peer(HOME), tmp_path, ours.anchors[0], answer) as (port, met):
        assert await asker.exchange(home_of(port, root), status(), 20) is not None
        asker.keep([home_of(port, root)])
        assert await asker.exchange(home_of(port, root), status(), 20) is not None
        assert len(met) == 1
        asker.keep([])
        async with asyncio.timeout(20):
            async with asyncio.timeout(20):
                await met[0].is_over.wait()


async def test_closing_ends_what_is_outstanding(
    village: Village, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    async with (
        fake_server(root.peer(HOME), tmp_path, ours.anchors[0], ignore) as (port, met),
        client(village, ours) as asker,
    ):
        asked = asyncio.ensure_future(asker.exchange(home_of(port, root), status(), 600))
        await until(lambda: bool(met))
        asker.close()
        assert await asyncio.wait_for(asked, 20) is None


def test_a_server_is_written_as_operators_write_it() -> None:
    assert str(TlsPeer("2001:db8::1", 2083)) == "[2001:db8::1]:2083"
    assert str(TlsPeer("home.example", 2083)) == "home.example:2083"
