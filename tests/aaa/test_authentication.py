import asyncio

import pytest

from aaa import citizens, devices, tickets
from aaa.account_passwords import GUESSES, GUESSES_WITHIN
from aaa.authentication import Authenticated, Authenticator, Claim, Method, Refused
from aaa.errors import Unavailable
from aaa.model import CitizenState
from aaa.passwords import PasswordHashing
from aaa.policies import Scope
from aaa.policy import GRANTED, DenyReason
from aaa.secret import Secret
from aaa.snapshot import NasEntry
from aaa.wifi_secrets import WifiSecrets
from monitoring import metrics
from tests.village import PASSWORD, PHONE, TABLET, Village


@pytest.fixture
def authenticator(village: Village) -> Authenticator:
    return made(village, village.hashing)


def made(village: Village, hashing: PasswordHashing) -> Authenticator:
    wifi_secrets = WifiSecrets(village.keyring, keeps_text=True)
    return Authenticator(village.database, village.keyring, hashing, wifi_secrets)


def claim(
    nas: NasEntry, user_name: str, secret: Secret, *, mac: str | None = PHONE, carried: bool = True
) -> Claim:
    """A PAP claim, or (not carried) one where the request holds only a response, as with CHAP."""
    return Claim(
        user_name=user_name,
        nas=nas,
        hotspot=nas.hotspot,
        device_mac=mac,
        matches=lambda held: held == secret.reveal(),
        password=secret if carried else None,
    )


async def issue(village: Village, nas: NasEntry, mac: str | None = PHONE) -> Secret:
    async with village.database.write("test") as session:
        ticket, _ = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=nas.id,
            device_mac=mac,
            now=village.clock(),
        )
    return ticket


def reason(outcome: Authenticated | Refused) -> DenyReason:
    assert isinstance(outcome, Refused), outcome
    return outcome.denied.reason


async def test_a_ticket_serves_once(village: Village, authenticator: Authenticator) -> None:
    ticket = await issue(village, village.square)
    asked = claim(village.square, "anna", ticket, carried=False)
    first = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(first, Authenticated)
    assert (first.citizen.nai, first.method) == ("anna@village.example", Method.TICKET)
    again = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(again) is DenyReason.TICKET_USED


async def test_a_ticket_is_short_enough_for_every_gateway(village: Village) -> None:
    assert len(await issue(village, village.square)) <= 16


async def test_a_ticket_lives_two_minutes(village: Village, authenticator: Authenticator) -> None:
    ticket = await issue(village, village.square)
    late = village.clock.advance(minutes=2)
    asked = claim(village.square, "anna", ticket)
    outcome = await authenticator.by_credentials(asked, village.snapshot, late)
    assert reason(outcome) is DenyReason.TICKET_EXPIRED


async def test_a_ticket_is_bound_to_nas_and_device(
    village: Village, authenticator: Authenticator
) -> None:
    ticket = await issue(village, village.square)
    for nas, mac in ((village.library, PHONE), (village.square, TABLET)):
        asked = claim(nas, "anna", ticket, mac=mac)
        outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
        assert reason(outcome) is DenyReason.TICKET_ELSEWHERE
    # A NAS that does not say which device asks cannot be held to it.
    asked = claim(village.square, "anna", ticket, mac=None)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Authenticated)


async def test_the_account_password_is_answered(
    village: Village, authenticator: Authenticator
) -> None:
    asked = claim(village.square, "Anna@Village.Example", PASSWORD)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Authenticated)
    assert outcome.method is Method.PASSWORD


@pytest.mark.parametrize(
    ("user_name", "password", "expected"),
    [
        ("anna", "not her password", DenyReason.WRONG_PASSWORD),
        ("nobody", "not a password", DenyReason.UNKNOWN_CITIZEN),
        ("anna@elsewhere.example", "any", DenyReason.UNKNOWN_REALM),
        ("anna@", "any", DenyReason.BAD_IDENTIFIER),
        ("bruno@borgo.example", "he has none", DenyReason.WRONG_PASSWORD),
        # Bare names are looked for at home and above it, not across the border.
        ("bruno", "any", DenyReason.UNKNOWN_CITIZEN),
    ],
)
async def test_refusals(
    village: Village,
    authenticator: Authenticator,
    user_name: str,
    password: str,
    expected: DenyReason,
) -> None:
    asked = claim(village.square, user_name, Secret(password))
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(outcome) is expected


async def test_a_place_can_forbid_passwords_at_the_nas(
    village: Village, authenticator: Authenticator
) -> None:
    hotspot = village.square.hotspot
    await village.limit(Scope(hotspot_id=hotspot.id), passwords_at_nas="no")
    asked = claim(village.square, "anna", PASSWORD)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(outcome) is DenyReason.PASSWORD_NOT_ALLOWED
    ticket = await issue(village, village.square)
    asked = claim(village.square, "anna", ticket)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Authenticated)


async def test_a_ban_holds_for_every_method(village: Village, authenticator: Authenticator) -> None:
    ticket = await issue(village, village.square)
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=9, now=village.clock()
        )
        await citizens.set_state(session, village.anna, CitizenState.BANNED)
    for secret in (ticket, PASSWORD):
        asked = claim(village.square, "anna", secret)
        outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
        assert reason(outcome) is DenyReason.BANNED
    outcome = await authenticator.by_device(
        PHONE, village.square.hotspot, village.snapshot, village.clock()
    )
    assert reason(outcome) is DenyReason.BANNED


