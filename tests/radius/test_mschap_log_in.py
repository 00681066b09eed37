"""Log-ins by MS-CHAPv2 in Access-Requests, without EAP."""

import re
import secrets
from pathlib import Path

import pytest

from aaa import session_owner, tickets
from aaa.authentication import Method
from aaa.session_owner import SessionOwner
from aaa.wifi_secrets import WifiSecrets
from radius.wire import mschap
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request
from radius.wire.hiding import decrypt_salted
from radius.wire.packet import Code, Packet
from tests.radius.served import (
    PHONE_AS_SENT,
    Named,
    Served,
    Socket,
    dropped,
    pap,
    radclient,
    until,
)
from tests.village import NAS_SECRET, PASSWORD

ANNA = "anna@village.example"


class Asked:
    """An Access-Request with MS-CHAP2-Response, and what its secret makes of it."""

    def __init__(self, name: str, secret: str, *more: Named) -> None:
        challenge, peer_challenge = secrets.token_bytes(16), secrets.token_bytes(16)
        bare = name.rpartition("\\")[2].encode()
        response = mschap.respond(9, secret.encode(), challenge, peer_challenge, bare)
        proven = mschap.verify(
            secret.encode(), mschap.parse_response(response), challenge, name.encode()
        )
        assert proven is not None
        self.proven = proven
        self.challenge, self.response = challenge, response
        attributes = Attributes.of(
            ("User-Name", name),
            ("MS-CHAP-Challenge", challenge),
            ("MS-CHAP2-Response", response),
            *more,
        )
        self.packet = Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), attributes)

    def key(self, reply: Packet, name: str) -> bytes:
        """A key in the reply, decrypted."""
        octets = reply.attributes.octets(name)
        assert octets is not None
        return decrypt_salted(octets, NAS_SECRET.reveal(), self.packet.authenticator)


async def issue(served: Served) -> str:
    village = served.village
    async with village.database.write("test") as session:
        ticket, _ = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=village.square.id,
            device_mac=None,
            now=village.clock(),
        )
    return ticket.reveal().decode()


async def test_a_ticket_is_answered_with_our_own_proof_and_the_keys(served: Served) -> None:
    asked = Asked("anna", await issue(served), ("Calling-Station-Id", PHONE_AS_SENT))
    reply = await served.answer(asked.packet)
    assert reply.code is Code.ACCESS_ACCEPT
    assert reply.attributes.text("User-Name") == ANNA
    expected = b"\x09" + asked.proven.authenticator_response
    assert reply.attributes.octets("MS-CHAP2-Success") == expected
    assert asked.key(reply, "MS-MPPE-Send-Key") == asked.proven.keys.send
    assert asked.key(reply, "MS-MPPE-Recv-Key") == asked.proven.keys.recv
    salts = [reply.attributes.octets(f"MS-MPPE-{way}-Key") for way in ("Send", "Recv")]
    assert len({salt[:2] for salt in salts if salt}) == 2


async def test_of_several_tickets_the_one_that_matched_is_proven(served: Served) -> None:
    first = await issue(served)
    await issue(served)
    asked = Asked(ANNA, first)
    reply = await served.answer(asked.packet)
    expected = b"\x09" + asked.proven.authenticator_response
    assert reply.attributes.octets("MS-CHAP2-Success") == expected
    again = await served.answer(Asked(ANNA, first).packet)
    assert again.code is Code.ACCESS_REJECT
    assert served.logged("request answered")[-1]["reason"] == "ticket_used"


