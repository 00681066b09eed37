"""Authorities and the server's certificate: made once, renewed with overlap, never in clear."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import LargeBinary, func, select

from aaa.database import Database
from aaa.errors import Invalid
from aaa.model import Authority, Base, Device, Installation, ServerCertificate
from aaa.pki import authority, contents, devices, identity
from aaa.pki.identity import PRIVATE_KEY, ServerIdentity
from aaa.secret import Keyring
from aaa.snapshot import REVISION
from tests.openssl import described, openssl, write_pem
from tests.village import NOON, Village

pytestmark = pytest.mark.interop

NAME = "radius.village.example"


async def ensure(
    village: Village,
    *names: str,
    database: Database | None = None,
    all_in: asyncio.Barrier | None = None,
    keyring: Keyring | None = None,
) -> bool:
    async with (database or village.database).write("test") as session:
        await session.execute(select(Authority.id))
        if all_in is not None:
            await all_in.wait()
        return await authority.ensure(
            session,
            keyring or village.keyring,
            names=names or [NAME],
            federation_name="Hills",
            now=village.clock(),
        )


async def current(village: Village) -> ServerIdentity:
    """Return the identity as the next snapshot has it."""
    found = (await village.directory.refresh()).server_identity
    assert found is not None
    return found


async def counts(village: Village) -> tuple[int, int]:
    """Return how many authorities and certificates of the server there are."""
    async with village.database.read("test") as session:
        one, other = [
            await session.scalar(select(func.count()).select_from(kind)) or 0
            for kind in (Authority, ServerCertificate)
        ]
        return one, other


def verified(
    found: ServerIdentity, anchors: Sequence[bytes], at: datetime, name: str, folder: Path
) -> str:
    """Return what openssl says as a supplicant that trusts ``anchors`` and checks ``name``."""
    return openssl(
        *("verify", "-purpose", "sslserver", "-x509_strict", "-verify_hostname", name),
        *("-attime", str(int(at.timestamp()))),
        *("-CAfile", write_pem(folder / "root.pem", "x509", *anchors)),
        write_pem(folder / "server.pem", "x509", *found.chain),
    )


async def test_a_supplicant_believes_the_server(village: Village, tmp_path: Path) -> None:
    assert await ensure(village)
    found = await current(village)
    assert found.names == (NAME,)
    said = verified(found, found.anchors, village.clock(), NAME, tmp_path)
    assert said.endswith("server.pem: OK\n")
    other = verified(found, found.anchors, village.clock(), "radius.other.example", tmp_path)
    assert "hostname mismatch" in other
    text = described("x509", found.chain[0])
    assert "TLS Web Server Authentication\n" in text
    assert f"Subject: CN={NAME}\n" in text and f"DNS:{NAME}\n" in text
    made = x509.load_der_x509_certificate(found.chain[0])
    assert made.not_valid_before_utc < village.clock()
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=397)
    key = load_der_private_key(found.key.reveal(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == made.public_key()


async def test_the_authority_signs_end_entities_only(village: Village) -> None:
    await ensure(village)
    (root,) = (await current(village)).anchors
    text = described("x509", root)
    assert "Subject: CN=Hills Wi-Fi CA 2026\n" in text
    assert "Basic Constraints: critical\n                CA:TRUE, pathlen:0\n" in text
    assert "Key Usage: critical\n                Certificate Sign, CRL Sign\n" in text
    years = (x509.load_der_x509_certificate(root).not_valid_after_utc - village.clock()).days / 365
    assert 19.9 < years <= 20


async def test_nothing_is_made_twice(village: Village) -> None:
    assert [await ensure(village) for _ in range(3)] == [True, False, False]
    assert await counts(village) == (1, 1)


async def test_of_two_processes_one_makes_it(village: Village, settled_url: str) -> None:
    """SQLite has but one that writes; in PostgreSQL both are in their transaction first."""
    other = Database(settled_url)
    all_in = asyncio.Barrier(1 if other.dialect == "sqlite" else 2)
    made = await asyncio.gather(
        ensure(village, all_in=all_in), ensure(village, database=other, all_in=all_in)
    )
    await other.close()
    assert sorted(made) == [False, True]
    assert await counts(village) == (1, 1)


async def test_running_servers_learn_of_it(village: Village) -> None:
    async def revision() -> str | None:
        async with village.database.read("test") as session:
            query = select(Installation.value).where(Installation.name == REVISION)
            return await session.scalar(query)

    before = await revision()
    await ensure(village)
    after = await revision()
    await ensure(village)
    assert (before != after, after == await revision()) == (True, True)


async def test_the_server_is_renewed_a_month_before_its_end(
    village: Village, tmp_path: Path
) -> None:
    await ensure(village)
    former = await current(village)
    village.clock.advance(days=365)
    assert not await ensure(village)
    village.clock.advance(days=2)
    assert await ensure(village)
    following = await current(village)
    assert following.anchors == former.anchors
    assert following.chain != former.chain and following.key != former.key
    later = village.clock() + timedelta(days=60)
    assert "certificate has expired" in verified(former, former.anchors, later, NAME, tmp_path)
    assert verified(following, former.anchors, later, NAME, tmp_path).endswith("OK\n")


async def test_what_a_clock_ahead_made_is_followed_by_what_is_valid_now(
    village: Village, tmp_path: Path
) -> None:
    now = village.clock()
    village.clock.advance(days=3000)
    await ensure(village)
    village.clock.now = now
    async with village.database.read("test") as session:
        assert await authority.is_due(session, names=[NAME], now=now)
        with pytest.raises(Invalid, match="no authority"):
            await authority.newest_signer(session, village.keyring, now)
    assert await ensure(village)
    assert not await ensure(village)
    found = await current(village)
    assert verified(found, found.anchors[1:], now, NAME, tmp_path).endswith("OK\n")


async def test_a_server_certificate_of_a_clock_ahead_is_followed_by_one_that_is_valid(
    village: Village, tmp_path: Path
) -> None:
    await ensure(village)
    now = village.clock()
    village.clock.advance(days=1500)
    await ensure(village)
    village.clock.now = now
    assert await ensure(village)
    found = await current(village)
    assert len(found.anchors) == 1
    assert verified(found, found.anchors, now, NAME, tmp_path).endswith("OK\n")


async def test_a_new_name_comes_first_and_former_ones_stay(
    village: Village, tmp_path: Path
) -> None:
    await ensure(village)
    for name in ("wifi.village.example", "radius.hills.example"):
        assert await ensure(village, name)
        assert not await ensure(village, name)
    found = await current(village)
    assert found.names == ("radius.hills.example", "wifi.village.example", NAME)
    for name in found.names:
        said = verified(found, found.anchors, village.clock(), name, tmp_path)
        assert said.endswith("OK\n")
    assert await ensure(village, NAME)
    assert (await current(village)).names[0] == NAME


async def test_the_next_authority_overlaps_by_years(village: Village, tmp_path: Path) -> None:
    await ensure(village)
    old_profile = (await current(village)).anchors
    device_id = await add_device(village)
    # Somebody starts the service each year, and at last in the days when the server's certificate
    # has to be signed by the next root.
    seen = []
    for days in (*range(365, 19 * 365 + 1, 365), 19 * 365 + 2):
        village.clock.now = NOON + timedelta(days=days)
        await ensure(village)
        found = await current(village)
        now = village.clock()
        assert verified(found, found.anchors, now, NAME, tmp_path).endswith("OK\n")
        is_as_before = verified(found, old_profile, now, NAME, tmp_path).endswith("OK\n")
        seen.append((len(found.anchors), is_as_before))
        assert await issuer_of_a_device(village, device_id) == found.anchors[-1]
    assert seen == [(1, True)] * 14 + [(2, True)] * 5 + [(2, False)]


async def test_what_the_former_authority_signed_stays_believed(
    village: Village, tmp_path: Path
) -> None:
    await ensure(village)
    device_id = await add_device(village)
    former = await issuer_of_a_device(village, device_id)
    async with village.database.write("test") as session:
        made = await authority.renew_authority(
            session, village.keyring, federation_name="Hills", now=village.clock()
        )
    found = await current(village)
    assert found.anchors == (former, made.certificate)
    assert await issuer_of_a_device(village, device_id) == made.certificate
    # In one year, two names: a revocation list is looked up by its issuer's name.
    assert contents.name_of(made.certificate) == "Hills Wi-Fi CA 2026 (2)"
    async with village.database.write("test") as session:
        await authority.renew_server(session, village.keyring, names=[NAME], now=village.clock())
    found = await current(village)
    for anchors in ([former], found.anchors):
        assert verified(found, anchors, village.clock(), NAME, tmp_path).endswith("OK\n")
    others = verified(found, [made.certificate], village.clock(), NAME, tmp_path)
    assert "unable to get local issuer certificate" in others


async def test_no_key_is_stored_in_clear(village: Village) -> None:
    await ensure(village)
    device_id = await add_device(village)
    await issuer_of_a_device(village, device_id)
    async with village.database.read("test") as session:
        rows = [*(await session.scalars(select(Authority)))]
        rows += [*(await session.scalars(select(ServerCertificate)))]
        stored = [
            octets
            for table in Base.metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, LargeBinary)
            for octets in await session.scalars(select(column).where(column.is_not(None)))
        ]
    assert len(stored) >= 4
    for row in rows:
        opened = village.keyring.open(row.sealed_key, PRIVATE_KEY)
        assert opened is not None
        key = load_der_private_key(opened, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        number = key.private_numbers().private_value.to_bytes(32)
        assert number in opened
        assert not any(number in octets for octets in stored)


async def test_another_key_file_is_told(village: Village) -> None:
    await ensure(village)
    other = Keyring(b"x" * 32)
    with pytest.raises(Invalid, match="authority 1 was sealed with another key: restore the key"):
        await ensure(village, "wifi.village.example", keyring=other)
    async with village.database.read("test") as session:
        with pytest.raises(Invalid, match="server's certificate was sealed with another key"):
            await identity.current(session, other)
    assert await counts(village) == (1, 1)


async def test_no_device_is_served_before_the_first_authority(village: Village) -> None:
    with pytest.raises(Invalid, match="farandole ca renew"):
        await issuer_of_a_device(village, await add_device(village))


async def test_a_name_of_any_length_is_checked_alike(village: Village, tmp_path: Path) -> None:
    long = ".".join(["radius" * 5] * 3) + ".example"
    await ensure(village, long)
    found = await current(village)
    said = verified(found, found.anchors, village.clock(), long, tmp_path)
    assert said.endswith("OK\n")


async def test_a_name_outside_ascii_is_refused(village: Village) -> None:
    with pytest.raises(Invalid, match=r"eap\.server_name"):
        await ensure(village, "radius.médiathèque.example")
    assert await counts(village) == (0, 0)


@pytest.mark.parametrize(
    "name", ["Hills", "Un très long nom de fédération, de la mer aux collines"]
)
def test_the_name_of_an_authority_fits(name: str) -> None:
    first, second = (contents.authority_name(name, 2026, number) for number in (1, 2))
    assert len(first) <= 64 and first.endswith(" Wi-Fi CA 2026")
    assert len(second) <= 64 and second.endswith(" Wi-Fi CA 2026 (2)")


async def add_device(village: Village) -> int:
    async with village.database.write("test") as session:
        device = Device(citizen_id=village.anna, name="phone", created_at=village.clock())
        session.add(device)
        await session.flush()
        return device.id


async def issuer_of_a_device(village: Village, device_id: int) -> bytes:
    """Return who signs what a device gets now."""
    async with village.database.write("test") as session:
        issued = await devices.issue(
            session,
            village.keyring,
            device_id=device_id,
            realm="village.example",
            crl_url=None,
            now=village.clock(),
        )
        return issued.issuer
