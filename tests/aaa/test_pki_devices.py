"""Certificates of devices, before OpenSSL's own eyes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select

from aaa import citizens
from aaa.errors import Invalid
from aaa.model import Device, DeviceCertificate
from aaa.pki import authority, contents, devices, revocation
from aaa.pki.devices import IssuedCertificate
from aaa.secret import Keyring, Secret
from tests.openssl import described, openssl, write_pem
from tests.village import NOON, Village, entered

pytestmark = pytest.mark.interop

CRLS = "http://portal.example/crl"


@pytest.fixture
async def village(settled_url: str) -> AsyncIterator[Village]:
    """A village with its authority."""
    async with entered(settled_url) as village:
        await ensure(village)
        yield village


async def ensure(village: Village) -> None:
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=["radius.village.example"],
            federation_name="Hills",
            now=village.clock(),
        )


async def add_device(village: Village) -> int:
    async with village.database.write("test") as session:
        device = Device(citizen_id=village.anna, name="phone", created_at=village.clock())
        session.add(device)
        await session.flush()
        return device.id


async def issue(
    village: Village, device_id: int, *, keyring: Keyring | None = None
) -> IssuedCertificate:
    async with village.database.write("test") as session:
        return await devices.issue(
            session,
            keyring or village.keyring,
            device_id=device_id,
            realm="village.example",
            crl_url=CRLS,
            now=village.clock(),
        )


async def revocation_list(village: Village, authority_id: int = 1) -> bytes:
    async with village.database.read("test") as session:
        found = await revocation.revocation_list(
            session, village.keyring, authority_id, village.clock()
        )
    assert found is not None
    return found


async def verified(village: Village, issued: IssuedCertificate, folder: Path) -> str:
    """Return what openssl says of a certificate, the revocation list of now at hand."""
    listed = await revocation_list(village)
    return openssl(
        *("verify", "-purpose", "sslclient", "-crl_check", "-x509_strict"),
        *("-attime", str(int(village.clock().timestamp()))),
        *("-CAfile", write_pem(folder / "root.pem", "x509", issued.issuer)),
        *("-CRLfile", write_pem(folder / "list.pem", "crl", listed)),
        write_pem(folder / "device.pem", "x509", issued.certificate),
    )


async def test_a_device_is_verified_by_openssl(village: Village, tmp_path: Path) -> None:
    issued = await issue(village, await add_device(village))
    assert "device.pem: OK" in await verified(village, issued, tmp_path)
    text = described("x509", issued.certificate)
    assert f"Subject: CN={issued.identity}\n" in text
    assert f"email:{issued.identity}, othername: UPN::{issued.identity}" in text
    assert f"URI:{CRLS}/1.crl" in text
    assert "TLS Web Client Authentication\n" in text
    assert "X509v3 Key Usage: critical\n                Digital Signature\n" in text
    assert "ecdsa-with-SHA256" in text and "NIST CURVE: P-256" in text
    serial = openssl("x509", "-inform", "DER", "-noout", "-serial", given=issued.certificate)
    assert serial == f"serial={issued.serial}\n"


async def test_a_certificate_names_nobody(village: Village) -> None:
    device_id = await add_device(village)
    first, second = await issue(village, device_id), await issue(village, device_id)
    assert first.identity != second.identity
    name, _, realm = first.identity.partition("@")
    assert (len(name), name[:2], realm) == (10, "d-", "village.example")
    assert b"anna" not in first.certificate


async def test_the_former_certificate_stays_valid_beside_the_next(
    village: Village, tmp_path: Path
) -> None:
    device_id = await add_device(village)
    former = await issue(village, device_id)
    village.clock.advance(days=1)
    following = await issue(village, device_id)
    for issued in (former, following):
        assert "OK" in await verified(village, issued, tmp_path)
    assert following.expires_at == former.expires_at + timedelta(days=1)


async def test_what_is_issued_is_found_by_its_fingerprint(village: Village) -> None:
    device_id = await add_device(village)
    issued = await issue(village, device_id)
    shown = openssl(
        *("x509", "-inform", "DER", "-noout", "-fingerprint", "-sha256"), given=issued.certificate
    )
    async with village.database.read("test") as session:
        found = (await session.scalars(select(DeviceCertificate))).one()
    assert (found.device_id, found.authority_id, found.serial) == (device_id, 1, issued.serial)
    assert found.fingerprint == shown.strip().partition("=")[2].replace(":", "").lower()
    assert found.expires_at == issued.expires_at


@pytest.mark.parametrize("name", ["Farandole", "Téléphone d'Anna"])
async def test_openssl_reads_the_file_for_the_device(
    village: Village, tmp_path: Path, name: str
) -> None:
    issued = await issue(village, await add_device(village))
    file = tmp_path / "device.p12"
    file.write_bytes(devices.pkcs12(issued, Secret("open sesame"), name))
    read = ("pkcs12", "-in", file, "-nodes", "-passin")
    text = openssl(*read, "pass:open sesame", "-info")
    # What Android 13, iOS 14 and Windows Server 2016 can read; OpenSSL without its legacy provider.
    assert "MAC: sha1, Iteration" in text
    assert text.count("pbeWithSHA1And3-KeyTripleDES-CBC") == 2
    assert text.count("-----BEGIN CERTIFICATE-----") == 2
    key = openssl("pkey", "-outform", "DER", "-pubout", given=text.encode())
    assert key == openssl(
        "pkey", "-inform", "DER", "-outform", "DER", "-pubout", given=issued.key.reveal()
    )
    assert "invalid password" in openssl(*read, "pass:open barley")


async def test_a_revoked_certificate_is_refused(village: Village, tmp_path: Path) -> None:
    device_id = await add_device(village)
    lost, kept = await issue(village, device_id), await issue(village, device_id)
    village.clock.advance(seconds=1)
    async with village.database.write("test") as session:
        assert await revocation.revoke(session, lost.serial, village.clock())
        assert not await revocation.revoke(session, lost.serial, village.clock())
        assert not await revocation.revoke(session, "00", village.clock())
    assert "certificate revoked" in await verified(village, lost, tmp_path)
    assert "OK" in await verified(village, kept, tmp_path)


async def test_a_revoked_device_takes_its_certificates_with_it(
    village: Village, tmp_path: Path
) -> None:
    device_id = await add_device(village)
    issued, other = await issue(village, device_id), await issue(village, await add_device(village))
    async with village.database.write("test") as session:
        device = await session.get_one(Device, device_id)
        device.revoked_at = village.clock()
    assert "certificate revoked" in await verified(village, issued, tmp_path)
    assert "OK" in await verified(village, other, tmp_path)


async def test_a_list_holds_what_has_not_expired_and_grows_in_number(village: Village) -> None:
    issued = await issue(village, await add_device(village))
    async with village.database.write("test") as session:
        await revocation.revoke(session, issued.serial, village.clock())
    first = await revocation_list(village)
    text = described("crl", first)
    assert f"Serial Number: {issued.serial}" in text
    # The list after its end still has it (RFC 5280 section 3.3).
    village.clock.now = issued.expires_at
    assert f"Serial Number: {issued.serial}" in described("crl", await revocation_list(village))
    village.clock.advance(days=7)
    second = await revocation_list(village)
    assert "No Revoked Certificates" in described("crl", second)
    numbers = [
        x509.load_der_x509_crl(each).extensions.get_extension_for_class(x509.CRLNumber).value
        for each in (first, second)
    ]
    assert numbers[0].crl_number < numbers[1].crl_number
    read = x509.load_der_x509_crl(second)
    assert read.next_update_utc is not None
    assert read.next_update_utc - read.last_update_utc == timedelta(days=7)


async def test_certificates_of_a_closed_account_are_revoked_and_stay_listed(
    village: Village, tmp_path: Path
) -> None:
    device_id = await add_device(village)
    lost, kept = await issue(village, device_id), await issue(village, device_id)
    async with village.database.write("test") as session:
        await revocation.revoke(session, lost.serial, village.clock())
    revoked_at, closed_at = village.clock(), village.clock.advance(days=1)
    async with village.database.write("test") as session:
        await citizens.close(session, village.anna, closed_at)
    for issued in (lost, kept):
        assert "certificate revoked" in await verified(village, issued, tmp_path)
    read = x509.load_der_x509_crl(await revocation_list(village))
    assert [each.revocation_date_utc for each in read] == [revoked_at, closed_at]


async def test_an_unknown_authority_has_no_list(village: Village) -> None:
    async with village.database.read("test") as session:
        assert (
            await revocation.revocation_list(session, village.keyring, 9, village.clock()) is None
        )


async def test_the_key_of_a_device_is_not_stored(village: Village) -> None:
    issued = await issue(village, await add_device(village))
    async with village.database.read("test") as session:
        row = (await session.scalars(select(DeviceCertificate))).one()
    assert not any(isinstance(value, bytes) for value in vars(row).values())
    assert "key=" not in repr(issued)


async def test_another_key_file_signs_nothing(village: Village) -> None:
    device_id = await add_device(village)
    with pytest.raises(Invalid, match="restore the key file"):
        await issue(village, device_id, keyring=Keyring(b"x" * 32))


def test_long_realms_stay_in_bounds() -> None:
    now = NOON
    key = contents.new_key()
    signer = contents.Signer(contents.authority(key, "Root", now), key)
    realm = ".".join(["a" * 60] * 4) + ".example"
    made = contents.client(
        contents.new_key().public_key(), signer, f"d-aaaaaaaa@{realm}", None, now
    )
    assert made.subject.rfc4514_string() == "CN=d-aaaaaaaa"
