"""Log-ins by EAP over real sockets: what the NAS is told, and what goes wrong on the way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_bytes

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from sqlalchemy import update

from aaa import devices, session_owner, snapshot
from aaa.authentication import Authenticator, Method
from aaa.errors import Outage, Unavailable
from aaa.model import Citizen, CitizenState, Collectivity
from aaa.pki import devices as certificates
from aaa.pki.identity import ServerIdentity
from aaa.policies import Scope
from radius.eap.packet import Type
from radius.request import Unanswered
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet, encode
from tests.radius.eap.certificates import Issued
from tests.radius.eap.inside import mschapped, pap
from tests.radius.eap.supplicant import Supplicant, TlsClient, TlsPeer
from tests.radius.eap_station import OUTER, Station, certify, give_secret, link_key, ttls_station
from tests.radius.served import PHONE_AS_SENT, Served, Socket, dropped, sample, serve, until
from tests.village import PASSWORD, Village

EAP_SUCCESS, EAP_FAILURE = 3, 4
TEXT = PASSWORD.reveal()


@pytest.fixture
async def identity(village: Village) -> ServerIdentity:
    return await certify(village)


@pytest.fixture
async def served(village: Village, identity: ServerIdentity) -> AsyncIterator[Served]:
    async with serve(village) as served:
        yield served


@pytest.fixture
async def secret(village: Village) -> tuple[str, int]:
    return await give_secret(village)


def eap_code(reply: Packet) -> int:
    octets = reply.attributes.octets("EAP-Message")
    assert octets is not None
    return octets[0]


def refused(served: Served) -> tuple[str | None, str | None]:
    """The reason and the EAP failure that the log has of the last refusal."""
    line = [line for line in served.logged("request answered") if line["outcome"] == "reject"][-1]
    return line["reason"], line.get("eap")


async def tls_client(
    served: Served, identity: ServerIdentity, name: str = "laptop"
) -> tuple[TlsClient, str]:
    """Return what a device of Anna's has: a certificate, and the identity in it."""
    village, now = served.village, datetime.now(UTC)
    async with village.database.write("test") as session:
        device = await devices.add(session, citizen_id=village.anna, name=name, now=now)
        issued = await certificates.issue(
            session,
            village.keyring,
            device_id=device.id,
            realm="village.example",
            crl_url=None,
            now=now,
        )
    key = load_der_private_key(issued.key.reveal(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    own = Issued(load_der_x509_certificate(issued.certificate), key)
    return TlsClient(identity.anchors, own=own), issued.identity


def tls_station(served: Served, client: TlsClient, outer: str) -> Station:
    peer = TlsPeer(client)
    return Station(served, Supplicant(outer, Type.TLS, peer.respond), peer, outer)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_wifi_secret_opens_the_link(
    served: Served, identity: ServerIdentity, secret: tuple[str, int], version: str
) -> None:
    text, device_id = secret
    station = ttls_station(served, identity, pap(b"anna", text.encode()), version=version)
    reply = await station.log_in()
    assert reply.code is Code.ACCESS_ACCEPT
    assert eap_code(reply) == EAP_SUCCESS
    msk = station.peer.msk(Type.TTLS)
    assert link_key(reply, station.asked, "MS-MPPE-Recv-Key") == msk[:32]
    assert link_key(reply, station.asked, "MS-MPPE-Send-Key") == msk[32:]
    # Accounting is to know the citizen, whom nothing before the tunnel named.
    assert reply.attributes.text("User-Name") == "anna@village.example"
    owner = session_owner.unseal(served.village.keyring, reply.attributes.octets("Class"))
    assert owner is not None
    assert (owner.citizen_id, owner.device_id) == (served.village.anna, device_id)
    assert owner.method is Method.WIFI_SECRET
    # When the time is up the device proves itself anew.
    assert reply.attributes.integer("Session-Timeout") == 12 * 3600
    assert reply.attributes.integer("Termination-Action") == 1


async def test_a_challenge_goes_on_under_a_state_of_its_own(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    station = ttls_station(served, identity, pap(b"anna", secret[0].encode()))
    await station.log_in()
    challenges = station.replies[:-1]
    assert {reply.code for reply in challenges} == {Code.ACCESS_CHALLENGE}
    states = [reply.attributes.octets("State") for reply in challenges]
    assert len(set(states)) == len(states) > 1
    # When the NAS is to repeat one that was lost on the air.
    assert {reply.attributes.integer("Session-Timeout") for reply in challenges} == {5}
    # Neither before nor after says more than EAP does (RFC 3579 section 2.6.5).
    assert not any(reply.attributes.has("Reply-Message") for reply in station.replies)


@pytest.mark.parametrize("mtu", [100, 504, 1400, 60, 65_535])
async def test_no_eap_packet_is_longer_than_the_link_takes(
    served: Served, identity: ServerIdentity, secret: tuple[str, int], mtu: int
) -> None:
    inside = pap(b"anna", secret[0].encode())
    station = ttls_station(served, identity, inside, more=(("Framed-MTU", mtu),))
    assert (await station.log_in()).code is Code.ACCESS_ACCEPT
    longest = max(len(reply.attributes.octets("EAP-Message") or b"") for reply in station.replies)
    assert longest <= max(64, min(mtu - 4, 1024))


async def test_the_account_password_counts_where_people_type_it(
    served: Served, identity: ServerIdentity
) -> None:
    typed = ttls_station(served, identity, pap(b"anna", TEXT))
    reply = await typed.log_in()
    assert reply.code is Code.ACCESS_ACCEPT
    owner = session_owner.unseal(served.village.keyring, reply.attributes.octets("Class"))
    assert owner is not None
    assert (owner.method, owner.device_id) == (Method.PASSWORD, None)
    challenged = ttls_station(served, identity, mschapped(b"anna", TEXT))
    assert (await challenged.log_in()).code is Code.ACCESS_REJECT
    assert refused(served) == ("wrong_password", "credential_refused")


async def test_it_does_not_where_the_place_forbids_it(
    served: Served, identity: ServerIdentity
) -> None:
    await served.village.limit(
        Scope(hotspot_id=served.village.square.hotspot.id), passwords_at_nas="no"
    )
    station = ttls_station(served, identity, pap(b"anna", TEXT))
    assert (await station.log_in()).code is Code.ACCESS_REJECT
    assert refused(served) == ("password_not_allowed", "credential_refused")


async def test_a_secret_may_answer_a_challenge(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    await give_secret(served.village, "another device of hers")
    station = ttls_station(served, identity, mschapped(b"anna", secret[0].encode()))
    reply = await station.log_in()
    assert reply.code is Code.ACCESS_ACCEPT
    owner = session_owner.unseal(served.village.keyring, reply.attributes.octets("Class"))
    assert owner is not None
    assert owner.device_id == secret[1]


async def test_a_certificate_opens_the_link_until_its_device_is_revoked(
    served: Served, identity: ServerIdentity
) -> None:
    client, outer = await tls_client(served, identity)
    station = tls_station(served, client, outer)
    reply = await station.log_in()
    assert reply.code is Code.ACCESS_ACCEPT
    assert link_key(reply, station.asked, "MS-MPPE-Recv-Key") == station.peer.msk(Type.TLS)[:32]
    assert reply.attributes.text("User-Name") == "anna@village.example"
    owner = session_owner.unseal(served.village.keyring, reply.attributes.octets("Class"))
    assert owner is not None
    assert owner.method is Method.CERTIFICATE
    assert owner.device_id is not None
    village = served.village
    async with village.database.write("test") as session:
        await devices.revoke(
            session, citizen_id=village.anna, device_id=owner.device_id, now=village.clock()
        )
    again = tls_station(served, client, outer)
    assert (await again.log_in()).code is Code.ACCESS_REJECT
    assert refused(served) == ("device_revoked", "credential_refused")


async def test_who_is_banned_is_refused_after_the_proof(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    async with served.village.database.write("test") as session:
        await session.execute(
            update(Citizen)
            .where(Citizen.id == served.village.anna)
            .values(state=CitizenState.BANNED)
        )
    station = ttls_station(served, identity, pap(b"anna", secret[0].encode()))
    reply = await station.log_in()
    assert (reply.code, eap_code(reply)) == (Code.ACCESS_REJECT, EAP_FAILURE)
    assert refused(served) == ("banned", None)


@pytest.mark.parametrize(
    ("outer", "inner", "reason"),
    [
        ("anonymous@hills.example", b"anna@village.example", "realm_mismatch"),
        ("anonymous@nowhere.example", b"anna@nowhere.example", "unknown_realm"),
        (OUTER, b"nobody", "unknown_citizen"),
    ],
)
async def test_a_name_that_does_not_hold(
    served: Served,
    identity: ServerIdentity,
    secret: tuple[str, int],
    outer: str,
    inner: bytes,
    reason: str,
) -> None:
    station = ttls_station(served, identity, pap(inner, secret[0].encode()), outer=outer)
    reply = await station.log_in()
    assert (reply.code, eap_code(reply)) == (Code.ACCESS_REJECT, EAP_FAILURE)
    assert refused(served)[0] == reason


@pytest.mark.parametrize(
    ("name", "reason"), [(b"anna", "wrong_password"), (b"nobody", "unknown_citizen")]
)
async def test_a_challenge_that_nobody_can_answer_has_the_reason_that_a_password_has(
    served: Served, identity: ServerIdentity, name: bytes, reason: str
) -> None:
    station = ttls_station(served, identity, mschapped(name, b"lavender"))
    assert (await station.log_in()).code is Code.ACCESS_REJECT
    assert refused(served) == (reason, "credential_refused")


async def test_a_realm_may_be_written_as_it_is_read(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    village = served.village
    async with village.database.write("test") as session:
        renamed = update(Collectivity).where(Collectivity.slug == "village")
        await session.execute(renamed.values(realm="xn--t-9fab.example"))
        await snapshot.touch(session)
    await village.directory.refresh()
    proof = pap("anna@été.example".encode(), secret[0].encode())
    station = ttls_station(served, identity, proof, outer="anonymous@été.example")
    assert (await station.log_in()).code is Code.ACCESS_ACCEPT


async def test_user_name_and_identity_of_different_realms(
    served: Served, identity: ServerIdentity
) -> None:
    station = ttls_station(served, identity, pap(b"anna", TEXT))
    packet = station.request(station.hello(), None)
    other = packet.attributes.without("User-Name").with_("User-Name", "anonymous@hills.example")
    reply = await served.answer(replace(packet, attributes=other))
    assert reply.code is Code.ACCESS_REJECT
    assert refused(served) == ("realm_mismatch", "realm_mismatch")


async def test_the_nas_may_leave_it_to_us_to_ask_for_the_identity(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    station = ttls_station(served, identity, pap(b"anna", secret[0].encode()))
    station.hello = lambda: b""  # type: ignore[method-assign]
    assert (await station.log_in()).code is Code.ACCESS_ACCEPT
    first = station.replies[0].attributes.octets("EAP-Message")
    assert first is not None
    assert first[4] == Type.IDENTITY


async def test_a_state_that_nobody_knows(served: Served, identity: ServerIdentity) -> None:
    station = ttls_station(served, identity, pap(b"anna", TEXT))
    late = bytes((2, 9, 0, 6, Type.TTLS, 0))
    reply = await served.answer(station.request(late, token_bytes(16)))
    assert (reply.code, eap_code(reply)) == (Code.ACCESS_REJECT, EAP_FAILURE)
    assert refused(served) == ("eap_forgotten", None)


async def test_a_conversation_is_forgotten_after_its_time(
    served: Served, identity: ServerIdentity
) -> None:
    station = ttls_station(served, identity, pap(b"anna", TEXT))
    reply = await served.answer(station.request(station.hello(), None))
    served.village.clock.advance(seconds=61)
    eap = station.supplicant.feed(reply.attributes.octets("EAP-Message") or b"")
    assert eap is not None
    reply = await served.answer(station.request(eap, reply.attributes.octets("State")))
    assert reply.code is Code.ACCESS_REJECT
    assert refused(served) == ("eap_forgotten", None)


async def test_who_does_not_come_back_is_counted(served: Served, identity: ServerIdentity) -> None:
    before = sample("farandole_eap_abandoned_total")
    for _ in range(2):
        station = ttls_station(served, identity, pap(b"anna", TEXT))
        await served.answer(station.request(station.hello(), None))
        served.village.clock.advance(seconds=61)
    assert sample("farandole_eap_abandoned_total") == before + 1


async def test_what_is_no_answer_is_ignored_and_asked_again(
    served: Served, identity: ServerIdentity, secret: tuple[str, int]
) -> None:
    before = sample("farandole_eap_ignored_total", reason="wrong_identifier")
    station = ttls_station(served, identity, pap(b"anna", secret[0].encode()))
    first = await served.answer(station.request(station.hello(), None))
    asked = first.attributes.octets("EAP-Message") or b""
    stray = bytes((2, asked[1] ^ 0x55, 0, 6, Type.TTLS, 0))
    second = await served.answer(station.request(stray, first.attributes.octets("State")))
    assert second.code is Code.ACCESS_CHALLENGE
    assert second.attributes.octets("EAP-Message") == asked
    assert second.attributes.integer("Error-Cause") == 202
    assert sample("farandole_eap_ignored_total", reason="wrong_identifier") == before + 1


async def test_eap_that_is_not_signed_is_dropped(served: Served, identity: ServerIdentity) -> None:
    reason = Unanswered.MESSAGE_AUTHENTICATOR_MISSING.value
    before = dropped(reason)
    station = ttls_station(served, identity, pap(b"anna", TEXT))
    socket = Socket()
    socket.send(encode(station.request(station.hello(), None)), served.auth)
    await until(lambda: dropped(reason) == before + 1)
    assert socket.has_nothing()
    socket.close()


async def test_without_a_certificate_of_ours_eap_is_refused(village: Village) -> None:
    async with serve(village) as served:
        packet = Packet(
            Code.ACCESS_REQUEST,
            0,
            token_bytes(16),
            Attributes.of(
                ("User-Name", OUTER),
                ("Calling-Station-Id", PHONE_AS_SENT),
                ("EAP-Message", b"\x02\x01\x00\x06\x01a"),
            ),
        )
        assert (await served.answer(packet)).code is Code.ACCESS_REJECT
        assert refused(served) == ("method_not_supported", None)


@pytest.mark.parametrize("step", ["by_typed", "authorize"])
async def test_the_database_is_away_for_a_moment_in_the_middle(
    served: Served,
    identity: ServerIdentity,
    secret: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """The NAS repeats its packet, and the conversation goes on where it stood."""
    real = getattr(Authenticator, step)
    calls = 0

    async def away_once(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unavailable("database", Outage.UNAVAILABLE, "test")
        return await real(*arguments, **named)

    monkeypatch.setattr(Authenticator, step, away_once)
    station = ttls_station(served, identity, pap(b"anna", secret[0].encode()))
    assert (await station.log_in()).code is Code.ACCESS_ACCEPT
    assert calls == 2
