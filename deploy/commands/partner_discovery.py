"""`farandole partner discover`, `farandole partner dns`: partners who are found by DNS, and being
found ourselves."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from aaa.errors import Invalid
from deploy.commands import partner_terms
from deploy.commands.output import AsJson, show_json
from deploy.commands.transaction import Transaction, change, look
from federation import partners
from federation.directory import DiscoveryEntry
from federation.discovery import zone
from federation.discovery.search import check_service
from federation.discovery.zone import Line
from federation.model import Proof

EPILOG: Final = (
    "Example: farandole partner discover eduroam x-eduroam:radius.tls --anchor edupki.pem "
    "--policy 1.3.6.1.4.1.25178.3.1.1"
)
DNS_EPILOG: Final = "Example: farandole partner dns --service x-eduroam:radius.tls"
SERVICE: Final = "aaa+auth:radius.tls.tcp"

Service = Annotated[
    str,
    typer.Argument(metavar="SERVICE", help="aaa+auth:radius.tls.tcp, x-eduroam:radius.tls, ..."),
]
ProofOption = Annotated[
    Proof, typer.Option(help="What a server must show: the realm (NAIRealm), or its own name.")
]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="OID", help="A policy that its certificate must have."),
]


def read_terms(
    service: str, anchor: str | None, proof: Proof, policies: Sequence[str] | None
) -> DiscoveryEntry:
    """Return how servers are looked for, and what they must prove. Raises Invalid."""
    if anchor is None:
        raise Invalid(
            "DNS may say anything: give the root that signs for the federation's servers, "
            "--anchor FILE; it may hold several"
        )
    return DiscoveryEntry(
        service=check_service(service),
        anchors=b"".join(partner_terms.read_roots(anchor)),
        proof=proof,
        policies=tuple(map(partner_terms.check_policy, policies or ())),
    )


def explain(name: str) -> None:
    """Write what comes after a partner was added whose servers are looked for."""
    typer.echo(
        f"Partner {name} is added. Whoever is of its realms can log in at our hotspots, where DNS "
        "says who their home is.\nSo that others find us: farandole partner dns"
    )


def discover(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The partner.")],
    service: Service,
    anchor: Annotated[
        str | None, typer.Option(metavar="FILE", help="The roots that sign for its servers.")
    ] = None,
    proof: ProofOption = Proof.REALM,
    policy: Policies = None,
) -> None:
    """Look up the servers of a partner's realms in DNS from now on, each realm's own (RFC 7585).

    Servers that the partner has named are asked where DNS has none for a realm.
    """
    terms = read_terms(service, anchor, proof, policy)

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.discover(transaction.session, partner, terms)
        transaction.note("partner.discover", f"partner:{name}", service=terms.service.text)

    change(context, work)
    typer.echo(f"Servers of partner {name} are looked for as {terms.service.text}.")


def stop_discovering(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The partner.")],
) -> None:
    """Look up no servers any more: those that the partner has named are asked alone."""

    async def work(transaction: Transaction) -> None:
        partner = await partners.by_name(transaction.session, name)
        await partners.stop_discovering(transaction.session, partner)
        transaction.note("partner.stop_discovering", f"partner:{name}")

    change(context, work)
    typer.echo(f"No servers of partner {name} are looked for any more.")


def dns(
    context: typer.Context,
    service: Annotated[
        str, typer.Option(metavar="SERVICE", help="What others look for.")
    ] = SERVICE,
    as_json: AsJson = False,
) -> None:
    """Show what to write into DNS so that others find us: a line for each record."""
    wanted = check_service(service)

    async def work(transaction: Transaction) -> list[Line]:
        realms = sorted(transaction.snapshot.by_realm)
        return zone.lines(wanted, realms, transaction.settings.radsec_servers)

    found = look(context, work)
    if as_json:
        show_json([{"owner": each.owner, "type": each.kind, "data": each.data} for each in found])
        return
    for line in found:
        typer.echo(str(line))
