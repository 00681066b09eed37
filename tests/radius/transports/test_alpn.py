"""Which version of RADIUS a connection speaks: every cell of the table of RFC 9765 section 3.3.2,
with ours on either side, and what is told where there is none in common."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from aaa.pki.identity import ServerIdentity
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request
from radius.wire.packet import Code, Packet
from tests.radius.eap.certificates import Authority, Issued
from tests.radius.radsec import (
    GATE,
    HOME,
    Raw,
    admit,
    client,
    fake_server,
    home_of,
    identity_of,
    peer_of,
    raw,
    write_identity,
)
from tests.radius.served import Served, sample, serve, status, until
from tests.village import Village

SETTINGS = ("1.0", "1.0,1.1", "1.1")
OFFERS: dict[str, tuple[str, ...]] = {
    "none": (),
    "1.0": ("radius/1.0",),
    "1.0,1.1": ("radius/1.0", "radius/1.1"),
    "1.1": ("radius/1.1",),
}
# By client, then by server.
TABLE = {
    "none": {"none": "1.0", "1.0": "1.0", "1.0,1.1": "1.0", "1.1": "Close-S"},
    "1.0": {"none": "1.0", "1.0": "1.0", "1.0,1.1": "1.0", "1.1": "Alert"},
    "1.0,1.1": {"none": "1.0", "1.0": "1.0", "1.0,1.1": "1.1", "1.1": "1.1"},
    "1.1": {"none": "Close-C", "1.0": "Alert", "1.0,1.1": "1.1", "1.1": "1.1"},
}
# Section 3.3.1: Protocol-Error with Token 0 and Error-Cause (101) 406, four octets.
NOT_SPOKEN = (b"\x34\x00", b"\x65\x06\x00\x00\x01\x96")


@pytest.fixture
async def served(
    request: pytest.FixtureRequest, village: Village, ours: ServerIdentity, root: Authority
) -> AsyncIterator[Served]:
    await admit(village, anchor=root.root.der, name=GATE)
    async with serve(village, radsec_versions=request.param) as served:
        yield served


by_each_server = pytest.mark.parametrize("served", SETTINGS, indirect=True)


def port(served: Served) -> int:
    assert served.server.radsec_port is not None
    return served.server.radsec_port


def refusals(direction: str) -> float:
    labels = {"direction": direction, "reason": "no_common_version"}
    return sample("farandole_radsec_refusals_total", **labels)


async def spoken(connection: Raw) -> str:
    """What a client without opinions finds spoken, by what comes back to a Status-Server of 1.1: a
    server that speaks 1.0 finds that unsigned, and says nothing before the one that is."""
    chosen = connection.writer.get_extra_info("ssl_object").selected_alpn_protocol()
    if chosen == "radius/1.1":
        connection.writer.write(b"\x0c\x00\x00\x14\x00\x00\x01\x02" + bytes(12))
        answer = await connection.receive()
        assert answer == b"\x02\x00\x00\x14\x00\x00\x01\x02" + bytes(12)
        return "1.1"
    try:
        answer = await asyncio.wait_for(_status_1_0(connection), 20)
    except (EOFError, ssl.SSLError):
        return "ended"
    if answer[:2] == NOT_SPOKEN[0]:
        assert answer[4:20] == bytes(16)
        assert NOT_SPOKEN[1] in answer
        assert b"RADIUS/1.1" in answer
        assert await connection.has_ended()
        return "Close-S"
    assert (answer[0], answer[1]) == (2, 9)
    return "1.0"


async def _status_1_0(connection: Raw) -> bytes:
    asked = Packet(Code.STATUS_SERVER, 9, bytes(16), Attributes())
    connection.writer.write(encode_access_request(asked, b"radsec"))
    return await connection.receive()


@by_each_server
@pytest.mark.parametrize("offered", OFFERS)
async def test_our_server_and_any_client(
    served: Served, gate: Issued, tmp_path: Path, offered: str
) -> None:
    expected = TABLE[offered][served.settings.radsec_versions]
    before = refusals("in")
    files = write_identity(tmp_path, gate)
    try:
        async with raw(port(served), files, alpn=OFFERS[offered]) as connection:
            found = await spoken(connection)
    except ssl.SSLError as error:
        # As OpenSSL calls alert 120.
        assert "alert no application protocol" in str(error)
        found = "Alert"
    assert found == expected
    is_refused = expected in ("Alert", "Close-S")
    await until(lambda: refusals("in") == before + is_refused)
    if is_refused:
        (line,) = served.logged("radsec client refused: no common version")
        assert "radius.radsec_versions" in line["remedy"]
        assert not served.logged("radsec client connected")
    else:
        (line,) = served.logged("radsec client connected")
        assert line["version"] == expected


@by_each_server
@pytest.mark.parametrize("versions", SETTINGS)
async def test_our_client_and_our_server(
    served: Served, village: Village, ours: ServerIdentity, gate: Issued, versions: str
) -> None:
    expected = TABLE[versions][served.settings.radsec_versions]
    before = refusals("out")
    async with client(village, identity_of(gate), versions) as asker:
        answer = await asker.exchange(peer_of(served, ours), status(), 20)
    if expected == "Alert":
        assert answer is None
        assert refusals("out") == before + 1
    else:
        assert answer is not None
        assert served.logged("radsec client connected")[0]["version"] == expected
        assert served.logged("radsec server connected")[0]["version"] == expected


@pytest.mark.parametrize("versions", SETTINGS)
async def test_our_client_and_a_server_without_alpn(
    village: Village, ours: ServerIdentity, root: Authority, tmp_path: Path, versions: str
) -> None:
    """The standard library's server knows no protocol, and goes on without one."""
    expected = TABLE[versions]["none"]
    before = refusals("out")
    received: list[bytes] = []
    with structlog.testing.capture_logs() as log:
        async with (
            fake_server(
                root.peer(HOME),
                tmp_path,
                ours.anchors[0],
                lambda _, octets: received.append(octets),
            ) as (number, met),
            client(village, ours, versions) as asker,
        ):
            peer = home_of(number, root)
            if expected == "Close-C":
                assert await asker.exchange(peer, status(), 600) is None
                await asyncio.wait_for(met[0].is_over.wait(), 20)
            else:
                asked = asyncio.ensure_future(asker.exchange(peer, status(), 600))
                await until(lambda: bool(received))
                asked.cancel()
    (octets,) = received
    if expected == "Close-C":
        assert (octets[:2], octets[4:20]) == (NOT_SPOKEN[0], bytes(16))
        assert NOT_SPOKEN[1] in octets
        assert refusals("out") == before + 1
        (line,) = [line for line in log if line.get("reason") == "no_common_version"]
        assert "radius.radsec_versions" in line["remedy"]
    else:
        # Signed: Message-Authenticator (80) comes first.
        assert (octets[0], octets[20]) == (12, 80)


