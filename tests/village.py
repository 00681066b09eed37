"""The cast of the tests: a département, its village, the village square, citizens, two NAS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from argon2 import PasswordHasher
from sqlalchemy import create_engine, select

from aaa import access_points, citizens, collectivities, policies
from aaa.database import Database
from aaa.model import Base, Citizen
from aaa.passwords import PasswordHashing
from aaa.secret import Keyring, Secret
from aaa.snapshot import Directory, NasEntry, Snapshot

# A Tuesday, at noon in the village (UTC+1).
NOON = datetime(2026, 3, 3, 11, 0, tzinfo=UTC)
NAS_SECRET = Secret("a secret of the square")
PHONE = "02:00:5e:00:53:01"
TABLET = "02:00:5e:00:53:02"
PASSWORD = Secret("lavender in july")
# What is stored is verified as it is in production; only nobody is kept from trying all there are.
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        """Move on by a timedelta's arguments; return the new time."""
        self.now += timedelta(**duration)
        return self.now


@dataclass
class Village:
    """A database with the cast in it, and what is built on it."""

    database: Database
    keyring: Keyring
    directory: Directory
    hashing: PasswordHashing
    clock: Clock = field(default_factory=Clock)
    anna: int = 0
    bruno: int = 0

    @property
    def snapshot(self) -> Snapshot:
        return self.directory.current

    @property
    def square(self) -> NasEntry:
        return self.snapshot.nas_by_name["square"]

    @property
    def library(self) -> NasEntry:
        return self.snapshot.nas_by_name["library"]

    async def limit(self, scope: policies.Scope, **limits: str) -> None:
        """Set limits and let the snapshot see them."""
        async with self.database.write("test") as session:
            await policies.set_limits(session, scope, limits)
        await self.directory.refresh()


def lay_out(file: Path) -> str:
    """Make an SQLite database with all tables, and nothing in them; return its URL."""
    file.write_bytes(_tables())
    return f"sqlite:///{file}"


@cache
def _tables() -> bytes:
    with TemporaryDirectory(prefix="farandole-tables-") as directory:
        file = Path(directory) / "empty.sqlite"
        engine = create_engine(f"sqlite:///{file}")
        Base.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()


def _on(database: Database) -> Village:
    keyring = Keyring(b"village-test-key-of-32-octets!!!")
    hashing = PasswordHashing(hasher=QUICK_HASHER)
    return Village(database, keyring, Directory(database, keyring), hashing)


@asynccontextmanager
async def entered(settled_url: str) -> AsyncIterator[Village]:
    """Give the village of a database that it has been settled in."""
    village = _on(Database(settled_url))
    await village.directory.refresh()
    async with village.database.read("test") as session:
        people = {
            name: id_ for name, id_ in await session.execute(select(Citizen.name, Citizen.id))
        }
    village.anna, village.bruno = people["anna"], people["bruno"]
    yield village
    village.hashing.close()
    await village.database.close()


async def settle(database_url: str) -> Village:
    """Return a new village: its schema made, its people in."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    village = _on(database)
    keyring = village.keyring
    async with database.write("test") as session:
        for slug, name, realm, parent in (
            ("hills", "Pays des Collines", "hills.example", None),
            ("village", "Saint-Aubin-des-Lavandes", "village.example", "hills"),
            ("borgo", "Borgo Ligure", "borgo.example", None),
        ):
            await collectivities.add_collectivity(
                session,
                slug=slug,
                name=name,
                realm=realm,
                parent=parent,
                country="FR",
                language="fr",
                timezone="Europe/Paris",
                now=NOON,
            )
        for slug, collectivity in (("square", "village"), ("library", "village")):
            await collectivities.add_hotspot(
                session, slug=slug, collectivity=collectivity, name=slug, ssid=None, now=NOON
            )
        for name, network in (("square", "127.0.0.1"), ("library", "127.0.0.2")):
            await access_points.register(
                session,
                keyring,
                name=name,
                hotspot=name,
                vendor="coovachilli",
                network=network,
                identifier=None,
                secret=NAS_SECRET,
                uam_secret=None,
                login_host=None,
                uses_pap=False,
                coa_port=None,
                now=NOON,
            )
    snapshot = await village.directory.refresh()
    password_hash = await village.hashing.hash(PASSWORD)
    async with database.write("test") as session:
        village.anna = await citizens.add(
            session,
            name="anna",
            collectivity=snapshot.by_realm["village.example"],
            email="anna@mail.example",
            password_hash=password_hash,
            language="fr",
            now=NOON,
        )
        village.bruno = await citizens.add(
            session,
            name="bruno",
            collectivity=snapshot.by_realm["borgo.example"],
            email="bruno@mail.example",
            password_hash=None,
            language="it",
            now=NOON,
        )
    return village
