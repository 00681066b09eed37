"""Files with secrets, read and written: those are public that stand on a command line."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509 import load_der_x509_certificate

from aaa.errors import Invalid
from aaa.secret import Secret

_MOST_OCTETS = 4096


def read_secret(source: str) -> Secret:
    """Return what a file holds, or standard input for ``-``, without the newline at its end.

    Raises Invalid where there is nothing, or far too much.
    """
    octets = read_octets(source, _MOST_OCTETS).rstrip(b"\r\n")
    if not octets:
        raise Invalid(f"{_named(source)} is empty: the secret is expected there, on one line")
    return Secret(octets)


def read_text(source: str, most_octets: int) -> str:
    """Return the text of a file, or of standard input for ``-``; raise Invalid."""
    try:
        return read_octets(source, most_octets).decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{_named(source)} is not text in UTF-8") from None


def read_octets(source: str, most: int) -> bytes:
    """Return the octets of a file, or of standard input for ``-``; raise Invalid."""
    try:
        if source == "-":
            octets = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as file:
                octets = file.read(most + 1)
    except OSError as error:
        raise Invalid(f"{source} cannot be read: {error.strerror}") from None
    if len(octets) > most:
        raise Invalid(f"{_named(source)} is longer than {most} octets")
    return octets


def certificate_pem(certificate: bytes) -> bytes:
    """Return a certificate in DER as PEM."""
    return load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def key_pem(key: Secret) -> bytes:
    """Return a private key (PKCS 8, DER) as PEM, without a passphrase."""
    private = load_der_private_key(key.reveal(), None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_new(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write files that are not there yet, for the owner alone; all of them, or none. Raises
    Invalid."""
    written: list[Path] = []
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, octets in contents.items():
            path = directory / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            written.append(path)
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise Invalid(
            f"{error.filename or directory} cannot be written ({error.strerror}): "
            "name a directory that is new or empty"
        ) from None


def _named(source: str) -> str:
    return "standard input" if source == "-" else source
