"""`farandole citizen`: people with an identifier."""

import asyncio
from typing import Annotated, Any, Final

import typer
from sqlalchemy import select

from aaa import citizens, collectivities, outbox
from aaa.errors import Invalid
from aaa.model import Citizen, CitizenState, Session
from aaa.passwords import PasswordHashing, check_password
from aaa.policy import DenyReason
from aaa.snapshot import Snapshot
from deploy.commands import files, noun
from deploy.commands.output import AsJson, show, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("citizen")

# What takes a value away.
_NONE: Final = "none"

Nai = Annotated[str, typer.Argument(metavar="NAI", help="The identifier: name@realm.")]


@app.command(
    "add",
    epilog="Example: farandole citizen add mireille --collectivity aups --password-file -",
)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The identifier, before the @.")],
    collectivity: Annotated[str, typer.Option(metavar="SLUG", help="Where they are at home.")],
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="For log-in codes.")] = None,
    password_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="- is standard input; without one: e-mail codes only."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Of their pages and mails.")] = None,
) -> None:
    """Add a citizen; prints the identifier."""
    if not email and not password_file:
        raise Invalid("nobody could log in: name an --email, a --password-file, or both")
    password_hash = asyncio.run(_hashed(password_file)) if password_file else None

    async def work(transaction: Transaction) -> str:
        found = await collectivities.collectivity_by_slug(transaction.session, collectivity)
        home = transaction.snapshot.collectivities[found.id]
        citizen_id = await citizens.add(
            transaction.session,
            name=name,
            collectivity=home,
            email=email,
            password_hash=password_hash,
            language=language,
            now=transaction.now,
        )
        transaction.note("citizen.add", f"citizen:{citizen_id}", collectivity=collectivity)
        added = await citizens.by_id(transaction.session, transaction.snapshot, citizen_id)
        return added.nai if added else name

    typer.echo(change(context, work))


async def _hashed(password_file: str) -> str:
    try:
        password = check_password(files.read_secret(password_file).reveal().decode())
    except UnicodeDecodeError:
        raise Invalid(f"{password_file} is not text in UTF-8") from None
    hashing = PasswordHashing(threads=1)
    try:
        return await hashing.hash(password)
    finally:
        hashing.close()


