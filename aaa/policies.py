"""Set and clear the limits of a collectivity, a hotspot or a citizen."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.model import Policy
from aaa.policy import check_limit
from aaa.snapshot import touch


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom limits are for: exactly one of the three."""

    collectivity_id: int | None = None
    hotspot_id: int | None = None
    citizen_id: int | None = None


async def set_limits(session: AsyncSession, scope: Scope, values: Mapping[str, str]) -> None:
    """Store limits of a scope; the value "none" takes one away. Raises Invalid."""
    checked = {key: check_limit(key, value) for key, value in values.items()}
    await session.execute(delete(Policy).where(*_holds(scope), Policy.key.in_(checked)))
    session.add_all(
        Policy(
            collectivity_id=scope.collectivity_id,
            hotspot_id=scope.hotspot_id,
            citizen_id=scope.citizen_id,
            key=key,
            value=value,
        )
        for key, value in checked.items()
        if value not in {"", "none"}
    )
    await session.flush()
    await touch(session)


async def limits_of(session: AsyncSession, scope: Scope) -> dict[str, str]:
    """Return a scope's own limits, as stored."""
    rows = await session.execute(select(Policy.key, Policy.value).where(*_holds(scope)))
    return {key: value for key, value in rows}


def _holds(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return (
        Policy.collectivity_id.is_not_distinct_from(scope.collectivity_id),
        Policy.hotspot_id.is_not_distinct_from(scope.hotspot_id),
        Policy.citizen_id.is_not_distinct_from(scope.citizen_id),
    )
