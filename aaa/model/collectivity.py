"""Collectivities, which nest, their hotspots, and the installation itself."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class Installation(Base):
    """What must be true of the whole database: the key it is sealed with, the revision of the
    data that processes keep in memory."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Collectivity(Identified, Base):
    """A commune, EPCI, département or region: has hotspots, citizens, or both."""

    __tablename__ = "collectivity"

    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    realm: Mapped[str] = mapped_column(String(253), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("collectivity.id"))
    # Runs its own service: its citizens are not ours, its hotspot stands for all of its places.
    is_partner: Mapped[bool] = mapped_column(default=False, server_default=false())
    country: Mapped[str] = mapped_column(String(2), default="FR")
    language: Mapped[str] = mapped_column(String(8), default="fr")
    timezone: Mapped[str] = mapped_column(String(64), default="Europe/Paris")
    # What the captive pages wear: a CSS colour and an SVG drawing, both checked on the way in.
    colour: Mapped[str | None] = mapped_column(String(7))
    logo_svg: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(String(200))
    # A number that grows each time the terms change; citizens accept a version.
    terms_version: Mapped[int] = mapped_column(default=1)
    terms: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class Hotspot(Identified, Base):
    """A place of one collectivity: the town hall square."""

    __tablename__ = "hotspot"

    slug: Mapped[str] = mapped_column(String(64), unique=True)
    collectivity_id: Mapped[int] = mapped_column(ForeignKey("collectivity.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    ssid: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
