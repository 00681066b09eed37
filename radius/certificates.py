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
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import crypto

from aaa.snapshot import NasEntry, RadsecPeerEntry, Snapshot

_EXPIRED: Final = frozenset((9, 10))
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED, which pyOpenSSL does not name."""
NAI_REALM: Final = ObjectIdentifier("1.3.6.1.5.5.7.8.8")
ANY_NAME: Final = "*"
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH


class CertificateFlaw(StrEnum):
    """Why a certificate proves nothing to us."""

    MALFORMED = "malformed_certificate"
    UNTRUSTED = "untrusted_certificate"
    EXPIRED = "expired_certificate"
    WRONG_PURPOSE = "wrong_purpose"
    WRONG_NAME = "wrong_name"
    WRONG_REALM = "wrong_realm"
    WRONG_POLICY = "wrong_policy"


_OF_ANYBODY: Final = frozenset((CertificateFlaw.UNTRUSTED, CertificateFlaw.WRONG_NAME))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a certificate must show; None and no anchors ask for nothing. One of `name` and
    `fingerprint` is there; the name may begin with `*.`, for any label, or be `*`, for any name.

    Of a server that was found for a `realm`: if it names realms at all (NAIRealm, RFC 7585 section
    2.2) this must be one; if it names none, `name` has to do, where `is_name_enough`. `policies`
    are certificate policies (RFC 5280 section 4.2.1.4), one of which it must have.
    """

    anchors: tuple[bytes, ...]
    name: str | None
    fingerprint: str | None
    realm: str | None = None
    is_name_enough: bool = True
    policies: tuple[str, ...] = ()


class Chain:
    """What a peer sent to prove itself. Raises ValueError where its own certificate is none."""

    def __init__(self, certificates: Sequence[bytes]) -> None:
        own, *others = (x509.load_der_x509_certificate(each) for each in certificates)
        self._own = own
        self._others = [crypto.X509.from_cryptography(each) for each in others]
        self.subject = own.subject.rfc4514_string()
        self.names = tuple(fold_name(name) for name in _names(own))
        self.realms = tuple(fold_name(realm) for realm in _realms(own))
        self.policies = frozenset(_policies(own))
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
        if flaw := self._misnamed(expected):
            return flaw
        if expected.policies and self.policies.isdisjoint(expected.policies):
            return CertificateFlaw.WRONG_POLICY
        if self._purposes is not None and purpose not in self._purposes:
            return CertificateFlaw.WRONG_PURPOSE
        return None

    def _misnamed(self, expected: Expected) -> CertificateFlaw | None:
        """Return why this is for somebody else."""
        if expected.realm is not None and (self.realms or not expected.is_name_enough):
            is_for = any(covers(name, expected.realm) for name in self.realms)
            return None if is_for else CertificateFlaw.WRONG_REALM
        if expected.name is None:
            return CertificateFlaw.WRONG_NAME if expected.fingerprint is None else None
        is_any = expected.name == ANY_NAME
        is_named = is_any or any(covers(expected.name, name) for name in self.names)
        return None if is_named else CertificateFlaw.WRONG_NAME

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
        # Of those whose name may be any of many: they come last, since another may be meant.
        self._open: dict[RadsecPeerEntry, NasEntry] = {}
        self._anchors = set(self._own_anchors)
        for nas in snapshot.nas:
            for peer in nas.radsec_peers:
                if peer.anchor is not None:
                    self._anchors.add(peer.anchor)
                if peer.fingerprint is not None:
                    self._by_fingerprint.setdefault(peer.fingerprint, []).append((nas, peer))
                elif peer.name is not None and peer.name.startswith(ANY_NAME):
                    # Our own authority signs for every device of our citizens.
                    if peer.anchor is not None and peer.anchor not in self._own_anchors:
                        self._open[peer] = nas
                elif peer.name is not None:
                    self._by_name.setdefault(fold_name(peer.name), []).append((nas, peer))

    def find(self, chain: Chain, now: datetime) -> NasEntry | CertificateFlaw:
        """Return the client whose certificate this is, or why it is nobody's."""
        flaw: CertificateFlaw | None = None
        for nas, peer in self._candidates(chain):
            found = chain.flaw(self._expected(peer), CLIENT, now)
            if found is None:
                return nas
            # Who need not be named is not known to have been meant.
            is_meant = peer not in self._open or found not in _OF_ANYBODY
            flaw = flaw or (found if is_meant else None)
        if flaw is not None:
            return flaw
        return chain.distrust(self._anchors, now) or CertificateFlaw.WRONG_NAME

    def _candidates(self, chain: Chain) -> Iterator[tuple[NasEntry, RadsecPeerEntry]]:
        yield from self._by_fingerprint.get(chain.fingerprint, ())
        for name in chain.names:
            yield from self._by_name.get(name, ())
        yield from ((nas, peer) for peer, nas in self._open.items())

    def _expected(self, peer: RadsecPeerEntry) -> Expected:
        """A name alone is one that our own authority gave."""
        if peer.anchor is not None:
            anchors: tuple[bytes, ...] = (peer.anchor,)
        else:
            anchors = () if peer.fingerprint is not None else self._own_anchors
        policies = (peer.policy,) if peer.policy is not None else ()
        return Expected(anchors, peer.name, peer.fingerprint, policies=policies)


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


def covers(pattern: str, name: str) -> bool:
    """Whether a name is that of a pattern, or has one label where this has a `*`, as in NAIRealm
    (RFC 7585 section 2.2): `*.example.com` covers radius.example.com, and neither example.com nor
    a.b.example.com. A name that has a `*` itself is covered by the same one alone."""
    pattern, name = fold_name(pattern), fold_name(name)
    label, _, rest = name.partition(".")
    return pattern == name or (pattern == f"*.{rest}" and label not in ("", "*"))


def _realms(certificate: x509.Certificate) -> list[str]:
    """Return what is told as NAIRealm; what is no UTF8String there is nothing."""
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        others = found.value.get_values_for_type(x509.OtherName)
        told = (other.value for other in others if other.type_id == NAI_REALM)
        return [realm for octets in told if (realm := _utf8_string(octets))]
    return []


def _utf8_string(octets: bytes) -> str | None:
    try:
        return asn1.decode_der(str, octets)
    except ValueError:
        return None


def _policies(certificate: x509.Certificate) -> list[str]:
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.CertificatePolicies)
        return [policy.policy_identifier.dotted_string for policy in found.value]
    return []


def _purposes(certificate: x509.Certificate) -> Collection[ObjectIdentifier] | None:
    """Return what a certificate may be used for, None where it does not limit that."""
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return None if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found else list(found)
    return None
