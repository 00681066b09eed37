"""What the RADIUS server is to supplicants: its certificate, and whose certificates it believes."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from aaa.model import Authority, ServerCertificate
from aaa.secret import Keyring, Secret

PRIVATE_KEY = "private-key"
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
    server = await session.scalar(
        select(ServerCertificate).order_by(ServerCertificate.id.desc()).limit(1)
    )
    if server is None:
        return None
    key = keyring.open(server.sealed_key, PRIVATE_KEY)
    if key is None:
        raise Invalid(
            "the key of the server's certificate was sealed with another key: "
            "restore the key file that belongs to this database"
        )
    return ServerIdentity((server.certificate,), Secret(key), tuple(anchors), tuple(server.names))
