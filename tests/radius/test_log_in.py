"""Log-ins over UDP, asked by Debian's radclient and by our own client."""

import secrets
from pathlib import Path

import pytest

from aaa import devices, session_owner, tickets
from aaa.authentication import Method
from aaa.policies import Scope
from aaa.session_owner import SessionOwner
from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request, encode_accounting_request
from radius.wire.packet import Code, Packet, encode, parse
from tests.radius.served import (
    PHONE_AS_SENT,
    Named,
    Served,
    Socket,
    accounting,
    chapped,
    dropped,
    duplicates,
    pap,
    radclient,
    sample,
    serve,
    status,
    until,
)
from tests.village import NAS_SECRET, PASSWORD, PHONE, Village

TEXT = PASSWORD.reveal().decode()


async def issue(served: Served, device_mac: str | None = None) -> str:
    village = served.village
    async with village.database.write("test") as session:
        ticket, _ = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=village.square.id,
            device_mac=device_mac,
            now=village.clock(),
        )
    return ticket.reveal().decode()


@pytest.mark.interop
async def test_radclient_logs_in_with_a_password(anywhere: Served, tmp_path: Path) -> None:
    right = {"User-Name": "anna", "User-Password": f'"{TEXT}"'}
    accepted = await radclient(tmp_path, anywhere.auth, "auth", right)
    assert accepted.got == "Access-Accept", accepted.output
    assert 'User-Name = "anna@village.example"' in accepted.output
    assert "Session-Timeout = 43200" in accepted.output
    wrong = await radclient(tmp_path, anywhere.auth, "auth", right | {"User-Password": '"lily"'})
    assert wrong.got == "Access-Reject", wrong.output


async def test_a_password(served: Served) -> None:
    for name in ("anna", "anna@village.example", "ANNA@Village.Example"):
        accepted = await served.answer(pap(name, TEXT))
        assert accepted.code is Code.ACCESS_ACCEPT
        assert accepted.attributes.text("User-Name") == "anna@village.example"
        assert accepted.attributes.integer("Session-Timeout") == 12 * 3600
        assert accepted.attributes.integer("Acct-Interim-Interval") == 600


async def test_who_has_an_account_is_not_told(served: Served) -> None:
    wrong = await served.answer(pap("anna", "lily of the valley"))
    unknown = await served.answer(pap("nobody", "lily of the valley"))
    assert wrong.code is unknown.code is Code.ACCESS_REJECT
    told = wrong.attributes.text("Reply-Message")
    assert told
    assert told == unknown.attributes.text("Reply-Message")
    reasons = [line["reason"] for line in served.logged("request answered")]
    assert reasons == ["wrong_password", "unknown_citizen"]


@pytest.mark.interop
async def test_radclient_logs_in_with_a_ticket_by_chap(served: Served, tmp_path: Path) -> None:
    ticket = await issue(served)
    asked = {"User-Name": "anna", "CHAP-Password": ticket, "Message-Authenticator": "0x00"}
    wrong = await radclient(tmp_path, served.auth, "auth", asked | {"CHAP-Password": "guess"})
    assert wrong.got == "Access-Reject", wrong.output
    right = await radclient(tmp_path, served.auth, "auth", asked)
    assert right.got == "Access-Accept", right.output
    again = await radclient(tmp_path, served.auth, "auth", asked)
    assert again.got == "Access-Reject", again.output
    assert "not valid any more" in again.output


async def test_a_ticket_serves_once(anywhere: Served) -> None:
    asked = {"collectivity": "village", "method": "ticket", "outcome": "accept"}
    before = sample("farandole_log_ins_total", **asked)
    ticket = await issue(anywhere, PHONE)
    here = ("Calling-Station-Id", PHONE_AS_SENT)
    elsewhere = await anywhere.answer(
        chapped("anna", ticket, ("Calling-Station-Id", "02-00-5E-00-53-99"))
    )
    accepted = await anywhere.answer(chapped("anna", ticket, here))
    again = await anywhere.answer(pap("anna", ticket, here))
    assert [reply.code for reply in (elsewhere, accepted, again)] == [
        Code.ACCESS_REJECT,
        Code.ACCESS_ACCEPT,
        Code.ACCESS_REJECT,
    ]
    lines = anywhere.logged("request answered")
    assert [line.get("reason") for line in lines] == ["ticket_elsewhere", None, "ticket_used"]
    assert {line["method"] for line in lines} == {"ticket"}
    assert sample("farandole_log_ins_total", **asked) == before + 1


