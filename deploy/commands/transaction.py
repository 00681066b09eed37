"""One command's work: the installation opened, one transaction, everything closed again."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import typer
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import audit, citizens, identifier, snapshot
from aaa.citizens import CitizenRecord
from aaa.errors import Invalid
from aaa.secret import Keyring
from aaa.settings import Settings
from aaa.settings_file import load
from aaa.snapshot import Snapshot
from deploy.installation import Installation, opened

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a command works with: a session, the picture of everything, the key, the time."""

    session: AsyncSession
    settings: Settings
    keyring: Keyring
    snapshot: Snapshot
    now: datetime

    def note(self, action: str, subject: str, **detail: Any) -> None:
        """Write down what is changed, and which account of this machine changed it."""
        audit.note(
            self.session,
            actor=f"cli:{account()}",
            action=action,
            subject=subject,
            now=self.now,
            **detail,
        )

    async def citizen(self, text: str) -> CitizenRecord:
        """Return the citizen of an identifier written whole; raise Invalid where there is none."""
        nai = identifier.parse(text)
        home = self.snapshot.by_realm.get(nai.realm or "")
        if home is None:
            realms = ", ".join(sorted(self.snapshot.by_realm)) or "none yet"
            raise Invalid(f"“{text}” is no identifier of ours: write name@realm; realms: {realms}")
        found = await citizens.by_nai(self.session, self.snapshot, nai, home)
        if found is None:
            raise Invalid(f"there is no citizen “{nai}”; `farandole citizen list` shows all")
        return found


Work = Callable[[Transaction], Awaitable[T]]


def look(context: typer.Context, work: Work[T]) -> T:
    """Return what ``work`` finds, in a transaction that changes nothing."""

    async def read(installation: Installation) -> T:
        async with installation.database.read("command") as session:
            return await work(await _begun(installation, session))

    return within(context, read)


def change(context: typer.Context, work: Work[T]) -> T:
    """Return what ``work`` says of what it changed; all of it is kept, or nothing."""

    async def write(installation: Installation) -> T:
        try:
            async with installation.database.write("command") as session:
                return await work(await _begun(installation, session))
        except DataError:
            raise Invalid("a value is longer than the database can hold: shorten it") from None

    return within(context, write)


def within(context: typer.Context, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Return what ``work`` finds in the opened installation."""

    async def run() -> T:
        async with opened(load(context.obj)) as installation:
            return await work(installation)

    return asyncio.run(run())


async def _begun(installation: Installation, session: AsyncSession) -> Transaction:
    return Transaction(
        session=session,
        settings=installation.settings,
        keyring=installation.keyring,
        snapshot=await snapshot.load(session, installation.keyring),
        now=datetime.now(UTC),
    )


def account() -> str:
    """Return the account of this machine that runs the command."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
