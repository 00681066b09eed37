"""Collectivities and hotspots: add, change, find by slug."""

import re
from datetime import datetime
from typing import Final
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import drawing, identifier
from aaa.errors import Invalid
from aaa.locality import check_country, check_language
from aaa.model import Collectivity, Hotspot
from aaa.snapshot import touch

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def check_colour(text: str) -> str:
    """Return a CSS colour ``#rrggbb``; raise Invalid otherwise."""
    if not _COLOUR.fullmatch(text):
        raise Invalid(f"“{text}” is no colour: write it like #1d5c63")
    return text.lower()


def check_timezone(text: str) -> str:
    """Return a time zone's name; raise Invalid where there is none of this name."""
    if text not in available_timezones():
        raise Invalid(f"“{text}” is no time zone: write one like Europe/Paris")
    return text


async def add_collectivity(
    session: AsyncSession,
    *,
    slug: str,
    name: str,
    realm: str,
    parent: str | None,
    country: str,
    language: str,
    timezone: str,
    now: datetime,
) -> Collectivity:
    """Create a collectivity; raise Invalid where slug or realm is taken or the parent unknown."""
    check_timezone(timezone)
    collectivity = Collectivity(
        slug=identifier.check_slug(slug),
        name=name.strip(),
        realm=identifier.check_realm(realm),
        parent_id=(await _ours(session, parent)).id if parent else None,
        country=check_country(country),
        language=check_language(language),
        timezone=timezone,
        created_at=now,
    )
    await _insert(session, collectivity, f"collectivity “{slug}” or realm “{realm}”")
    return collectivity


async def change_collectivity(
    session: AsyncSession,
    collectivity: Collectivity,
    *,
    name: str | None = None,
    colour: str | None = None,
    logo_svg: str | None = None,
    contact: str | None = None,
    terms: str | None = None,
) -> None:
    """Change what is given; new terms are a new version, which citizens are asked to accept.

    Raises Invalid where the colour or the drawing cannot be used.
    """
    if name is not None:
        collectivity.name = name.strip()
    if colour is not None:
        collectivity.colour = check_colour(colour)
    if logo_svg is not None:
        collectivity.logo_svg = drawing.check_svg(logo_svg)
    if contact is not None:
        collectivity.contact = contact.strip() or None
    if terms is not None and terms.strip() != (collectivity.terms or ""):
        collectivity.terms = terms.strip()
        collectivity.terms_version += 1
    await touch(session)


async def add_hotspot(
    session: AsyncSession,
    *,
    slug: str,
    collectivity: str,
    name: str,
    ssid: str | None,
    now: datetime,
) -> Hotspot:
    """Create a hotspot of a collectivity of ours."""
    hotspot = Hotspot(
        slug=identifier.check_slug(slug),
        collectivity_id=(await _ours(session, collectivity)).id,
        name=name.strip(),
        ssid=ssid,
        created_at=now,
    )
    await _insert(session, hotspot, f"hotspot “{slug}”")
    return hotspot


async def _insert(session: AsyncSession, row: Collectivity | Hotspot, what: str) -> None:
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Invalid(f"{what} exists already: choose another name, or change that one") from None
    await touch(session)


async def collectivity_by_slug(session: AsyncSession, slug: str) -> Collectivity:
    """Return a collectivity; raise Invalid naming those there are."""
    found = await session.scalar(select(Collectivity).where(Collectivity.slug == slug))
    if found is None:
        raise Invalid(await _missing(session, "collectivity", slug, Collectivity))
    return found


async def _ours(session: AsyncSession, slug: str) -> Collectivity:
    """Return a collectivity that is no partner, which has its places and citizens elsewhere."""
    found = await collectivity_by_slug(session, slug)
    if found.is_partner:
        raise Invalid(f"“{slug}” is a partner, which runs its own service: choose one of ours")
    return found


async def hotspot_by_slug(session: AsyncSession, slug: str) -> Hotspot:
    """Return a hotspot; raise Invalid naming those there are."""
    found = await session.scalar(select(Hotspot).where(Hotspot.slug == slug))
    if found is None:
        raise Invalid(await _missing(session, "hotspot", slug, Hotspot))
    return found


async def _missing(
    session: AsyncSession, what: str, slug: str, kind: type[Collectivity] | type[Hotspot]
) -> str:
    known = (await session.scalars(select(kind.slug).order_by(kind.slug).limit(10))).all()
    there = f"there are: {', '.join(known)}" if known else f"add one with `farandole {what} add`"
    return f"there is no {what} “{slug}”; {there}"
