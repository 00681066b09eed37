"""TLS over a TCP connection of asyncio: OpenSSL in memory, octets in clear to whoever owns it.

Not the standard library's TLS: who a peer is depends on which anchor vouches for which name, or on
a fingerprint alone, and a warning has to say which certificate came. That takes a look at every
certificate, trusted or not, before the handshake ends.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from OpenSSL import SSL, crypto

from aaa.pki.identity import ServerIdentity
from radius.transports.alpn import Versions, agreed
from radius.transports.versions import Version

Judge = Callable[[Sequence[bytes]], bool]
"""Says whether a peer may go on, by its certificates (DER), its own first."""

_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Those of TLS 1.2; all that TLS 1.3 has are good."""
_LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)
_NOT_YET_VALID: Final = 9
_JUDGED_HERE: Final = frozenset((2, _NOT_YET_VALID, 18, 19, 20, 21, 26))
"""Of OpenSSL's X509_V_ERR: an issuer that is not known, or signs itself; dates; purposes. pyOpenSSL
names none."""
_READ_OCTETS: Final = 16_384
_MOST_INTERMEDIATES: Final = 8
# Answers that wait for a peer that does not read; nothing more is taken from it meanwhile.
_MOST_UNSENT: Final = 64 * 1024


class Owner(Protocol):
    """Who uses a connection; each is called from the loop."""

    def established(self) -> None:
        """The handshake is complete and the peer was let in."""

    def received(self, octets: bytes) -> None:
        """Octets came."""

    def resumed(self) -> None:
        """What was unsent has gone: there is room again."""

    def lost(self, why: str) -> None:
        """The connection is over, for a reason that can be shown; called once."""


def context_for(identity: ServerIdentity, method: int) -> SSL.Context:
    """Return what connections share that show `identity`, and ask for a certificate of the peer.

    `method` is SSL.TLS_SERVER_METHOD or SSL.TLS_CLIENT_METHOD. TLS 1.2 and 1.3; no session is
    resumed, so that each connection proves itself anew. Raises ValueError, SSL.Error where
    certificate and key are of no use.
    """
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_cipher_list(_CIPHERS)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    own, *others = (x509.load_der_x509_certificate(each) for each in identity.chain)
    context.use_certificate(own)
    for certificate in others:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(_key(identity))
    context.check_privatekey()
    # No anchors, and a date at which no certificate holds: what OpenSSL would say of trust and
    # dates is found out for each peer by itself, and every certificate is shown to `_look`.
    store = cast(crypto.X509Store, context.get_cert_store())
    store.set_time(_LONG_AGO)
    context.set_verify_depth(_MOST_INTERMEDIATES)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _look)
    return context


