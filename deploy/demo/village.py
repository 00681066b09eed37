"""The demo's world: fictional collectivities, their hotspots and gateways, one citizen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import access_points, citizens, collectivities, policies, snapshot
from aaa.errors import Invalid
from aaa.model import Collectivity, Nas
from aaa.passwords import PasswordHashing
from aaa.policies import Scope
from aaa.secret import Secret
from aaa.snapshot import Snapshot
from deploy.installation import Installation

CITIZEN: Final = "camille"
PASSWORD: Final = "sept brins de lavande"
NAI: Final = f"{CITIZEN}@pays-des-lavandes.example"
EMAIL: Final = f"{CITIZEN}@mail.example"
_COUNTY: Final = "pays-des-lavandes"


@dataclass(frozen=True, slots=True)
class _Town:
    slug: str
    name: str
    realm: str
    parent: str | None
    country: str
    language: str
    timezone: str
    colour: str
    contact: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A hotspot with its one gateway; ``remark`` says what is special about it."""

    slug: str
    town: str
    name: str
    ssid: str
    nas: str
    mac: str
    remark: str
    limits: tuple[tuple[str, str], ...]


_TOWNS: Final = (
    _Town(
        slug=_COUNTY,
        name="Pays des Lavandes",
        realm="pays-des-lavandes.example",
        parent=None,
        country="FR",
        language="fr",
        timezone="Europe/Paris",
        colour="#5b4a9c",
        contact="wifi@pays-des-lavandes.example",
    ),
    _Town(
        slug="saint-aubin",
        name="Saint-Aubin-des-Lavandes",
        realm="saint-aubin.example",
        parent=_COUNTY,
        country="FR",
        language="fr",
        timezone="Europe/Paris",
        colour="#5b4a9c",
        contact="mairie@saint-aubin.example",
    ),
    _Town(
        slug="borgo-mimose",
        name="Borgo delle Mimose",
        realm="borgo-mimose.example",
        parent=None,
        country="IT",
        language="it",
        timezone="Europe/Rome",
        colour="#8a6a00",
        contact="comune@borgo-mimose.example",
    ),
)
_CLOSED: Final = "piscine"
# An access point of the secure network, for a supplicant on this machine; its secret is told.
SECURE_NAS: Final = "place-du-marche-secure"
SECURE_SECRET: Final = "seven sprigs of rosemary"
SPOTS: Final = (
    Spot(
        slug="place-du-marche",
        town="saint-aubin",
        name="Place du Marché",
        ssid="Wi-Fi Saint-Aubin",
        nas="place-du-marche-1",
        mac="02-00-5E-20-00-01",
        remark="Saint-Aubin-des-Lavandes: 1 hour a session, 500 MB a day",
        limits=(("session_seconds", "3600"), ("daily_octets", "500000000")),
    ),
    Spot(
        slug="mediatheque",
        town="saint-aubin",
        name="Médiathèque",
        ssid="Wi-Fi Saint-Aubin",
        nas="mediatheque-1",
        mac="02-00-5E-20-00-02",
        remark="Saint-Aubin-des-Lavandes: 2 Mbit/s, ends after 2 minutes without use",
        limits=(("download_kbps", "2000"), ("upload_kbps", "1000"), ("idle_seconds", "120")),
    ),
    Spot(
        slug=_CLOSED,
        town="saint-aubin",
        name="Piscine municipale",
        ssid="Wi-Fi Saint-Aubin",
        nas="piscine-1",
        mac="02-00-5E-20-00-03",
        remark="Saint-Aubin-des-Lavandes: closed now",
        limits=(),
    ),
    Spot(
        slug="piazza-della-chiesa",
        town="borgo-mimose",
        name="Piazza della Chiesa",
        ssid="Borgo WiFi",
        nas="piazza-1",
        mac="02-00-5E-20-00-04",
        remark="Borgo delle Mimose, over the border, in Italian",
        limits=(),
    ),
)


async def settle(
    installation: Installation, hashing: PasswordHashing, coa_ports: dict[str, int], now: datetime
) -> Snapshot:
    """Create the world where the database has none yet, bring what depends on this run up to date
    (``coa_ports`` by NAS, the closed hotspot's hours), and return the snapshot of it all."""
    password_hash = await hashing.hash(Secret(PASSWORD))
    async with installation.database.write("demo") as session:
        known = await snapshot.load(session, installation.keyring)
        if known.collectivities and SPOTS[0].nas not in known.nas_by_name:
            raise Invalid("this directory holds another installation: name an empty one")
        if not known.collectivities:
            await _build(session, installation, now)
            known = await snapshot.load(session, installation.keyring)
            await _welcome(session, known, password_hash, now)
        if SECURE_NAS not in known.nas_by_name:
            await _secure(session, installation, now)
        await _update(session, known, coa_ports, now)
        return await snapshot.load(session, installation.keyring)


async def _build(session: AsyncSession, installation: Installation, now: datetime) -> None:
    for town in _TOWNS:
        row = await collectivities.add_collectivity(
            session,
            slug=town.slug,
            name=town.name,
            realm=town.realm,
            parent=town.parent,
            country=town.country,
            language=town.language,
            timezone=town.timezone,
            now=now,
        )
        _dress(row, town)
    for spot in SPOTS:
        hotspot = await collectivities.add_hotspot(
            session,
            slug=spot.slug,
            collectivity=spot.town,
            name=spot.name,
            ssid=spot.ssid,
            now=now,
        )
        await policies.set_limits(session, Scope(hotspot_id=hotspot.id), dict(spot.limits))
        await access_points.register(
            session,
            installation.keyring,
            name=spot.nas,
            hotspot=spot.slug,
            vendor="coovachilli",
            network="127.0.0.1",
            identifier=spot.nas,
            secret=access_points.new_secret(),
            uam_secret=access_points.new_secret(),
            login_host=None,
            uses_pap=False,
            coa_port=None,
            now=now,
        )


async def _secure(session: AsyncSession, installation: Installation, now: datetime) -> None:
    await access_points.register(
        session,
        installation.keyring,
        name=SECURE_NAS,
        hotspot=SPOTS[0].slug,
        vendor="hostapd",
        network="127.0.0.1",
        identifier=None,
        secret=Secret(SECURE_SECRET),
        uam_secret=None,
        login_host=None,
        uses_pap=False,
        coa_port=None,
        now=now,
    )


def _dress(row: Collectivity, town: _Town) -> None:
    row.colour = collectivities.check_colour(town.colour)
    row.contact = town.contact


async def _welcome(
    session: AsyncSession, known: Snapshot, password_hash: str, now: datetime
) -> None:
    home = next(town for town in known.collectivities.values() if town.slug == _COUNTY)
    await citizens.add(
        session,
        name=CITIZEN,
        collectivity=home,
        email=EMAIL,
        password_hash=password_hash,
        language="fr",
        now=now,
    )


async def _update(
    session: AsyncSession, known: Snapshot, coa_ports: dict[str, int], now: datetime
) -> None:
    for name, port in coa_ports.items():
        await session.execute(update(Nas).where(Nas.name == name).values(coa_port=port))
    closed = next(spot for spot in known.hotspots.values() if spot.slug == _CLOSED)
    local = now.astimezone(ZoneInfo(closed.collectivity.timezone))
    hours = f"{_day(local + timedelta(days=3))} 14:00-18:00"
    await policies.set_limits(session, Scope(hotspot_id=closed.id), {"opening_hours": hours})


def _day(moment: datetime) -> str:
    return ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[moment.weekday()]