async def test_a_remembered_device_comes_back_until_its_day(
    village: Village, authenticator: Authenticator
) -> None:
    hotspot = village.square.hotspot

    async def outcome() -> Authenticated | Refused:
        return await authenticator.by_device(PHONE, hotspot, village.snapshot, village.clock())

    assert reason(await outcome()) is DenyReason.UNKNOWN_DEVICE
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=9, now=village.clock()
        )
    known = await outcome()
    assert isinstance(known, Authenticated)
    assert known.citizen.id == village.anna
    village.clock.advance(days=9)
    assert reason(await outcome()) is DenyReason.DEVICE_EXPIRED
    async with village.database.write("test") as session:
        await devices.remember(
            session, citizen_id=village.anna, mac=PHONE, name="phone", days=9, now=village.clock()
        )
        assert await devices.forget(
            session, citizen_id=village.anna, mac=PHONE, now=village.clock()
        )
    assert reason(await outcome()) is DenyReason.DEVICE_REVOKED


async def test_a_device_belongs_to_who_asked_last(
    village: Village, authenticator: Authenticator
) -> None:
    for citizen_id in (village.anna, village.bruno):
        async with village.database.write("test") as session:
            await devices.remember(
                session, citizen_id=citizen_id, mac=PHONE, name="phone", days=9, now=village.clock()
            )
    outcome = await authenticator.by_device(
        PHONE, village.square.hotspot, village.snapshot, village.clock()
    )
    assert isinstance(outcome, Authenticated)
    assert outcome.citizen.id == village.bruno


async def test_old_tickets_are_purged_and_live_ones_stay(
    village: Village, authenticator: Authenticator
) -> None:
    await issue(village, village.square)
    village.clock.advance(hours=2)
    ticket = await issue(village, village.square)
    async with village.database.write("test") as session:
        assert await tickets.purge(session, village.clock()) == 1
    asked = claim(village.square, "anna", ticket)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Authenticated)


async def test_a_ticket_asked_for_twice_at_once_serves_one(village: Village) -> None:
    async with village.database.write("test") as session:
        _, ticket_id = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=village.square.id,
            device_mac=None,
            now=village.clock(),
        )
    served = []
    for _ in range(2):
        async with village.database.write("test") as session:
            served.append(await tickets.serve(session, ticket_id, GRANTED, village.clock()))
    assert served == [True, False]


async def test_a_refusal_never_shows_the_stored_password(
    village: Village, authenticator: Authenticator
) -> None:
    asked = claim(village.square, "anna", Secret("not her password"))
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert isinstance(outcome, Refused)
    assert outcome.citizen is not None
    assert outcome.citizen.password_hash is not None
    assert "argon2id" not in repr(outcome)


async def guess_too_often(village: Village, authenticator: Authenticator, *names: str) -> None:
    """Use up the guesses for these spellings of one name at the NAS of the square, all at once."""
    wrong = [
        claim(village.square, names[number % len(names)], Secret(f"guess {number}"))
        for number in range(GUESSES)
    ]
    outcomes = await asyncio.gather(
        *(authenticator.by_credentials(each, village.snapshot, village.clock()) for each in wrong)
    )
    assert {outcome.denied.reason for outcome in outcomes if isinstance(outcome, Refused)} <= {
        DenyReason.WRONG_PASSWORD,
        DenyReason.UNKNOWN_CITIZEN,
    }
    assert not any(isinstance(outcome, Authenticated) for outcome in outcomes)


async def test_a_password_cannot_be_guessed_for_long(
    village: Village, authenticator: Authenticator
) -> None:
    counter = metrics.throttled.labels("nas_password")
    before = counter._value.get()
    await guess_too_often(village, authenticator, "anna", "ANNA@village.example")
    assert counter._value.get() == before

    async def outcome(nas: NasEntry, password: Secret = PASSWORD) -> Authenticated | Refused:
        asked = claim(nas, "anna@village.example", password)
        return await authenticator.by_credentials(asked, village.snapshot, village.clock())

    assert reason(await outcome(village.square)) is DenyReason.WRONG_PASSWORD
    assert counter._value.get() == before + 1
    # Elsewhere, with a ticket, and later she gets in.
    assert isinstance(await outcome(village.library), Authenticated)
    ticket = await issue(village, village.square)
    assert isinstance(await outcome(village.square, ticket), Authenticated)
    village.clock.now += GUESSES_WITHIN
    assert isinstance(await outcome(village.square), Authenticated)


async def test_names_that_nobody_has_are_guessed_no_longer(
    village: Village, authenticator: Authenticator
) -> None:
    counter = metrics.throttled.labels("nas_password")
    before = counter._value.get()
    await guess_too_often(village, authenticator, "nobody")
    asked = claim(village.square, "nobody", PASSWORD)
    outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
    assert reason(outcome) is DenyReason.UNKNOWN_CITIZEN
    assert counter._value.get() == before + 1


async def test_what_was_right_or_not_verified_is_no_guess(village: Village) -> None:
    hashing = PasswordHashing(threads=1, queue=0)
    authenticator = made(village, hashing)
    asked = claim(village.square, "anna", PASSWORD)
    outcomes = await asyncio.gather(
        *(
            authenticator.by_credentials(asked, village.snapshot, village.clock())
            for _ in range(GUESSES)
        ),
        return_exceptions=True,
    )
    assert any(isinstance(outcome, Unavailable) for outcome in outcomes)
    for _ in range(GUESSES):
        outcome = await authenticator.by_credentials(asked, village.snapshot, village.clock())
        assert isinstance(outcome, Authenticated)
    hashing.close()
