"""Certificates as tests need them: those that a server believes, and those that it must not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
_DAY: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate and its key, as a supplicant's two PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody who signs certificates: a root, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str) -> Self:
        """Return a new root."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _certificate(name, name, key.public_key(), datetime.now(UTC) - _DAY, 10 * _YEAR)
        usage = x509.KeyUsage(
            *(False, False, False, False, False),
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(usage, critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        directory: Path,
        name: str,
        *,
        usage: x509.ObjectIdentifier = CLIENT,
        from_: datetime | None = None,
        lasting: timedelta = _YEAR,
    ) -> Holder:
        """Write the files of a new certificate for a NAI or, with `usage` SERVER, a DNS name."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject
        valid_from = from_ or datetime.now(UTC) - _DAY
        builder = _certificate(name, issuer, key.public_key(), valid_from, lasting)
        names: x509.GeneralName = x509.RFC822Name(name) if "@" in name else x509.DNSName(name)
        builder = builder.add_extension(x509.SubjectAlternativeName([names]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        directory.mkdir(parents=True, exist_ok=True)
        holder = Holder(directory / "certificate.pem", directory / "key.pem")
        holder.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        holder.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return holder

    def pem(self) -> bytes:
        """Return the root's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def revocations(self, *revoked: Holder) -> bytes:
        """Return a list (PEM) that revokes these certificates."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _DAY).next_update(now + _DAY)
        for holder in revoked:
            certificate = x509.load_pem_x509_certificate(holder.certificate.read_bytes())
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - _DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _certificate(
    name: str,
    issuer: str | x509.Name,
    key: ec.EllipticCurvePublicKey,
    valid_from: datetime,
    lasting: timedelta,
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=_name(issuer) if isinstance(issuer, str) else issuer,
        subject_name=_name(name),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=valid_from,
        not_valid_after=valid_from + lasting,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
