"""Certificates for who connects to us by RADIUS over TLS and has none: a NAS."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.pki import authority, contents
from aaa.secret import Keyring, Secret


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A certificate (DER) and its key (PKCS 8, DER), which is kept by nobody but the peer."""

    certificate: bytes
    key: Secret = field(repr=False)
    name: str
    fingerprint: str
    expires_at: datetime


async def issue(
    session: AsyncSession, keyring: Keyring, name: str, now: datetime
) -> PeerCertificate:
    """Sign a certificate for the DNS name of a peer, good as a client and as a server.

    Nothing of it is stored: whose it is, is known by its fingerprint. Raises Invalid before the
    first authority is made, and where the name cannot be in a certificate.
    """
    _, signer = await authority.newest_signer(session, keyring, now)
    key = contents.new_key()
    purposes = contents.SERVER_AND_CLIENT
    made = contents.server(key.public_key(), signer, [name], now, purposes)
    certificate = made.public_bytes(Encoding.DER)
    return PeerCertificate(
        certificate,
        contents.key_octets(key),
        name,
        contents.fingerprint(certificate),
        made.not_valid_after_utc,
    )
