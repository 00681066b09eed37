"""RADIUS/1.1 on the server's side and on the client's, by octets that are put together here.

A packet is Code, zero, Length, Token, twelve zeros and attributes (RFC 9765 section 4.1); nothing
in this file encodes by `radius.wire.version_1_1`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aaa.errors import Outage, Unavailable
from aaa.pki.identity import ServerIdentity
from radius.request import Handler, Reply, Request, Unanswered
from radius.transports.radsec_client import RadsecClient, TlsPeer
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet, encode_attributes
from radius.wire.values import Tagged, Value
from tests.radius.eap.certificates import Authority
from tests.radius.radsec import (
    GATE,
    HOME,
    Raw,
    admit,
    client,
    counted,
    fake_server,
    home_of,
    raw,
    write_identity,
)
from tests.radius.served import (
    PHONE_AS_SENT,
    Served,
    accounting,
    clear_pap,
    dropped,
    duplicates,
    serve,
    status,
    until,
)
from tests.village import Village

ALPN = ("radius/1.1",)
Named = tuple[str, Value | Tagged]


def octets(code: int, token: int, *named: Named, body: bytes = b"") -> bytes:
    """A packet, its attributes by name or as they are."""
    body = encode_attributes(Attributes.of(*named)) + body
    length = (20 + len(body)).to_bytes(2, "big")
    return bytes((code, 0)) + length + token.to_bytes(4, "big") + bytes(12) + body


def read(packet: bytes) -> tuple[int, int, Attributes]:
    """The Code, the Token and the attributes of a packet whose reserved fields are zero."""
    assert packet[1] == 0
    assert packet[8:20] == bytes(12)
    assert int.from_bytes(packet[2:4], "big") == len(packet)
    pairs, rest = [], packet[20:]
    while rest:
        pairs.append((rest[0], rest[2 : rest[1]]))
        rest = rest[rest[1] :]
    return packet[0], int.from_bytes(packet[4:8], "big"), Attributes(tuple(pairs))


@asynccontextmanager
async def spoken(
    village: Village, folder: Path, handler: Handler | None = None, **settings: int
) -> AsyncIterator[tuple[Served, Raw]]:
    """The village serves, and a client that speaks 1.1 is connected."""
    root = Authority("Partner Root")
    await admit(village, anchor=root.root.der, name=GATE)
    async with serve(village, handler, **settings) as served:
        assert served.server.radsec_port is not None
        files = write_identity(folder, root.peer(GATE))
        async with raw(served.server.radsec_port, files, alpn=ALPN) as connection:
            yield served, connection


async def exchanged(connection: Raw, packet: bytes) -> tuple[int, int, Attributes]:
    connection.writer.write(packet)
    return read(await connection.receive())


async def test_a_server_answers_all_by_their_tokens(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    phone = ("Calling-Station-Id", PHONE_AS_SENT)
    start = [("Acct-Status-Type", "Start"), ("Acct-Session-Id", "s-1"), phone]
    states = [("Proxy-State", b"one"), ("Proxy-State", b"two")]
    password = ("User-Password", b"lavender in july")
    async with spoken(village, tmp_path) as (served, connection):
        for packet in (
            octets(1, 0, ("User-Name", "anna"), password, phone, *states),
            octets(4, 0xFFFFFFFF, *start, *states),
            octets(12, 7),
        ):
            connection.writer.write(packet)
        answers = {}
        for _ in range(3):
            code, token, attributes = read(await connection.receive())
            answers[token] = code
            # What a hop before 1.1 signs by is not there.
            assert not attributes.has("Message-Authenticator")
            if token != 7:
                assert attributes.all("Proxy-State") == (b"one", b"two")
        assert answers == {0: 2, 0xFFFFFFFF: 5, 7: 2}
        refused = octets(1, 8, ("User-Name", "anna"), ("User-Password", b"lavender in june"))
        assert (await exchanged(connection, refused))[:2] == (3, 8)
        (line,) = served.logged("radsec client connected")
        assert line["version"] == "1.1"


async def test_a_server_looks_at_no_message_authenticator(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """RFC 9765 section 5.2; and RFC 3579 wants none with EAP any more."""
    wrong = ("Message-Authenticator", bytes(16))
    eap = ("EAP-Message", b"\2\0\0\x1e\1anonymous@village.example")
    name = ("User-Name", "anonymous@village.example")
    async with spoken(village, tmp_path) as (_, connection):
        assert (await exchanged(connection, octets(12, 1, wrong)))[:2] == (2, 1)
        # There is no certificate for EAP here: refused, not ignored.
        assert (await exchanged(connection, octets(1, 2, name, eap)))[:2] == (3, 2)


async def test_a_server_takes_the_same_token_again(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """RFC 9765 section 4.2.2: within TLS nothing comes twice, so that nothing is a repetition."""
    asked: list[Request] = []

    async def handler(request: Request) -> Reply | Unanswered:
        asked.append(request)
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, b"", Attributes()))

    before = duplicates("resent")
    async with spoken(village, tmp_path, handler) as (_, connection):
        for _ in range(2):
            assert (await exchanged(connection, octets(12, 5)))[:2] == (2, 5)
    assert len(asked) == 2
    assert duplicates("resent") == before


async def test_a_server_hides_nothing(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """RFC 9765 section 5.1: a tunnel's password is tag and text, a key its octets."""
    keys = (("MS-MPPE-Recv-Key", b"r" * 32), ("MS-MPPE-Send-Key", b"s" * 32))
    tunnel = ("Tunnel-Password", Tagged(1, b"secret"))
    passwords: list[bytes | None] = []

    async def handler(request: Request) -> Reply | Unanswered:
        passwords.append(request.packet.attributes.octets("User-Password"))
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, b"", Attributes.of(*keys, tunnel)))

    async with spoken(village, tmp_path, handler) as (_, connection):
        asked = octets(1, 1, ("User-Name", "anna"), ("User-Password", b"clear \0"))
        connection.writer.write(asked)
        answer = await connection.receive()
    assert passwords == [b"clear \0"]
    # Vendor 311 (0x137), types 17 and 16; then type 69.
    assert answer[20:].hex() == (
        "1a2800000137"
        + "1122"
        + "72" * 32
        + "1a2800000137"
        + "1022"
        + "73" * 32
        + "4509"
        + "01"
        + "736563726574"
    )


