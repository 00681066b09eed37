"""The list of a citizen's devices, as the page of an enrolment shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices, sessions
from aaa.devices import DeviceKind, DeviceView
from portal.onboarding import words

# A page weighs little, however many devices somebody had remembered and whatever they call them.
_MOST_SHOWN: Final = 24
_MOST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A device in its citizen's list. ``expires_at`` is when it has nothing left to prove itself
    by, None for never; ``is_over``: that is past."""

    id: int
    name: str
    kind: str
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What is shown of a list, and how many devices are not."""

    lines: Sequence[Line]
    hidden: int


async def of_citizen(session: AsyncSession, citizen_id: int, now: datetime) -> Listing:
    """Return the devices that are not taken off the list, those that can connect now before those
    whose time is over, the newest first."""
    listed = [
        each
        for each in await devices.of_citizen(session, citizen_id)
        if each.revoked_at is None
        # A MAC that is forgotten by itself leaves nothing to renew.
        and not (each.kind is DeviceKind.REMEMBERED and each.is_over(now))
    ]
    listed.sort(key=lambda each: (each.is_over(now), each.kind is DeviceKind.REMEMBERED))
    seen = await sessions.last_seen(session, citizen_id)
    lines = [line(each, seen.get(each.id), now) for each in listed[:_MOST_SHOWN]]
    return Listing(lines, len(listed) - len(lines))


def line(device: DeviceView, seen_at: datetime | None, now: datetime) -> Line:
    """Return what the list shows of a device; a long name is cut."""
    name = device.name
    return Line(
        id=device.id,
        name=name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 1]}…",
        kind=words.KINDS[device.kind],
        created_at=device.created_at,
        seen_at=seen_at,
        expires_at=device.expires_at,
        is_over=device.is_over(now),
    )
