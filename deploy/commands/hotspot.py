"""`farandole hotspot`: places where people connect."""

from typing import Annotated, Any

import typer

from aaa import collectivities, policies
from aaa.snapshot import HotspotEntry
from deploy.commands import noun
from deploy.commands.output import AsJson, show, show_rows
from deploy.commands.transaction import Transaction, change, look

app = noun("hotspot")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Its short name.")]


@app.command(
    "add",
    epilog='Example: farandole hotspot add aups-mairie --collectivity aups --name "La mairie"',
)
def add(
    context: typer.Context,
    slug: Slug,
    collectivity: Annotated[str, typer.Option(metavar="SLUG", help="Whose place it is.")],
    name: Annotated[str, typer.Option(help="The name that citizens read.")],
    ssid: Annotated[str | None, typer.Option(help="The network’s name on the air.")] = None,
) -> None:
    """Add a hotspot."""

    async def work(transaction: Transaction) -> None:
        await collectivities.add_hotspot(
            transaction.session,
            slug=slug,
            collectivity=collectivity,
            name=name,
            ssid=ssid,
            now=transaction.now,
        )
        transaction.note("hotspot.add", f"hotspot:{slug}", collectivity=collectivity)

    change(context, work)
    typer.echo(f"Hotspot {slug} is there. Next: farandole nas add NAME --hotspot {slug} ...")


@app.command("list")
def list_(
    context: typer.Context,
    collectivity: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only of this one and those below it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List our hotspots."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        above = None
        if collectivity is not None:
            found = await collectivities.collectivity_by_slug(transaction.session, collectivity)
            above = found.id
        return [
            _row(entry)
            for entry in sorted(transaction.snapshot.hotspots.values(), key=lambda each: each.slug)
            if (above is None or above in entry.collectivity.lineage)
            # `farandole partner list` has what stands for a partner.
            and not entry.collectivity.is_partner
        ]

    show_rows(look(context, work), ("slug", "name", "collectivity", "ssid"), as_json)


@app.command("show")
def show_(context: typer.Context, slug: Slug, as_json: AsJson = False) -> None:
    """Show one hotspot with its NAS and its own limits."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        found = await collectivities.hotspot_by_slug(transaction.session, slug)
        own = await policies.limits_of(transaction.session, policies.Scope(hotspot_id=found.id))
        names = [nas.name for nas in transaction.snapshot.nas if nas.hotspot.id == found.id]
        row = _row(transaction.snapshot.hotspots[found.id])
        if as_json:
            return row | {"nas": names, "limits": own}
        limits = ", ".join(f"{key}={value}" for key, value in sorted(own.items()))
        return row | {"nas": ", ".join(names) or None, "limits": limits or None}

    show(look(context, work), as_json)


def _row(entry: HotspotEntry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "name": entry.name,
        "collectivity": entry.collectivity.slug,
        "ssid": entry.ssid,
    }