@pytest.mark.parametrize("served", ["1.0,1.1"], indirect=True)
async def test_below_tls_1_3_our_server_speaks_1_0(
    served: Served, gate: Issued, tmp_path: Path
) -> None:
    files = write_identity(tmp_path, gate)
    version = ssl.TLSVersion.TLSv1_2
    async with raw(port(served), files, version=version, alpn=OFFERS["1.0,1.1"]) as connection:
        chosen = connection.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert chosen == "radius/1.0"
        assert await spoken(connection) == "1.0"
    with pytest.raises(ssl.SSLError, match="alert no application protocol"):
        async with raw(port(served), files, version=version, alpn=OFFERS["1.1"]):
            raise AssertionError("it was let in")


@pytest.mark.parametrize("served", ["1.1"], indirect=True)
async def test_who_requires_1_1_requires_tls_1_3(
    served: Served, gate: Issued, tmp_path: Path
) -> None:
    files = write_identity(tmp_path, gate)
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        async with raw(port(served), files, version=ssl.TLSVersion.TLSv1_2, alpn=OFFERS["1.1"]):
            raise AssertionError("it was let in")


async def test_a_server_that_speaks_1_1_below_tls_1_3_is_left(
    village: Village, ours: ServerIdentity, root: Authority, tmp_path: Path
) -> None:
    before = refusals("out")
    async with (
        fake_server(
            root.peer(HOME),
            tmp_path,
            ours.anchors[0],
            lambda *_: None,
            version=ssl.TLSVersion.TLSv1_2,
            alpn=OFFERS["1.1"],
        ) as (number, _),
        client(village, ours) as asker,
    ):
        assert await asker.exchange(home_of(number, root), status(), 600) is None
    assert refusals("out") == before + 1


@pytest.mark.parametrize("served", ["1.0,1.1"], indirect=True)
async def test_no_session_is_resumed(served: Served, gate: Issued, tmp_path: Path) -> None:
    """Section 3.5 has a resumed session speak what it spoke: each of ours begins anew."""
    certificate, key, _ = write_identity(tmp_path, gate)

    def connect_twice() -> list[bool]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(OFFERS["1.1"])
        session, reused = None, []
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", port(served)), 20) as bare,
                context.wrap_socket(bare, session=session) as connection,
            ):
                connection.sendall(b"\x0c\x00\x00\x14" + bytes(16))
                # What a server has for another time comes before its first answer.
                assert len(connection.recv(20)) == 20
                session, now = connection.session, connection.session_reused
                reused.append(bool(now))
        return reused

    assert await asyncio.to_thread(connect_twice) == [False, False]
