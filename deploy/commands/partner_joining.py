"""`farandole partner invite` and `accept`: two services become partners, each by one command."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from sqlalchemy import select

from aaa import audit
from aaa.errors import Invalid
from deploy import ourselves
from deploy.commands import files, partner_verifying
from deploy.commands.output import AsJson, show_json, show_rows
from deploy.commands.transaction import Transaction, account, change, look, within
from deploy.installation import Installation
from federation import partners
from federation.model import Invitation
from federation.realms import RealmTable, ToPartner
from federation.trust import accepting, invitations, joining, keys, membership
from federation.trust.accepting import Accepting
from federation.trust.fetching import Fetcher
from federation.trust.invitations import Code
from federation.trust.joining import Member, Ourselves
from monitoring import logging

_DAYS: Final = 7
_LONGEST_DAYS: Final = 30

Called = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Its short name here; else its own.")
]


def invite(
    context: typer.Context,
    name: Called = None,
    realm: Annotated[
        list[str] | None,
        typer.Option(metavar="REALM", help="A realm that it may bring, and no others; else any."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=_LONGEST_DAYS, help="How long the code is good.")
    ] = _DAYS,
    as_json: AsJson = False,
) -> None:
    """Print a code that makes whoever accepts it a partner: once, and until it expires."""

    async def work(installation: Installation) -> tuple[Code, datetime]:
        us = await _ourselves(installation)
        now = datetime.now(UTC)
        async with installation.database.write("command") as session:
            code = await joining.invite(
                session,
                installation.keyring,
                entity=us.entity,
                signer=us.signer,
                name=name,
                realms=realm or [],
                lifetime=timedelta(days=days),
                now=now,
            )
            audit.note(
                session,
                actor=f"cli:{account()}",
                action="partner.invite",
                subject=f"invitation:{code.reference}",
                now=now,
                realms=realm or [],
            )
        return code, now + timedelta(days=days)

    code, expires_at = within(context, work)
    if as_json:
        show_json({"code": code.text, "reference": code.reference, "expires_at": expires_at})
        return
    typer.echo(
        "Send this line to the people of your partner-to-be, by a way that only they read:\n\n"
        f"{code.text}\n\n"
        f"They run `farandole partner accept` and paste it. It serves once, until "
        f"{expires_at.astimezone():%Y-%m-%d %H:%M}. Whoever has it can join: "
        f"`farandole partner uninvite {code.reference}` takes it back."
    )


def uninvite(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The first word of it.")],
) -> None:
    """Take an invitation back; whoever accepted it before stays a partner."""

    async def work(transaction: Transaction) -> None:
        query = select(Invitation).where(Invitation.reference == reference)
        found = await transaction.session.scalar(query)
        if found is None:
            raise Invalid(f"there is no invitation {reference}: `farandole partner invitations`")
        await transaction.session.delete(found)
        transaction.note("partner.uninvite", f"invitation:{reference}")

    change(context, work)
    typer.echo(f"Invitation {reference} opens nothing any more.")


def list_invitations(context: typer.Context, as_json: AsJson = False) -> None:
    """List invitations: who used them, and which are still open."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        rows = await transaction.session.scalars(select(Invitation).order_by(Invitation.id))
        return [
            {
                "reference": row.reference,
                "name": row.name,
                "realms": ", ".join(row.realms) if row.realms else None,
                "expires_at": row.expires_at,
                "used_by": row.used_by,
            }
            for row in rows
        ]

    columns = ("reference", "name", "realms", "expires_at", "used_by")
    show_rows(look(context, work), columns, as_json)


def accept(
    context: typer.Context,
    code_file: Annotated[
        str, typer.Option(metavar="FILE", help="Where the code is; - is standard input.")
    ] = "-",
    name: Called = None,
    as_json: AsJson = False,
) -> None:
    """Join hands with who printed an invitation: both know each other from then on.

    The code is asked for, or read from standard input or a file. Who is joined is shown first;
    then that log-ins work both ways is tried.
    """
    is_person = code_file == "-" and sys.stdin.isatty()
    if is_person:
        typer.echo("Paste the invitation, in one line:", err=True)
        code = invitations.read(sys.stdin.readline())
    else:
        code = invitations.read(files.read_octets(code_file, 4096).decode("ascii", "replace"))
    joined = within(context, lambda installation: _accept(installation, code, name, is_person))
    if as_json:
        show_json(joined)
    else:
        _tell(joined)
    if not all(each["is_good"] for each in joined["checks"]):
        raise typer.Exit(3)


