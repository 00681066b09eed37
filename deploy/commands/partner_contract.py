"""`farandole partner contract`: which attributes cross between a partner and us, and agreeing on
others."""

from typing import Annotated, Any, Final

import typer
from sqlalchemy import select

from aaa.errors import Invalid
from deploy.commands import partner_setup
from deploy.commands.output import AsJson, show_json
from deploy.commands.transaction import Transaction, change, look
from federation import partners
from federation.agreements import Term, Way
from federation.contracts import Contract
from federation.model import PartnerTerm
from radius.wire.dictionary import DICTIONARY

EPILOG: Final = (
    "Example: farandole partner contract liguria --withhold Calling-Station-Id --tell Framed-MTU"
)
_DIRECTIONS: Final = {
    "request_out": "about its citizens, we ask with",
    "reply_in": "about its citizens, it may answer with",
    "request_in": "about our citizens, it may ask with",
    "reply_out": "about our citizens, we answer with",
    "order_out": "about our citizens, we order with",
    "order_in": "about its citizens, it may order with",
}

Attributes = list[str] | None


def contract(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The partner.")],
    tell: Annotated[Attributes, typer.Option(metavar="ATTRIBUTE", help="Ask with it.")] = None,
    withhold: Annotated[
        Attributes, typer.Option(metavar="ATTRIBUTE", help="Do not say it.")
    ] = None,
    let_in: Annotated[
        Attributes, typer.Option(metavar="ATTRIBUTE", help="Take it from them.")
    ] = None,
    keep_out: Annotated[
        Attributes, typer.Option(metavar="ATTRIBUTE", help="Do not take it.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Agree on nothing else than with every partner.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what may cross between a partner and us; with options, agree on it anew.

    The options replace all that was agreed before. Nothing that puts a device into a network of
    ours can be let in.
    """
    given = {Way.TELL: tell, Way.WITHHOLD: withhold, Way.LET_IN: let_in, Way.KEEP_OUT: keep_out}
    terms = [Term(way, each) for way, names in given.items() for each in names or ()]
    if plain and terms:
        raise Invalid("--plain agrees on nothing else: leave the other options out")

    async def work(transaction: Transaction) -> dict[str, Any]:
        partner = await partners.by_name(transaction.session, name)
        if terms or plain:
            await partners.agree(transaction.session, partner, terms)
            told = [f"{term.way} {term.attribute}" for term in terms]
            transaction.note("partner.contract", f"partner:{name}", terms=told)
        rows = await transaction.session.scalars(
            select(PartnerTerm).where(PartnerTerm.partner_id == partner.id)
        )
        entry, _ = await partner_setup.found(transaction, name)
        return {
            "name": name,
            "agreed": [{"way": row.way, "attribute": row.attribute} for row in rows],
            **_told(entry.contract),
        }

    found = change(context, work) if terms or plain else look(context, work)
    if as_json:
        show_json(found)
        return
    agreed = [f"{each['way'].replace('_', ' ')} {each['attribute']}" for each in found["agreed"]]
    typer.echo(f"Agreed with {name}: {', '.join(agreed) or 'what holds for every partner'}.")
    for direction, words in _DIRECTIONS.items():
        typer.echo(f"\n{words[:1].upper()}{words[1:]}")
        for code, names in found[direction].items():
            typer.echo(f"  {code}: {', '.join(names)}")


def _told(crossing: Contract) -> dict[str, dict[str, list[str]]]:
    return {
        direction: {
            code.rfc_name: [DICTIONARY.placed(place).name for place in sorted(allowed)]
            for code, allowed in getattr(crossing, direction).items()
        }
        for direction in _DIRECTIONS
    }
