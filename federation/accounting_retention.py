"""An end to accounting that its home never takes: not silently, and not the record of it here."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit
from federation.model import ForwardedAccounting, Partner


async def give_up(
    session: AsyncSession, now: datetime, kept: timedelta, most: int = 1000
) -> Mapping[str, int]:
    """Delete the accounting that has waited for longer than `kept`, no more than `most` records,
    and put that on record; return how many, by the name of every partner.

    A home has little use for it then; the sessions that it tells of are on record here.
    """
    row = ForwardedAccounting
    rows = await session.execute(select(Partner.id, Partner.name))
    names = {partner.id: partner.name for partner in rows.all()}
    old = select(row.id, row.partner_id).where(row.created_at < now - kept)
    found = (await session.execute(old.order_by(row.id).limit(most))).all()
    await session.execute(delete(row).where(row.id.in_([each.id for each in found])))
    given_up = Counter(names[each.partner_id] for each in found)
    for name, count in given_up.items():
        audit.note(
            session,
            actor="housekeeping",
            action="partner.give_up_accounting",
            subject=f"partner:{name}",
            now=now,
            records=count,
        )
    return {name: given_up[name] for name in names.values()}