@app.command("list")
def list_(
    context: typer.Context,
    collectivity: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only of this one.")
    ] = None,
    state: Annotated[CitizenState | None, typer.Option(help="Only in this state.")] = None,
    most: Annotated[int, typer.Option(min=1, help="No more than these, the newest first.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List citizens."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        query = select(Citizen).order_by(Citizen.id.desc()).limit(most)
        if collectivity is not None:
            home = await collectivities.collectivity_by_slug(transaction.session, collectivity)
            query = query.where(Citizen.collectivity_id == home.id)
        if state is not None:
            query = query.where(Citizen.state == state)
        found = await transaction.session.scalars(query)
        return [_row(citizen, transaction.snapshot) for citizen in found]

    columns = ("nai", "state", "email", "has_password", "created_at")
    show_rows(look(context, work), columns, as_json)


@app.command("show")
def show_(context: typer.Context, nai: Nai, as_json: AsJson = False) -> None:
    """Show one citizen."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        found = await transaction.citizen(nai)
        citizen = await transaction.session.get_one(Citizen, found.id)
        return _row(citizen, transaction.snapshot)

    show(look(context, work), as_json)


@app.command(
    "change",
    epilog="Example: farandole citizen change mireille@aups.example --email m@aups.example",
)
def change_(
    context: typer.Context,
    nai: Nai,
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="For log-in codes, or none.")
    ] = None,
    password_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="- is standard input; or none.")
    ] = None,
) -> None:
    """Change how a citizen logs in. The word none takes a way away; one must be left."""
    if email is None and password_file is None:
        raise Invalid("say what shall be different: --email, --password-file, or both")
    takes_password = password_file == _NONE
    password_hash = (
        asyncio.run(_hashed(password_file)) if password_file and not takes_password else None
    )

    async def work(transaction: Transaction) -> None:
        found = await transaction.citizen(nai)
        if found.state is CitizenState.CLOSED:
            raise Invalid(f"the account {found.nai} is closed: add the citizen by another name")
        address = found.email if email is None else None if email == _NONE else email
        has_password = bool(password_hash or (found.password_hash and not takes_password))
        if not address and not has_password:
            raise Invalid(f"{found.nai} could not log in any more: leave an e-mail or a password")
        changed = []
        if email is not None:
            await citizens.set_email(transaction.session, found.id, address)
            changed.append("email")
        if password_file is not None:
            await citizens.set_password(transaction.session, found.id, password_hash)
            changed.append("password")
        transaction.note("citizen.change", f"citizen:{found.id}", changed=changed)

    change(context, work)
    typer.echo(f"{nai} is changed.")


@app.command("remove", epilog="Example: farandole citizen remove mireille@aups.example")
def remove(context: typer.Context, nai: Nai) -> None:
    """Close an account for good: e-mail, password and devices are deleted, open sessions ended.

    What its sessions were is kept for a year, and the name stays taken.
    """

    async def work(transaction: Transaction) -> int:
        found = await transaction.citizen(nai)
        if found.state is CitizenState.CLOSED:
            raise Invalid(f"the account {found.nai} is closed already")
        await citizens.close(transaction.session, found.id, transaction.now)
        transaction.note("citizen.remove", f"citizen:{found.id}")
        return await _end_sessions(transaction, found.id, DenyReason.CLOSED)

    ended = change(context, work)
    typer.echo(
        f"{nai} is closed, e-mail, password and devices are deleted; sessions to be ended: "
        f"{ended}. What its sessions were is kept for a year, and the name stays taken."
    )


@app.command("ban", epilog="Example: farandole citizen ban mireille@aups.example")
def ban(context: typer.Context, nai: Nai) -> None:
    """Refuse a citizen from now on, and end their sessions."""

    async def work(transaction: Transaction) -> int:
        found = await transaction.citizen(nai)
        if found.state is CitizenState.CLOSED:
            raise Invalid(f"the account {found.nai} is closed: nobody can use it")
        await citizens.set_state(transaction.session, found.id, CitizenState.BANNED)
        transaction.note("citizen.ban", f"citizen:{found.id}")
        return await _end_sessions(transaction, found.id, DenyReason.BANNED)

    ended = change(context, work)
    typer.echo(f"{nai} is banned; sessions to be ended: {ended}.")


@app.command("unban")
def unban(context: typer.Context, nai: Nai) -> None:
    """Let a banned citizen in again."""

    async def work(transaction: Transaction) -> None:
        found = await transaction.citizen(nai)
        if found.state is not CitizenState.BANNED:
            raise Invalid(f"{found.nai} is not banned: the account is {found.state}")
        await citizens.set_state(transaction.session, found.id, CitizenState.ACTIVE)
        transaction.note("citizen.unban", f"citizen:{found.id}")

    change(context, work)
    typer.echo(f"{nai} is not banned any more.")


async def _end_sessions(transaction: Transaction, citizen_id: int, reason: DenyReason) -> int:
    """Ask for the end of a citizen's open sessions; return how many."""
    query = select(Session.id).where(Session.citizen_id == citizen_id, Session.stopped_at.is_(None))
    sessions = (await transaction.session.scalars(query)).all()
    return await outbox.disconnect(transaction.session, sessions, reason, transaction.now)


def _row(citizen: Citizen, snapshot: Snapshot) -> dict[str, Any]:
    home = snapshot.collectivities[citizen.collectivity_id]
    return {
        "nai": f"{citizen.name}@{home.realm}",
        "collectivity": home.slug,
        "state": citizen.state,
        "email": citizen.email,
        "has_password": citizen.password_hash is not None,
        "language": citizen.language,
        "terms_accepted": citizen.terms_accepted,
        "terms_accepted_at": citizen.terms_accepted_at,
        "created_at": citizen.created_at,
    }