async def test_a_wifi_secret_tells_the_device_and_makes_the_keys(served: Served) -> None:
    village = served.village
    wifi = WifiSecrets(village.keyring, keeps_text=True)
    issued = []
    for name in ("phone", "laptop"):
        async with village.database.write("test") as session:
            issued.append(
                await wifi.issue(session, citizen_id=village.anna, name=name, now=village.clock())
            )
    for secret, device_id in issued:
        asked = Asked(ANNA, secret.reveal().decode())
        reply = await served.answer(asked.packet)
        assert reply.code is Code.ACCESS_ACCEPT
        owner = session_owner.unseal(village.keyring, reply.attributes.octets("Class"))
        assert owner == SessionOwner(Method.WIFI_SECRET, village.anna, device_id)
        expected = b"\x09" + asked.proven.authenticator_response
        assert reply.attributes.octets("MS-CHAP2-Success") == expected
        assert asked.key(reply, "MS-MPPE-Recv-Key") == asked.proven.keys.recv


@pytest.mark.parametrize("name", ["anna", "nobody"])
async def test_a_guess_is_refused_without_another_try(served: Served, name: str) -> None:
    reply = await served.answer(Asked(name, "guess").packet)
    assert reply.code is Code.ACCESS_REJECT
    error = reply.attributes.octets("MS-CHAP-Error")
    assert error is not None
    assert re.fullmatch(rb"\x09E=691 R=0 C=[0-9A-F]{32} V=3 M=This identifier .*", error)
    assert not reply.attributes.has("MS-MPPE-Send-Key")


async def test_the_account_password_is_not_for_challenges(served: Served) -> None:
    reply = await served.answer(Asked("anna", PASSWORD.reveal().decode()).packet)
    assert reply.code is Code.ACCESS_REJECT
    assert served.logged("request answered")[-1]["reason"] == "wrong_password"


async def test_pap_is_answered_without_keys(served: Served) -> None:
    reply = await served.answer(pap("anna", PASSWORD.reveal()))
    assert reply.code is Code.ACCESS_ACCEPT
    assert not reply.attributes.has("MS-CHAP2-Success")
    assert not reply.attributes.has("MS-MPPE-Send-Key")
    refused = await served.answer(pap("anna", "lily of the valley"))
    assert not refused.attributes.has("MS-CHAP-Error")


@pytest.mark.parametrize("lengths", [(8, 50), (16, 49), (16, 51)])
async def test_lengths_that_are_not_of_mschapv2_are_dropped(
    served: Served, lengths: tuple[int, int]
) -> None:
    before = dropped("malformed_bad_attribute")
    attributes = Attributes.of(
        ("User-Name", "anna"),
        ("MS-CHAP-Challenge", bytes(lengths[0])),
        ("MS-CHAP2-Response", bytes(lengths[1])),
    )
    packet = Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), attributes)
    socket = Socket()
    socket.send(encode_access_request(packet, NAS_SECRET.reveal()), served.auth)
    await until(lambda: dropped("malformed_bad_attribute") == before + 1)
    assert socket.has_nothing()
    socket.close()


@pytest.mark.interop
async def test_radclient_decrypts_the_keys(served: Served, tmp_path: Path) -> None:
    asked = Asked("anna", await issue(served))
    accepted = await radclient(
        tmp_path,
        served.auth,
        "auth",
        {
            "User-Name": "anna",
            "MS-CHAP-Challenge": f"0x{asked.challenge.hex()}",
            "MS-CHAP2-Response": f"0x{asked.response.hex()}",
        },
    )
    assert accepted.got == "Access-Accept", accepted.output
    keys = asked.proven.keys
    success = b"\x09" + asked.proven.authenticator_response
    assert f"MS-MPPE-Send-Key = 0x{keys.send.hex()}" in accepted.output
    assert f"MS-MPPE-Recv-Key = 0x{keys.recv.hex()}" in accepted.output
    assert f"MS-CHAP2-Success = 0x{success.hex()}" in accepted.output


@pytest.mark.interop
async def test_radclient_has_the_old_mschap_which_is_not_offered(
    served: Served, tmp_path: Path
) -> None:
    asked = {"User-Name": "anna", "MS-CHAP-Password": f'"{PASSWORD.reveal().decode()}"'}
    refused = await radclient(tmp_path, served.auth, "auth", asked)
    assert refused.got == "Access-Reject", refused.output
    assert served.logged("request answered")[-1]["reason"] == "method_not_supported"
