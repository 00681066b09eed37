"""A client's certificate and key in one PKCS 12 file, as profiles carry it.

The issuer is not inside: the server has it, and Android's installer takes one certificate only.
"""

import hashlib
from typing import Final

from aaa.pki import packing
from aaa.secret import Secret
from portal.onboarding.profile import ClientCertificate

_NAME: Final = "Wi-Fi"


def passphrase(credential: ClientCertificate) -> str:
    """Return the passphrase of :func:`protect`: always the same for the same key, so that building
    a file takes no chance. It stands beside the file in every profile and protects nothing; the
    formats demand one."""
    return hashlib.sha256(b"pkcs12" + credential.key.reveal()).hexdigest()[:32]


def protect(credential: ClientCertificate) -> bytes:
    """Return the file under its passphrase."""
    secret = Secret(passphrase(credential))
    return packing.protect(credential.certificate, credential.key, secret, _NAME)


def bare(credential: ClientCertificate) -> bytes:
    """Return the file with an empty passphrase, as Android's Passpoint installer opens it."""
    return packing.bare(credential.certificate, credential.key, _NAME)
