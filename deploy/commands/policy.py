"""`farandole policy`: limits of a collectivity, a hotspot or one citizen."""

from dataclasses import fields
from typing import Annotated

import typer

from aaa import collectivities, policies
from aaa.errors import Invalid
from aaa.policies import Scope
from aaa.policy import Limits
from deploy.commands import noun
from deploy.commands.output import AsJson, show_json
from deploy.commands.transaction import Transaction, change, look

app = noun("policy")

OfCollectivity = Annotated[
    str | None, typer.Option("--collectivity", metavar="SLUG", help="At all its hotspots.")
]
OfHotspot = Annotated[str | None, typer.Option("--hotspot", metavar="SLUG", help="At this one.")]
OfCitizen = Annotated[str | None, typer.Option("--citizen", metavar="NAI", help="Everywhere.")]
_KEYS = ", ".join(field.name for field in fields(Limits))


@app.command(
    "set",
    epilog="Example: farandole policy set --hotspot aups-mairie session_seconds=7200 "
    f"'opening_hours=mon-sat 07:00-23:00'. Limits: {_KEYS}.",
)
def set_(
    context: typer.Context,
    limits: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="none takes one away.")
    ],
    collectivity: OfCollectivity = None,
    hotspot: OfHotspot = None,
    citizen: OfCitizen = None,
) -> None:
    """Set limits; the narrower scope wins: citizen, hotspot, collectivity, the one above it."""
    values = dict(_parsed(limit) for limit in limits)

    async def work(transaction: Transaction) -> None:
        scope, subject = await _scope(transaction, collectivity, hotspot, citizen)
        await policies.set_limits(transaction.session, scope, values)
        transaction.note("policy.set", subject, **values)

    change(context, work)
    typer.echo("The limits hold from the next log-in on.")


@app.command("show")
def show_(
    context: typer.Context,
    collectivity: OfCollectivity = None,
    hotspot: OfHotspot = None,
    citizen: OfCitizen = None,
    as_json: AsJson = False,
) -> None:
    """Show the limits that one scope sets by itself."""

    async def work(transaction: Transaction) -> dict[str, str]:
        scope, _ = await _scope(transaction, collectivity, hotspot, citizen)
        return await policies.limits_of(transaction.session, scope)

    found = dict(sorted(look(context, work).items()))
    if as_json:
        show_json(found)
        return
    for key, value in found.items():
        typer.echo(f"{key}={value}")


async def _scope(
    transaction: Transaction, collectivity: str | None, hotspot: str | None, citizen: str | None
) -> tuple[Scope, str]:
    """Return the one scope that was named, and its name in the audit."""
    if [collectivity, hotspot, citizen].count(None) != 2:
        raise Invalid("name one scope: --collectivity SLUG, --hotspot SLUG or --citizen NAI")
    if collectivity is not None:
        found = await collectivities.collectivity_by_slug(transaction.session, collectivity)
        return Scope(collectivity_id=found.id), f"collectivity:{collectivity}"
    if hotspot is not None:
        place = await collectivities.hotspot_by_slug(transaction.session, hotspot)
        return Scope(hotspot_id=place.id), f"hotspot:{hotspot}"
    person = await transaction.citizen(citizen or "")
    return Scope(citizen_id=person.id), f"citizen:{person.id}"


def _parsed(limit: str) -> tuple[str, str]:
    key, separator, value = limit.partition("=")
    if not separator:
        raise Invalid(f"“{limit}” is no limit: write KEY=VALUE, such as session_seconds=7200")
    return key.strip(), value.strip()