def without_way_home() -> Handler:
    async def handler(request: Request) -> Reply | Unanswered:
        refusal = Attributes.of(("Error-Cause", 505), ("Reply-Message", "Try again later."))
        packet = Packet(Code.ACCESS_REJECT, 0, b"", refusal)
        return Reply(packet, way_error="Other-Proxy-Processing-Error")

    return handler


def giving_up(outcome: Unanswered | Exception) -> Handler:
    async def handler(request: Request) -> Reply | Unanswered:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return handler


OVERRUN = bytes((1, 200))
ANNA: Named = ("User-Name", "anna")


@pytest.mark.parametrize(
    ("handler", "asked", "cause", "reason"),
    [
        (None, octets(1, 9, ANNA, body=OVERRUN), 404, "malformed_bad_attribute"),
        (None, octets(1, 9, ANNA, ("CHAP-Password", bytes(17))), 404, "malformed_bad_attribute"),
        (None, octets(1, 9, ANNA, ("User-Password", b"x" * 129)), 404, "malformed_bad_attribute"),
        (None, octets(99, 9, ANNA), 406, "unsupported_code"),
        (None, octets(13, 9, ANNA), 406, "unsupported_code"),
        (
            giving_up(Unavailable("database", Outage.UNAVAILABLE)),
            octets(1, 9, ANNA),
            506,
            "database_unavailable",
        ),
        (
            giving_up(Unavailable("argon2", Outage.UNAVAILABLE)),
            octets(1, 9, ANNA),
            506,
            "overloaded",
        ),
        (giving_up(RuntimeError("a bug")), octets(1, 9, ANNA), 506, "internal_error"),
        (giving_up(Unanswered.EAP_IN_PROGRESS), octets(1, 9, ANNA), 506, "eap_in_progress"),
        (giving_up(Unanswered.PARTNER_SUSPENDED), octets(4, 9, ANNA), 502, "partner_suspended"),
    ],
)
async def test_a_server_is_never_silent(
    village: Village,
    ours: ServerIdentity,
    tmp_path: Path,
    handler: Handler | None,
    asked: bytes,
    cause: int,
    reason: str,
) -> None:
    """RFC 9765 section 6.1: Protocol-Error (52), and the connection serves on."""
    before = dropped(reason)
    async with spoken(village, tmp_path, handler) as (_, connection):
        code, token, attributes = await exchanged(connection, asked)
        assert (code, token) == (52, 9)
        assert attributes.integer("Error-Cause") == cause
        assert not attributes.has("Original-Packet-Code")
        connection.writer.write(asked)
        assert read(await connection.receive())[:2] == (52, 9)
    assert dropped(reason) == before + 2


