"""Accounting over UDP: from the packets of a session to its one row."""

from pathlib import Path

import pytest
from sqlalchemy import select

from aaa import citizens, devices
from aaa.model import DailyUsage, Session
from aaa.wifi_secrets import WifiSecrets
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests.radius.served import PHONE_AS_SENT, Served, accounting, pap, radclient, sample
from tests.village import PASSWORD, PHONE

TEXT = PASSWORD.reveal().decode()
GIGAWORD = 1 << 32
CLIENT_VIEW = ("ChilliSpot-Acct-View-Point", 2)


async def rows(served: Served) -> list[Session]:
    async with served.village.database.read("test") as session:
        return list((await session.scalars(select(Session).order_by(Session.id))).all())


async def test_a_session_from_log_in_to_stop(anywhere: Served) -> None:
    village = anywhere.village
    here = ("Calling-Station-Id", PHONE_AS_SENT)
    accepted = await anywhere.answer(pap("anna", TEXT, here))
    name = ("User-Name", accepted.attributes.text("User-Name") or "")
    owner = ("Class", accepted.attributes.octets("Class") or b"")
    more = (
        name,
        owner,
        ("Framed-IP-Address", "10.1.0.7"),
        ("Called-Station-Id", "00-11-22-AA-BB-CC"),
    )
    begun_at = village.clock()
    assert (await anywhere.answer(accounting("Start", *more))).code is Code.ACCOUNTING_RESPONSE
    counters = (("Acct-Input-Octets", 100), ("Acct-Output-Octets", 7), ("Acct-Output-Gigawords", 2))
    village.clock.advance(minutes=10)
    await anywhere.answer(
        accounting("Interim-Update", *more, *counters, ("Acct-Session-Time", 600))
    )
    stopped_at = village.clock.advance(minutes=5)
    await anywhere.answer(
        accounting(
            "Stop",
            *more,
            *counters,
            ("Acct-Session-Time", 900),
            ("Acct-Terminate-Cause", "User-Request"),
        )
    )
    (row,) = await rows(anywhere)
    assert row.citizen_id == village.anna
    assert (row.started_at, row.stopped_at) == (begun_at, stopped_at)
    assert (row.upload_octets, row.download_octets) == (100, 2 * GIGAWORD + 7)
    assert (row.session_seconds, row.terminate_cause) == (900, "user-request")
    assert (row.device_mac, row.framed_address) == (PHONE, "10.1.0.7")
    assert row.user_name == "anna@village.example"
    async with village.database.read("test") as session:
        (usage,) = (await session.scalars(select(DailyUsage))).all()
    assert usage.octets == 2 * GIGAWORD + 107


@pytest.mark.interop
async def test_radclients_packets_end_up_as_one_session(anywhere: Served, tmp_path: Path) -> None:
    packets = [
        {"Acct-Status-Type": "Start"},
        {"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": "60", "Acct-Input-Octets": "5"},
        {"Acct-Status-Type": "Stop", "Acct-Session-Time": "90", "Acct-Input-Octets": "6"},
    ]
    same = {"Acct-Session-Id": "r-1", "User-Name": "anna", "Calling-Station-Id": PHONE_AS_SENT}
    for packet in packets:
        answer = await radclient(tmp_path, anywhere.acct, "acct", same | packet)
        assert answer.got == "Accounting-Response", answer.output
    (row,) = await rows(anywhere)
    assert (row.citizen_id, row.session_seconds, row.upload_octets) == (
        anywhere.village.anna,
        90,
        6,
    )


async def test_the_citizens_view_is_turned_round(served: Served) -> None:
    counters = (("Acct-Input-Octets", 5000), ("Acct-Output-Octets", 100))
    await served.answer(accounting("Interim-Update", *counters, CLIENT_VIEW, session_id="client"))
    await served.answer(accounting("Interim-Update", *counters, session_id="rfc"))
    by_id = {row.acct_session_id: row for row in await rows(served)}
    assert (by_id["client"].upload_octets, by_id["client"].download_octets) == (100, 5000)
    assert (by_id["rfc"].upload_octets, by_id["rfc"].download_octets) == (5000, 100)


@pytest.mark.parametrize(
    ("status", "cause"),
    [("Accounting-On", "nas-restarted"), ("Accounting-Off", "nas-switched-off")],
)
async def test_on_and_off_close_what_was_open(anywhere: Served, status: str, cause: str) -> None:
    """As CoovaChilli sends them: no Acct-Session-Id, and zeros for a device."""
    for session_id in ("a", "b"):
        await anywhere.answer(accounting("Start", session_id=session_id))
    anywhere.village.clock.advance(minutes=1)
    attributes = Attributes.of(
        ("Acct-Status-Type", status), ("Calling-Station-Id", "00-00-00-00-00-00")
    )
    answer = await anywhere.answer(Packet(Code.ACCOUNTING_REQUEST, 0, bytes(16), attributes))
    assert answer.code is Code.ACCOUNTING_RESPONSE
    assert [row.terminate_cause for row in await rows(anywhere)] == [cause, cause]


