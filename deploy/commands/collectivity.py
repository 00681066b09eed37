"""`farandole collectivity`: communes, départements, regions."""

from typing import Annotated, Any

import typer

from aaa import collectivities, drawing
from aaa.model import Collectivity
from aaa.snapshot import CollectivityEntry, Snapshot
from deploy.commands import files, noun
from deploy.commands.output import AsJson, show, show_rows
from deploy.commands.transaction import Transaction, change, look
from federation import partners

app = noun("collectivity")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Its short name.")]
_MOST_TERMS_OCTETS = 65_536


@app.command(
    "add",
    epilog='Example: farandole collectivity add aups --name "Commune d’Aups" --realm aups.example',
)
def add(
    context: typer.Context,
    slug: Slug,
    name: Annotated[str, typer.Option(help="The name that citizens read.")],
    realm: Annotated[str, typer.Option(help="What follows @ in its citizens’ identifiers.")],
    parent: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The collectivity it belongs to.")
    ] = None,
    country: Annotated[str, typer.Option(help="Two letters, ISO 3166.")] = "FR",
    language: Annotated[str, typer.Option(help="Of its pages where a browser wants none.")] = "fr",
    timezone: Annotated[str, typer.Option(help="For opening hours and days.")] = "Europe/Paris",
) -> None:
    """Add a collectivity."""

    async def work(transaction: Transaction) -> None:
        await partners.check_is_ours(transaction.session, realm)
        await collectivities.add_collectivity(
            transaction.session,
            slug=slug,
            name=name,
            realm=realm,
            parent=parent,
            country=country,
            language=language,
            timezone=timezone,
            now=transaction.now,
        )
        transaction.note("collectivity.add", f"collectivity:{slug}", realm=realm, parent=parent)

    change(context, work)
    typer.echo(
        f"Collectivity {slug} is there. Next: farandole hotspot add SLUG --collectivity {slug}"
    )


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List collectivities, each below the one it belongs to."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        entries = sorted(
            transaction.snapshot.collectivities.values(), key=lambda entry: entry.lineage
        )
        return [_row(entry, transaction.snapshot) for entry in entries]

    columns = ("slug", "name", "realm", "parent", "country", "is_partner")
    show_rows(look(context, work), columns, as_json)


@app.command("show")
def show_(context: typer.Context, slug: Slug, as_json: AsJson = False) -> None:
    """Show one collectivity."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        found = await collectivities.collectivity_by_slug(transaction.session, slug)
        return _row(transaction.snapshot.collectivities[found.id], transaction.snapshot)

    show(look(context, work), as_json)


@app.command(
    "change",
    epilog="Example: farandole collectivity change aups --colour #1d5c63 --terms terms.txt",
)
def change_(
    context: typer.Context,
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="The name that citizens read.")] = None,
    colour: Annotated[str | None, typer.Option(metavar="#RRGGBB", help="Of its pages.")] = None,
    logo: Annotated[
        str | None, typer.Option(metavar="FILE", help="An SVG drawing; - is standard input.")
    ] = None,
    contact: Annotated[str | None, typer.Option(help="Whom citizens can ask.")] = None,
    terms: Annotated[
        str | None, typer.Option(metavar="FILE", help="Terms of use, as text; a new version.")
    ] = None,
) -> None:
    """Change what its pages show."""
    logo_svg = files.read_text(logo, drawing.MOST_OCTETS) if logo else None
    text = files.read_text(terms, _MOST_TERMS_OCTETS) if terms else None

    async def work(transaction: Transaction) -> Collectivity:
        found = await collectivities.collectivity_by_slug(transaction.session, slug)
        await collectivities.change_collectivity(
            transaction.session,
            found,
            name=name,
            colour=colour,
            logo_svg=logo_svg,
            contact=contact,
            terms=text,
        )
        given = {"name": name, "colour": colour, "logo": logo, "contact": contact, "terms": terms}
        changed = [key for key, value in given.items() if value is not None]
        transaction.note("collectivity.change", f"collectivity:{slug}", changed=changed)
        return found

    found = change(context, work)
    typer.echo(f"Collectivity {slug} is changed; its terms are version {found.terms_version}.")


def _row(entry: CollectivityEntry, snapshot: Snapshot) -> dict[str, Any]:
    above = entry.lineage[:-1]
    return {
        "slug": entry.slug,
        "name": entry.name,
        "realm": entry.realm,
        "parent": snapshot.collectivities[above[-1]].slug if above else None,
        "country": entry.country,
        "is_partner": entry.is_partner,
        "language": entry.language,
        "timezone": entry.timezone,
        "colour": entry.colour,
        "has_logo": entry.logo_svg is not None,
        "contact": entry.contact,
        "terms_version": entry.terms_version,
        "has_terms": entry.terms is not None,
    }
