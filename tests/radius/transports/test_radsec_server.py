"""The server's side of RADIUS over TLS: who is let in, and what a connection bears."""

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from aaa.model import RadsecPeer, Use
from aaa.pki import authority
from aaa.pki.identity import ServerIdentity
from aaa.snapshot import touch
from radius.certificates import fold_name
from radius.request import Reply, Request, Unanswered
from radius.transports.radsec_server import Bounds
from radius.wire.attributes import Attributes
from radius.wire.authenticator import (
    encode_access_request,
    encode_accounting_request,
    encode_dynamic_request,
    verify_reply,
)
from radius.wire.packet import Code, Packet, parse
from tests.openssl import openssl
from tests.radius.eap.certificates import SERVER_AUTH, Authority, Issued
from tests.radius.radsec import (
    GATE,
    NAME,
    SECRET,
    Raw,
    admit,
    client,
    peer_of,
    raw,
    write_identity,
)
from tests.radius.served import (
    Served,
    accounting,
    dropped,
    duplicates,
    pap,
    sample,
    serve,
    status,
    until,
)
from tests.village import Village

Files = tuple[Path, Path, Path]


@pytest.fixture
async def served(village: Village, ours: ServerIdentity, root: Authority) -> AsyncIterator[Served]:
    await admit(village, anchor=root.root.der, name=GATE)
    async with serve(village) as served:
        yield served


def port(served: Served) -> int:
    assert served.server.radsec_port is not None
    return served.server.radsec_port


def refusals(reason: str) -> float:
    return sample("farandole_radsec_refusals_total", direction="in", reason=reason)


def request(packet: Packet, identifier: int) -> bytes:
    """The octets of a request by a client over TLS."""
    packet = Packet(packet.code, identifier, packet.authenticator, packet.attributes)
    if packet.code is Code.ACCOUNTING_REQUEST:
        return encode_accounting_request(packet, SECRET.reveal())
    if packet.code in (Code.COA_REQUEST, Code.DISCONNECT_REQUEST):
        return encode_dynamic_request(packet, SECRET.reveal())
    return encode_access_request(packet, SECRET.reveal())


async def is_let_in(served: Served, files: Files | None) -> bool:
    """Whether who shows a certificate gets an answer to Status-Server."""
    try:
        async with raw(port(served), files) as connection:
            return await is_answered(connection)
    except (ssl.SSLError, ConnectionError):
        return False


