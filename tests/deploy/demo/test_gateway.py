"""The simulated gateway against values computed elsewhere (md5sum), and against the adapter that
the portal meets real gateways with."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from aaa.nas.adapter import Arrival, BadRedirect, Door, Navigate, Redirect, RedirectFlaw
from aaa.nas.chilli import CoovaChilli
from aaa.secret import Secret
from deploy.demo.gateway import INTERIM, Gateway, Visitor
from deploy.demo.packets import AccessServer, Station
from deploy.demo.session import Ending
from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_dynamic_request, verify_reply
from radius.wire.hiding import unhide_password
from radius.wire.packet import Code, Packet, parse
from tests.village import Clock

NAS = AccessServer(
    name="nas-1",
    mac="02-00-5E-20-00-01",
    ssid="Wi-Fi Saint-Aubin",
    place="Place du Marché",
    portal_url="http://127.0.0.1:8080/at/nas-1/",
    secret=Secret("radius secret of the test"),
    uam_secret=Secret("uam secret of the test"),
)
PHONE = Station("02-00-5E-10-00-01", "10.1.0.11", 1, 3990)
WANTED = "http://127.0.0.1:8081/phone/1"
DOOR = Door(portal_url=NAS.portal_url, uam_secret=NAS.uam_secret, login_host=None)
TICKET = "ticket-of-test16"


class Server:
    """A RADIUS server that answers what the test tells it to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Packet] = []
        self.answer: Packet | None = reject()

    async def ask(self, request: Packet) -> Packet | None:
        self.requests.append(request)
        if request.code is Code.ACCOUNTING_REQUEST:
            return Packet(Code.ACCOUNTING_RESPONSE, 0, bytes(16), Attributes())
        return self.answer

    def accounted(self, status: int) -> list[Attributes]:
        """What was reported with an Acct-Status-Type."""
        return [
            request.attributes
            for request in self.requests
            if request.attributes.integer("Acct-Status-Type") == status
        ]


START, STOP, INTERIM_UPDATE, ON, OFF = 1, 2, 3, 7, 8


def accept(*attributes: tuple[str, str | int | bytes]) -> Packet:
    return Packet(Code.ACCESS_ACCEPT, 0, bytes(16), Attributes.of(*attributes))


def reject(*attributes: tuple[str, str | int | bytes]) -> Packet:
    return Packet(Code.ACCESS_REJECT, 0, bytes(16), Attributes.of(*attributes))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(server: Server, clock: Clock) -> Gateway:
    return Gateway(NAS, server.ask, clock, octets=lambda count: bytes(range(count)))


async def online(gateway: Gateway, server: Server, *limits: tuple[str, str | int]) -> Visitor:
    """Return a phone that the server let in by its MAC."""
    server.answer = accept(*limits)
    visitor = await gateway.arrive(PHONE)
    assert visitor.session is not None
    return visitor


async def reported(gateway: Gateway) -> None:
    """Return once the gateway has reported everything, its own end included."""
    gateway.switch_off()
    await gateway.run()


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_a_redirect_is_signed_as_coovachilli_signs(gateway: Gateway) -> None:
    visitor = await gateway.arrive(PHONE)
    # md5sum of the URL up to &md= and the secret, in capitals
    assert gateway.capture(visitor, WANTED) == (
        "http://127.0.0.1:8080/at/nas-1/?res=notyet&uamip=127.0.0.1&uamport=3990"
        "&challenge=000102030405060708090a0b0c0d0e0f&called=02-00-5E-20-00-01"
        "&mac=02-00-5E-10-00-01&ip=10.1.0.11&ssid=Wi-Fi%20Saint-Aubin&nasid=nas-1"
        "&sessionid=0001020304050607&userurl=http%3a%2f%2f127.0.0.1%3a8081%2fphone%2f1"
        "&md=3D9216C17D529E443227342A6669A2F2"
    )


