"""Certificates for tests of EAP: an authority, servers, and clients good and bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from radius.eap.tls_engine import TlsIdentity

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH

_NAI_REALM = ObjectIdentifier("1.3.6.1.5.5.7.8.8")

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_der(self) -> bytes:
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Authority:
    """Issues certificates under a root of its own."""

    def __init__(self, name: str = "Village Root", above: "Authority | None" = None) -> None:
        """`above`: the authority that vouches for this one, if it is no root."""
        self._key = ecdsa_key()
        self._name = _name(name)
        issuer, key = (above._name, above._key) if above else (self._name, self._key)
        certificate = (
            _certificate(self._name, issuer, self._key, timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.root = Issued(certificate, self._key)

    def issue(
        self,
        name: str,
        usage: ObjectIdentifier = CLIENT_AUTH,
        *,
        key: Key | None = None,
        valid: timedelta = timedelta(days=30),
    ) -> Issued:
        """Return a certificate that begins an hour ago and ends `valid` from now."""
        key = key or ecdsa_key()
        alternative = x509.DNSName(name) if usage == SERVER_AUTH else x509.RFC822Name(name)
        certificate = (
            _certificate(_name(name), self._name, key, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(certificate, key)

    def peer(
        self,
        name: str,
        *,
        usages: Sequence[ObjectIdentifier] = (CLIENT_AUTH, SERVER_AUTH),
        key: Key | None = None,
        valid: timedelta = timedelta(days=30),
        realms: Sequence[str] = (),
        policies: Sequence[str] = (),
    ) -> Issued:
        """Return a certificate for RADIUS over TLS, for a DNS name, and for realms (NAIRealm) and
        of policies where some are given."""
        key = key or ecdsa_key()
        told = [x509.OtherName(_NAI_REALM, asn1.encode_der(realm)) for realm in realms]
        names = x509.SubjectAlternativeName([x509.DNSName(name), *told])
        builder = (
            _certificate(_name(name), self._name, key, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(names, critical=False)
        )
        if policies:
            stated = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in policies]
            builder = builder.add_extension(x509.CertificatePolicies(stated), critical=False)
        return Issued(builder.sign(self._key, hashes.SHA256()), key)

    def server(self, key: Key | None = None) -> TlsIdentity:
        """Return the identity of a server that believes this authority's clients."""
        server = self.issue("radius.village.example", SERVER_AUTH, key=key)
        return TlsIdentity((server.der,), server.key_der, (self.root.der,))

    def client(self) -> Issued:
        return self.issue("d-4k7q2m9x@village.example")

    def expired_client(self) -> Issued:
        return self.issue("d-4k7q2m9x@village.example", valid=timedelta(minutes=-5))

    def misused_server(self) -> Issued:
        """Return a server's certificate, which no client may use."""
        return self.issue("radius.village.example", SERVER_AUTH)


def ecdsa_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Key, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + valid)
    )
