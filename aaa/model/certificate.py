"""The service's own certificate authorities, and what they signed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word


class Use(StrEnum):
    """What a certificate of the service is for: EAP, where supplicants check it; RADSEC, where it
    is shown by us as a server and as a client of RADIUS over TLS."""

    EAP = "eap"
    RADSEC = "radsec"


class Authority(Identified, Base):
    """A root that supplicants trust and that client certificates are signed by. Several may be
    valid at once: profiles carry all of them, the oldest signs the server's certificate."""

    __tablename__ = "authority"

    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    # PKCS 8, sealed for "private-key"; as all keys here.
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    valid_from: Mapped[datetime]
    expires_at: Mapped[datetime]


class ServerCertificate(Identified, Base):
    """What the RADIUS server proves itself with: to supplicants, or over TLS to other servers."""

    __tablename__ = "server_certificate"

    use: Mapped[Use] = mapped_column(Word(Use), default=Use.EAP)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    # DNS names, the one that profiles check first.
    names: Mapped[list[str]] = mapped_column(JSON)
    valid_from: Mapped[datetime]
    expires_at: Mapped[datetime]


class DeviceCertificate(Identified, Base):
    """A client certificate of one device; its key stays with the device. It outlives its device
    until it expires, for the revocation lists."""

    __tablename__ = "device_certificate"

    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"), index=True)
    # Hexadecimal, as CRLs and openssl show it.
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    # SHA-256 of the DER, hexadecimal.
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    valid_from: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    # When its citizen was told that it will expire.
    reminded_at: Mapped[datetime | None]