async def test_the_portal_believes_a_redirect_and_no_changed_one(gateway: Gateway) -> None:
    visitor = await gateway.arrive(PHONE)
    raw = gateway.capture(visitor, WANTED).partition("?")[2]
    redirect = CoovaChilli().parse_redirect(raw, DOOR)
    assert isinstance(redirect, Redirect)
    assert redirect.arrival is Arrival.NOT_YET
    assert redirect.device_mac == "02:00:5e:10:00:01"
    assert redirect.original_url == WANTED
    changed = raw.replace("02-00-5E-10-00-01", "02-00-5E-10-00-02")
    assert CoovaChilli().parse_redirect(changed, DOOR) == BadRedirect(RedirectFlaw.WRONG_CHECKSUM)


async def test_chap_goes_to_the_server_as_the_browser_brought_it(
    gateway: Gateway, server: Server
) -> None:
    visitor = await gateway.arrive(PHONE)
    server.answer = accept(("Session-Timeout", 3600))
    # md5sum of a zero octet, the ticket, and the md5sum of challenge and uamsecret
    url = await gateway.log_on(visitor, {"username": "anna", "response": CHAP_RESPONSE})
    asked = server.requests[-1]
    assert asked.attributes.octets("CHAP-Challenge") == bytes.fromhex(SHARED_CHALLENGE)
    assert asked.attributes.octets("CHAP-Password") == b"\0" + bytes.fromhex(CHAP_RESPONSE)
    assert chap.matches(
        TICKET.encode(),
        asked.attributes.octets("CHAP-Password") or b"",
        chap.challenge_of(asked),
    )
    assert query(url)["res"] == "success"
    assert query(url)["timeleft"] == "3600"


SHARED_CHALLENGE = "7dae74741da6e4873985443700c8d5ba"
CHAP_RESPONSE = "26afe43e0fb54cceb0f962db73dc7cb5"


@pytest.mark.parametrize("uses_pap", [False, True])
async def test_the_log_on_that_the_portal_writes_proves_the_ticket(
    gateway: Gateway, server: Server, uses_pap: bool
) -> None:
    visitor = await gateway.arrive(PHONE)
    raw = gateway.capture(visitor, WANTED).partition("?")[2]
    door = Door(NAS.portal_url, NAS.uam_secret, None, uses_pap)
    redirect = CoovaChilli().parse_redirect(raw, door)
    assert isinstance(redirect, Redirect)
    login = CoovaChilli().login(redirect.parameters or {}, "anna", TICKET, "", door)
    assert isinstance(login, Navigate)
    assert login.url.startswith("http://127.0.0.1:3990/logon?")
    server.answer = accept()
    await gateway.log_on(visitor, query(login.url))
    asked = server.requests[-1]
    if uses_pap:
        hidden = asked.attributes.octets("User-Password") or b""
        secret = NAS.secret.reveal()
        assert unhide_password(hidden, secret, asked.authenticator) == TICKET.encode()
    else:
        sent = asked.attributes.octets("CHAP-Password") or b""
        assert chap.matches(TICKET.encode(), sent, chap.challenge_of(asked))


async def test_a_request_says_what_a_coovachilli_says(gateway: Gateway, server: Server) -> None:
    visitor = await gateway.arrive(PHONE)
    by_mac = server.requests[-1].attributes
    assert by_mac.text("User-Name") == PHONE.mac
    assert by_mac.integer("Service-Type") == 2
    await gateway.log_on(visitor, {"username": "anna", "response": CHAP_RESPONSE})
    by_person = server.requests[-1].attributes
    assert by_person.integer("Service-Type") == 1
    assert by_person.text("WISPr-Logoff-URL") == "http://127.0.0.1:3990/logoff"
    for attributes in (by_mac, by_person):
        assert attributes.text("Calling-Station-Id") == PHONE.mac
        assert attributes.text("Called-Station-Id") == NAS.mac
        assert attributes.text("NAS-Identifier") == "nas-1"
        assert str(attributes.address("Framed-IP-Address")) == PHONE.address
        assert attributes.text("Acct-Session-Id") == visitor.session_id


async def test_a_refusal_takes_its_message_and_a_new_challenge_to_the_portal(
    gateway: Gateway, server: Server
) -> None:
    visitor = await gateway.arrive(PHONE)
    server.answer = reject(("Reply-Message", "Closed until Monday & beyond"))
    url = await gateway.log_on(visitor, {"username": "anna", "response": CHAP_RESPONSE})
    assert query(url)["res"] == "failed"
    assert query(url)["reason"] == "reject"
    assert query(url)["reply"] == "Closed until Monday & beyond"
    assert query(url)["challenge"] == visitor.challenge.hex()
    assert visitor.session is None