async def test_a_server_says_that_the_way_is_at_fault(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    states = [("Proxy-State", b"one"), ("Proxy-State", b"two")]
    async with spoken(village, tmp_path, without_way_home()) as (_, connection):
        code, token, attributes = await exchanged(connection, octets(1, 9, ANNA, *states))
    assert (code, token) == (52, 9)
    assert list(attributes.decoded()) == [("Error-Cause", 505), *states]


async def test_a_server_that_is_overloaded_says_so(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request) -> Reply | Unanswered:
        await go_on.wait()
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, b"", Attributes()))

    async with spoken(village, tmp_path, handler, max_in_progress=16) as (_, connection):
        connection.writer.write(b"".join(octets(12, token) for token in range(17)))
        code, token, attributes = read(await connection.receive())
        assert (code, token, attributes.integer("Error-Cause")) == (52, 16, 506)
        go_on.set()
        assert {read(await connection.receive())[1] for _ in range(16)} == set(range(16))


@pytest.mark.parametrize("code", [2, 3, 5, 11, 41, 42, 44, 45, 52])
async def test_a_server_says_nothing_to_an_answer(
    village: Village, ours: ServerIdentity, tmp_path: Path, code: int
) -> None:
    """Or two that answer each other would never end."""
    async with spoken(village, tmp_path) as (_, connection):
        connection.writer.write(octets(code, 1) + octets(code, 2, body=OVERRUN))
        assert (await exchanged(connection, octets(12, 3)))[:2] == (2, 3)


@pytest.mark.parametrize(("asked", "refused"), [(43, 45), (40, 42)])
async def test_a_server_takes_no_orders(
    village: Village, ours: ServerIdentity, tmp_path: Path, asked: int, refused: int
) -> None:
    async with spoken(village, tmp_path) as (_, connection):
        order = octets(asked, 4, ANNA, ("Proxy-State", b"one"))
        code, token, attributes = await exchanged(connection, order)
    assert (code, token) == (refused, 4)
    assert list(attributes.decoded()) == [("Error-Cause", 406), ("Proxy-State", b"one")]


async def test_a_length_that_no_packet_has_ends_the_connection(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    async with spoken(village, tmp_path) as (_, connection):
        assert (await exchanged(connection, octets(12, 1)))[:2] == (2, 1)
        connection.writer.write(bytes((12, 0, 0, 19)) + bytes(16))
        assert await connection.has_ended()


async def test_more_than_256_are_under_way_and_not_without_end(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    taken = 0
    go_on = asyncio.Event()

    async def handler(request: Request) -> Reply | Unanswered:
        nonlocal taken
        taken += 1
        await go_on.wait()
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, b"", Attributes()))

    async with spoken(village, tmp_path, handler) as (_, connection):
        connection.writer.write(b"".join(octets(12, token) for token in range(1100)))
        await until(lambda: taken == 1024)
        for _ in range(50):
            await asyncio.sleep(0)
        assert taken == 1024
        go_on.set()
        assert {read(await connection.receive())[1] for _ in range(1100)} == set(range(1100))


