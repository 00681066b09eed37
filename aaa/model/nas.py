"""NAS (RADIUS clients) and the access points behind them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word


class MessageAuthenticatorRule(StrEnum):
    """Whether a NAS must sign its Access-Requests (BlastRADIUS, CVE-2024-3596).

    LEARN becomes REQUIRED by itself after enough good ones; OPTIONAL is an operator's word for a
    NAS that will never send one.
    """

    LEARN = "learn"
    REQUIRED = "required"
    OPTIONAL = "optional"


class Nas(Identified, Base):
    """A RADIUS client, known by address or network, or by identifier behind a shared address."""

    __tablename__ = "nas"

    name: Mapped[str] = mapped_column(String(64), unique=True)
    hotspot_id: Mapped[int] = mapped_column(ForeignKey("hotspot.id"), index=True)
    vendor: Mapped[str] = mapped_column(String(32))
    # CIDR text ("192.0.2.7/32"); None: only the identifier tells this NAS from others.
    network: Mapped[str | None] = mapped_column(String(64))
    # NAS-Identifier or Called-Station-Id, folded to lower case.
    identifier: Mapped[str | None] = mapped_column(String(253), unique=True)
    # Sealed for "nas-secret". While one is rotated the former stays valid until its time.
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    former_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    former_secret_until: Mapped[datetime | None]
    # Sealed for "uam-secret": CoovaChilli's uamsecret, which signs its redirects.
    uam_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Host of the NAS' log-in page where it is not a private address.
    login_host: Mapped[str | None] = mapped_column(String(253))
    # The gateway's own page that redirects to the portal, learned from what it signed.
    entry_url: Mapped[str | None] = mapped_column(String(300))
    # The gateway passes the password on (PAP) where it could do CHAP.
    uses_pap: Mapped[bool] = mapped_column(default=False)
    coa_port: Mapped[int | None]
    message_authenticator: Mapped[MessageAuthenticatorRule] = mapped_column(
        Word(MessageAuthenticatorRule), default=MessageAuthenticatorRule.LEARN
    )
    signed_requests: Mapped[int] = mapped_column(default=0)
    limit_proxy_state: Mapped[bool] = mapped_column(default=True)
    last_seen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RadsecPeer(Identified, Base):
    """A certificate that a NAS, or a partner's server, may connect with over TLS (RFC 6614)."""

    __tablename__ = "radsec_peer"

    nas_id: Mapped[int] = mapped_column(ForeignKey("nas.id", ondelete="CASCADE"), index=True)
    # The root that signs it, DER; None where its fingerprint alone tells it.
    anchor: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The DNS name in it, or `*.suffix`, or `*`; None where its fingerprint alone tells it.
    name: Mapped[str | None] = mapped_column(String(253))
    # SHA-256 of the certificate, hexadecimal.
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    # The certificate policy that it must have, as a dotted OID; None: whichever.
    policy: Mapped[str | None] = mapped_column(String(128))


class AccessPoint(Identified, Base):
    """What is on a wall, behind a NAS that serves several places; known by Called-Station-Id."""

    __tablename__ = "access_point"

    nas_id: Mapped[int] = mapped_column(ForeignKey("nas.id"), index=True)
    hotspot_id: Mapped[int] = mapped_column(ForeignKey("hotspot.id"))
    name: Mapped[str] = mapped_column(String(200))
    mac: Mapped[str] = mapped_column(String(17), unique=True)
    created_at: Mapped[datetime]