async def is_answered(connection: Raw, identifier: int = 1) -> bool:
    asked = request(status(), identifier)
    connection.writer.write(asked)
    try:
        octets = await connection.receive()
    except (EOFError, ssl.SSLError, ConnectionError):
        return False
    answer = parse(octets)
    assert answer.identifier == identifier
    verify_reply(octets, answer, asked[4:20], SECRET.reveal())
    return answer.code is Code.ACCESS_ACCEPT


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_one_port_takes_all(
    served: Served, gate: Issued, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    files = write_identity(tmp_path, gate)
    asked = [
        request(pap("anna", "lavender in july", secret=SECRET), 1),
        request(accounting("Start"), 2),
        request(status(), 3),
    ]
    async with raw(port(served), files, version=version) as connection:
        connection.writer.write(b"".join(asked))
        answers = [parse(await connection.receive()) for _ in asked]
    assert {(answer.identifier, answer.code) for answer in answers} == {
        (1, Code.ACCESS_ACCEPT),
        (2, Code.ACCOUNTING_RESPONSE),
        (3, Code.ACCESS_ACCEPT),
    }
    await until(lambda: bool(served.logged("radsec client left")))
    assert served.logged("radsec client connected")[0]["nas"] == "square"


async def test_the_certificate_tells_the_nas(
    served: Served, village: Village, tmp_path: Path
) -> None:
    """Not the address: what comes from 127.0.0.1 is the square's over UDP."""
    other = Authority("Library Root")
    await admit(village, "library", anchor=other.root.der, name="library.example")
    files = write_identity(tmp_path, other.peer("library.example"))
    assert await is_let_in(served, files)
    assert served.logged("radsec client connected")[0]["nas"] == "library"
    assert served.logged("request answered")[0]["hotspot"] == "library"


async def test_a_name_counts_under_its_own_anchor_only(
    served: Served, village: Village, tmp_path: Path
) -> None:
    """Two authorities are trusted; neither may speak for the other's names."""
    other = Authority("Library Root")
    await admit(village, "library", anchor=other.root.der, name="library.example")
    before = refusals("untrusted_certificate")
    assert not await is_let_in(served, write_identity(tmp_path, other.peer(GATE)))
    assert refusals("untrusted_certificate") == before + 1


@pytest.mark.parametrize(
    ("reason", "made"),
    [
        ("untrusted_certificate", lambda root: Authority("Partner Root").peer(GATE)),
        ("wrong_name", lambda root: root.peer("other.partner.example")),
        ("wrong_name", lambda root: root.peer("*.partner.example")),
        ("wrong_name", lambda root: root.client()),
        ("expired_certificate", lambda root: root.peer(GATE, valid=timedelta(minutes=-5))),
        ("wrong_purpose", lambda root: root.peer(GATE, usages=(SERVER_AUTH,))),
    ],
)
async def test_who_is_refused(
    served: Served, root: Authority, tmp_path: Path, reason: str, made: object
) -> None:
    shown: Issued = made(root)  # type: ignore[operator]
    before = refusals(reason)
    assert not await is_let_in(served, write_identity(tmp_path, shown))
    assert refusals(reason) == before + 1
    (line,) = served.logged(f"radsec client refused: {reason.replace('_', ' ')}")
    assert line["sha256"] == hashlib.sha256(shown.der).hexdigest()
    assert line["subject"].startswith("CN=")
    assert line["remedy"]
    assert not served.logged("radsec client connected")


async def test_no_certificate(served: Served) -> None:
    before = refusals("no_certificate")
    assert not await is_let_in(served, None)
    await until(lambda: refusals("no_certificate") == before + 1)


async def test_a_fingerprint_is_enough(served: Served, village: Village, tmp_path: Path) -> None:
    """Whoever signed it; and it is that certificate, not another of the same name and root."""
    unknown = Authority("Nobody's Root")
    pinned, other = unknown.peer("pinned.example"), unknown.peer("pinned.example")
    await admit(village, fingerprint=hashlib.sha256(pinned.der).hexdigest())
    assert await is_let_in(served, write_identity(tmp_path / "pinned", pinned))
    assert not await is_let_in(served, write_identity(tmp_path / "other", other))


async def test_a_certificate_of_our_own_authority(
    served: Served, village: Village, ours: ServerIdentity, tmp_path: Path
) -> None:
    """A name without an anchor is one that we gave ourselves."""
    await admit(village, "library", name=NAME.upper())
    async with client(village, ours) as asker:
        answer = await asker.exchange(peer_of(served, ours), status(), 20)
    assert answer is not None
    assert served.logged("radsec client connected")[0]["nas"] == "library"
    assert fold_name("Radius.Village.Example.") == NAME


async def test_openssl_connects(
    served: Served, gate: Issued, ours: ServerIdentity, tmp_path: Path
) -> None:
    """A program that we did not write believes our certificate for the name that it is for."""
    certificate, key, root = write_identity(tmp_path, gate, *ours.anchors)
    told = await asyncio.to_thread(
        openssl,
        *("s_client", "-connect", f"127.0.0.1:{port(served)}", "-cert", certificate, "-key", key),
        *("-CAfile", root, "-verify_hostname", NAME, "-verify_return_error", "-brief"),
        given=request(status(), 1),
    )
    assert "Verification: OK" in told
    assert f"Verified peername: {NAME}" in told
    await until(lambda: bool(served.logged("radsec client connected")))


async def test_what_is_no_tls(served: Served) -> None:
    before = refusals("handshake_failed")
    reader, writer = await asyncio.open_connection("127.0.0.1", port(served))
    writer.write(request(status(), 1))
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()
    await until(lambda: refusals("handshake_failed") == before + 1)


async def test_who_only_knocks_is_not_told_of(served: Served) -> None:
    """Load balancers and monitors look every few seconds whether a port is open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port(served))
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(reader.read(), 20)
    assert await is_let_in(served, None) is False
    assert [line["reason"] for line in served.log if "reason" in line] == ["no_certificate"]


async def test_a_packet_in_pieces(served: Served, gate: Issued, tmp_path: Path) -> None:
    files = write_identity(tmp_path, gate)
    async with raw(port(served), files) as connection:
        asked = request(status(), 9)
        for octet in asked[:-1]:
            connection.writer.write(bytes((octet,)))
            await connection.writer.drain()
        connection.writer.write(asked[-1:])
        assert parse(await connection.receive()).identifier == 9


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.1\r\n\r\n", bytes((1, 1, 0, 19)), b"\x01\x01\x10\x01" + bytes(4093)]
)
async def test_a_length_that_no_packet_has_ends_the_connection(
    served: Served, gate: Issued, tmp_path: Path, octets: bytes
) -> None:
    before = refusals("bad_framing")
    async with raw(port(served), write_identity(tmp_path, gate)) as connection:
        assert await is_answered(connection)
        connection.writer.write(octets)
        assert await connection.has_ended()
    assert refusals("bad_framing") == before + 1


def bad_packets() -> Sequence[bytes]:
    """Packets, rightly framed, that are wrong in every other way."""
    wrong_authenticator = bytearray(request(accounting("Start"), 50))
    wrong_authenticator[5] ^= 1
    wrong_signature = bytearray(request(status(), 51))
    wrong_signature[-1] ^= 1
    unsigned_status = bytes((12, 52, 0, 20)) + bytes(16)
    overrun = bytes((1, 53, 0, 22)) + bytes(16) + bytes((1, 200))
    unknown_code = bytes((99, 54, 0, 20)) + bytes(16)
    an_answer = bytes((2, 55, 0, 20)) + bytes(16)
    return [
        *(bytes(wrong_authenticator), bytes(wrong_signature), unsigned_status),
        *(overrun, unknown_code, an_answer),
    ]


async def test_a_bad_packet_harms_no_other(served: Served, gate: Issued, tmp_path: Path) -> None:
    reasons = ("wrong_secret", "malformed_bad_attribute", "unsupported_code")
    before = [dropped(reason) for reason in reasons]
    async with raw(port(served), write_identity(tmp_path, gate)) as connection:
        for number, bad in enumerate(bad_packets()):
            connection.writer.write(bad)
            assert await is_answered(connection, number)
    assert [dropped(reason) for reason in reasons] == [before[0] + 3, before[1] + 1, before[2] + 2]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [(Code.COA_REQUEST, Code.COA_NAK), (Code.DISCONNECT_REQUEST, Code.DISCONNECT_NAK)],
)
async def test_orders_are_not_taken(
    served: Served, gate: Issued, tmp_path: Path, asked: Code, refused: Code
) -> None:
    """RFC 6614 section 2.5."""
    attributes = Attributes.of(("User-Name", "anna"), ("Proxy-State", b"one"))
    order = request(Packet(asked, 0, bytes(16), attributes), 4)
    async with raw(port(served), write_identity(tmp_path, gate)) as connection:
        connection.writer.write(order)
        octets = await connection.receive()
    answer = parse(octets)
    assert verify_reply(octets, answer, order[4:20], SECRET.reveal())
    assert (answer.code, answer.identifier) == (refused, 4)
    assert answer.attributes.integer("Error-Cause") == 406
    assert answer.attributes.octets("Proxy-State") == b"one"


async def test_a_repetition_is_answered_alike_on_its_connection(
    served: Served, gate: Issued, tmp_path: Path
) -> None:
    files = write_identity(tmp_path, gate)
    asked = request(status(), 1)
    before = duplicates("resent")
    async with raw(port(served), files) as one, raw(port(served), files) as other:
        one.writer.write(asked)
        first = await one.receive()
        one.writer.write(asked)
        assert await one.receive() == first
        assert duplicates("resent") == before + 1
        other.writer.write(asked)
        assert parse(await other.receive()).code is Code.ACCESS_ACCEPT
        assert duplicates("resent") == before + 1


async def test_more_than_there_are_identifiers(
    village: Village, ours: ServerIdentity, root: Authority, gate: Issued, tmp_path: Path
) -> None:
    """300 requests at once and none answered: 256 are taken, the others wait with the client."""
    await admit(village, anchor=root.root.der, name=GATE)
    taken: list[Request] = []
    go_on = asyncio.Event()

    async def handler(request: Request) -> Reply | Unanswered:
        taken.append(request)
        await go_on.wait()
        return Reply(Packet(Code.ACCOUNTING_RESPONSE, 0, bytes(16), Attributes()))

    async with (
        serve(village, handler) as served,
        raw(port(served), write_identity(tmp_path, gate)) as connection,
    ):
        for number in range(300):
            one = accounting("Start", session_id=f"s-{number}")
            connection.writer.write(request(one, number % 256))
        await until(lambda: len(taken) == 256)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(taken) == 256
        go_on.set()
        answers = [await connection.receive() for _ in range(300)]
    assert len(taken) == 300
    assert len({octets[4:20] for octets in answers}) == 300


async def test_a_slow_reader_is_not_read_either(
    village: Village, ours: ServerIdentity, root: Authority, gate: Issued, tmp_path: Path
) -> None:
    """Whoever asks without taking answers fills their own buffers, not our memory."""
    await admit(village, anchor=root.root.der, name=GATE)
    answered = 0
    filling = [("Reply-Message", "x" * 253)] * 15

    async def handler(request: Request) -> Reply | Unanswered:
        nonlocal answered
        answered += 1
        return Reply(Packet(Code.ACCESS_REJECT, 0, bytes(16), Attributes.of(*filling)))

    async with (
        serve(village, handler) as served,
        raw(port(served), write_identity(tmp_path, gate)) as connection,
    ):
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        many = 20_000
        for number in range(many):
            connection.writer.write(request(pap("a", "b", secret=SECRET), number % 256))
        progress, turns = -1, 0
        while turns < 5000:
            turns = turns + 1 if progress == answered else 0
            progress = answered
            await asyncio.sleep(0)
        assert 0 < answered < many
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(answered):
            await connection.receive()
        await until(lambda: answered > progress)


async def test_who_is_a_client_no_more_goes_at_once(
    served: Served, village: Village, root: Authority, gate: Issued, tmp_path: Path
) -> None:
    staying = Authority("Library Root")
    await admit(village, "library", anchor=staying.root.der, name="library.example")
    library = write_identity(tmp_path / "library", staying.peer("library.example"))
    async with (
        raw(port(served), write_identity(tmp_path, gate)) as going,
        raw(port(served), library) as stays,
    ):
        assert await is_answered(going)
        assert await is_answered(stays)
        async with village.database.write("test") as session:
            peer = await session.get_one(RadsecPeer, 1)
            assert peer.name == GATE
            await session.delete(peer)
            await touch(session)
        await village.directory.refresh()
        assert await going.has_ended()
        assert await is_answered(stays, 2)
    assert not await is_let_in(served, write_identity(tmp_path, gate))


async def test_a_renewed_certificate_is_shown_to_who_comes_next(
    served: Served, village: Village, ours: ServerIdentity, gate: Issued, tmp_path: Path
) -> None:
    def shown(connection: Raw) -> bytes:
        found = connection.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert isinstance(found, bytes)
        return found

    files = write_identity(tmp_path, gate)
    async with raw(port(served), files) as before:
        assert await is_answered(before)
        async with village.database.write("test") as session:
            await authority.renew_server(
                session, village.keyring, names=[NAME], now=village.clock(), use=Use.RADSEC
            )
        renewed = (await village.directory.refresh()).radsec_identity
        assert renewed is not None
        async with raw(port(served), files) as after:
            assert (shown(before), shown(after)) == (ours.chain[0], renewed.chain[0])
            assert await is_answered(after)
        assert await is_answered(before, 2)
    assert ours.chain != renewed.chain


async def test_the_secret_of_the_nas_is_no_secret_here(
    served: Served, gate: Issued, tmp_path: Path
) -> None:
    asked = Packet(Code.STATUS_SERVER, 1, secrets.token_bytes(16), Attributes())
    before = dropped("wrong_secret")
    async with raw(port(served), write_identity(tmp_path, gate)) as connection:
        connection.writer.write(encode_access_request(asked, b"a secret of the square"))
        assert await is_answered(connection, 2)
    assert dropped("wrong_secret") == before + 1


async def test_stopping_answers_what_was_read(
    village: Village, ours: ServerIdentity, root: Authority, gate: Issued, tmp_path: Path
) -> None:
    await admit(village, anchor=root.root.der, name=GATE)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Reply | Unanswered:
        begun.set()
        await go_on.wait()
        return Reply(Packet(Code.ACCESS_ACCEPT, 0, bytes(16), Attributes()))

    async with (
        serve(village, handler) as served,
        raw(port(served), write_identity(tmp_path, gate)) as connection,
    ):
        connection.writer.write(request(status(), 1))
        await begun.wait()
        stopping = asyncio.ensure_future(served.server.stop())
        await asyncio.sleep(0)
        go_on.set()
        assert parse(await connection.receive()).code is Code.ACCESS_ACCEPT
        await stopping
        assert await connection.has_ended()


async def test_a_port_is_held_from_the_start(village: Village) -> None:
    async with serve(village, radsec=False) as served:
        assert served.server.radsec_port is None


def test_bounds_leave_clients_their_minute() -> None:
    assert Bounds().idle_seconds >= 60
