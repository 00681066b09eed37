"""`farandole version`."""

from importlib.metadata import version

import typer

from deploy.commands import alone

app = alone()


@app.command()
def show_version() -> None:
    """Show the version."""
    typer.echo(f"farandole {version('farandole')}")
