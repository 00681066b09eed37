"""Which NAS is served: registered, rotated, behind a shared address, signing or not."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from aaa import access_points
from aaa.access_points import LEARNED_AFTER
from aaa.errors import Invalid
from aaa.model import MessageAuthenticatorRule, Nas
from aaa.secret import Secret
from aaa.snapshot import touch
from radius.sightings import Sightings
from radius.wire.authenticator import (
    encode_access_request,
    encode_accounting_request,
    verify_reply,
)
from radius.wire.errors import BadAuthenticator
from radius.wire.packet import Code, encode, parse
from tests.radius.served import (
    LOOPBACK,
    Served,
    Socket,
    accounting,
    chapped,
    dropped,
    pap,
    radclient,
    sample,
    serve,
    until,
)
from tests.village import NAS_SECRET, PASSWORD, Village

TEXT = PASSWORD.reveal().decode()
SIX = ip_address("::1")
OTHER = Secret("another secret of sorts")


async def register(village: Village, name: str, secret: Secret, **known_by: str | None) -> None:
    """Add a NAS as another process would: nobody refreshes our snapshot."""
    by: dict[str, Any] = {"network": None, "identifier": None} | known_by
    async with village.database.write("test") as session:
        await access_points.register(
            session,
            village.keyring,
            name=name,
            hotspot="library",
            vendor="generic",
            secret=secret,
            uam_secret=None,
            login_host=None,
            uses_pap=False,
            coa_port=None,
            now=village.clock(),
            **by,
        )


async def set_rule(village: Village, name: str, **values: Any) -> None:
    async with village.database.write("test") as session:
        await session.execute(update(Nas).where(Nas.name == name).values(**values))
        await touch(session)
    await village.directory.refresh()


@pytest.mark.interop
async def test_a_nas_just_added_works_at_once(served: Served, tmp_path: Path) -> None:
    before = dropped("unknown_nas")
    stranger = Socket("127.0.0.3")
    datagram = encode_accounting_request(accounting("Start"), OTHER.reveal())
    stranger.send(datagram, served.acct)
    await until(lambda: dropped("unknown_nas") == before + 1)
    assert stranger.has_nothing()
    (line,) = served.logged("no answer: unknown nas")
    assert line["source"] == "127.0.0.3"
    assert "farandole nas add" in line["remedy"]
    await register(served.village, "new", OTHER, network="127.0.0.3")
    stranger.send(datagram, served.acct)
    assert (await stranger.receive())[0] == Code.ACCOUNTING_RESPONSE
    stranger.close()


async def test_a_stranger_is_one_whatever_the_database_holds(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise Invalid("the key file is another")

    monkeypatch.setattr(served.village.directory, "refresh", refuse)
    before, bugs = dropped("unknown_nas"), dropped("internal_error")
    stranger = Socket("127.0.0.3")
    stranger.send(encode_accounting_request(accounting("Start"), OTHER.reveal()), served.acct)
    await until(lambda: dropped("unknown_nas") + dropped("internal_error") > before + bugs)
    assert dropped("unknown_nas") == before + 1
    stranger.close()


@pytest.mark.interop
async def test_a_wrong_secret(served: Served, tmp_path: Path) -> None:
    before = dropped("wrong_secret")
    start = {"Acct-Status-Type": "Start", "Acct-Session-Id": "1"}
    silent = await radclient(tmp_path, served.acct, "acct", start, OTHER)
    assert silent.got is None, silent.output
    assert dropped("wrong_secret") > before
    (line,) = served.logged("no answer: wrong secret")
    assert line["nas"] == "square"
    assert "farandole nas rotate" in line["remedy"]


async def test_nas_behind_one_address_have_a_secret_each(served: Served) -> None:
    await register(served.village, "one", OTHER, network="127.0.0.1", identifier="mairie-1")
    third = Secret("the secret of the third")
    await register(served.village, "two", third, identifier="mairie-2")
    for identifier, secret, name in (("mairie-1", OTHER, "one"), ("MAIRIE-2", third, "two")):
        packet = accounting("Start", ("NAS-Identifier", identifier), session_id=identifier)
        await served.answer(packet, secret)
        assert served.logged("request answered")[-1]["nas"] == name
    await served.answer(accounting("Start"))
    assert served.logged("request answered")[-1]["nas"] == "square"


@pytest.mark.interop
async def test_both_secrets_work_while_one_is_rotated(served: Served, tmp_path: Path) -> None:
    village = served.village
    async with village.database.write("test") as session:
        square = await access_points.by_name(session, "square")
        overlap = village.clock.advance(hours=1) - village.clock.advance(hours=-1)
        await access_points.rotate_secret(
            session, village.keyring, square, OTHER, overlap, village.clock()
        )
    await village.directory.refresh()
    asked = {"User-Name": "anna", "User-Password": f'"{TEXT}"'}
    for secret in (NAS_SECRET, OTHER):
        answer = await radclient(tmp_path, served.auth, "auth", asked, secret)
        assert answer.got == "Access-Accept", answer.output
        await served.answer(accounting("Start"), secret)
    village.clock.advance(hours=2)
    before = dropped("wrong_secret")
    socket = Socket()
    datagram = encode_accounting_request(accounting("Start"), NAS_SECRET.reveal())
    socket.send(datagram, served.acct)
    await until(lambda: dropped("wrong_secret") == before + 1)
    socket.close()


async def test_signing_is_learned_and_then_required(served: Served) -> None:
    village, sightings = served.village, served.sightings
    for _ in range(LEARNED_AFTER):
        await served.answer(pap("nobody", "lily of the valley"))
    await sightings.store(village.database)
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.REQUIRED
    before = dropped("message_authenticator_missing")
    name = "farandole_nas_message_authenticator_regressions_total"
    regressions = sample(name, vendor="coovachilli")
    socket = Socket()
    for count in (1, 2):
        socket.send(encode(pap("anna", TEXT)), served.auth)
        await until(lambda: dropped("message_authenticator_missing") == before + count)  # noqa: B023
    assert socket.has_nothing()
    assert sample(name, vendor="coovachilli") == regressions + 1
    (line,) = served.logged("no answer: message authenticator missing")
    assert "switch it on" in line["remedy"]
    assert (await served.answer(pap("anna", TEXT))).code is Code.ACCESS_ACCEPT
    socket.close()


async def test_one_unsigned_request_begins_the_learning_anew(served: Served) -> None:
    village, sightings = served.village, served.sightings
    await set_rule(village, "square", signed_requests=LEARNED_AFTER - 1)
    socket = Socket()
    socket.send(encode(pap("nobody", "lily of the valley")), served.auth)
    await socket.receive()
    await served.answer(pap("nobody", "lily of the valley"))
    await sightings.store(village.database)
    async with village.database.read("test") as session:
        square = await access_points.by_name(session, "square")
    assert square.message_authenticator is MessageAuthenticatorRule.LEARN
    assert square.signed_requests == 1
    assert square.last_seen_at == village.clock()
    socket.close()


async def test_a_forged_request_does_not_begin_the_learning_anew(served: Served) -> None:
    village, sightings = served.village, served.sightings
    await set_rule(village, "square", signed_requests=LEARNED_AFTER - 2)
    await served.answer(pap("nobody", "lily of the valley"))
    socket = Socket()
    before = dropped("wrong_secret")
    socket.send(encode(pap("anna", TEXT, secret=OTHER)), served.auth)
    await until(lambda: dropped("wrong_secret") == before + 1)
    socket.send(encode(chapped("anna", "guess")), served.auth)
    await socket.receive()
    await served.answer(pap("nobody", "lily of the valley"))
    await sightings.store(village.database)
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.REQUIRED
    (line,) = served.logged("a NAS that signs was seen unsigned")
    assert line["nas"] == "square"
    assert "farandole nas change NAME --message-authenticator required" in line["remedy"]
    socket.close()


async def test_while_a_secret_is_rotated_the_answer_goes_by_the_one_last_proven(
    served: Served,
) -> None:
    village = served.village
    async with village.database.write("test") as session:
        square = await access_points.by_name(session, "square")
        await access_points.rotate_secret(
            session, village.keyring, square, OTHER, timedelta(hours=1), village.clock()
        )
    await village.directory.refresh()
    socket = Socket()

    async def is_answered_by(secret: Secret) -> bool:
        question = chapped("anna", "guess")
        socket.send(encode(question), served.auth)
        answer = await socket.receive()
        try:
            return verify_reply(answer, parse(answer), question.authenticator, secret.reveal())
        except BadAuthenticator:
            return False

    assert await is_answered_by(NAS_SECRET)
    await served.answer(accounting("Start"), OTHER)
    assert await is_answered_by(OTHER)
    await served.answer(pap("nobody", "lily of the valley"), NAS_SECRET)
    assert await is_answered_by(NAS_SECRET)
    socket.close()


async def test_an_unsigned_proxy_state_is_dropped(served: Served) -> None:
    before = dropped("proxy_state_unsigned")
    proxied = pap("anna", TEXT, ("Proxy-State", b"hop"))
    socket = Socket()
    socket.send(encode(proxied), served.auth)
    await until(lambda: dropped("proxy_state_unsigned") == before + 1)
    assert socket.has_nothing()
    await set_rule(served.village, "square", limit_proxy_state=False)
    socket.send(encode(proxied), served.auth)
    assert (await socket.receive())[0] == Code.ACCESS_ACCEPT
    socket.close()


async def test_an_answer_is_sent_again_as_it_was(served: Served) -> None:
    datagram = encode_access_request(pap("anna", TEXT), NAS_SECRET.reveal())
    first, elsewhere = Socket(), Socket()
    first.send(datagram, served.auth)
    answer = await first.receive()
    first.send(datagram, served.auth)
    assert await first.receive() == answer
    assert len(served.logged("request answered")) == 1
    elsewhere.send(datagram, served.auth)
    await elsewhere.receive()
    assert len(served.logged("request answered")) == 2
    first.close()
    elsewhere.close()


async def test_where_a_nas_is_reached(served: Served) -> None:
    """Where it was seen; what anybody can forge does not move it away from what was proven."""
    village, sightings = served.village, Sightings(served.warnings)
    square = village.square
    contact = sightings.contact(square, village.clock())
    assert contact is not None
    assert contact.address == LOOPBACK
    await register(village, "roaming", OTHER, identifier="roaming")
    await village.directory.refresh()
    roaming = village.snapshot.nas_by_name["roaming"]
    assert sightings.contact(roaming, village.clock()) is None
    await served.answer(accounting("Start", ("NAS-Identifier", "roaming")), OTHER)
    contact = served.sightings.contact(roaming, village.clock())
    assert contact is not None
    assert (contact.address, contact.secret) == (LOOPBACK, OTHER)
    forger = Socket("127.0.0.4")
    forger.send(encode(chapped("x", "y", ("NAS-Identifier", "roaming"))), served.auth)
    await forger.receive()
    assert served.sightings.contact(roaming, village.clock()) == contact
    forger.close()


async def test_ipv6_and_ipv4_on_one_socket(village: Village) -> None:
    await register(village, "six", OTHER, network="::1")
    async with serve(village, address="::") as served:
        port = served.server.acct_port
        for address, secret, name in ((LOOPBACK, NAS_SECRET, "square"), (SIX, OTHER, "six")):
            assert await served.client.exchange(accounting("Start"), address, port, secret)
            assert served.logged("request answered")[-1]["nas"] == name
