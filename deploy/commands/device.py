"""`farandole device`: devices that citizens let us remember."""

from typing import Annotated, Any

import typer

from aaa import devices, mac
from aaa.errors import Invalid
from deploy.commands import noun
from deploy.commands.output import AsJson, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("device")

CitizenNai = Annotated[str, typer.Option("--citizen", metavar="NAI", help="Whose devices.")]


@app.command("list", epilog="Example: farandole device list --citizen mireille@aups.example")
def list_(context: typer.Context, citizen: CitizenNai, as_json: AsJson = False) -> None:
    """List the devices that a citizen had remembered."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        found = await transaction.citizen(citizen)
        return [
            {
                "mac": device.mac,
                "name": device.name,
                "remembered_until": device.remembered_until,
                "revoked_at": device.revoked_at,
                "created_at": device.created_at,
            }
            for device in await devices.of_citizen(transaction.session, found.id)
        ]

    columns = ("mac", "name", "remembered_until", "revoked_at")
    show_rows(look(context, work), columns, as_json)


@app.command("forget", epilog="Example: farandole device forget 00-11-22-AA-BB-CC --citizen NAI")
def forget(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="MAC", help="The device.")],
    citizen: CitizenNai,
) -> None:
    """Let a device come back through the portal only."""
    address = mac.normalize(device)
    if address is None:
        raise Invalid(f"“{device}” is no MAC address: write it like 00-11-22-AA-BB-CC")

    async def work(transaction: Transaction) -> None:
        found = await transaction.citizen(citizen)
        if not await devices.forget(
            transaction.session, citizen_id=found.id, mac=address, now=transaction.now
        ):
            raise Invalid(f"no device {address} of {found.nai} is remembered")
        transaction.note("device.forget", f"citizen:{found.id}")

    change(context, work)
    typer.echo(f"{address} is forgotten.")
