"""The openssl command, as a judge that read none of our code."""

import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from portal.onboarding.signing import Signer
from tests import counterparts


def run(*arguments: str | Path, content: bytes = b"") -> bytes:
    """Return what openssl writes; it has to succeed."""
    command = [counterparts.require("openssl"), *map(str, arguments)]
    result = subprocess.run(command, input=content, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def opened(pkcs12: bytes, passphrase: str, folder: Path) -> list[x509.Certificate]:
    """Return the certificates of a PKCS 12 file, whose key has to belong to the first."""
    file = folder / "identity.p12"
    file.write_bytes(pkcs12)
    key = run("pkcs12", "-in", file, "-passin", f"pass:{passphrase}", "-nocerts", "-nodes")
    pem = run("pkcs12", "-in", file, "-passin", f"pass:{passphrase}", "-nokeys")
    certificates = x509.load_pem_x509_certificates(pem)
    public = run("pkey", "-pubout", "-outform", "DER", content=key)
    (folder / "first.pem").write_bytes(certificates[0].public_bytes(Encoding.PEM))
    first = run("x509", "-in", folder / "first.pem", "-pubkey", "-noout")
    assert run("pkey", "-pubin", "-outform", "DER", content=first) == public
    return certificates


def pem_key(signer: Signer) -> bytes:
    """Return a signer's key as programs read it."""
    key = load_der_private_key(signer.key.reveal(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
