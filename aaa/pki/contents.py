"""What each kind of certificate contains (RFC 5280): the authority's, the server's, a device's.

All are ECDSA on P-256, signed with SHA-256: every supplicant of the last ten years takes that, and
a handshake stays within few fragments. Each is valid from a day before it is made, since the clock
of a device that was just switched on is often behind, or in another time zone.
"""

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aaa.errors import Invalid
from aaa.secret import Secret

AUTHORITY_VALIDITY: Final = timedelta(days=20 * 365)
# Apple refuses a server's certificate of more than 825 days, and public ones beyond 398: being
# well below both costs nothing, as renewal needs nobody.
SERVER_VALIDITY: Final = timedelta(days=397)
CLIENT_VALIDITY: Final = timedelta(days=2 * 365)
SERVER: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
SERVER_AND_CLIENT: Final = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
)
"""Of who asks by RADIUS over TLS and is asked by it, with one certificate."""

_BACKDATED: Final = timedelta(days=1)
# ub-common-name (RFC 5280 appendix A.1).
_MOST_COMMON_NAME: Final = 64
# User principal name: from it Windows takes the identity that it answers EAP with.
_UPN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority at work: its certificate, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_octets(key: ec.EllipticCurvePrivateKey) -> Secret:
    """Return a private key as unencrypted PKCS 8 in DER."""
    return Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def read_signer(certificate: bytes, key: Secret) -> Signer:
    """Return an authority from its certificate (DER) and its key (PKCS 8, DER)."""
    loaded = load_der_private_key(key.reveal(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise Invalid("an authority signs with an elliptic curve key")
    return Signer(x509.load_der_x509_certificate(certificate), loaded)


def authority(key: ec.EllipticCurvePrivateKey, common_name: str, now: datetime) -> x509.Certificate:
    """Return a root that signs end entities and nothing else: no authority below it."""
    subject = _name(common_name)
    builder = (
        _begun(key.public_key(), subject, now, now - _BACKDATED + AUTHORITY_VALIDITY)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(key, SHA256())


def server(
    key: ec.EllipticCurvePublicKey,
    signer: Signer,
    names: Sequence[str],
    now: datetime,
    purposes: x509.ExtendedKeyUsage = SERVER,
) -> x509.Certificate:
    """Return the RADIUS server's certificate for DNS names; the first is its subject too, which
    old supplicants look at. Raises Invalid where a name cannot be in a certificate."""
    try:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    except ValueError:
        raise Invalid(
            f"{', '.join(names)}: no name for a certificate; set eap.server_name to one in ASCII"
        ) from None
    # A name that is too long for a subject is in the alternative names only, which are then
    # critical (RFC 5280 section 4.2.1.6).
    subject = _name(names[0]) if len(names[0]) <= _MOST_COMMON_NAME else x509.Name([])
    builder = _end_entity(key, signer, subject, now, SERVER_VALIDITY)
    return (
        builder.add_extension(alternative, critical=not list(subject))
        .add_extension(purposes, critical=False)
        .sign(signer.key, SHA256())
    )


def client(
    key: ec.EllipticCurvePublicKey,
    signer: Signer,
    identity: str,
    crl_url: str | None,
    now: datetime,
) -> x509.Certificate:
    """Return a device's certificate. ``identity``, in its subject and both alternative names, must
    tell nobody who the citizen is: up to TLS 1.2 it goes over the air in clear."""
    subject = identity if len(identity) <= _MOST_COMMON_NAME else identity.partition("@")[0]
    names = [x509.RFC822Name(identity), x509.OtherName(_UPN, asn1.encode_der(identity))]
    builder = (
        _end_entity(key, signer, _name(subject), now, CLIENT_VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    if crl_url is not None:
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(crl_url)],
            relative_name=None,
            reasons=None,
            crl_issuer=None,
        )
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(signer.key, SHA256())


def name_of(certificate: bytes) -> str:
    """Return the common name of the subject of a certificate in DER, "" where it has none."""
    subject = x509.load_der_x509_certificate(certificate).subject
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def authority_name(federation_name: str, year: int, number: int) -> str:
    """Return what an authority is called, and people see when they install a profile. ``number``
    tells the authorities of one year apart: revocation lists are looked up by the name alone."""
    ending = f" Wi-Fi CA {year}" + (f" ({number})" if number > 1 else "")
    return federation_name[: _MOST_COMMON_NAME - len(ending)].rstrip() + ending


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate in DER, 64 hexadecimal digits in lower case."""
    return hashlib.sha256(certificate).hexdigest()


def pem(certificate: bytes) -> str:
    """Return a certificate in DER as PEM."""
    return ssl.DER_cert_to_PEM_cert(certificate)


def serial_text(certificate: x509.Certificate) -> str:
    """Return a serial number as openssl shows it: upper-case hexadecimal, whole octets."""
    number = certificate.serial_number
    return number.to_bytes((number.bit_length() + 7) // 8).hex().upper()


def authority_key_identifier(signer: Signer) -> x509.AuthorityKeyIdentifier:
    """Return what tells the key of this authority from those of others."""
    extension = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(extension.value)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _begun(
    key: ec.EllipticCurvePublicKey, subject: x509.Name, now: datetime, expires_at: datetime
) -> x509.CertificateBuilder:
    """Return what every certificate begins with. The serial number is 159 random bits: positive,
    in at most 20 octets (RFC 5280 section 4.1.2.2)."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - _BACKDATED).replace(microsecond=0))
        .not_valid_after(expires_at.replace(microsecond=0))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _end_entity(
    key: ec.EllipticCurvePublicKey,
    signer: Signer,
    subject: x509.Name,
    now: datetime,
    validity: timedelta,
) -> x509.CertificateBuilder:
    """Return a certificate that signs no other; it does not outlive its authority."""
    expires_at = min(now - _BACKDATED + validity, signer.certificate.not_valid_after_utc)
    return (
        _begun(key, subject, now, expires_at)
        .issuer_name(signer.certificate.subject)
        .add_extension(authority_key_identifier(signer), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
