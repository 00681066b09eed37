"""`farandole access-point`: what hangs on a wall, behind a NAS that serves several hotspots."""

from typing import Annotated, Any

import typer
from sqlalchemy import select

from aaa import access_points
from aaa.model import AccessPoint
from deploy.commands import noun
from deploy.commands.output import AsJson, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("access-point")


@app.command(
    "add",
    epilog="Example: farandole access-point add 00-11-22-AA-BB-CC --nas aups-controller "
    '--hotspot aups-mairie --name "Above the door"',
)
def add(
    context: typer.Context,
    mac: Annotated[str, typer.Argument(metavar="MAC", help="Of its Called-Station-Id.")],
    nas: Annotated[str, typer.Option(metavar="NAME", help="What sends its packets.")],
    hotspot: Annotated[str, typer.Option(metavar="SLUG", help="Where it hangs.")],
    name: Annotated[str, typer.Option(help="What staff call it.")],
) -> None:
    """Say in which hotspot an access point hangs."""

    async def work(transaction: Transaction) -> None:
        added = await access_points.add_access_point(
            transaction.session,
            nas=nas,
            hotspot=hotspot,
            name=name,
            address=mac,
            now=transaction.now,
        )
        transaction.note("access_point.add", f"access_point:{added.id}", nas=nas, hotspot=hotspot)

    change(context, work)
    typer.echo(f"Access point {name} at {hotspot} is there.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List access points."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        snapshot = transaction.snapshot
        return [
            {
                "mac": found.mac,
                "name": found.name,
                "hotspot": snapshot.hotspots[found.hotspot_id].slug,
                "nas": snapshot.nas_by_id[found.nas_id].name,
                "created_at": found.created_at,
            }
            for found in await transaction.session.scalars(
                select(AccessPoint).order_by(AccessPoint.mac)
            )
        ]

    show_rows(look(context, work), ("mac", "name", "hotspot", "nas"), as_json)