async def test_chap_without_a_challenge_answers_the_request_authenticator(served: Served) -> None:
    ticket = await issue(served)
    authenticator = secrets.token_bytes(16)
    proof = chap.respond(1, ticket.encode(), authenticator)
    attributes = Attributes.of(("User-Name", "anna"), ("CHAP-Password", proof))
    reply = await served.answer(Packet(Code.ACCESS_REQUEST, 0, authenticator, attributes))
    assert reply.code is Code.ACCESS_ACCEPT


@pytest.mark.parametrize("service", ["Call-Check", "Framed", "Login"])
async def test_a_remembered_device_needs_no_page(anywhere: Served, service: str) -> None:
    village = anywhere.village
    device = (("Calling-Station-Id", PHONE_AS_SENT), ("Service-Type", service))
    asked = pap("02005e005301", "02005e005301", *device)
    unknown = await anywhere.answer(asked)
    assert unknown.code is Code.ACCESS_REJECT
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=1, now=village.clock()
        )
    accepted = await anywhere.answer(pap(PHONE_AS_SENT + "@hills", "any", *device))
    assert accepted.code is Code.ACCESS_ACCEPT
    assert accepted.attributes.text("User-Name") == "anna@village.example"
    owner = session_owner.unseal(village.keyring, accepted.attributes.octets("Class"))
    assert owner == SessionOwner(Method.DEVICE, village.anna, 1)


async def test_somebody_elses_device_is_no_log_in(served: Served) -> None:
    village = served.village
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=1, now=village.clock()
        )
    reply = await served.answer(
        pap(PHONE_AS_SENT, PHONE_AS_SENT, ("Calling-Station-Id", "02-00-5E-00-53-99"))
    )
    assert reply.code is Code.ACCESS_REJECT


@pytest.mark.parametrize(
    "method",
    [
        ("EAP-Message", bytes((2, 77, 0, 5, 1))),
        ("MS-CHAP2-Response", bytes(50)),
        ("User-Name", "anna"),
    ],
)
async def test_methods_that_are_not_offered(served: Served, method: Named) -> None:
    attributes = Attributes.of(("User-Name", "anna"), method)
    reply = await served.answer(Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), attributes))
    assert reply.code is Code.ACCESS_REJECT
    assert served.logged("request answered")[-1]["reason"] == "method_not_supported"
    is_eap = method[0] == "EAP-Message"
    assert reply.attributes.octets("EAP-Message") == (bytes((4, 77, 0, 4)) if is_eap else None)


async def test_what_an_accept_carries(served: Served) -> None:
    village = served.village
    await village.limit(
        Scope(citizen_id=village.anna),
        download_kbps="5000",
        upload_kbps="99999999999999",
        daily_octets=str(6 << 30),
    )
    reply = await served.answer(
        pap(
            "anna",
            TEXT,
            ("Proxy-State", b"one"),
            ("Chargeable-User-Identity", b"\0"),
            ("Proxy-State", b"\0two"),
        )
    )
    attributes = reply.attributes
    assert next(iter(attributes))[0] == 80  # Message-Authenticator comes first
    assert attributes.all("Proxy-State") == (b"one", b"\0two")
    assert attributes.integer("WISPr-Bandwidth-Max-Down") == 5_000_000
    assert attributes.integer("WISPr-Bandwidth-Max-Up") == 0xFFFFFFFF
    assert attributes.integer("ChilliSpot-Max-Total-Gigawords") == 1
    owner = session_owner.unseal(village.keyring, attributes.octets("Class"))
    assert owner == SessionOwner(Method.PASSWORD, village.anna, None)
    pseudonym = attributes.text("Chargeable-User-Identity")
    assert pseudonym is not None
    assert "anna" not in pseudonym
    again = await served.answer(pap("anna", TEXT, ("Chargeable-User-Identity", b"of another")))
    assert again.attributes.text("Chargeable-User-Identity") == pseudonym
    unasked = await served.answer(pap("anna", TEXT))
    assert not unasked.attributes.has("Chargeable-User-Identity")


