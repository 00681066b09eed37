"""What the RADIUS server is to others: its certificate, and whose certificates it believes."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.model import Authority, ServerCertificate, Use
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


async def current(
    session: AsyncSession, keyring: Keyring, use: Use = Use.EAP
) -> ServerIdentity | None:
    """Return the identity that was made last for a use; None before the first."""
    anchors = (await session.scalars(select(Authority.certificate).order_by(Authority.id))).all()
    server = await server_certificate(session, use)
    if server is None:
        return None
    key = open_key(keyring, server.sealed_key, "the server's certificate")
    return ServerIdentity((server.certificate,), key, tuple(anchors), tuple(server.names))


async def server_certificate(session: AsyncSession, use: Use = Use.EAP) -> ServerCertificate | None:
    """Return the server's certificate that was made last for a use; None before the first."""
    of_use = select(ServerCertificate).where(ServerCertificate.use == use)
    return await session.scalar(of_use.order_by(ServerCertificate.id.desc()).limit(1))


def open_key(keyring: Keyring, sealed: bytes, whose: str) -> Secret:
    """Return a private key (PKCS 8, DER); raise Invalid where another key file sealed it."""
    key = keyring.open(sealed, PRIVATE_KEY)
    if key is None:
        raise Invalid(
            f"the key of {whose} was sealed with another key: "
            "restore the key file that belongs to this database"
        )
    return Secret(key)
