"""`farandole serve`: run the service."""

import asyncio
from typing import Annotated

import typer
import uvloop

from aaa.settings_file import load
from deploy.assemble import ALL_PARTS, Part
from deploy.commands import alone
from deploy.lifecycle import serve

app = alone()


@app.command(epilog="Example: farandole serve --config /etc/farandole.toml")
def serve_(
    context: typer.Context,
    part: Annotated[
        Part | None, typer.Argument(help="Only this one; all of them where it is left out.")
    ] = None,
) -> None:
    """Run RADIUS, portal and housekeeping in this process until SIGTERM.

    Where anything is amiss, nothing starts: one line says what to do, and the exit status is 2.
    """
    parts = ALL_PARTS if part is None else frozenset({part})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(load(context.obj), parts))
