"""Requests without Message-Authenticator: anybody can forge them, so that they buy nothing."""

import secrets

import pytest

from aaa import devices
from aaa.secret import Secret
from radius.request import Unanswered
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet, encode, parse
from tests.radius.served import (
    PHONE_AS_SENT,
    Named,
    Served,
    Socket,
    chapped,
    dropped,
    pap,
    sample,
    until,
)
from tests.village import PASSWORD, PHONE

OTHER = Secret("another secret of sorts")
HERE = ("Calling-Station-Id", PHONE_AS_SENT)


async def remember(served: Served) -> None:
    village = served.village
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=1, now=village.clock()
        )


def bare(*named: Named) -> Packet:
    """An Access-Request with nothing in it that proves anything."""
    return Packet(Code.ACCESS_REQUEST, 0, secrets.token_bytes(16), Attributes.of(*named))


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (bare(("User-Name", PHONE_AS_SENT), HERE), Unanswered.MESSAGE_AUTHENTICATOR_MISSING),
        (
            chapped(PHONE_AS_SENT, PHONE_AS_SENT, HERE),
            Unanswered.MESSAGE_AUTHENTICATOR_MISSING,
        ),
        (pap(PHONE_AS_SENT, PHONE_AS_SENT, HERE, secret=OTHER), Unanswered.WRONG_SECRET),
        (
            bare(("User-Name", PHONE_AS_SENT), ("User-Password", b"short"), HERE),
            Unanswered.MALFORMED_BAD_ATTRIBUTE,
        ),
    ],
    ids=["nothing", "chap", "wrong secret", "bad length"],
)
async def test_whose_a_device_is_is_not_told_to_who_cannot_prove_to_be_the_nas(
    served: Served, forged: Packet, reason: Unanswered
) -> None:
    await remember(served)
    before = dropped(reason)
    socket = Socket()
    socket.send(encode(forged), served.auth)
    await until(lambda: dropped(reason) == before + 1 or not socket.has_nothing())
    assert dropped(reason) == before + 1
    assert socket.has_nothing()
    (line,) = served.logged(f"no answer: {reason.replace('_', ' ')}")
    assert line["nas"] == "square"
    assert line["remedy"]
    socket.close()


@pytest.mark.parametrize("password", [PHONE_AS_SENT, ""], ids=["mac", "padding"])
async def test_a_hidden_password_proves_the_nas(served: Served, password: str) -> None:
    """As hostapd and RouterOS ask for a device without signing."""
    await remember(served)
    socket = Socket()
    socket.send(encode(pap(PHONE_AS_SENT, password, HERE)), served.auth)
    accepted = parse(await socket.receive())
    assert accepted.attributes.text("User-Name") == "anna@village.example"
    socket.close()


async def test_a_password_that_no_person_typed_costs_nothing(served: Served) -> None:
    reads = {"operation": "claim"}
    before = sample("farandole_database_seconds_count", **reads)
    drops = dropped("wrong_secret")
    socket = Socket()
    socket.send(encode(pap("anna", PASSWORD.reveal(), secret=OTHER)), served.auth)
    await until(lambda: dropped("wrong_secret") == drops + 1 or not socket.has_nothing())
    assert dropped("wrong_secret") == drops + 1
    assert socket.has_nothing()
    assert sample("farandole_database_seconds_count", **reads) == before
    (line,) = served.logged("no answer: wrong secret")
    assert line["nas"] == "square"
    assert "farandole nas rotate" in line["remedy"]
    socket.send(encode(pap("anna", PASSWORD.reveal())), served.auth)
    assert (await socket.receive())[0] == Code.ACCESS_ACCEPT
    socket.close()
