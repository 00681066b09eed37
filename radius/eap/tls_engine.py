"""TLS for EAP: OpenSSL over memory, which is given octets and has octets to send.

The one file of EAP that knows pyOpenSSL. Versions 1.2 and 1.3, ephemeral keys and AEAD ciphers
only; no renegotiation, no compression. The keys are on elliptic curves, and in TLS 1.3 also in the
finite fields ffdhe2048 and ffdhe3072 if a supplicant has nothing else: OpenSSL takes these, and
pyOpenSSL can name one group or all. Whatever a supplicant sends, the one exception is TlsFailed.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Self, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL, crypto

from radius.eap.steps import Failure

_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Those of TLS 1.2; all that TLS 1.3 has are good."""
_LONGEST_RECORD: Final = 16_384
_RESUMABLE_SECONDS: Final = 12 * 3600
"""How long after a full handshake, or a resumed one, a supplicant may resume the session: a day
in town. Its certificate is asked about each time all the same."""
_CERT_HAS_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED, which pyOpenSSL does not name."""
_ALERT_RECEIVED: Final = re.compile(r"\S+ alert ")
"""OpenSSL's reasons name an alert that has come so, after a version."""
_NOT_PROVEN: Final = frozenset({"peer did not return a certificate", "bad signature"})
_ACCESS_DENIED: Final = bytes((21, 3, 3, 0, 2, 2, 49))
"""A record of TLS 1.2 in clear, with the fatal alert access_denied (RFC 5246 section 7.2.2)."""


class TlsFailed(Exception):
    """The handshake or the connection is over; what the engine has to send now is the alert."""

    def __init__(self, reason: Failure) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """The server's certificate, and whose certificates it believes; all DER."""

    chain: tuple[bytes, ...]
    """The server's own first."""
    key: bytes = field(repr=False)
    """PKCS 8."""
    anchors: tuple[bytes, ...]


class TlsServer:
    """What all engines of one kind share. Long-lived: the keys that seal session tickets live and
    die with it, so a new identity ends every session that could be resumed."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    @classmethod
    def for_certificates(
        cls, identity: TlsIdentity, *, minimum: str = "1.2", maximum: str = "1.3"
    ) -> Self:
        """Return a server that demands a certificate of the supplicant, and resumes sessions.

        Raises ValueError where the key is not the certificate's, either is of no use to OpenSSL,
        or a version is unknown.
        """
        context = _context(identity, minimum, maximum)
        store = cast(crypto.X509Store, context.get_cert_store())  # None of foreign contexts only
        for anchor in identity.anchors:
            certificate = x509.load_der_x509_certificate(anchor)
            store.add_cert(crypto.X509.from_cryptography(certificate))
            context.add_client_ca(certificate)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _note_verification)
        context.set_session_id(b"EAP-TLS")
        context.set_timeout(_RESUMABLE_SECONDS)
        return cls(context)

    @classmethod
    def for_tunnel(
        cls, identity: TlsIdentity, *, minimum: str = "1.2", maximum: str = "1.3"
    ) -> Self:
        """Return a server that asks for no certificate, and where every session is a new one: a
        resumed session would skip the inner method, and with it the question about the credential.

        Raises ValueError where the key is not the certificate's, either is of no use to OpenSSL,
        or a version is unknown.
        """
        context = _context(identity, minimum, maximum)
        # In TLS 1.3 OpenSSL sends tickets all the same, 158 octets after the handshake; but with
        # this option they only name a session, and no cache holds one.
        context.set_options(SSL.OP_NO_TICKET)
        return cls(context)

    def engine(self) -> "TlsEngine":
        """Return the engine of a new connection."""
        return TlsEngine(self._context)


@dataclass(slots=True)
class _Verification:
    """What OpenSSL found when it verified the supplicant's certificate."""

    has_run: bool = False
    error: int = 0


