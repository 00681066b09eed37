"""Who is proven by a device's own credential: a Wi-Fi secret, sent or matched; a certificate."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from aaa import citizens, devices
from aaa.account_passwords import GUESSES
from aaa.authentication import Authenticated, Authenticator, Claim, Method, Proven, Refused
from aaa.model import Authority, CitizenState, DeviceCertificate
from aaa.pki import revocation
from aaa.pki.contents import fingerprint
from aaa.policies import Scope
from aaa.policy import DenyReason
from aaa.secret import Secret
from aaa.wifi_secrets import WifiSecrets
from tests.village import NOON, PASSWORD, PHONE, Village

CERTIFICATE = b"what a handshake has verified"
YEAR = timedelta(days=365)


@pytest.fixture
def authenticator(village: Village) -> Authenticator:
    return made(village, challenges=True)


def made(village: Village, *, challenges: bool) -> Authenticator:
    wifi_secrets = WifiSecrets(village.keyring, challenges)
    return Authenticator(village.database, village.keyring, village.hashing, wifi_secrets)


async def issue(village: Village, *, keeps_text: bool = True) -> tuple[Secret, int]:
    async with village.database.write("test") as session:
        return await WifiSecrets(village.keyring, keeps_text).issue(
            session, citizen_id=village.anna, name="phone", now=village.clock()
        )


async def certify(village: Village, certificate: bytes = CERTIFICATE) -> int:
    """Put a certificate of Anna's on record; return her device's id."""
    async with village.database.write("test") as session:
        device = await devices.add(session, citizen_id=village.anna, name="phone", now=NOON)
        authority = Authority(
            certificate=b"", sealed_key=b"", valid_from=NOON, expires_at=NOON + 9 * YEAR
        )
        session.add(authority)
        await session.flush()
        session.add(
            DeviceCertificate(
                device_id=device.id,
                authority_id=authority.id,
                serial="01",
                fingerprint=fingerprint(certificate),
                valid_from=NOON,
                expires_at=NOON + YEAR,
            )
        )
        return device.id


async def revoke(village: Village, device_id: int) -> None:
    async with village.database.write("test") as session:
        await devices.revoke(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )


def claim(village: Village, secret: Secret, *, name: str = "anna", carried: bool = True) -> Claim:
    """A PAP claim, or (not carried) one where the request holds only a response to a challenge."""
    return Claim(
        user_name=name,
        nas=village.square,
        hotspot=village.square.hotspot,
        device_mac=PHONE,
        matches=lambda held: held == secret.reveal(),
        password=secret if carried else None,
    )


async def by_typed(
    authenticator: Authenticator, village: Village, identity: str, text: Secret
) -> Proven | Refused:
    square = village.square
    return await authenticator.by_typed(
        identity, text, square.hotspot, square, village.snapshot, village.clock()
    )


async def by_wifi_secret(
    authenticator: Authenticator, village: Village, identity: str, text: Secret
) -> Proven | Refused:
    square = village.square
    return await authenticator.by_wifi_secret(
        identity, text, square.hotspot, square, village.snapshot, village.clock()
    )


async def by_certificate(
    authenticator: Authenticator, village: Village, outer: str, der: bytes = CERTIFICATE
) -> Proven | Refused:
    return await authenticator.by_certificate(der, outer, village.snapshot, village.clock())


def reason(outcome: Authenticated | Proven | Refused) -> DenyReason:
    assert isinstance(outcome, Refused), outcome
    return outcome.denied.reason


def proven(outcome: Proven | Refused) -> tuple[str, Method, int | None]:
    assert isinstance(outcome, Proven), outcome
    return outcome.citizen.nai, outcome.method, outcome.device_id


@pytest.mark.parametrize("carried", [True, False])
async def test_a_wifi_secret_opens_by_pap_and_by_challenge(
    village: Village, authenticator: Authenticator, carried: bool
) -> None:
    secret, device_id = await issue(village)
    await issue(village)
    asked = claim(village, secret, carried=carried)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Authenticated)
    assert (outcome.citizen.id, outcome.method, outcome.device_id) == (
        *(village.anna, Method.WIFI_SECRET),
        device_id,
    )
    await revoke(village, device_id)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    # What answers a challenge is not kept of a device that is revoked.
    expected = DenyReason.DEVICE_REVOKED if carried else DenyReason.WRONG_PASSWORD
    assert reason(outcome) is expected


async def test_a_secret_that_is_not_kept_in_clear_answers_no_challenge(
    village: Village, authenticator: Authenticator
) -> None:
    secret, _ = await issue(village, keeps_text=False)
    asked = claim(village, secret, carried=False)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(outcome) is DenyReason.WRONG_PASSWORD


async def test_one_query_tells_whose_a_sent_secret_is(
    village: Village, authenticator: Authenticator
) -> None:
    secret, _ = await issue(village)
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(village.database.engine.sync_engine, "before_cursor_execute", note)
    assert isinstance(await by_typed(authenticator, village, "anna", secret), Proven)
    assert len(statements) == 1, statements


async def test_a_wifi_secret_opens_where_account_passwords_do_not(
    village: Village, authenticator: Authenticator
) -> None:
    await village.limit(Scope(hotspot_id=village.square.hotspot.id), passwords_at_nas="no")
    secret, device_id = await issue(village)
    expected = ("anna@village.example", Method.WIFI_SECRET, device_id)
    assert proven(await by_typed(authenticator, village, "anna", secret)) == expected
    refused = await by_typed(authenticator, village, "anna", PASSWORD)
    assert reason(refused) is DenyReason.PASSWORD_NOT_ALLOWED


async def test_what_is_typed_may_be_the_account_password(
    village: Village, authenticator: Authenticator
) -> None:
    outcome = await by_typed(authenticator, village, "Anna@Village.Example", PASSWORD)
    assert proven(outcome) == ("anna@village.example", Method.PASSWORD, None)


async def test_the_account_password_is_no_wifi_secret(
    village: Village, authenticator: Authenticator
) -> None:
    for name, expected in (
        ("anna", DenyReason.WRONG_PASSWORD),
        ("nobody", DenyReason.UNKNOWN_CITIZEN),
        ("anna@elsewhere.example", DenyReason.UNKNOWN_REALM),
        ("anna@", DenyReason.BAD_IDENTIFIER),
    ):
        outcome = await by_wifi_secret(authenticator, village, name, PASSWORD)
        assert reason(outcome) is expected
    secret, device_id = await issue(village)
    assert proven(await by_wifi_secret(authenticator, village, "anna", secret))[2] == device_id
    await revoke(village, device_id)
    outcome = await by_wifi_secret(authenticator, village, "anna", secret)
    assert reason(outcome) is DenyReason.DEVICE_REVOKED
    outcome = await by_typed(authenticator, village, "anna", secret)
    assert reason(outcome) is DenyReason.DEVICE_REVOKED


async def test_guesses_of_the_account_password_are_counted_whatever_the_way(
    village: Village, authenticator: Authenticator
) -> None:
    secret, device_id = await issue(village)
    for number in range(GUESSES):
        outcome = await by_typed(authenticator, village, "anna", Secret(f"guess {number}"))
        assert reason(outcome) is DenyReason.WRONG_PASSWORD
    refused = await by_typed(authenticator, village, "anna", PASSWORD)
    assert reason(refused) is DenyReason.WRONG_PASSWORD
    plain = await authenticator.by_credentials(
        claim(village, PASSWORD), village.snapshot, village.clock()
    )
    assert reason(plain) is DenyReason.WRONG_PASSWORD
    # Who guesses at her password does not lock her devices out.
    assert proven(await by_typed(authenticator, village, "anna", secret))[2] == device_id


async def test_a_challenge_gets_the_secrets_of_one_citizen(
    village: Village, authenticator: Authenticator
) -> None:
    kept = [await issue(village) for _ in range(2)]
    await issue(village, keeps_text=False)

    async def candidates(identity: str) -> list[tuple[str, int | None, Secret]]:
        found = await authenticator.wifi_secrets(identity, village.square.hotspot, village.snapshot)
        assert all(each.proven.method is Method.WIFI_SECRET for each in found)
        return [(each.proven.citizen.nai, each.proven.device_id, each.secret) for each in found]

    assert await candidates("anna@village.example") == [
        ("anna@village.example", device_id, secret) for secret, device_id in reversed(kept)
    ]
    for nobody in ("nobody", "bruno@borgo.example", "anna@elsewhere.example", "anna@"):
        assert await candidates(nobody) == []


async def test_no_secret_answers_where_challenges_are_switched_off(village: Village) -> None:
    """Though its text was kept while they were on."""
    secret, device_id = await issue(village)
    authenticator = made(village, challenges=False)
    asked = claim(village, secret, carried=False)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(outcome) is DenyReason.WRONG_PASSWORD
    assert not await authenticator.wifi_secrets("anna", village.square.hotspot, village.snapshot)
    sent = await by_wifi_secret(authenticator, village, "anna", secret)
    assert proven(sent) == ("anna@village.example", Method.WIFI_SECRET, device_id)


@pytest.mark.parametrize("outer", ["d-abcdefgh@village.example", "@Village.example", "phone", ""])
async def test_a_certificate_tells_citizen_and_device(
    village: Village, authenticator: Authenticator, outer: str
) -> None:
    device_id = await certify(village)
    outcome = await by_certificate(authenticator, village, outer)
    assert proven(outcome) == ("anna@village.example", Method.CERTIFICATE, device_id)


async def test_a_certificate_that_is_not_on_record_is_nobodys(
    village: Village, authenticator: Authenticator
) -> None:
    await certify(village)
    outcome = await by_certificate(authenticator, village, "", b"another of our authority")
    assert reason(outcome) is DenyReason.UNKNOWN_CERTIFICATE


@pytest.mark.parametrize("outer", ["x@borgo.example", "x@elsewhere.example", "x@", "x@?"])
async def test_a_certificate_opens_in_its_own_realm(
    village: Village, authenticator: Authenticator, outer: str
) -> None:
    await certify(village)
    outcome = await by_certificate(authenticator, village, outer)
    assert reason(outcome) is DenyReason.REALM_MISMATCH


async def test_a_certificate_expires_or_is_revoked(
    village: Village, authenticator: Authenticator
) -> None:
    device_id = await certify(village)
    village.clock.now = NOON + YEAR - timedelta(seconds=1)
    assert isinstance(await by_certificate(authenticator, village, ""), Proven)
    village.clock.advance(seconds=1)
    expired = await by_certificate(authenticator, village, "")
    assert reason(expired) is DenyReason.CERTIFICATE_EXPIRED
    await revoke(village, device_id)
    revoked = await by_certificate(authenticator, village, "")
    assert reason(revoked) is DenyReason.DEVICE_REVOKED


async def test_one_certificate_is_revoked_without_its_device(
    village: Village, authenticator: Authenticator
) -> None:
    device_id = await certify(village)
    async with village.database.write("test") as session:
        (certificate,) = await session.scalars(select(DeviceCertificate))
        certificate.revoked_at = NOON
        (device,) = await devices.of_citizen(session, village.anna)
    assert (device.id, device.revoked_at) == (device_id, None)
    assert reason(await by_certificate(authenticator, village, "")) is DenyReason.DEVICE_REVOKED


async def test_what_was_proven_is_authorized_as_anything_else(
    village: Village, authenticator: Authenticator
) -> None:
    secret, device_id = await issue(village)
    hotspot = village.square.hotspot

    async def outcome() -> Authenticated | Refused:
        found = await by_wifi_secret(authenticator, village, "anna", secret)
        assert isinstance(found, Proven)
        return await authenticator.authorize(
            found, hotspot, PHONE, village.snapshot, village.clock()
        )

    granted = await outcome()
    assert isinstance(granted, Authenticated)
    assert (granted.method, granted.device_id) == (Method.WIFI_SECRET, device_id)
    async with village.database.write("test") as session:
        await citizens.set_state(session, village.anna, CitizenState.BANNED)
    denied = await outcome()
    assert reason(denied) is DenyReason.BANNED
    assert isinstance(denied, Refused)
    assert denied.method is Method.WIFI_SECRET


async def end(village: Village, how: str, device_id: int) -> None:
    async with village.database.write("test") as session:
        if how == "banned":
            await citizens.set_state(session, village.anna, CitizenState.BANNED)
        elif how == "closed":
            await citizens.close(session, village.anna, village.clock())
        elif how == "device":
            await devices.revoke(
                session, citizen_id=village.anna, device_id=device_id, now=village.clock()
            )
        else:
            assert await revocation.revoke(session, "01", village.clock())


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("banned", DenyReason.BANNED),
        ("closed", DenyReason.CLOSED),
        ("device", DenyReason.DEVICE_REVOKED),
        ("certificate", DenyReason.DEVICE_REVOKED),
    ],
)
async def test_what_ended_since_it_was_proven_is_granted_nothing(
    village: Village, authenticator: Authenticator, how: str, expected: DenyReason
) -> None:
    device_id = await certify(village)
    found = await by_certificate(authenticator, village, "")
    assert isinstance(found, Proven)
    await end(village, how, device_id)
    outcome = await authenticator.authorize(
        found, village.square.hotspot, PHONE, village.snapshot, village.clock()
    )
    assert reason(outcome) is expected


async def test_one_query_tells_what_is_granted(
    village: Village, authenticator: Authenticator
) -> None:
    await village.limit(Scope(citizen_id=village.anna), daily_seconds="60", daily_octets="60")
    await certify(village)
    found = await by_certificate(authenticator, village, "")
    assert isinstance(found, Proven)
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(village.database.engine.sync_engine, "before_cursor_execute", note)
    outcome = await authenticator.authorize(
        found, village.square.hotspot, PHONE, village.snapshot, village.clock()
    )
    assert isinstance(outcome, Authenticated)
    assert len(statements) == 1, statements


async def test_no_secret_shows(village: Village, authenticator: Authenticator) -> None:
    secret, _ = await issue(village)
    text = secret.reveal().decode()
    (candidate,) = await authenticator.wifi_secrets(
        "anna", village.square.hotspot, village.snapshot
    )
    assert text not in repr(candidate)
    assert "argon2id" not in repr(candidate)
