"""`farandole demo`: the whole path on one machine."""

import asyncio
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvloop

from deploy.commands import alone
from deploy.demo import neighbour, village
from deploy.demo.run import CONFIG_FILE, LOG_FILE, Stage, perform

app = alone()


@app.command(epilog="Example: farandole demo --keep /tmp/farandole")
def demo(
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep the state here, and go on from it; else nothing is left."
        ),
    ] = None,
) -> None:
    """Show everything without an access point: a village, a simulated hotspot, a phone.

    Runs until Ctrl-C. Ports that are taken are replaced by free ones.
    """
    if keep is not None:
        _run(keep.absolute())
        return
    with TemporaryDirectory(prefix="farandole-demo-") as directory:
        _run(Path(directory))


def _run(directory: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(perform(directory, lambda stage: typer.echo(_programme(directory, stage))))
    typer.echo("The demo has ended.")


def _programme(directory: Path, stage: Stage) -> str:
    """Return what to open and what to type."""
    settings = stage.service.settings
    radius = settings.radius
    site = f"http://127.0.0.1:{stage.site.port}"
    farandole = f"{_command()} --config {directory / CONFIG_FILE}"
    return f"""
Farandole is running: the real service, and a simulated hotspot with a phone.

  Open        {site}/        the phone on the village square
  Type        any e-mail address; its code arrives at
              {site}/mail
              or, as somebody who has an identifier already,
              {village.CITIZEN}  with the password  {village.PASSWORD}
              (over the border: {village.NAI})
              or, as somebody who is at home at a partner with a service of its own
              (“Log in with my region”, {neighbour.TITLE}),
              {neighbour.NAI}  with the password  {neighbour.PASSWORD}

  For good    {settings.portal.public_url}/secure
              the secure network (802.1X): ask with {village.EMAIL},
              open the link at {site}/mail, make a profile. A real supplicant
              (Debian's package eapoltest) logs in by its file for wpa_supplicant:
              eapol_test -c FILE.conf -a 127.0.0.1 -p {radius.auth_port} \\
                -s "{village.SECURE_SECRET}"

  Metrics     http://127.0.0.1:{settings.monitoring.port}/metrics
  Portal      {settings.portal.public_url}
              {stage.beside.settings.portal.public_url} is the partner's
  RADIUS      127.0.0.1, UDP ports {radius.auth_port} and {radius.acct_port}
  Log         {directory / LOG_FILE}

  Who is online, and how to cut them off:
              {farandole} session list
              {farandole} session disconnect --citizen {village.NAI}
              {farandole} device list --citizen {village.NAI}

  End with Ctrl-C.
"""


def _command() -> str:
    """Return how this program was called, so that the lines above can be copied."""
    called = Path(sys.argv[0])
    return called.name if shutil.which(called.name) == str(called) else str(called)
