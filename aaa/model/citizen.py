"""Citizens and their devices."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word


class CitizenState(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    BANNED = "banned"
    CLOSED = "closed"


class Citizen(Identified, Base):
    """The person who connects; their identifier is ``name@realm`` of the home collectivity."""

    __tablename__ = "citizen"
    __table_args__ = (UniqueConstraint("collectivity_id", "name"),)

    collectivity_id: Mapped[int] = mapped_column(ForeignKey("collectivity.id"))
    name: Mapped[str] = mapped_column(String(64))
    # Folded; proven by a code before the account exists, or vouched for by staff.
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    # argon2id, PHC text; None: this citizen logs in by e-mail code.
    password_hash: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[CitizenState] = mapped_column(Word(CitizenState), default=CitizenState.ACTIVE)
    language: Mapped[str | None] = mapped_column(String(8))
    # "slug:version" of the terms that were accepted last.
    terms_accepted: Mapped[str | None] = mapped_column(String(80))
    terms_accepted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Device(Identified, Base):
    """A device as its citizen knows it, by the name they gave it. It proves itself by one of three:

    the MAC that we were asked to remember until a date (private MACs rotate: a comfort, never the
    identity), a Wi-Fi secret, or certificates (:class:`aaa.model.DeviceCertificate`).
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("citizen_id", "mac"),
        # One citizen at a time.
        Index(
            "ix_device_mac_remembered",
            "mac",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    citizen_id: Mapped[int] = mapped_column(ForeignKey("citizen.id"))
    name: Mapped[str] = mapped_column(String(100))
    mac: Mapped[str | None] = mapped_column(String(17), index=True)
    remembered_until: Mapped[datetime | None]
    # Keyed digest of the Wi-Fi secret: a device is found by it with one look.
    secret_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    # Sealed for "wifi-secret", only where challenges (CHAP, MS-CHAPv2) are switched on: they need
    # the text back.
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
