"""The tables of partners: who they are, which realms are theirs, where their servers are."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified, Word
from federation.agreements import Way


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
    # Where orders to end or change a session go (RFC 5176); None: where it is usual.
    coa_port: Mapped[int | None]
    # The lowest is asked first; equal ones share the load.
    priority: Mapped[int] = mapped_column(default=0)
    # Sealed for "home-server-secret"; None over TLS.
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    anchor: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate_name: Mapped[str | None] = mapped_column(String(253))
    fingerprint: Mapped[str | None] = mapped_column(String(64))


class Proof(StrEnum):
    """What a server that DNS has named must show, beside a certificate of an anchor."""

    REALM = "realm"
    """That realm, as a NAIRealm (RFC 7585 section 2.2): DNS is believed nothing."""
    NAME = "name"
    """The name of the host that DNS has named; DNS is believed, within what the anchor signs."""


class Discovery(Base):
    """That the servers of a partner's realms are looked up in DNS, each realm's own (RFC 7585)."""

    __tablename__ = "discovery"

    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True
    )
    # What is looked for; see federation.discovery.search.
    service: Mapped[str] = mapped_column(String(64))
    # Roots in DER, one behind the other.
    anchors: Mapped[bytes] = mapped_column(LargeBinary)
    proof: Mapped[Proof] = mapped_column(Word(Proof))
    # Certificate policies, one of which a certificate must have; none: whichever.
    policies: Mapped[list[str]] = mapped_column(JSON)


class PartnerTerm(Base):
    """What was agreed of one attribute with one partner; see federation.agreements."""

    __tablename__ = "partner_term"

    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True
    )
    attribute: Mapped[str] = mapped_column(String(64), primary_key=True)
    way: Mapped[Way] = mapped_column(Word(Way), primary_key=True)


class ForwardedAccounting(Identified, Base):
    """An Accounting-Request of a partner's citizen on its way home, until the home has answered."""

    __tablename__ = "forwarded_accounting"
    __table_args__ = (
        Index(
            "ix_forwarded_accounting_session",
            *("partner_id", "session_digest", "next_attempt_at", "attempts"),
        ),
    )

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    # The same for all that is told of one session.
    session_digest: Mapped[str] = mapped_column(String(32))
    # The attributes of the request, as octets of a RADIUS packet.
    attributes: Mapped[bytes] = mapped_column(LargeBinary)
    occurred_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]


class KeyUse(StrEnum):
    """What a key of ours signs."""

    MEMBER = "member"
    """What we say to other members: entity statements and messages."""
    PROVIDER = "provider"
    """ID tokens, about our citizens at partners' places."""
    CLIENT = "client"
    """Client assertions, by which partners' OpenID providers know us."""


class SigningKey(Identified, Base):
    """A key of ours, on P-256. It is published from its making until it expires; it signs from
    `signs_from` on, the newest that does before all others."""

    __tablename__ = "signing_key"

    use: Mapped[KeyUse] = mapped_column(Word(KeyUse))
    kid: Mapped[str] = mapped_column(String(64), unique=True)
    # PKCS 8, DER, sealed for "signing-key".
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    # None: until the next one has signed for long enough.
    expires_at: Mapped[datetime | None]


class Membership(Base):
    """What a partner that joined by invitation has said of itself, signed."""

    __tablename__ = "membership"

    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True
    )
    # Its entity identifier, the address of its portal.
    entity: Mapped[str] = mapped_column(String(300), unique=True)
    # The entity configuration that is in use; its keys verify the next.
    statement: Mapped[str] = mapped_column(Text)
    # When it was last fetched and found good; and what was wrong since.
    refreshed_at: Mapped[datetime]
    failure: Mapped[str | None] = mapped_column(String(300))
    # The account here that it logs in with to see whether that works.
    canary_citizen_id: Mapped[int | None] = mapped_column(
        ForeignKey("citizen.id", ondelete="SET NULL")
    )


class Invitation(Identified, Base):
    """A code by which another organisation becomes our partner: once, until a time."""

    __tablename__ = "invitation"

    # The public half of the code.
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    # The secret half, sealed for "invitation".
    sealed_token: Mapped[bytes] = mapped_column(LargeBinary)
    # How we shall call it, and the only realms that it may bring; None: as it says itself.
    name: Mapped[str | None] = mapped_column(String(64))
    realms: Mapped[list[str] | None] = mapped_column(JSON)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    # The entity that used it, which alone may use it again until it expires: an answer may be lost.
    used_by: Mapped[str | None] = mapped_column(String(300))


class Canary(Base):
    """An account of a partner's that nobody has, by which we find out whether theirs can log in
    at our places."""

    __tablename__ = "canary"

    partner_id: Mapped[int] = mapped_column(
        ForeignKey("partner.id", ondelete="CASCADE"), primary_key=True
    )
    identity: Mapped[str] = mapped_column(String(253))
    # Sealed for "canary".
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)


class LinkState(StrEnum):
    """Whether citizens of one member can log in at another's places; a metric label."""

    CONNECTED = "connected"
    REFUSED = "refused"
    """The home answers, and does not let its own canary in."""
    SILENT = "silent"
    """No answer comes in time."""
    SUSPENDED = "suspended"


class Interconnection(Identified, Base):
    """How a canary of one member fared at another's places, last time: measured by the visited
    one, and told by it where that is not us."""

    __tablename__ = "interconnection"
    __table_args__ = (UniqueConstraint("visited", "home"),)

    # Entity identifiers; of a partner that only speaks RADIUS, its name.
    visited: Mapped[str] = mapped_column(String(300))
    home: Mapped[str] = mapped_column(String(300))
    visited_title: Mapped[str] = mapped_column(String(300))
    home_title: Mapped[str] = mapped_column(String(300))
    state: Mapped[LinkState] = mapped_column(Word(LinkState))
    milliseconds: Mapped[int | None]
    checked_at: Mapped[datetime]
    # When it was last CONNECTED.
    connected_at: Mapped[datetime | None]
    # The partner that told us of it; None: we measured it.
    told_by_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