class TlsEngine:
    """The server's end of one TLS connection.

    `feed` what the supplicant sent; then look for what came of it in `outgoing`, `received` and
    `is_established`. After TlsFailed only `outgoing` is of use.
    """

    __slots__ = ("_connection", "_is_established", "_outgoing", "_received", "_verification")

    def __init__(self, context: SSL.Context) -> None:
        self._verification = _Verification()
        self._connection = SSL.Connection(context)
        self._connection.set_accept_state()
        self._connection.set_app_data(self._verification)
        self._is_established = False
        self._outgoing = b""
        self._received = b""

    @property
    def is_established(self) -> bool:
        """Whether the handshake is complete, the supplicant's Finished verified."""
        return self._is_established

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier session is continued: then no certificate was sent, nor verified."""
        demands_certificate = self._connection.get_context().get_verify_mode() != SSL.VERIFY_NONE
        return self._is_established and demands_certificate and not self._verification.has_run

    @property
    def version(self) -> str:
        """The version of TLS, "1.2" or "1.3"; of use once the handshake is complete."""
        return "1.3" if self._connection.get_protocol_version() == SSL.TLS1_3_VERSION else "1.2"

    def feed(self, records: bytes) -> None:
        """Take octets that the supplicant sent. Raises TlsFailed."""
        try:
            if records:
                self._connection.bio_write(records)
            if not self._is_established:
                self._connection.do_handshake()
                self._is_established = True
                self._check_resumed()
            while True:
                self._received += self._connection.recv(_LONGEST_RECORD)
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            raise TlsFailed(Failure.SUPPLICANT_REFUSED) from None
        except SSL.Error as error:
            raise TlsFailed(self._reason(error)) from None

    def outgoing(self) -> bytes:
        """Return what is to be sent to the supplicant, and forget it."""
        octets, self._outgoing = self._outgoing, b""
        while True:
            try:
                octets += self._connection.bio_read(_LONGEST_RECORD)
            except SSL.WantReadError:
                return octets

    def received(self) -> bytes:
        """Return the application data that has come, decrypted, and forget it."""
        plaintext, self._received = self._received, b""
        return plaintext

    def send(self, plaintext: bytes) -> None:
        """Encrypt application data; it joins what is outgoing. Raises TlsFailed."""
        try:
            self._connection.sendall(plaintext)
        except SSL.Error as error:
            raise TlsFailed(self._reason(error)) from None

    def deny(self) -> None:
        """Drop what is outgoing, for an alert if the supplicant could still read one.

        It can when we have not completed a full handshake of TLS 1.2 in its eyes: until our
        ChangeCipherSpec has reached it, an alert goes in clear. OpenSSL is never told.
        """
        self.outgoing()
        if self.version == "1.2" and not self.is_resumed:
            self._outgoing = _ACCESS_DENIED

    def peer_certificate(self) -> bytes | None:
        """Return the supplicant's certificate (DER), also in a resumed session; None without."""
        certificate = self._connection.get_peer_certificate()
        if certificate is None:
            return None
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def export(self, label: bytes, context: bytes | None, octets: int) -> bytes:
        """Return keying material of an established connection (RFC 5705, RFC 8446 section 7.5)."""
        return self._connection.export_keying_material(label, octets, context)

    def _check_resumed(self) -> None:
        """Look at the date of a certificate that OpenSSL verified in an earlier session."""
        certificate = self._connection.get_peer_certificate() if self.is_resumed else None
        if certificate is not None and certificate.has_expired():
            self.outgoing()
            raise TlsFailed(Failure.CERTIFICATE_EXPIRED)

    def _reason(self, error: SSL.Error) -> Failure:
        if self._verification.error == _CERT_HAS_EXPIRED:
            return Failure.CERTIFICATE_EXPIRED
        if self._verification.error:
            return Failure.CERTIFICATE_UNTRUSTED
        reasons = _reasons(error)
        if any(_ALERT_RECEIVED.match(reason) for reason in reasons):
            return Failure.SUPPLICANT_REFUSED
        if reasons & _NOT_PROVEN:
            return Failure.CERTIFICATE_UNTRUSTED
        return Failure.TLS_FAILED


def _context(identity: TlsIdentity, minimum: str, maximum: str) -> SSL.Context:
    try:
        versions = _VERSIONS[minimum], _VERSIONS[maximum]
    except KeyError as error:
        raise ValueError(f"there is no TLS {error} here") from None
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(versions[0])
    context.set_max_proto_version(versions[1])
    context.set_cipher_list(_CIPHERS)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    # Most engines wait, half done, for a supplicant that has walked out of range.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    own, *others = (x509.load_der_x509_certificate(certificate) for certificate in identity.chain)
    key = load_der_private_key(identity.key, None)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        raise ValueError("the private key is neither ECDSA's nor RSA's")
    try:
        context.use_certificate(own)
        for certificate in others:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(key)
        context.check_privatekey()
    except SSL.Error as error:
        reasons = ", ".join(sorted(_reasons(error)))
        raise ValueError(f"OpenSSL refuses the server's certificate or key: {reasons}") from error
    return context


def _reasons(error: SSL.Error) -> set[str]:
    """What OpenSSL says went wrong, in its own words."""
    return {entry[2] for argument in error.args for entry in argument}


def _note_verification(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, is_good: int
) -> bool:
    """OpenSSL calls this for each certificate of the supplicant's chain, and for each fault."""
    verification: _Verification = connection.get_app_data()
    verification.has_run = True
    verification.error = verification.error or error
    return bool(is_good)
