"""Profiles are signed so that openssl, which reads CMS as Apple's systems do, believes them."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from aaa import settings_file
from aaa.pki.contents import key_octets, new_key
from aaa.settings import ConfigurationError, PortalSettings
from portal.onboarding import apple, signing
from portal.onboarding.formats import FORMATS
from portal.onboarding.signing import Signer
from tests import counterparts
from tests.portal.onboarding import device, openssl


def pem(*certificates: bytes) -> bytes:
    loaded = map(x509.load_der_x509_certificate, certificates)
    return b"".join(each.public_bytes(Encoding.PEM) for each in loaded)


@pytest.fixture
def signer() -> Signer:
    return signing.of_server(device.server())


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    file = tmp_path / "roots.pem"
    file.write_bytes(pem(*device.server().anchors))
    return file


def test_openssl_verifies_signature_and_chain_and_finds_the_profile(
    signer: Signer, roots: Path
) -> None:
    file = FORMATS["mobileconfig"].build(device.certificate_profile(), signer)
    opened = openssl.run(
        *("cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-CAfile", roots),
        content=file.content,
    )
    assert opened.startswith(b'<?xml version="1.0"')
    assert device.certificate().identity.encode() not in opened
    assert file.media_type == "application/x-apple-aspen-config"


def test_openssl_notices_a_change(signer: Signer, roots: Path) -> None:
    signed = signing.sign(apple.build(device.secret_profile()).content, signer)
    changed = signed.replace(b"Farandole", b"Farandula", 1)
    command = [counterparts.require("openssl"), "cms", "-verify", "-inform", "DER", "-binary"]
    result = subprocess.run(
        [*command, "-purpose", "any", "-CAfile", roots], input=changed, capture_output=True
    )
    assert changed != signed
    assert result.returncode != 0


def test_the_operators_certificate_signs_with_its_chain(tmp_path: Path, signer: Signer) -> None:
    root = device.server().anchors[0]
    (tmp_path / "chain.pem").write_bytes(pem(*signer.chain, root))
    (tmp_path / "key.pem").write_bytes(openssl.pem_key(signer))
    portal = PortalSettings(
        signing_certificate_file=str(tmp_path / "chain.pem"),
        signing_key_file=str(tmp_path / "key.pem"),
    )
    configured = signing.configured(portal)
    assert configured == replace(signer, chain=(*signer.chain, root))
    assert signing.configured(PortalSettings()) is None


def _encrypted(signer: Signer) -> bytes:
    key = load_der_private_key(signer.key.reveal(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


def _other(signer: Signer) -> bytes:
    return openssl.pem_key(replace(signer, key=key_octets(new_key())))


def _unfit(_: Signer) -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("make_key", "problem"),
    [
        (_encrypted, "holds no key that can be read"),
        (_other, "is not the key of the first certificate"),
        (_unfit, "signs no profiles"),
        (lambda _: b"nothing", "holds no key that can be read"),
    ],
)
def test_a_key_that_does_not_serve_is_named(
    make_key: Callable[[Signer], bytes], problem: str, tmp_path: Path, signer: Signer
) -> None:
    (tmp_path / "chain.pem").write_bytes(pem(*signer.chain))
    (tmp_path / "key.pem").write_bytes(make_key(signer))
    portal = PortalSettings(
        signing_certificate_file=str(tmp_path / "chain.pem"),
        signing_key_file=str(tmp_path / "key.pem"),
    )
    with pytest.raises(ConfigurationError, match=problem) as error:
        signing.configured(portal)
    assert error.value.setting == "portal.signing_key_file"


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_certificate_that_does_not_serve_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    if content is not None:
        file.write_bytes(content)
    portal = PortalSettings(signing_certificate_file=str(file), signing_key_file=str(file))
    with pytest.raises(ConfigurationError) as error:
        signing.configured(portal)
    assert error.value.setting == "portal.signing_certificate_file"


@pytest.mark.parametrize("key", ["signing_certificate_file", "signing_key_file"])
def test_the_two_files_are_set_together(key: str) -> None:
    environment = {f"FARANDOLE_PORTAL__{key.upper()}": "/etc/ssl/portal.pem"}
    with pytest.raises(ConfigurationError, match="together") as error:
        settings_file.load(None, environment)
    assert error.value.setting == "portal.signing_key_file"


def test_a_key_never_shows(signer: Signer) -> None:
    key = load_der_private_key(signer.key.reveal(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert "key" not in repr(signer)
