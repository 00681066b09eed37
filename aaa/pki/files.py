"""An operator's own certificate and key, in two PEM files that settings name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from aaa.settings import ConfigurationError


@dataclass(frozen=True, slots=True)
class FileSetting:
    """A setting that names a file, such as ``radius.radsec_key_file``, and the file."""

    setting: str
    path: Path

    def read(self) -> bytes:
        """Return what the file holds. Raises ConfigurationError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self.error(f"{self.path} cannot be read ({error.strerror})", _CHECK) from None

    def error(self, problem: str, remedy: str) -> ConfigurationError:
        """Return what to raise about this file."""
        return ConfigurationError(self.setting, problem, remedy)


_CHECK = "Check the path and permissions"


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Certificates in DER, the operator's own first; its key as PKCS 8 in DER."""

    chain: tuple[bytes, ...]
    key: Secret = field(repr=False)
    names: tuple[str, ...]


def read(certificate: FileSetting, key: FileSetting) -> OwnCertificate:
    """Return what two files hold. Raises ConfigurationError where a file cannot be used, or the two
    do not belong together."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read())
    except ValueError as error:
        raise certificate.error(f"holds no certificates ({error})", "Give a PEM file") from None
    try:
        private = load_pem_private_key(key.read(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise key.error(
            "holds no key that can be read", "Give a PEM file without a passphrase"
        ) from None
    if not isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey):
        raise key.error("is of no use here", "Use an RSA or an elliptic curve key")
    spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*spki) != chain[0].public_key().public_bytes(*spki):
        raise key.error(
            f"is not the key of the first certificate in {certificate.setting}", "Give its own key"
        )
    return OwnCertificate(
        tuple(each.public_bytes(Encoding.DER) for each in chain),
        Secret(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        _names(chain[0]),
    )


class CertificateFiles:
    """Two files that are read anew whenever either has changed: whatever renews certificates on
    this machine need not tell us."""

    def __init__(self, certificate: FileSetting, key: FileSetting) -> None:
        """Read the files. Raises ConfigurationError."""
        self._files = certificate, key
        self._seen: Sequence[object] = self._stamps()
        self.current = read(certificate, key)
        """What the files held when they were last of use."""

    def refresh(self) -> bool:
        """Return whether the files hold something else than before. Raises ConfigurationError, once
        for each state of the files, where they are of no use now; `current` stays then."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        found = read(*self._files)
        was, self.current = self.current, found
        return found != was

    def identity(self, anchors: tuple[bytes, ...]) -> ServerIdentity:
        """Return the operator's certificate as what the server is."""
        current = self.current
        return ServerIdentity(current.chain, current.key, anchors, current.names)

    def _stamps(self) -> Sequence[object]:
        """Return what changes with the files."""
        return [_stamp(file.path) for file in self._files]


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.DNSName))