async def test_sessions_find_their_citizen_without_a_class(served: Served) -> None:
    village = served.village
    for number, name in enumerate(("anna", "bruno@borgo.example", "nobody", "an@na@", PHONE)):
        await served.answer(accounting("Start", ("User-Name", name), session_id=str(number)))
    forged = (("Class", b"made up"), ("User-Name", "anna@village.example"))
    await served.answer(accounting("Start", *forged, session_id="forged"))
    assert [row.citizen_id for row in await rows(served)] == [
        village.anna,
        village.bruno,
        None,
        None,
        None,
        village.anna,
    ]


async def test_accounting_ties_a_session_to_the_device_that_was_proven(anywhere: Served) -> None:
    village = anywhere.village
    async with village.database.write("test") as session:
        secret, device_id = await WifiSecrets(village.keyring, keeps_text=False).issue(
            session, citizen_id=village.anna, name="laptop", now=village.clock()
        )
    here = ("Calling-Station-Id", PHONE_AS_SENT)
    accepted = await anywhere.answer(pap("anna", secret.reveal(), here))
    assert accepted.code is Code.ACCESS_ACCEPT
    (line,) = anywhere.logged("request answered")
    assert line["method"] == "wifi_secret"
    name = ("User-Name", accepted.attributes.text("User-Name") or "")
    owner = ("Class", accepted.attributes.octets("Class") or b"")
    await anywhere.answer(accounting("Start", name, owner))
    # Without the Class, nobody can tell which of her devices it is.
    await anywhere.answer(accounting("Start", name, session_id="s-2"))
    assert [(row.citizen_id, row.device_id) for row in await rows(anywhere)] == [
        (village.anna, device_id),
        (village.anna, None),
    ]
    async with village.database.write("test") as session:
        revoked = await devices.revoke(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )
    assert revoked == 1
    refused = await anywhere.answer(pap("anna", secret.reveal(), here))
    assert refused.code is Code.ACCESS_REJECT


async def test_a_remembered_device_is_known_by_its_name_alone(anywhere: Served) -> None:
    village = anywhere.village
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="", days=9, now=village.clock()
        )
        (device,) = await devices.of_citizen(session, village.anna)
    await anywhere.answer(accounting("Start", ("User-Name", PHONE_AS_SENT)))
    (row,) = await rows(anywhere)
    assert (row.citizen_id, row.device_id) == (village.anna, device.id)


async def test_accounting_of_a_closed_account_goes_on(anywhere: Served) -> None:
    """Its devices are deleted, while the NAS still hands the Class back."""
    village = anywhere.village
    async with village.database.write("test") as session:
        secret, _ = await WifiSecrets(village.keyring, keeps_text=False).issue(
            session, citizen_id=village.anna, name="laptop", now=village.clock()
        )
    accepted = await anywhere.answer(pap("anna", secret.reveal()))
    owner = ("Class", accepted.attributes.octets("Class") or b"")
    await anywhere.answer(accounting("Start", owner))
    async with village.database.write("test") as session:
        await citizens.close(session, village.anna, village.clock())
    counters = (("Acct-Input-Octets", 100), ("Acct-Session-Time", 60))
    for session_id in ("s-1", "s-2"):
        answer = await anywhere.answer(
            accounting("Interim-Update", owner, *counters, session_id=session_id)
        )
        assert answer.code is Code.ACCOUNTING_RESPONSE
    assert [(row.citizen_id, row.device_id, row.upload_octets) for row in await rows(anywhere)] == [
        (village.anna, None, 100)
    ] * 2


async def test_what_has_no_meaning_here_is_answered_and_counted(served: Served) -> None:
    name = "farandole_accounting_events_total"
    before = sample(name, kind="other", outcome="ignored")
    for packet in (
        accounting("Failed"),
        Packet(Code.ACCOUNTING_REQUEST, 0, bytes(16), Attributes()),
    ):
        assert (await served.answer(packet)).code is Code.ACCOUNTING_RESPONSE
    assert sample(name, kind="other", outcome="ignored") == before + 2
    nameless = sample(name, kind="start", outcome="ignored")
    await served.answer(accounting("Start", session_id=None))
    assert sample(name, kind="start", outcome="ignored") == nameless + 1
    (line,) = served.logged("accounting without Acct-Session-Id")
    assert "firmware" in line["remedy"]
    assert await rows(served) == []


async def test_proxy_state_comes_back(served: Served) -> None:
    hops = (("Proxy-State", b"one"), ("Proxy-State", b"two"))
    answer = await served.answer(accounting("Start", *hops))
    assert answer.attributes.all("Proxy-State") == (b"one", b"two")
    assert not answer.attributes.has("Message-Authenticator")


async def test_text_and_counters_that_no_database_holds(anywhere: Served) -> None:
    hostile = (
        ("User-Name", b"an\0na\xff"),
        ("Called-Station-Id", b"\0"),
        ("Chargeable-User-Identity", b"\0"),
        ("Acct-Input-Octets", 0xFFFFFFFF),
        ("Acct-Input-Gigawords", 0xFFFFFFFF),
        ("Acct-Session-Time", 0xFFFFFFFF),
        ("Acct-Delay-Time", 0xFFFFFFFF),
    )
    await anywhere.answer(accounting("Stop", *hostile, session_id="\0s\0"))
    (row,) = await rows(anywhere)
    assert (row.acct_session_id, row.called_station_id, row.cui) == ("s", None, None)
    assert row.upload_octets == 1 << 50
    assert row.stopped_at == anywhere.village.clock()
