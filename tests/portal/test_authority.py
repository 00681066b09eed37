"""Roots and revocation lists, as the portal hands them out."""

from pathlib import Path

import pytest

from aaa.model import Device
from aaa.pki import authority, devices, revocation
from tests.openssl import described, openssl, write_pem
from tests.portal.visitor import PUBLIC_URL, Portal

pytestmark = pytest.mark.interop


async def found_authority(portal: Portal) -> None:
    village = portal.village
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=[portal.parts.settings.server_name],
            federation_name="Hills",
            now=village.clock(),
        )
    await village.directory.refresh()


async def test_roots_are_handed_out_as_pem(small_portal: Portal) -> None:
    browser = small_portal.browser()
    assert (await browser.get("/ca/farandole-ca.pem")).status_code == 404
    await found_authority(small_portal)
    async with small_portal.village.database.write("test") as session:
        await authority.renew_authority(
            session,
            small_portal.village.keyring,
            federation_name="Hills",
            now=small_portal.village.clock(),
        )
    await small_portal.village.directory.refresh()
    answer = await browser.get("/ca/farandole-ca.pem")
    assert answer.headers["content-type"] == "application/x-pem-file"
    told = openssl("storeutl", "-noout", "-text", "-certs", "/dev/stdin", given=answer.content)
    assert "Total found: 2\n" in told
    assert "Hills Wi-Fi CA 2026 (2)\n" in told
    assert "PRIVATE" not in answer.text


async def test_a_list_is_where_the_certificate_says(portal: Portal, tmp_path: Path) -> None:
    await found_authority(portal)
    village = portal.village
    async with village.database.write("test") as session:
        device = Device(citizen_id=village.anna, name="phone", created_at=village.clock())
        session.add(device)
        await session.flush()
        issued = await devices.issue(
            session,
            village.keyring,
            device_id=device.id,
            realm="village.example",
            crl_url=f"{PUBLIC_URL}/crl",
            now=village.clock(),
        )
        await revocation.revoke(session, issued.serial, village.clock())
    assert f"URI:{PUBLIC_URL}/crl/1.crl\n" in described("x509", issued.certificate)
    answer = await portal.browser().get("/crl/1.crl")
    assert answer.headers["content-type"] == "application/pkix-crl"
    assert f"Serial Number: {issued.serial}\n" in described("crl", answer.content)
    root = write_pem(tmp_path / "root.pem", "x509", issued.issuer)
    verified = openssl(
        *("crl", "-inform", "DER", "-noout", "-verify", "-CAfile", root), given=answer.content
    )
    assert "verify OK\n" in verified


@pytest.mark.parametrize(
    ("number", "status"),
    [("2", 404), ("2147483647", 404), ("0", 400), ("99999999999999999999", 400), ("one", 400)],
)
async def test_there_is_no_other_list(portal: Portal, number: str, status: int) -> None:
    await found_authority(portal)
    assert (await portal.browser().get(f"/crl/{number}.crl")).status_code == status