async def test_silence_of_the_server_is_told_apart(gateway: Gateway, server: Server) -> None:
    visitor = await gateway.arrive(PHONE)
    server.answer = None
    url = await gateway.log_on(visitor, {"username": "anna", "response": CHAP_RESPONSE})
    assert query(url)["reason"] == "timeout"
    assert visitor.notes[0].text == "Log-on of anna: no answer"


@pytest.mark.parametrize(
    "sent",
    [{}, {"username": "anna"}, {"username": "anna", "response": "no hex"}, {"password": "00"}],
)
async def test_a_log_on_without_proof_asks_nobody(
    gateway: Gateway, server: Server, sent: dict[str, str]
) -> None:
    visitor = await gateway.arrive(PHONE)
    asked = len(server.requests)
    assert query(await gateway.log_on(visitor, sent))["reason"] == "other"
    assert len(server.requests) == asked


async def test_a_second_tap_does_not_end_what_the_first_began(clock: Clock) -> None:
    answers = iter([reject(), accept(), reject()])

    async def ask(request: Packet) -> Packet:
        answer = next(answers)
        await asyncio.sleep(0)
        return answer

    gateway = Gateway(NAS, ask, clock)
    visitor = await gateway.arrive(PHONE)
    sent = {"username": "anna", "response": CHAP_RESPONSE}
    urls = await asyncio.gather(gateway.log_on(visitor, sent), gateway.log_on(visitor, sent))
    assert [query(url)["res"] for url in urls] == ["success", "already"]
    assert visitor.session is not None


async def test_a_remembered_phone_is_online_without_a_page(
    gateway: Gateway, server: Server
) -> None:
    visitor = await online(gateway, server, ("Session-Timeout", 10_800))
    assert query(gateway.capture(visitor, WANTED))["res"] == "already"
    assert visitor.notes[0].text == "MAC authentication: Access-Accept (3 h)"


async def test_accounting_runs_from_start_to_stop_and_echoes_class(
    gateway: Gateway, server: Server, clock: Clock
) -> None:
    server.answer = accept(("Class", b"class"), ("Chargeable-User-Identity", b"cui"))
    visitor = await gateway.arrive(PHONE)
    clock.advance(seconds=INTERIM.total_seconds())
    gateway.tick()
    clock.advance(seconds=1)
    gateway.log_off(visitor)
    await reported(gateway)
    (start,), (interim,), (stop,) = map(server.accounted, (START, INTERIM_UPDATE, STOP))
    for attributes in (start, interim, stop):
        assert attributes.octets("Class") == b"class"
        assert attributes.octets("Chargeable-User-Identity") == b"cui"
        assert attributes.integer("ChilliSpot-Acct-View-Point") == 2
        assert attributes.text("Acct-Session-Id") == start.text("Acct-Session-Id")
    assert stop.text("User-Name") == PHONE.mac
    assert stop.integer("Acct-Session-Time") == 6
    assert stop.integer("Acct-Terminate-Cause") == 1
    before, after = interim.integer("Acct-Input-Octets"), stop.integer("Acct-Input-Octets")
    assert before is not None
    assert after is not None
    assert 0 < before < after
    assert visitor.ending is Ending.LOGGED_OUT


async def test_a_volume_over_four_gigabytes_is_split(
    gateway: Gateway, server: Server, clock: Clock
) -> None:
    visitor = await online(gateway, server)
    visitor.is_in_use = False
    gateway.download(visitor, (1 << 32) + 5)
    gateway.log_off(visitor)
    await reported(gateway)
    (stop,) = server.accounted(STOP)
    assert stop.integer("Acct-Input-Octets") == 5
    assert stop.integer("Acct-Input-Gigawords") == 1


