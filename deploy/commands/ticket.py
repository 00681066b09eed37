"""`farandole ticket`: one-time passwords that a NAS takes."""

from datetime import datetime
from typing import Annotated

import typer

from aaa import access_points, mac, tickets
from aaa.errors import Invalid
from deploy.commands import noun
from deploy.commands.output import AsJson, show_json
from deploy.commands.transaction import Transaction, change

app = noun("ticket")


@app.command(
    "issue",
    epilog="Example: farandole ticket issue --citizen mireille@aups.example --nas aups-1",
)
def issue(
    context: typer.Context,
    citizen: Annotated[str, typer.Option(metavar="NAI", help="Whom it lets in.")],
    nas: Annotated[str, typer.Option(metavar="NAME", help="Where it is good.")],
    device: Annotated[
        str | None, typer.Option(metavar="MAC", help="Good for this device only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a ticket: good once, for two minutes, at one NAS, as the citizen’s password."""
    device_mac = mac.normalize(device)
    if device is not None and device_mac is None:
        raise Invalid(f"“{device}” is no MAC address: write it like 00-11-22-AA-BB-CC")

    async def work(transaction: Transaction) -> tuple[str, str, datetime]:
        found = await transaction.citizen(citizen)
        place = await access_points.by_name(transaction.session, nas)
        ticket, ticket_id = await tickets.issue(
            transaction.session,
            transaction.keyring,
            bearer=tickets.OfCitizen(found.id),
            nas_id=place.id,
            device_mac=device_mac,
            now=transaction.now,
        )
        transaction.note("ticket.issue", f"ticket:{ticket_id}", nas=nas)
        return found.nai, ticket.reveal().decode(), transaction.now + tickets.LIFETIME

    nai, ticket, expires_at = change(context, work)
    if as_json:
        show_json({"citizen": nai, "nas": nas, "ticket": ticket, "expires_at": expires_at})
    else:
        typer.echo(ticket)
