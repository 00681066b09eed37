"""The door of RADIUS over TLS: what we show there, who is let in, what is told of all others."""

from collections.abc import Sequence
from typing import Final

from OpenSSL import SSL

from aaa.pki.identity import ServerIdentity
from aaa.snapshot import EMPTY, Directory, NasEntry
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.certificates import CertificateFlaw, Chain, PeerIndex
from radius.request import Clock
from radius.transports import alpn
from radius.transports.alpn import Versions
from radius.transports.tls import context_for

_COMMAND: Final = "farandole nas radsec NAME"
REMEDIES: Final = {
    CertificateFlaw.MALFORMED.value: "what came is no certificate that can be read: issue another",
    CertificateFlaw.UNTRUSTED.value: (
        "if this client is yours, trust who signs for it "
        f"({_COMMAND} --certificate-name DNS --anchor FILE), or this one certificate "
        f"({_COMMAND} --fingerprint SHA256)"
    ),
    CertificateFlaw.EXPIRED.value: "the client's certificate is out of date: have it renewed there",
    CertificateFlaw.WRONG_PURPOSE.value: (
        "a client may not show this certificate: have one issued with clientAuth in its extended "
        "key usage"
    ),
    CertificateFlaw.WRONG_NAME.value: (
        "no client is known by a DNS name in this certificate, under who signed it: "
        f"{_COMMAND} --certificate-name DNS --anchor FILE"
    ),
    CertificateFlaw.WRONG_POLICY.value: (
        "the certificate has not the policy that was agreed on: see which federation it is for, or "
        "agree on another (farandole partner change NAME --from-policy OID)"
    ),
    "no_certificate": (
        "the client shows no certificate: set up one there, or make it one with "
        f"{_COMMAND} --issue DIR"
    ),
    "no_common_version": (
        "the client does not speak the version of RADIUS that radius.radsec_versions asks for: "
        "have it speak that one, or allow both (1.0,1.1)"
    ),
    "handshake_failed": "TLS 1.2 and 1.3 are spoken here; what the client misses is in the detail",
    "handshake_timeout": "the client begins and does not go on: see what stands between it and us",
    "bad_framing": "what comes within TLS is no RADIUS: see what speaks there",
    "too_many_connections": (
        "the client opens connection after connection: see why, or raise radius.radsec_connections"
    ),
    "no_identity": "there is no certificate to show: see what the log says of it since the start",
}


class Door:
    """Holds the certificate, and the peers, of the snapshot that was looked at last; `versions` are
    those of RADIUS that clients may speak."""

    def __init__(
        self,
        directory: Directory,
        warnings: RepeatedWarnings,
        clock: Clock,
        versions: Versions,
    ) -> None:
        self.versions = versions
        self._directory = directory
        self._warnings = warnings
        self._clock = clock
        self._snapshot = EMPTY
        self._index = PeerIndex(EMPTY)
        self._identity: ServerIdentity | None = None
        self._context: SSL.Context | None = None
        for reason in REMEDIES:
            # Shown at zero from the start: Prometheus sees no increase in what appears at 1.
            metrics.radsec_refusals.labels("in", reason)

    def review(self) -> bool:
        """Look at the snapshot of now; return whether it is another than before."""
        snapshot = self._directory.current
        if snapshot is self._snapshot:
            return False
        self._snapshot, self._index = snapshot, PeerIndex(snapshot)
        if snapshot.radsec_identity != self._identity:
            self._identity = snapshot.radsec_identity
            self._context = None
        return True

    def session(self) -> SSL.Connection | None:
        """Return the TLS of a new connection; None where we have nothing to show."""
        if self._context is None and self._identity is not None:
            try:
                self._context = context_for(self._identity, SSL.TLS_SERVER_METHOD)
                alpn.choose(self._context, self.versions)
            except (ValueError, SSL.Error) as error:
                self._warn("radsec has no certificate", "-", detail=str(error))
        if self._context is None:
            return None
        session = SSL.Connection(self._context)
        session.set_accept_state()
        return session

    def find(self, chain: Chain) -> NasEntry | CertificateFlaw:
        """Return the client whose certificate this is, or why it is nobody's."""
        return self._index.find(chain, self._clock())

    def judge(self, certificates: Sequence[bytes], host: str) -> tuple[Chain, NasEntry] | None:
        """Return the client that shows these certificates; None, and a warning, for all others."""
        try:
            chain = Chain(certificates)
        except ValueError:
            self.turn_away(CertificateFlaw.MALFORMED.value, host)
            return None
        found = self.find(chain)
        if isinstance(found, CertificateFlaw):
            self.turn_away(found.value, host, **chain.describe())
            return None
        return chain, found

    def turn_away(self, reason: str, host: str, nas: str | None = None, **fields: object) -> None:
        """Count who is not let in, or put out, and warn with what to do about it."""
        metrics.radsec_refusals.labels("in", reason).inc()
        event = f"radsec client refused: {reason.replace('_', ' ')}"
        remedy = REMEDIES[reason]
        self._warn(event, nas or f"at {host}", reason=reason, source=host, remedy=remedy, **fields)

    def _warn(self, event: str, whose: str, **fields: object) -> None:
        self._warnings.warn(event, whose, self._clock(), **fields)
