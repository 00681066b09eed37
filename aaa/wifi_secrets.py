"""Wi-Fi secrets: one for each device, random, never the account password.

A secret that is sent (PAP, EAP-GTC) is found by its keyed digest. One that only answers challenges
(CHAP, MS-CHAPv2) has to be compared with the text, which is kept for that, sealed, only where
challenges are switched on (``eap.challenges``).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices
from aaa.errors import Invalid
from aaa.model import Device
from aaa.secret import Keyring, Secret

# Longer than a ticket, so that what is sent is never both.
LEAST_LENGTH: Final = 16
# What User-Password holds (RFC 2865 section 5.2).
MOST_LENGTH: Final = 128
# 20 of these 31 signs are 99 bits; the groups are for those who have to type it.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 5
_GROUP_LENGTH: Final = 4
_LEAST_DIFFERENT: Final = 8
_PURPOSE: Final = "wifi-secret"
# Each costs a computation for each challenge that is answered.
_CANDIDATES: Final = devices.MOST_ACTIVE

_DEVICE: Final = Device.__table__.c
_SEALED: Final = (
    select(_DEVICE.id, _DEVICE.sealed_secret)
    .where(
        _DEVICE.citizen_id == bindparam("citizen_id"),
        _DEVICE.revoked_at.is_(None),
        _DEVICE.sealed_secret.is_not(None),
    )
    .order_by(_DEVICE.id.desc())
    .limit(_CANDIDATES)
)


@dataclass(frozen=True, slots=True)
class WifiSecrets:
    """Gives devices their secrets, and challenges what may answer them; ``keeps_text`` is the
    setting ``eap.challenges``."""

    keyring: Keyring
    keeps_text: bool

    async def issue(
        self, session: AsyncSession, *, citizen_id: int, name: str, now: datetime
    ) -> tuple[Secret, int]:
        """Store a new device with a new secret; return the secret and the device's id.

        The secret is nowhere to be had again. Raises Invalid as :func:`aaa.devices.add` does.
        """
        secret = _new_secret()
        device_id = await self.bring(
            session, citizen_id=citizen_id, name=name, secret=secret, now=now
        )
        return secret, device_id

    async def bring(
        self, session: AsyncSession, *, citizen_id: int, name: str, secret: Secret, now: datetime
    ) -> int:
        """Store a new device with a secret that it has already; return the device's id.

        Raises Invalid where the secret is too weak or another device's, and as
        :func:`aaa.devices.add` does.
        """
        text = _checked(secret)
        try:
            async with session.begin_nested():
                device = await devices.add(session, citizen_id=citizen_id, name=name, now=now)
                self._give(device, text)
        except IntegrityError:
            raise Invalid(
                "another device has this Wi-Fi secret: choose another, or let us make one"
            ) from None
        return device.id

    async def renew(
        self, session: AsyncSession, *, citizen_id: int, device_id: int, now: datetime
    ) -> Secret:
        """Give a device a new secret in place of the former, which counts no more; return it.

        Raises Invalid as :func:`aaa.devices.to_renew` does.
        """
        secret = _new_secret()
        device = await devices.to_renew(
            session, citizen_id=citizen_id, device_id=device_id, now=now
        )
        self._give(device, secret.reveal().decode())
        await session.flush()
        return secret

    def _give(self, device: Device, text: str) -> None:
        device.secret_digest = self.keyring.digest(text, _PURPOSE)
        device.sealed_secret = (
            self.keyring.seal(text.encode(), _PURPOSE) if self.keeps_text else None
        )

    async def candidates(
        self, session: AsyncSession, citizen_id: int
    ) -> tuple[tuple[int, Secret], ...]:
        """Return the secrets in clear, each with its device's id, that may answer a challenge of a
        citizen's; the newest first. None where challenges are switched off."""
        if not self.keeps_text:
            return ()
        rows = await session.execute(_SEALED, {"citizen_id": citizen_id})
        opened = ((row.id, self.keyring.open(row.sealed_secret, _PURPOSE)) for row in rows)
        return tuple((identity, Secret(text)) for identity, text in opened if text is not None)


def _new_secret() -> Secret:
    return Secret("-".join(_group() for _ in range(_GROUPS)))


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))


def _checked(secret: Secret) -> str:
    """Return the text of a secret that is long enough, and that every supplicant encodes alike."""
    octets = secret.reveal()
    text = octets.decode("ascii", "replace")
    if not (LEAST_LENGTH <= len(octets) <= MOST_LENGTH and octets.isascii() and text.isprintable()):
        raise Invalid(
            f"a Wi-Fi secret has {LEAST_LENGTH} to {MOST_LENGTH} letters, digits and signs, all "
            "of ASCII: write another one, or let us make one"
        )
    if len(set(text)) < _LEAST_DIFFERENT:
        raise Invalid("this Wi-Fi secret is too easy to guess: mix more different characters")
    return text


def digest_of(keyring: Keyring, secret: Secret) -> str | None:
    """Return what a secret is found by, or None for what can be no Wi-Fi secret."""
    octets = secret.reveal()
    if len(octets) < LEAST_LENGTH or not octets.isascii():
        return None
    return keyring.digest(octets.decode(), _PURPOSE)


async def wipe_texts(session: AsyncSession) -> int:
    """Delete every text that is kept for challenges; return how many. Their devices prove
    themselves by sending the secret, as before."""
    wiped = await session.execute(
        update(Device).where(Device.sealed_secret.is_not(None)).values(sealed_secret=None)
    )
    return wiped.rowcount  # type: ignore[attr-defined, no-any-return]