class TlsConnection(asyncio.Protocol):
    """One connection. `session` is in accept or connect state; its peer goes on if `judge` says so.

    `write` never blocks; `is_congested` says that the peer does not read what it is sent.
    """

    def __init__(self, session: SSL.Connection, judge: Judge, owner: Owner) -> None:
        self._session = session
        self._owner = owner
        self._peer = _Peer(judge)
        session.set_app_data(self._peer)
        self._transport: asyncio.Transport | None = None
        self._address = ("0.0.0.0", 0)  # noqa: S104  # until there is one
        self._is_established = False
        self._is_over = False
        self._why = "closed by the peer"
        self.is_congested = False
        self.has_heard = False

    @property
    def address(self) -> tuple[str, int]:
        """Where the peer is, or was: host and port."""
        return self._address

    def agreed(self, versions: Versions) -> Version | None:
        """Return the version of RADIUS that is spoken, None where it is none of these."""
        return agreed(self._session, versions)

    def write(self, octets: bytes) -> bool:
        """Send octets; return whether they were taken, which a connection that is over does not."""
        if self._is_over or not self._is_established:
            return False
        try:
            self._session.sendall(octets)
        except SSL.Error:
            self._fail("TLS failed while sending")
            return False
        self._flush()
        return True

    def pause(self) -> None:
        """Read no more until :meth:`resume`; what was read already may still be given."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not (self._is_over or self._transport.is_reading()):
            self._transport.resume_reading()

    def close(self, why: str) -> None:
        """End the connection after what was written, with a close_notify; once is enough."""
        if self._is_over:
            return
        self._why = why
        self._is_over = True
        if self._transport is None:
            return
        if self._is_established:
            with suppress(SSL.Error):
                self._session.shutdown()
        self._flush()
        if self.is_congested:
            self._transport.abort()
        else:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast(asyncio.Transport, transport)
        host, port, *_ = transport.get_extra_info("peername") or self._address
        self._address = str(host), int(port)
        if self._is_over:
            self._transport.abort()
            return
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._transport.set_write_buffer_limits(high=_MOST_UNSENT)
        self._advance()

    def data_received(self, data: bytes) -> None:
        """Take octets of TLS."""
        self.has_heard = True
        if not self._is_over:
            self._session.bio_write(data)
            self._advance()

    def pause_writing(self) -> None:
        """Note that the peer does not read."""
        self.is_congested = True

    def resume_writing(self) -> None:
        """Note that the peer reads again."""
        self.is_congested = False
        if not self._is_over:
            self._owner.resumed()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the owner, once."""
        if error is not None and not self._is_over:
            self._why = f"the connection broke ({error})"
        self._is_over = True
        self._owner.lost(self._why)

    def _advance(self) -> None:
        """Do what can be done with what has come."""
        try:
            if not self._is_established:
                self._session.do_handshake()
                if not self._peer.is_accepted:
                    self._fail("the peer proved nothing")
                    return
                self._is_established = True
                self._flush()
                self._owner.established()
            while not self._is_over:
                self._owner.received(self._session.recv(_READ_OCTETS))
        except SSL.WantReadError:
            self._flush()
        except SSL.ZeroReturnError:
            self.close("closed by the peer")
        except SSL.Error as error:
            self._fail(_reason(error))

    def _fail(self, why: str) -> None:
        """End the connection at once; an alert that OpenSSL made goes first."""
        if not self._is_over and self._transport is not None:
            self._why = why
            self._is_over = True
            self._flush()
            self._transport.close()

    def _flush(self) -> None:
        assert self._transport is not None  # noqa: S101  # asyncio sets it before anything else
        with suppress(SSL.WantReadError):
            while True:
                self._transport.write(self._session.bio_read(_MOST_UNSENT))


class _Peer:
    """What the peer has shown of itself."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.certificates: dict[int, crypto.X509] = {}
        """By depth: 0 is its own."""
        self.is_accepted = False

    def chain(self) -> list[bytes]:
        """The certificates in DER, its own first."""
        return [
            certificate.to_cryptography().public_bytes(Encoding.DER)
            for _, certificate in sorted(self.certificates.items())
        ]


def _look(
    session: SSL.Connection, certificate: crypto.X509, error: int, depth: int, is_good: int
) -> bool:
    """OpenSSL calls this for each fault, and for each certificate from the top down to the peer's
    own. That one's date is the last of its faults: then all are known and judged, and a refusal
    becomes the alert bad_certificate. What OpenSSL finds too weak stays refused."""
    peer: _Peer = session.get_app_data()
    peer.certificates.setdefault(depth, certificate)
    if depth == 0 and error == _NOT_YET_VALID:
        peer.is_accepted = peer.judge(peer.chain())
        return peer.is_accepted
    return bool(is_good) or error in _JUDGED_HERE


def _key(identity: ServerIdentity) -> crypto._PrivateKey:
    return cast(crypto._PrivateKey, load_der_private_key(identity.key.reveal(), None))


def _reason(error: SSL.Error) -> str:
    """What OpenSSL says went wrong, in its own words; it has none for an end without a word."""
    told = [entry[2] for argument in error.args if isinstance(argument, list) for entry in argument]
    return ", ".join(told) or "the connection ended within TLS"
