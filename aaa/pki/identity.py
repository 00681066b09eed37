"""What the RADIUS server is to supplicants: its certificate, and whose certificates it believes."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.model import Authority, ServerCertificate
from aaa.secret import Keyring, Secret

PRIVATE_KEY: Final = "private-key"
"""The keyring's purpose for private keys."""


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Certificates in DER. `chain` is the server's own and what leads to its root, the root left
    out; `key` its private key (PKCS 8, DER); `anchors` are the roots of every authority, the
    oldest first: a server's profile and a client's certificate may stand on any of them."""

    chain: tuple[bytes, ...]
    key: Secret
    anchors: tuple[bytes, ...]
    names: tuple[str, ...]


async def current(session: AsyncSession, keyring: Keyring) -> ServerIdentity | None:
    """Return the identity that was made last; None before the first."""
    anchors = (await session.scalars(select(Authority.certificate).order_by(Authority.id))).all()
    server = await server_certificate(session)
    if server is None:
        return None
    key = open_key(keyring, server.sealed_key, "the server's certificate")
    return ServerIdentity((server.certificate,), key, tuple(anchors), tuple(server.names))


async def server_certificate(session: AsyncSession) -> ServerCertificate | None:
    """Return the server's certificate that was made last; None before the first."""
    newest = select(ServerCertificate).order_by(ServerCertificate.id.desc()).limit(1)
    return await session.scalar(newest)


def open_key(keyring: Keyring, sealed: bytes, whose: str) -> Secret:
    """Return a private key (PKCS 8, DER); raise Invalid where another key file sealed it."""
    key = keyring.open(sealed, PRIVATE_KEY)
    if key is None:
        raise Invalid(
            f"the key of {whose} was sealed with another key: "
            "restore the key file that belongs to this database"
        )
    return Secret(key)
