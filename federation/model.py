"""The tables of partners: who they are, which realms are theirs, where their servers are."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word


class PartnerState(StrEnum):
    """Whether requests go to a partner and are taken from it."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Transport(StrEnum):
    """How RADIUS travels to a home server."""

    UDP = "udp"
    TLS = "tls"


class Partner(Identified, Base):
    """Another organisation that runs its own AAA.

    As a RADIUS client it is a NAS of ours like any other, at the hotspot that stands for all of
    its places, in a collectivity of its own.
    """

    __tablename__ = "partner"

    name: Mapped[str] = mapped_column(String(64), unique=True)
    collectivity_id: Mapped[int] = mapped_column(ForeignKey("collectivity.id"), unique=True)
    # Where its servers send requests from, and prove themselves; None: it only is a home.
    nas_id: Mapped[int | None] = mapped_column(ForeignKey("nas.id"), unique=True)
    state: Mapped[PartnerState] = mapped_column(Word(PartnerState), default=PartnerState.ACTIVE)
    created_at: Mapped[datetime]


class PartnerRealm(Identified, Base):
    """A realm that leads to a partner: exact, `*.suffix`, or `*` for all that nobody else has."""

    __tablename__ = "partner_realm"

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    pattern: Mapped[str] = mapped_column(String(255), unique=True)


class HomeServer(Identified, Base):
    """A RADIUS server of a partner. Over TLS it proves itself by a certificate that an anchor
    signed for its name, or by the fingerprint of that; over UDP by the secret."""

    __tablename__ = "home_server"

    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), index=True
    )
    transport: Mapped[Transport] = mapped_column(Word(Transport))
    host: Mapped[str] = mapped_column(String(253))
    auth_port: Mapped[int]
    # The same as `auth_port` over TLS.
    acct_port: Mapped[int]
    # The lowest is asked first; equal ones share the load.
    priority: Mapped[int] = mapped_column(default=0)
    # Sealed for "home-server-secret"; None over TLS.
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    anchor: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate_name: Mapped[str | None] = mapped_column(String(253))
    fingerprint: Mapped[str | None] = mapped_column(String(64))


class ForwardedAccounting(Identified, Base):
    """An Accounting-Request of a partner's citizen on its way home, until the home has answered."""

    __tablename__ = "forwarded_accounting"
    __table_args__ = (Index("ix_forwarded_accounting_due", "partner_id", "next_attempt_at"),)

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    # The attributes of the request, as octets of a RADIUS packet.
    attributes: Mapped[bytes] = mapped_column(LargeBinary)
    occurred_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]
