"""What the people of a partner have to set up, as a command shows it."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import typer

from aaa import snapshot
from aaa.settings import Settings
from aaa.snapshot import NasEntry
from deploy.commands.partner_terms import Shared
from deploy.commands.transaction import Transaction
from federation import directory, partners, provisioning
from federation.directory import PartnerEntry
from federation.model import Transport
from federation.provisioning import Format, Setup

# What stands for a secret that is known already.
_WORDS: Final = "<the shared secret>"


async def found(transaction: Transaction, name: str) -> tuple[PartnerEntry, NasEntry | None]:
    """Return a partner, what this command changed of it included, and the client that it is to us.

    Raises Invalid where there is none of this name.
    """
    await partners.by_name(transaction.session, name)
    present = await snapshot.load(transaction.session, transaction.keyring)
    known = await directory.load(transaction.session, transaction.keyring, present, transaction.now)
    entry = known.by_name[name]
    return entry, present.nas_by_id.get(entry.nas_id or 0)


async def setup(transaction: Transaction, name: str) -> Setup:
    """Return what a partner must know of us, with words in the place of secrets."""
    entry, nas = await found(transaction, name)
    over = {Transport.UDP: nas and nas.network, Transport.TLS: nas and nas.radsec_peers}
    settings = transaction.settings
    return Setup(
        realms=tuple(sorted(transaction.snapshot.by_realm)),
        asked_over=frozenset(server.transport for server in entry.servers)
        | ({Transport.TLS} if entry.discovery else set()),
        asks_over=frozenset(transport for transport, known_by in over.items() if known_by),
        source=settings.federation.source_address or _address(settings),
        server=_address(settings),
        auth_port=settings.radius.auth_port,
        acct_port=settings.radius.acct_port,
        radsec_name=settings.radsec_name,
        radsec_port=settings.radius.radsec_port,
        secret=_WORDS,
        their_secret=_WORDS,
        coa_port=settings.radius.dynamic_authorization_port
        if settings.radius.dynamic_authorization
        else None,
    )


def with_secrets(setup: Setup, ours: Shared | None, theirs: Shared | None) -> Setup:
    """Return the setup with secrets as they are shown where they were just given or made."""
    return replace(
        setup,
        secret=ours.text if ours else setup.secret,
        their_secret=theirs.text if theirs else setup.their_secret,
    )


def _address(settings: Settings) -> str:
    address = settings.radius.address
    return "<address of this machine>" if ip_address(address).is_unspecified else address


def explain(setup: Setup, format: Format) -> None:
    """Write what to tell the partner's people, and what they paste."""
    typer.echo("To tell its people:")
    for what, value in told(setup).items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        typer.echo(f"  {what.replace('_', ' '):<26}{text}")
    if Transport.TLS in setup.asked_over | setup.asks_over:
        root = f"what `farandole ca export` writes, there as {setup.label}-ca.pem"
        typer.echo(f"  our root                  {root}")
    typer.echo(f"\n{provisioning.configuration(setup, format)}", nl=False)


def told(setup: Setup) -> dict[str, Any]:
    """Return what a partner must know of us, but for secrets."""
    words: dict[str, Any] = {"our_requests_come_from": setup.source}
    if Transport.TLS in setup.asked_over | setup.asks_over:
        words["name_in_our_certificate"] = setup.radsec_name
    if setup.asks_over:
        words["our_realms"] = list(setup.realms)
    if Transport.UDP in setup.asks_over:
        words["our_server"] = f"udp://{setup.server}:{setup.auth_port}"
        words["our_accounting_port"] = setup.acct_port
        if setup.coa_port is not None:
            words["our_port_for_orders"] = setup.coa_port
    if Transport.TLS in setup.asks_over:
        words["our_radsec_server"] = f"tls://{setup.radsec_name}:{setup.radsec_port}"
    return words