async def _accept(
    installation: Installation, code: Code, name: str | None, is_person: bool
) -> dict[str, Any]:
    # What is told below is what a log would tell, and ends in a line of ours.
    key = installation.keyring.derive("log")
    logging.configure(key=key, log_level="error", log_format="console", stream=sys.stderr)
    us = await _ourselves(installation)
    fetcher = Fetcher()
    try:
        inviting = await accepting.meet(fetcher, code, _now())
        if is_person:
            await asyncio.to_thread(_confirm, inviting)
        since = _now()
        acceptance = Accepting(installation.keyring, us, code, inviting, name)
        partner = await acceptance.accept(installation.database, fetcher, f"cli:{account()}", _now)
        checks = await partner_verifying.verify(installation, us, partner.id, fetcher, since)
    finally:
        await fetcher.close()
    return {
        "name": partner.name,
        "entity": code.entity,
        "title": inviting.described.title,
        "realms": [each.realm for each in inviting.described.realms],
        "has_pages": inviting.described.provider is not None,
        "checks": checks,
    }


def _now() -> datetime:
    return datetime.now(UTC)


async def _ourselves(installation: Installation) -> Ourselves:
    """Return what we show and sign with; tell a person where others would not reach us."""
    if installation.settings.portal.is_out_of_reach:
        typer.echo(
            f"portal.public_url is {installation.settings.portal.public_url}: only this machine "
            "reaches that. Set it to what others reach the portal by.",
            err=True,
        )
    us = await ourselves.shown(installation, _now())
    try:
        joining.read_statement(us.member.statement, _now())
    except Invalid as error:
        raise Invalid(
            f"what we say of ourselves is of no use to others ({error}): correct it with "
            "`farandole collectivity change`, or in the settings"
        ) from None
    return us


def _confirm(inviting: Member) -> None:
    """Have a person say that this is whom they mean. Raises Invalid where they do not."""
    there = inviting.described
    typer.echo(f"{there.title}, {there.entity}", err=True)
    typer.echo(f"with the realms {', '.join(each.realm for each in there.realms)}", err=True)
    if not typer.confirm("Join hands with them?", default=True, err=True):
        raise Invalid("not joined, and nothing is changed")


def _tell(joined: dict[str, Any]) -> None:
    typer.echo(f"Joined hands with {joined['title']} ({joined['entity']}), here {joined['name']}:")
    typer.echo(f"  realms {', '.join(joined['realms'])}")
    for check in joined["checks"]:
        typer.echo(f"  {'ok' if check['is_good'] else '--'}  {check['what']}: {check['found']}")
    if joined["has_pages"]:
        typer.echo(
            "Its citizens log in on its own pages, which gateways have to let browsers through to: "
            "`farandole nas setup NAME` prints for each what to paste anew."
        )


def rotate(context: typer.Context) -> None:
    """Sign with new keys in two weeks, as happens twice a year by itself; partners follow by
    themselves."""

    async def work(transaction: Transaction) -> datetime:
        signs_from = await keys.rotate(transaction.session, transaction.keyring, transaction.now)
        transaction.note("partner.rotate", "keys", signs_from=signs_from.isoformat())
        return signs_from

    signs_from = change(context, work)
    typer.echo(
        f"New keys are published, and sign from {signs_from:%Y-%m-%d} on. Partners have two weeks "
        "to see them, and verify by the former ones for two weeks more."
    )


def set_canary(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The partner.")],
    identity: Annotated[str, typer.Option(metavar="NAI", help="An account there: name@realm.")],
    secret_file: Annotated[
        str, typer.Option(metavar="FILE", help="Its password; - is standard input.")
    ],
) -> None:
    """Log in at a partner's by an account that it made for that, every few minutes from now on.

    For partners that only speak RADIUS; who joined by invitation has one already.
    """
    secret = files.read_secret(secret_file)

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        realms = await membership.realms_of(transaction.session, partner)
        route = RealmTable((), dict.fromkeys(realms, name)).route(identity)
        if not isinstance(route, ToPartner):
            raise Invalid(
                f"“{identity}” does not lead to {name}: its realms are {', '.join(realms)}"
            )
        await membership.keep_canary(
            transaction.session, transaction.keyring, partner, identity, secret
        )
        transaction.note("partner.canary", f"partner:{name}", identity=identity)

    change(context, work)
    typer.echo(
        f"Partner {name} is tried by {identity}; `farandole partner list` shows how it goes."
    )
