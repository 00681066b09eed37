"""`farandole check`: what is in order and what is not."""

import asyncio
from dataclasses import asdict

import typer

from aaa.settings_file import load
from deploy.commands import alone
from deploy.commands.output import AsJson, show_json
from deploy.probes import examine

app = alone()


@app.command(epilog="Example: farandole check --config /etc/farandole.toml")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Look at settings, database, key, ports, mail server, and the service if it runs.

    The exit status is 1 where anything is amiss.
    """
    found = asyncio.run(examine(load(context.obj)))
    if as_json:
        show_json([asdict(finding) for finding in found])
    else:
        typer.echo("ok     settings: they can be used")
        for finding in found:
            if finding.problem is not None:
                typer.echo(f"AMISS  {finding.name}: {finding.problem}. {finding.remedy}")
            elif finding.remedy is not None:
                typer.echo(f"note   {finding.name}: {finding.detail}. {finding.remedy}")
            else:
                typer.echo(f"ok     {finding.name}: {finding.detail}")
    if any(finding.problem for finding in found):
        raise typer.Exit(1)
