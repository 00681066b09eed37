"""Wi-Fi secrets: one for each device, found by what was sent, kept in clear only for challenges."""

import math
import re

import pytest
from sqlalchemy import func, select

from aaa import credentials, devices, identifier
from aaa.credentials import Holder
from aaa.errors import Invalid
from aaa.model import Citizen, Device
from aaa.policy import DenyReason
from aaa.secret import Secret
from aaa.snapshot import CollectivityEntry
from aaa.wifi_secrets import LEAST_LENGTH, MOST_LENGTH, WifiSecrets
from tests.village import Village

BROUGHT = Secret("the secret of an old printer")


async def issue(
    village: Village, citizen_id: int | None = None, *, keeps_text: bool = True
) -> tuple[Secret, int]:
    async with village.database.write("test") as session:
        return await WifiSecrets(village.keyring, keeps_text).issue(
            session, citizen_id=citizen_id or village.anna, name="phone", now=village.clock()
        )


async def bring(village: Village, secret: Secret) -> int:
    async with village.database.write("test") as session:
        return await WifiSecrets(village.keyring, keeps_text=False).bring(
            session, citizen_id=village.anna, name="printer", secret=secret, now=village.clock()
        )


async def candidates(village: Village) -> list[tuple[int, Secret]]:
    async with village.database.read("test") as session:
        wifi_secrets = WifiSecrets(village.keyring, keeps_text=True)
        return list(await wifi_secrets.candidates(session, village.anna))


async def holder(
    village: Village, name: str, secret: Secret, at: CollectivityEntry | None = None
) -> Holder | None:
    async with village.database.read("test") as session:
        return await credentials.by_wifi_secret(
            session,
            village.keyring,
            village.snapshot,
            nai=identifier.parse(name),
            at=at or village.square.hotspot.collectivity,
            secret=secret,
        )


async def test_a_secret_can_be_typed_and_not_be_guessed(village: Village) -> None:
    made = [(await issue(village))[0].reveal().decode() for _ in range(3)]
    assert len(set(made)) == 3
    for text in made:
        assert re.fullmatch(r"[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){4}", text), text
    assert 20 * math.log2(31) >= 90


async def test_the_text_is_stored_only_for_challenges(village: Village) -> None:
    kept, kept_id = await issue(village)
    _, forgotten_id = await issue(village, keeps_text=False)
    async with village.database.read("test") as session:
        stored = {row.id: row for row in await session.scalars(select(Device))}
    assert stored[forgotten_id].sealed_secret is None
    assert kept.reveal() not in (stored[kept_id].sealed_secret or b"")
    assert kept.reveal().decode() not in (stored[kept_id].secret_digest or "")
    assert await candidates(village) == [(kept_id, kept)]


async def test_the_newest_come_first_and_the_revoked_not_at_all(village: Village) -> None:
    secrets = [await issue(village) for _ in range(3)]
    (_, revoked_id), others = secrets[1], [secrets[2], secrets[0]]
    await issue(village, village.bruno)
    async with village.database.write("test") as session:
        await devices.revoke(
            session, citizen_id=village.anna, device_id=revoked_id, now=village.clock()
        )
    assert await candidates(village) == [(device_id, secret) for secret, device_id in others]


@pytest.mark.parametrize("name", ["anna", "Anna@Village.Example"])
async def test_what_was_sent_tells_citizen_and_device(village: Village, name: str) -> None:
    secret, device_id = await issue(village, keeps_text=False)
    found = await holder(village, name, secret)
    assert found is not None
    assert (found.citizen.nai, found.device_id, found.denied) == (
        *("anna@village.example", device_id),
        None,
    )
    assert found.citizen.password_hash is not None


async def test_a_secret_is_nobodys_under_another_name(village: Village) -> None:
    secret, _ = await issue(village)
    text = secret.reveal().decode()
    at_home = village.snapshot.by_realm["hills.example"]
    assert await holder(village, "bruno@borgo.example", secret) is None
    assert await holder(village, "anna@hills.example", secret) is None
    # A bare name is looked for at home and above it, not below.
    assert await holder(village, "anna", secret, at=at_home) is None
    for wrong in (text[:-1], text.upper(), f"{text} ", "é" * LEAST_LENGTH, "\xff\x00" * 12, ""):
        assert await holder(village, "anna", Secret(wrong)) is None
    assert await holder(village, "anna", Secret(b"\xff\xfe" * LEAST_LENGTH)) is None


async def test_a_revoked_secret_says_so(village: Village) -> None:
    secret, device_id = await issue(village)
    async with village.database.write("test") as session:
        await devices.revoke(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )
    found = await holder(village, "anna", secret)
    assert found is not None
    assert found.denied is not None
    assert found.denied.reason is DenyReason.DEVICE_REVOKED
    async with village.database.read("test") as session:
        assert (await session.get_one(Device, device_id)).sealed_secret is None


async def test_an_operator_may_bring_a_secret(village: Village) -> None:
    device_id = await bring(village, BROUGHT)
    found = await holder(village, "anna", BROUGHT)
    assert found is not None
    assert found.device_id == device_id


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("a" + "bcdefghijklmno", "16 to 128"),
        ("abcdefgh" * 17, "16 to 128"),
        ("un secret très long", "of ASCII"),
        ("a secret\twith a tab", "of ASCII"),
        ("abcabcabcabcabcabc", "too easy to guess"),
    ],
)
async def test_a_weak_secret_is_refused(village: Village, text: str, remedy: str) -> None:
    with pytest.raises(Invalid, match=remedy):
        await bring(village, Secret(text))


async def test_the_longest_secret_fits(village: Village) -> None:
    longest = Secret("abcdefgh" * (MOST_LENGTH // 8))
    await bring(village, longest)
    assert await holder(village, "anna", longest) is not None


async def test_no_two_devices_have_one_secret(village: Village) -> None:
    await bring(village, BROUGHT)
    async with village.database.write("test") as session:
        with pytest.raises(Invalid, match="another device has this"):
            await WifiSecrets(village.keyring, keeps_text=True).bring(
                session, citizen_id=village.bruno, name="pc", secret=BROUGHT, now=village.clock()
            )
        # What else is done in the transaction is kept; no device without a credential is.
        citizen = await session.get_one(Citizen, village.bruno)
        citizen.language = "fr"
    async with village.database.read("test") as session:
        assert await session.scalar(select(func.count()).select_from(Device)) == 1
        assert (await session.get_one(Citizen, village.bruno)).language == "fr"


@pytest.mark.parametrize("keeps_text", [True, False])
async def test_a_new_secret_takes_the_place_of_the_former(
    village: Village, keeps_text: bool
) -> None:
    former, device_id = await issue(village, keeps_text=not keeps_text)
    async with village.database.write("test") as session:
        new = await WifiSecrets(village.keyring, keeps_text).renew(
            session, citizen_id=village.anna, device_id=device_id, now=village.clock()
        )
    assert new.reveal() != former.reveal()
    assert await holder(village, "anna", former) is None
    found = await holder(village, "anna", new)
    assert found is not None
    assert found.device_id == device_id
    async with village.database.read("test") as session:
        (sealed,) = await session.scalars(select(Device.sealed_secret))
    assert (sealed is not None) == keeps_text