async def test_policy_speaks_last(served: Served) -> None:
    village = served.village
    await village.limit(
        Scope(hotspot_id=village.square.hotspot.id), opening_hours="sun 08:00-09:00"
    )
    asked = {"collectivity": "village", "reason": "outside_hours", "where": "radius"}
    before = sample("farandole_denials_total", **asked)
    reply = await served.answer(pap("anna", TEXT, ("Proxy-State", b"hop")))
    assert reply.code is Code.ACCESS_REJECT
    assert reply.attributes.all("Proxy-State") == (b"hop",)
    assert "closed" in (reply.attributes.text("Reply-Message") or "")
    assert sample("farandole_denials_total", **asked) == before + 1


async def test_a_refusal_is_held_back_and_repeated_requests_wait(village: Village) -> None:
    async with serve(village, reject_delay_seconds=0.5) as served:
        packet = pap("nobody", "lily of the valley")
        datagram = encode_access_request(packet, NAS_SECRET.reveal())
        waiting, repeated = duplicates("in_progress"), duplicates("resent")
        socket = Socket()
        socket.send(datagram, served.auth)
        # Answered, but for the waiting: the handler is done.
        await until(lambda: sample("farandole_radius_in_progress") == 1)
        socket.send(datagram, served.auth)
        await until(lambda: duplicates("in_progress") == waiting + 1)
        first = await socket.receive()
        socket.send(datagram, served.auth)
        assert await socket.receive() == first
        assert duplicates("resent") == repeated + 1
        assert sample("farandole_radius_in_progress") == 0
        socket.close()


async def test_stopping_answers_what_is_held_back(village: Village) -> None:
    async with serve(village, reject_delay_seconds=10.0) as served:
        socket = Socket()
        packet = pap("nobody", "lily of the valley")
        before = sample("farandole_denials_total", **UNKNOWN)
        socket.send(encode_access_request(packet, NAS_SECRET.reveal()), served.auth)
        await until(lambda: sample("farandole_denials_total", **UNKNOWN) == before + 1)
        await served.server.stop()
        assert parse(await socket.receive(5)).code is Code.ACCESS_REJECT
        socket.close()


UNKNOWN = {"collectivity": "village", "reason": "unknown_citizen", "where": "radius"}


@pytest.mark.interop
async def test_status_server_on_both_ports(served: Served, tmp_path: Path) -> None:
    asked = {"Message-Authenticator": "0x00"}
    on_auth = await radclient(tmp_path, served.auth, "status", asked)
    on_acct = await radclient(tmp_path, served.acct, "status", asked)
    assert on_auth.got == "Access-Accept", on_auth.output
    assert on_acct.got == "Accounting-Response", on_acct.output


async def test_status_server_must_be_signed(served: Served) -> None:
    before = dropped("message_authenticator_missing")
    socket = Socket()
    socket.send(encode(status()), served.auth)
    await until(lambda: dropped("message_authenticator_missing") == before + 1)
    assert socket.has_nothing()
    socket.close()


async def test_each_service_keeps_to_its_port(served: Served) -> None:
    before = dropped("unsupported_code")
    socket = Socket()
    socket.send(encode_accounting_request(accounting("Start"), NAS_SECRET.reveal()), served.auth)
    socket.send(encode_access_request(pap("anna", TEXT), NAS_SECRET.reveal()), served.acct)
    await until(lambda: dropped("unsupported_code") == before + 2)
    (line, *_) = served.logged("no answer: unsupported code")
    assert "radius.acct_port" in line["remedy"]
    socket.close()
