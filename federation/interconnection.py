"""Who is connected with whom: what our canaries found, and what other members say that theirs did.

For each ordered pair (visited, home), whether a canary of the home was let in at the visited one's
places, how long that took, and when.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.errors import Invalid
from federation.directory import PartnerEntry
from federation.model import Interconnection, LinkState
from federation.trust import statements
from federation.trust.statements import Claims, Signer

CONNECTIONS: Final = "farandole-connections+jwt"
_LIFETIME: Final = timedelta(days=1)
_MOST: Final = 1000
_MOST_SIGNS: Final = 300
_MOST_MILLISECONDS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Link:
    """How a canary of `home` fared at `visited`; both as :attr:`PartnerEntry.key` has them."""

    visited: str
    home: str
    visited_title: str
    home_title: str
    state: LinkState
    milliseconds: int | None
    checked_at: datetime
    connected_at: datetime | None


async def matrix(session: AsyncSession) -> list[Link]:
    """Return every link, by the titles of the two."""
    order = (Interconnection.visited_title, Interconnection.home_title, Interconnection.id)
    rows = await session.scalars(select(Interconnection).order_by(*order))
    return [_link(row) for row in rows]


async def record(session: AsyncSession, link: Link, told_by_id: int | None = None) -> None:
    """Keep what is known now of a link, in place of what was. Several processes may do so at
    once."""
    pair = {"visited": link.visited, "home": link.home}
    values: dict[str, Any] = {
        "visited_title": link.visited_title,
        "home_title": link.home_title,
        "state": link.state,
        "milliseconds": link.milliseconds,
        "checked_at": link.checked_at,
        "told_by_id": told_by_id,
    }
    if link.connected_at is not None:
        values["connected_at"] = link.connected_at
    known = select(Interconnection.id).filter_by(**pair).with_for_update()
    if await session.scalar(known) is None:
        with suppress(IntegrityError):
            async with session.begin_nested():
                session.add(Interconnection(**pair, **values))
            return
    await session.execute(update(Interconnection).filter_by(**pair).values(**values))


async def forget_others(
    session: AsyncSession, visited: str, homes: Sequence[str], told_by_id: int | None = None
) -> None:
    """Delete the links from `visited` to all but these homes: nobody measures them any more."""
    await session.execute(
        delete(Interconnection).where(
            Interconnection.visited == visited,
            Interconnection.home.not_in(homes),
            Interconnection.told_by_id.is_(None)
            if told_by_id is None
            else Interconnection.told_by_id == told_by_id,
        )
    )


async def forget(session: AsyncSession, member: str) -> None:
    """Delete every link of a member."""
    is_its = (Interconnection.visited == member) | (Interconnection.home == member)
    await session.execute(delete(Interconnection).where(is_its))


def publish(entity: str, links: Sequence[Link], signer: Signer, now: datetime) -> str:
    """Return what we measured, signed."""
    claims = {
        "iss": entity,
        **statements.times(now, _LIFETIME),
        "connections": [_told(link) for link in links if link.visited == entity],
    }
    return statements.sign(claims, signer, CONNECTIONS)


def read(text: str, partner: PartnerEntry, now: datetime) -> list[Link]:
    """Return what a member says that it measured. Raises Invalid."""
    keys = partner.described.keys if partner.described else ()
    claims = statements.verify(text, keys, CONNECTIONS, now)
    told = claims.get("connections")
    if claims.get("iss") != partner.key or not isinstance(told, list) or len(told) > _MOST:
        raise Invalid("its connections are somebody else's, or too many")
    return [_read(each, partner, now) for each in told]


def _told(link: Link) -> Mapping[str, Any]:
    connected_at = link.connected_at
    return {
        "home": link.home,
        "home_title": link.home_title,
        "state": link.state.value,
        "milliseconds": link.milliseconds,
        "checked_at": int(link.checked_at.timestamp()),
        "connected_at": int(connected_at.timestamp()) if connected_at else None,
    }


def _read(value: object, partner: PartnerEntry, now: datetime) -> Link:
    if not isinstance(value, dict):
        raise Invalid("its connections are no list of connections")
    milliseconds = value.get("milliseconds")
    try:
        return Link(
            visited=partner.key,
            home=_text(value, "home"),
            visited_title=partner.title,
            home_title=_text(value, "home_title"),
            state=LinkState(str(value.get("state"))),
            milliseconds=None
            if milliseconds is None
            else max(0, min(int(milliseconds), _MOST_MILLISECONDS)),
            # Nobody has measured tomorrow.
            checked_at=min(_time(value["checked_at"]), now),
            connected_at=min(_time(value["connected_at"]), now)
            if value.get("connected_at")
            else None,
        )
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        raise Invalid("one of its connections cannot be read") from None


def _text(value: Claims, name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _MOST_SIGNS or not text.isprintable():
        raise ValueError(name)
    return text


def _time(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), UTC)


def _link(row: Interconnection) -> Link:
    return Link(
        visited=row.visited,
        home=row.home,
        visited_title=row.visited_title,
        home_title=row.home_title,
        state=row.state,
        milliseconds=row.milliseconds,
        checked_at=row.checked_at,
        connected_at=row.connected_at,
    )
