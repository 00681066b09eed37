"""`farandole database`: where everything durable is kept."""

import asyncio

import typer

from aaa.settings_file import load
from deploy import installation, revisions
from deploy.commands import noun
from deploy.commands.output import AsJson, show

app = noun("database")


@app.command("upgrade", epilog="Example: farandole database upgrade --config farandole.toml")
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version; create it, and its key file, where there is none.

    Make a backup first: there is no way back but that.
    """
    settings = load(context.obj)
    before, after = asyncio.run(installation.upgrade(settings))
    if before == after:
        typer.echo(f"The database is at revision {after:04} already.")
    else:
        typer.echo(f"The database is at revision {after:04} now; it was at {before:04}.")
    if before == 0:
        typer.echo(f"Its key is {settings.key_file}: back it up with the database.")


@app.command("status")
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which revision the database holds; the exit status is 2 where it does not fit."""
    revision = asyncio.run(installation.revision(load(context.obj)))
    show({"revision": f"{revision:04}", "newest": f"{revisions.newest():04}"}, as_json)
    revisions.check(revision)
