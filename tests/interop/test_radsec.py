"""RADIUS over TLS with programs that we did not write, as client and as server, in both versions
of TLS and with certificates on both sides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from radius.transports.radsec_client import TlsPeer
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests.interop import radsecproxy
from tests.interop.radsecproxy import Paper, Version
from tests.radius.eap.certificates import Authority
from tests.radius.radsec import NAME, admit, certify, client, identity_of, write_identity
from tests.radius.served import Served, accounting, clear_pap, radclient, serve, status
from tests.village import NAS_SECRET, PHONE, Village, entered

pytestmark = pytest.mark.interop

PROXY = "proxy.partner.example"
LOG_IN = {
    "User-Name": "anna",
    "User-Password": '"lavender in july"',
    "Calling-Station-Id": PHONE,
    "Message-Authenticator": "0x00",
}
ACCOUNTING = {
    "Acct-Status-Type": "Start",
    "Acct-Session-Id": "s-1",
    "Calling-Station-Id": PHONE,
}
both_versions = pytest.mark.parametrize("version", Version)


@pytest.fixture
async def village(settled_sqlite_url: str) -> AsyncIterator[Village]:
    async with entered(settled_sqlite_url) as village:
        yield village


@pytest.fixture
async def ours(village: Village) -> ServerIdentity:
    return await certify(village)


@pytest.fixture
def root() -> Authority:
    return Authority("Partner Root")


@pytest.fixture
async def served(village: Village, ours: ServerIdentity, root: Authority) -> AsyncIterator[Served]:
    await admit(village, anchor=root.root.der, name=PROXY)
    async with serve(village) as served:
        yield served


def paper(folder: Path, root: Authority, ours: ServerIdentity) -> Paper:
    """What the proxy shows, and that it believes our authority for our name."""
    certificate, key, roots = write_identity(folder, root.peer(PROXY), *ours.anchors)
    return Paper(certificate, key, roots, NAME)


@both_versions
async def test_radsecproxy_asks_us(
    served: Served, ours: ServerIdentity, root: Authority, tmp_path: Path, version: Version
) -> None:
    port = served.server.radsec_port
    assert port is not None
    secret = Secret(radsecproxy.SECRET.encode())
    shown = paper(tmp_path, root, ours)
    async with radsecproxy.to_tls(tmp_path, port, shown, version) as proxy:
        accepted = await radclient(tmp_path, proxy.udp, "auth", LOG_IN, secret)
        wrong = LOG_IN | {"User-Password": '"lavender in june"'}
        rejected = await radclient(tmp_path, proxy.udp, "auth", wrong, secret)
        stored = await radclient(tmp_path, proxy.udp, "acct", ACCOUNTING, secret)
    assert (accepted.got, rejected.got) == ("Access-Accept", "Access-Reject")
    assert stored.got == "Accounting-Response"
    assert len(served.logged("radsec client connected")) == 1


@both_versions
async def test_we_ask_radsecproxy(
    served: Served,
    village: Village,
    ours: ServerIdentity,
    root: Authority,
    tmp_path: Path,
    version: Version,
) -> None:
    """It knows us by the name that the service's own certificate has, and we it by its anchor."""
    shown = paper(tmp_path, root, ours)
    secret = NAS_SECRET.reveal().decode()
    async with (
        radsecproxy.to_udp(tmp_path, served.server.auth_port, secret, shown, version) as proxy,
        client(village, ours) as asker,
    ):
        peer = TlsPeer(*proxy.tls, anchor=root.root.der, certificate_name=PROXY)
        answers = [
            await asker.exchange(peer, packet, 20)
            for packet in (
                clear_pap("anna", "lavender in july"),
                clear_pap("anna", "lavender in june"),
                status(),
            )
        ]
        order = Packet(Code.DISCONNECT_REQUEST, 0, bytes(16), Attributes.of(("User-Name", "anna")))
        # It hands no order on, and nothing more that comes over the connection of one.
        async with client(village, ours) as orders:
            assert await orders.exchange(peer, order, 1) is None
        answers.append(await asker.exchange(peer, status(), 20))
    codes = [answer and answer.code for answer in answers]
    accepted = Code.ACCESS_ACCEPT
    assert codes == [accepted, Code.ACCESS_REJECT, accepted, accepted]


@both_versions
async def test_radsecproxy_refuses_whom_it_does_not_know(
    served: Served,
    village: Village,
    ours: ServerIdentity,
    root: Authority,
    tmp_path: Path,
    version: Version,
) -> None:
    """Whether it says so within the handshake or, in TLS 1.3, after it."""
    shown = paper(tmp_path, root, ours)
    stranger = identity_of(Authority("Nobody's Root").peer(NAME))
    async with (
        radsecproxy.to_udp(tmp_path, 1, "no server here", shown, version) as proxy,
        client(village, stranger) as asker,
    ):
        peer = TlsPeer(*proxy.tls, anchor=root.root.der, certificate_name=PROXY)
        assert await asker.exchange(peer, accounting("Start"), 600) is None


@both_versions
async def test_we_refuse_a_radsecproxy_that_we_do_not_know(
    served: Served, ours: ServerIdentity, tmp_path: Path, version: Version
) -> None:
    port = served.server.radsec_port
    assert port is not None
    shown = paper(tmp_path, Authority("Partner Root"), ours)
    async with radsecproxy.to_tls(tmp_path, port, shown, version) as proxy:
        secret = Secret(radsecproxy.SECRET.encode())
        asked = await radclient(tmp_path, proxy.udp, "auth", LOG_IN, secret)
    assert asked.got is None
    (line, *_) = served.logged("radsec client refused: untrusted certificate")
    assert line["names"] == PROXY
