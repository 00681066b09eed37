"""What happened: sessions as the NAS reported them, and what each citizen used in a day."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class Session(Identified, Base):
    """One session of one device at one NAS (RFC 2866), its counters in the citizen's view.

    ``instance`` tells sessions apart to which a NAS gave the same Acct-Session-Id. A partner is one
    NAS to us, with many behind it: ``operator_name`` and ``nas_identifier`` tell those apart.
    """

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint(
            *("nas_id", "acct_session_id", "device_mac", "operator_name", "nas_identifier"),
            "instance",
            name="uq_session_identity",
        ),
        Index("ix_session_citizen_open", "citizen_id", "stopped_at"),
        Index("ix_session_device_open", "device_mac", "stopped_at"),
        Index("ix_session_nas_open", "nas_id", "stopped_at"),
        Index("ix_session_visitor_open", "home_collectivity_id", "stopped_at"),
        Index("ix_session_started_at", "started_at"),
    )

    nas_id: Mapped[int] = mapped_column(ForeignKey("nas.id"))
    hotspot_id: Mapped[int] = mapped_column(ForeignKey("hotspot.id"))
    acct_session_id: Mapped[str] = mapped_column(String(253))
    # "" where the NAS does not say.
    device_mac: Mapped[str] = mapped_column(String(17), default="")
    # Of a citizen of ours at a partner's, as that names itself and its NAS; "" elsewhere.
    operator_name: Mapped[str] = mapped_column(String(253), default="")
    nas_identifier: Mapped[str] = mapped_column(String(253), default="")
    # RFC 8559 section 3.4: what else the partner wants to hear of the NAS, whatever it means.
    operator_nas_identifier: Mapped[bytes | None] = mapped_column(LargeBinary)
    instance: Mapped[int] = mapped_column(default=0)
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizen.id"))
    # The partner's, whose citizen is at a hotspot of ours.
    home_collectivity_id: Mapped[int | None] = mapped_column(ForeignKey("collectivity.id"))
    # The device that was proven, by its remembered MAC or a credential of its own.
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), index=True)
    user_name: Mapped[str | None] = mapped_column(String(253))
    framed_address: Mapped[str | None] = mapped_column(String(45))
    called_station_id: Mapped[str | None] = mapped_column(String(253))
    cui: Mapped[str | None] = mapped_column(String(253))
    started_at: Mapped[datetime]
    start_seen: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    terminate_cause: Mapped[str | None] = mapped_column(String(32))
    session_seconds: Mapped[int] = mapped_column(default=0)
    upload_octets: Mapped[int] = mapped_column(default=0)
    download_octets: Mapped[int] = mapped_column(default=0)


class DailyUsage(Base):
    """What one citizen used on one day of the visited place's calendar, over all sessions."""

    __tablename__ = "daily_usage"

    citizen_id: Mapped[int] = mapped_column(ForeignKey("citizen.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    session_seconds: Mapped[int] = mapped_column(default=0)
    octets: Mapped[int] = mapped_column(default=0)
