"""Certificates of the kinds that Farandole makes, as files: right ones, and wrong ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aaa.pki import contents

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody who signs certificates."""

    signer: contents.Signer

    @classmethod
    def create(cls, name: str) -> Self:
        """Return a new root."""
        key = contents.new_key()
        return cls(contents.Signer(contents.authority(key, name, datetime.now(UTC)), key))

    @property
    def certificate(self) -> bytes:
        """The root's certificate, PEM."""
        return self.signer.certificate.public_bytes(Encoding.PEM)

    def server(self, directory: Path, name: str) -> Holder:
        """Write a server's certificate for a DNS name, and its key."""
        key = contents.new_key()
        made = contents.server(key.public_key(), self.signer, [name], datetime.now(UTC))
        return _write(directory, made, key)

    def expired_server(self, directory: Path, name: str) -> Holder:
        """Write one that has expired yesterday."""
        key = contents.new_key()
        begun = datetime.now(UTC) - _DAY - contents.SERVER_VALIDITY
        made = contents.server(key.public_key(), self.signer, [name], begun)
        return _write(directory, made, key)

    def partner(self, directory: Path, name: str) -> Holder:
        """Write the certificate of a RADIUS server that is a client of others too, and its key."""
        key = contents.new_key()
        now = datetime.now(UTC)
        made = contents.server(
            key.public_key(), self.signer, [name], now, contents.SERVER_AND_CLIENT
        )
        return _write(directory, made, key)

    def client(self, directory: Path, identity: str) -> Holder:
        """Write a device's certificate and its key."""
        return self._client(directory, identity, datetime.now(UTC))

    def expired_client(self, directory: Path, identity: str) -> Holder:
        """Write one that has expired yesterday."""
        ended = datetime.now(UTC) - _DAY
        return self._client(directory, identity, ended - contents.CLIENT_VALIDITY)

    def revocation_list(self, *revoked: Holder) -> bytes:
        """Return a list (PEM) with these certificates."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(
            self.signer.certificate.subject
        )
        builder = builder.last_update(now - _DAY).next_update(now + _DAY)
        for holder in revoked:
            certificate = x509.load_pem_x509_certificate(holder.certificate.read_bytes())
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - _DAY).build())
        return builder.sign(self.signer.key, SHA256()).public_bytes(Encoding.PEM)

    def _client(self, directory: Path, identity: str, now: datetime) -> Holder:
        key = contents.new_key()
        made = contents.client(key.public_key(), self.signer, identity, None, now)
        return _write(directory, made, key)


def _write(directory: Path, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Holder:
    directory.mkdir(parents=True, exist_ok=True)
    holder = Holder(directory / "certificate.pem", directory / "key.pem")
    holder.certificate.write_bytes(made.public_bytes(Encoding.PEM))
    holder.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return holder