@pytest.mark.parametrize(
    ("limits", "is_in_use", "ending"),
    [
        ((("Session-Timeout", 60),), True, Ending.TIME_SPENT),
        ((("Idle-Timeout", 60),), False, Ending.IDLE),
        ((("ChilliSpot-Max-Total-Octets", 1_000_000),), True, Ending.VOLUME_SPENT),
    ],
)
async def test_limits_end_a_session(
    gateway: Gateway,
    server: Server,
    clock: Clock,
    limits: tuple[tuple[str, int], ...],
    is_in_use: bool,
    ending: Ending,
) -> None:
    visitor = await online(gateway, server, *limits)
    visitor.is_in_use = is_in_use
    gateway.tick()
    assert visitor.session is not None
    clock.advance(seconds=61)
    gateway.tick()
    assert visitor.session is None
    assert visitor.ending is ending


async def test_a_rate_holds_the_phone_back(gateway: Gateway, server: Server, clock: Clock) -> None:
    visitor = await online(gateway, server, ("WISPr-Bandwidth-Max-Down", 80_000))
    clock.advance(seconds=4)
    gateway.tick()
    assert visitor.session is not None
    assert visitor.session.download_octets == 40_000


def disconnect_request(*attributes: tuple[str, str], secret: Secret = NAS.secret) -> bytes:
    packet = Packet(Code.DISCONNECT_REQUEST, 9, bytes(16), Attributes.of(*attributes))
    return encode_dynamic_request(packet, secret.reveal())


async def test_a_disconnect_request_is_obeyed_and_acknowledged(
    gateway: Gateway, server: Server
) -> None:
    visitor = await online(gateway, server)
    datagram = disconnect_request(("User-Name", PHONE.mac), ("Acct-Session-Id", visitor.session_id))
    answer = gateway.receive(datagram)
    assert answer is not None
    packet = parse(answer)
    assert packet.code is Code.DISCONNECT_ACK
    assert packet.identifier == 9
    assert verify_reply(answer, packet, parse(datagram).authenticator, NAS.secret.reveal())
    assert visitor.ending is Ending.DISCONNECTED
    await reported(gateway)
    (stop,) = server.accounted(STOP)
    assert stop.integer("Acct-Terminate-Cause") == 6


async def test_a_disconnect_request_for_nobody_here_is_refused(
    gateway: Gateway, server: Server
) -> None:
    visitor = await online(gateway, server)
    for attributes in (
        [("User-Name", "somebody else")],
        [("User-Name", PHONE.mac), ("Acct-Session-Id", "another")],
    ):
        answer = gateway.receive(disconnect_request(*attributes))
        assert answer is not None
        assert parse(answer).code is Code.DISCONNECT_NAK
    assert visitor.session is not None


async def test_what_proves_nothing_or_names_nobody_gets_no_answer(
    gateway: Gateway, server: Server
) -> None:
    visitor = await online(gateway, server)
    forged = disconnect_request(("User-Name", PHONE.mac), secret=Secret("another secret"))
    nameless = disconnect_request(("Acct-Session-Id", visitor.session_id))
    assert [gateway.receive(octets) for octets in (b"", forged, nameless)] == [None] * 3
    assert visitor.session is not None


async def test_a_coa_request_changes_the_limits(
    gateway: Gateway, server: Server, clock: Clock
) -> None:
    visitor = await online(gateway, server, ("Session-Timeout", 3600), ("Idle-Timeout", 900))
    changed = Attributes.of(("User-Name", PHONE.mac), ("Session-Timeout", 600))
    request = Packet(Code.COA_REQUEST, 1, bytes(16), changed)
    answer = gateway.receive(encode_dynamic_request(request, NAS.secret.reveal()))
    assert answer is not None
    assert parse(answer).code is Code.COA_ACK
    assert visitor.session is not None
    assert visitor.session.seconds_left(clock()) == 600
    assert visitor.session.allowance.idle_seconds == 900


async def test_a_gateway_announces_itself_and_ends_every_session(
    gateway: Gateway, server: Server
) -> None:
    running = asyncio.ensure_future(gateway.run())
    await asyncio.sleep(0)
    visitor = await online(gateway, server)
    gateway.switch_off()
    await running
    statuses = [
        status
        for request in server.requests
        if (status := request.attributes.integer("Acct-Status-Type"))
    ]
    assert statuses == [ON, START, STOP, OFF]
    (off,) = server.accounted(OFF)
    assert not off.has("Acct-Session-Id")
    assert off.text("Calling-Station-Id") == "00-00-00-00-00-00"
    assert visitor.ending is Ending.SWITCHED_OFF