@asynccontextmanager
async def asking(
    village: Village, ours: ServerIdentity, folder: Path, answers: list[bytes]
) -> AsyncIterator[tuple[RadsecClient, TlsPeer, list[bytes]]]:
    """A client of ours and a server that speaks 1.1: to each packet it says the next of `answers`,
    with the Token of the packet in place of four x."""
    root, received = Authority("Partner Root"), list[bytes]()

    def take(server: Raw, packet: bytes) -> None:
        received.append(packet)
        if answers:
            server.writer.write(answers.pop(0).replace(b"xxxx", packet[4:8]))

    async with (
        fake_server(root.peer(HOME), folder, ours.anchors[0], take, alpn=ALPN) as (port, _),
        client(village, ours) as asker,
    ):
        peer = home_of(port, root)
        yield asker, peer, received


def answer(code: int, body: bytes = b"") -> bytes:
    """An answer to whatever is asked."""
    return bytes((code, 0)) + (20 + len(body)).to_bytes(2, "big") + b"xxxx" + bytes(12) + body


async def test_a_client_asks_in_clear_and_counts_its_tokens(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    key = bytes.fromhex("1a2800000137" + "1122") + b"r" * 32
    said = [answer(2, key), answer(5), answer(2)]
    async with asking(village, ours, tmp_path, said) as (asker, peer, received):
        accept = counted(await asker.exchange(peer, clear_pap("anna", "lavender"), 20))
        assert counted(await asker.exchange(peer, accounting("Start"), 20)).code is (
            Code.ACCOUNTING_RESPONSE
        )
        assert counted(await asker.exchange(peer, status(), 20)).code is Code.ACCESS_ACCEPT
    assert accept.attributes.octets("MS-MPPE-Recv-Key") == b"r" * 32
    code, first, attributes = read(received[0])
    assert code == 1
    # No Message-Authenticator, nothing hidden: type, length, octets.
    assert received[0][20:] == b"\1\6anna" + b"\2\x0alavender"
    assert attributes.octets("User-Password") == b"lavender"
    following = [read(packet)[:2] for packet in received[1:]]
    assert following == [(4, (first + 1) % 2**32), (12, (first + 2) % 2**32)]
    assert received[2][20:] == b""


async def test_a_client_starts_each_connection_anywhere(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """RFC 9765 section 4.2.1."""
    firsts = set()
    for number in range(4):
        folder = tmp_path / str(number)
        async with asking(village, ours, folder, [answer(2)]) as (asker, peer, received):
            assert await asker.exchange(peer, status(), 20) is not None
        firsts.add(read(received[0])[1])
    assert len(firsts) > 1


async def test_a_client_believes_by_the_token_alone(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """What has another Token, another code or a broken inside is passed over."""
    good = bytearray(answer(2, b"\x01\x06anna"))
    # Fields that RFC 9765 section 4.1 has ignored.
    good[1], good[8:20] = 9, b"\xff" * 12
    other = bytes((2, 0, 0, 20)) + b"yyyy" + bytes(12)
    said = [other + answer(5) + answer(2, OVERRUN) + bytes(good)]
    async with asking(village, ours, tmp_path, said) as (asker, peer, _):
        accept = counted(await asker.exchange(peer, clear_pap("anna", "x"), 20))
    assert accept.attributes.text("User-Name") == "anna"


async def test_a_client_is_told_of_a_protocol_error(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    said = [answer(52, bytes.fromhex("6506000001f6")) for _ in range(3)]
    async with asking(village, ours, tmp_path, said) as (asker, peer, _):
        for packet in (clear_pap("anna", "x"), accounting("Start"), status()):
            error = counted(await asker.exchange(peer, packet, 20))
            assert error.code is Code.PROTOCOL_ERROR
            assert error.attributes.integer("Error-Cause") == 502


async def test_a_client_has_no_more_than_1024_on_a_connection(
    village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    root, received = Authority("Partner Root"), list[tuple[Raw, int]]()

    def take(server: Raw, packet: bytes) -> None:
        received.append((server, read(packet)[1]))

    async with (
        fake_server(root.peer(HOME), tmp_path, ours.anchors[0], take, alpn=ALPN) as (port, met),
        client(village, ours) as asker,
    ):
        peer = home_of(port, root)
        asked = [asyncio.ensure_future(asker.exchange(peer, status(), 600)) for _ in range(1030)]
        await until(lambda: len(received) == 1030)
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    tokens = [{token for server, token in received if server is one} for one in met]
    assert sorted(map(len, tokens)) == [6, 1024]
