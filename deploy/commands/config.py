"""`farandole config`: the settings."""

import typer

from aaa.settings_file import load
from aaa.settings_template import describe
from deploy.commands import noun

app = noun("config")


@app.command("describe", epilog="Example: farandole config describe > farandole.toml")
def describe_() -> None:
    """Print every setting with its default and its meaning, as a file to start from."""
    typer.echo(describe(), nl=False)


@app.command("check", epilog="Example: farandole config check --config farandole.toml")
def check(context: typer.Context) -> None:
    """Say whether the settings can be used; `farandole check` looks at everything else."""
    load(context.obj)
    typer.echo("The settings can be used.")
