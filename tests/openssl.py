"""OpenSSL's own command, to look at what we sign."""

import subprocess
from pathlib import Path

from tests.counterparts import require


def openssl(*arguments: str | Path, given: bytes = b"") -> str:
    """Return all that openssl writes about ``given``, or the files that the arguments name."""
    command = [require("openssl"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def described(kind: str, given: bytes) -> str:
    """Return what a certificate (``x509``) or list (``crl``) in DER contains, as text."""
    options = ("-inform", "DER", "-noout", "-text", "-nameopt", "RFC2253")
    return openssl(kind, *options, given=given)


def write_pem(path: Path, kind: str, *encoded: bytes) -> Path:
    """Write certificates or lists in DER to a file that openssl reads; return its path."""
    path.write_text("".join(openssl(kind, "-inform", "DER", given=each) for each in encoded))
    return path


def answer(*arguments: str | Path, given: bytes = b"") -> bytes:
    """Return what openssl makes of ``given``, or of the files that the arguments name; it must
    succeed."""
    command = [require("openssl"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout
