"""What staff decided for a collectivity, a hotspot or one citizen."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from aaa.model.base import Base, Identified


class Policy(Identified, Base):
    """One limit of one scope; exactly one of the three scopes is set. Keys and the form of values
    stand in ``aaa.policy``."""

    __tablename__ = "policy"

    collectivity_id: Mapped[int | None] = mapped_column(ForeignKey("collectivity.id"), index=True)
    hotspot_id: Mapped[int | None] = mapped_column(ForeignKey("hotspot.id"), index=True)
    citizen_id: Mapped[int | None] = mapped_column(ForeignKey("citizen.id"), index=True)
    key: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(500))
