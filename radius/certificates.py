"""Whose certificate came: the peers that we know over TLS, and what is wrong with all others.

The rules are RFC 6614 section 2.3: an authority that was agreed upon and a DNS name in the
certificate, or the fingerprint of the certificate itself. Certificates are DER, the peer's own
first in a chain; the time is an argument.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import crypto

from aaa.snapshot import NasEntry, RadsecPeerEntry, Snapshot

_EXPIRED: Final = frozenset((9, 10))
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED, which pyOpenSSL does not name."""
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH


class CertificateFlaw(StrEnum):
    """Why a certificate proves nothing to us."""

    MALFORMED = "malformed_certificate"
    UNTRUSTED = "untrusted_certificate"
    EXPIRED = "expired_certificate"
    WRONG_PURPOSE = "wrong_purpose"
    WRONG_NAME = "wrong_name"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a certificate must show; None and no anchors ask for nothing. One of `name` and
    `fingerprint` is there."""

    anchors: tuple[bytes, ...]
    name: str | None
    fingerprint: str | None


class Chain:
    """What a peer sent to prove itself. Raises ValueError where its own certificate is none."""

    def __init__(self, certificates: Sequence[bytes]) -> None:
        own, *others = (x509.load_der_x509_certificate(each) for each in certificates)
        self._own = own
        self._others = [crypto.X509.from_cryptography(each) for each in others]
        self.subject = own.subject.rfc4514_string()
        self.names = tuple(fold_name(name) for name in _names(own))
        self.fingerprint = own.fingerprint(SHA256()).hex()
        self._purposes = _purposes(own)

    def describe(self) -> dict[str, str]:
        """Return what tells this certificate from others, for the log: an operator compares."""
        return {
            "subject": self.subject,
            "names": ", ".join(self.names) or "-",
            "sha256": self.fingerprint,
        }

    def flaw(
        self, expected: Expected, purpose: ObjectIdentifier, now: datetime
    ) -> CertificateFlaw | None:
        """Return why this is not the peer that is expected; None where it is."""
        if expected.fingerprint is not None and self.fingerprint != expected.fingerprint:
            return CertificateFlaw.UNTRUSTED
        if expected.anchors and (flaw := self.distrust(expected.anchors, now)):
            return flaw
        if not self._own.not_valid_before_utc <= now <= self._own.not_valid_after_utc:
            return CertificateFlaw.EXPIRED
        if not (expected.anchors or expected.fingerprint):
            return CertificateFlaw.UNTRUSTED
        if expected.name is not None and fold_name(expected.name) not in self.names:
            return CertificateFlaw.WRONG_NAME
        if expected.name is None and expected.fingerprint is None:
            return CertificateFlaw.WRONG_NAME
        if self._purposes is not None and purpose not in self._purposes:
            return CertificateFlaw.WRONG_PURPOSE
        return None

    def distrust(self, anchors: Collection[bytes], now: datetime) -> CertificateFlaw | None:
        """Return why none of `anchors` vouches for this certificate now; None where one does."""
        store = crypto.X509Store()
        # An anchor may be any certificate that was agreed upon, not only one that signs itself.
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        store.set_time(now)
        for anchor in anchors:
            store.add_cert(crypto.X509.from_cryptography(x509.load_der_x509_certificate(anchor)))
        own = crypto.X509.from_cryptography(self._own)
        try:
            crypto.X509StoreContext(store, own, self._others).verify_certificate()
        except crypto.X509StoreContextError as error:
            if error.errors[0] in _EXPIRED:
                return CertificateFlaw.EXPIRED
            return CertificateFlaw.UNTRUSTED
        return None


class PeerIndex:
    """Who may be which client over TLS, of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        identity = snapshot.radsec_identity
        self._own_anchors = identity.anchors if identity else ()
        self._by_fingerprint: dict[str, list[tuple[NasEntry, RadsecPeerEntry]]] = {}
        self._by_name: dict[str, list[tuple[NasEntry, RadsecPeerEntry]]] = {}
        self._anchors = set(self._own_anchors)
        for nas in snapshot.nas:
            for peer in nas.radsec_peers:
                if peer.anchor is not None:
                    self._anchors.add(peer.anchor)
                if peer.fingerprint is not None:
                    self._by_fingerprint.setdefault(peer.fingerprint, []).append((nas, peer))
                elif peer.name is not None:
                    self._by_name.setdefault(fold_name(peer.name), []).append((nas, peer))

    def find(self, chain: Chain, now: datetime) -> NasEntry | CertificateFlaw:
        """Return the client whose certificate this is, or why it is nobody's."""
        flaw: CertificateFlaw | None = None
        for nas, peer in self._candidates(chain):
            found = chain.flaw(self._expected(peer), CLIENT, now)
            if found is None:
                return nas
            flaw = flaw or found
        if flaw is not None:
            return flaw
        return chain.distrust(self._anchors, now) or CertificateFlaw.WRONG_NAME

    def _candidates(self, chain: Chain) -> Iterator[tuple[NasEntry, RadsecPeerEntry]]:
        yield from self._by_fingerprint.get(chain.fingerprint, ())
        for name in chain.names:
            yield from self._by_name.get(name, ())

    def _expected(self, peer: RadsecPeerEntry) -> Expected:
        """A name alone is one that our own authority gave."""
        if peer.anchor is not None:
            anchors: tuple[bytes, ...] = (peer.anchor,)
        else:
            anchors = () if peer.fingerprint is not None else self._own_anchors
        return Expected(anchors, peer.name, peer.fingerprint)


def each_of(octets: bytes) -> tuple[bytes, ...]:
    """Return certificates (DER) that are kept one behind the other. Raises ValueError."""
    found: list[bytes] = []
    while octets:
        # A SEQUENCE of 128 to 65,535 octets: its length takes one or two (X.690 section 8.1.3.5).
        count = octets[1] - 0x80 if len(octets) > 4 else 0
        end = 2 + count + int.from_bytes(octets[2 : 2 + count], "big")
        if count not in (1, 2) or end > len(octets):
            raise ValueError("no certificates in DER")
        found.append(octets[:end])
        octets = octets[end:]
    return tuple(found)


def fold_name(name: str) -> str:
    """Return a DNS name in the form that we compare: exactly, so that a wildcard is only itself."""
    return name.rstrip(".").lower()


def _names(certificate: x509.Certificate) -> list[str]:
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return found.value.get_values_for_type(x509.DNSName)
    return []


def _purposes(certificate: x509.Certificate) -> Collection[ObjectIdentifier] | None:
    """Return what a certificate may be used for, None where it does not limit that."""
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return None if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found else list(found)
    return None
