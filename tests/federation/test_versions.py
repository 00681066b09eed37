"""RADIUS/1.1 between members: passwords, challenges and keys cross from any version to any other,
and where the way is at fault, that is said."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from federation import partners
from federation.model import Transport
from federation.partners import NewServer
from radius.eap.packet import Type
from radius.transports.radsec_client import TlsPeer
from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests.federation.nodes import BASIL, LAVENDER, WIFI_SECRET, Node, join, node, until
from tests.federation.test_roaming import station
from tests.radius.eap.certificates import Authority
from tests.radius.eap_station import link_key
from tests.radius.radsec import HOME, Raw, admit, client, counted, fake_server, identity_of
from tests.radius.served import PHONE_AS_SENT, Named, accounting, clear_pap, pap, sample
from tests.village import PASSWORD

DEVICE: Named = ("Calling-Station-Id", PHONE_AS_SENT)
GIULIA = "giulia@basil.example"


@pytest.fixture
async def lavender(tmp_path: Path) -> AsyncIterator[Node]:
    async with node(LAVENDER, tmp_path) as lavender:
        yield lavender


def connections(version: str) -> float:
    return sum(
        sample("farandole_radsec_connections", direction=direction, version=version)
        for direction in ("in", "out")
    )


def bare_chap(name: str, password: str) -> Packet:
    """CHAP that answers the Request Authenticator (RFC 2865 section 5.3)."""
    authenticator = secrets.token_bytes(16)
    proof = chap.respond(3, password.encode(), authenticator)
    attributes = Attributes.of(("User-Name", name), ("CHAP-Password", proof), DEVICE)
    return Packet(Code.ACCESS_REQUEST, 0, authenticator, attributes)


@pytest.mark.parametrize(("versions", "spoken"), [("1.0,1.1", "1.1"), ("1.0", "1.0")])
async def test_all_proofs_cross_either_version(
    lavender: Node, tmp_path: Path, versions: str, spoken: str
) -> None:
    """From a NAS over UDP, by a member that speaks both, to one that may not."""
    before = connections(spoken)
    async with node(BASIL, tmp_path, versions=versions) as basil:
        await join(lavender, basil, Transport.TLS)
        assert connections(spoken) > before
        for home, visited in ((lavender, basil), (basil, lavender)):
            nai = home.cast.nai
            asked = [
                (pap(nai, PASSWORD.reveal(), DEVICE), Code.ACCESS_ACCEPT),
                (pap(nai, "", DEVICE), Code.ACCESS_REJECT),
                (bare_chap(nai, WIFI_SECRET), Code.ACCESS_ACCEPT),
                (bare_chap(nai, "wrong"), Code.ACCESS_REJECT),
            ]
            for packet, code in asked:
                assert (await visited.answer(packet)).code is code
            device = station(home, visited)
            reply = await device.log_in()
            assert reply.code is Code.ACCESS_ACCEPT
            msk = device.peer.msk(Type.TTLS)
            assert link_key(reply, device.asked, "MS-MPPE-Recv-Key") == msk[:32]
            assert link_key(reply, device.asked, "MS-MPPE-Send-Key") == msk[32:]
            await visited.answer(accounting("Start", ("User-Name", nai)))
            await until(home.sessions)
            await until(visited.has_sent)


@asynccontextmanager
async def failing(
    lavender: Node, folder: Path, body: str, code: int = 52
) -> AsyncIterator[tuple[NewServer, list[bytes]]]:
    """A home server that speaks 1.1 and says the same to all but Status-Server: `body`, in
    hexadecimal, after the header of RFC 9765 section 4.1."""
    root, received = Authority("Partner Root"), list[bytes]()
    said = bytes.fromhex(body)

    def answer(server: Raw, octets: bytes) -> None:
        is_status = octets[0] == 12
        length = (20 if is_status else 20 + len(said)).to_bytes(2, "big")
        header = bytes((2 if is_status else code, 0)) + length + octets[4:8] + bytes(12)
        server.writer.write(header if is_status else header + said)
        if not is_status:
            received.append(octets)

    anchor = lavender.identity.anchors[0]
    async with fake_server(root.peer(HOME), folder, anchor, answer, alpn=("radius/1.1",)) as (
        port,
        _,
    ):
        yield (
            NewServer(
                Transport.TLS, "127.0.0.1", port, port, anchor=root.root.der, certificate_name=HOME
            ),
            received,
        )


# Error-Cause (101) of four octets: 502, 505 and 506 have another server asked, 404 and none do not.
@pytest.mark.parametrize(
    ("body", "asks_on", "told"),
    [
        ("6506000001f6", True, 502),
        ("6506000001f9", True, 505),
        ("6506000001fa", True, 506),
        ("650600000194", False, 404),
        ("", False, 505),
    ],
)
async def test_a_protocol_error_has_another_server_asked_or_none(
    lavender: Node, tmp_path: Path, body: str, asks_on: bool, told: int
) -> None:
    """RFC 9765 section 6.1; the NAS is told, by what it knows."""
    async with (
        failing(lavender, tmp_path / "one", body) as (one, first),
        failing(lavender, tmp_path / "two", body) as (two, second),
    ):
        await lavender.know("basil", ["basil.example"], [one, two])
        reply = await lavender.answer(pap(GIULIA, "whatever", DEVICE))
    assert (reply.code, reply.attributes.integer("Error-Cause")) == (Code.ACCESS_REJECT, told)
    assert reply.attributes.has("Reply-Message")
    assert len(first) + len(second) == (2 if asks_on else 1)


async def test_accounting_that_meets_a_protocol_error_is_kept(
    lavender: Node, tmp_path: Path
) -> None:
    async with failing(lavender, tmp_path / "home", "6506000001fa") as (server, received):
        await lavender.know("basil", ["basil.example"], [server])
        start = accounting("Start", ("User-Name", GIULIA))
        assert (await lavender.answer(start)).code is Code.ACCOUNTING_RESPONSE

        async def is_tried() -> bool:
            return bool(received)

        await until(is_tried)
        assert await lavender.waiting() == 1


async def test_an_access_point_that_speaks_1_1_is_told_of_the_way(
    lavender: Node, tmp_path: Path
) -> None:
    """Where another server may know better it hears Protocol-Error, and a refusal where none
    does."""
    root = Authority("Partner Root")
    await admit(lavender.village, LAVENDER.hotspot, anchor=root.root.der, name=HOME)
    await lavender.refresh()
    body = "650600000194"
    async with (
        failing(lavender, tmp_path / "home", body) as (server, _),
        client(lavender.village, identity_of(root.peer(HOME))) as access_point,
    ):
        await lavender.know("basil", ["basil.example"], [server])
        await lavender.know("sage", ["sage.example"], [replace(server, auth_port=1)])
        port = lavender.settings.radius.radsec_port
        names = lavender.identity.names
        here = TlsPeer("127.0.0.1", port, lavender.identity.anchors[0], names[0])

        async def told(name: str) -> tuple[Code, int | None]:
            reply = counted(await access_point.exchange(here, clear_pap(name, "x", DEVICE), 20))
            return reply.code, reply.attributes.integer("Error-Cause")

        assert await told(GIULIA) == (Code.PROTOCOL_ERROR, 404)
        assert await told("piero@sage.example") == (Code.PROTOCOL_ERROR, 505)
        assert await told("piero@nowhere.example") == (Code.ACCESS_REJECT, 502)
        assert await told("nobody@lavender.example") == (Code.ACCESS_REJECT, None)
        await lavender.change("basil", partners.suspend)
        assert await told(GIULIA) == (Code.PROTOCOL_ERROR, 502)
