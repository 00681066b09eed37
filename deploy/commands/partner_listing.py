"""`farandole partner list` and `show`: what is known of partners, and who is connected."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer
from sqlalchemy import select

from aaa.model import Nas
from aaa.snapshot import NasEntry, RadsecPeerEntry
from deploy.commands import partner_setup
from deploy.commands.output import AsJson, show, show_json, show_rows
from deploy.commands.transaction import Transaction, look
from federation import interconnection, partners
from federation.directory import PartnerEntry
from federation.interconnection import Link
from federation.model import Membership, Partner
from federation.trust.upkeep import drift_of

_COLUMNS: Final = ("name", "title", "state", "realms", "servers", "sends_from", "drift", "waiting")
_LINK_COLUMNS: Final = ("visited", "citizens_of", "state", "ms", "age")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its short name.")]


def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List partners, and who is connected with whom, as canaries found."""

    async def work(transaction: Transaction) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        names = await transaction.session.scalars(select(Partner.name).order_by(Partner.name))
        links = await interconnection.matrix(transaction.session)
        rows = [await _row(transaction, name, links) for name in names.all()]
        return rows, [_told(link, transaction.now) for link in links]

    rows, told = look(context, work)
    if as_json:
        show_json(rows)
        return
    show_rows([_flat(row | {"drift": len(row["drift"]) or None}) for row in rows], _COLUMNS, False)
    if told:
        typer.echo()
        show_rows([_line(each) for each in told], _LINK_COLUMNS, False)


def show_(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show one partner: where it is asked, where it sends from, what waits for it, and where it is
    not as it says of itself."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        return await _row(transaction, name, await interconnection.matrix(transaction.session))

    row = look(context, work)
    if as_json:
        show_json(row)
        return
    show(_flat(row), False)
    if row["connections"]:
        typer.echo()
        show_rows([_line(each) for each in row["connections"]], _LINK_COLUMNS, False)


async def _row(transaction: Transaction, name: str, links: list[Link]) -> dict[str, Any]:
    entry, nas = await partner_setup.found(transaction, name)
    partner = await partners.by_name(transaction.session, name)
    membership = await transaction.session.get(Membership, partner.id)
    last_seen_at = None
    if nas is not None:
        last_seen_at = (await transaction.session.get_one(Nas, nas.id)).last_seen_at
    return {
        "name": entry.name,
        "title": entry.title,
        "state": entry.state,
        "realms": list(entry.realms),
        "servers": _asked_at(entry),
        "orders_to": [server.orders_address for server in entry.servers],
        "sends_from": _sends_from(nas),
        "country": entry.collectivity.country,
        "language": entry.collectivity.language,
        "timezone": entry.collectivity.timezone,
        # Accounting records on their way home.
        "waiting": await partners.waiting(transaction.session, partner),
        "last_seen_at": last_seen_at,
        "created_at": partner.created_at,
        "entity": membership.entity if membership else None,
        "described_at": membership.refreshed_at if membership else None,
        "drift": list(drift_of(entry, membership, transaction.now)) if membership else [],
        "connections": [_told(link, transaction.now) for link in links if _concerns(link, entry)],
    }


def _concerns(link: Link, entry: PartnerEntry) -> bool:
    return entry.key in (link.visited, link.home)


def _told(link: Link, now: datetime) -> dict[str, Any]:
    return {
        "visited": link.visited,
        "visited_title": link.visited_title,
        "home": link.home,
        "home_title": link.home_title,
        "state": link.state,
        "milliseconds": link.milliseconds,
        "checked_at": link.checked_at,
        "age_seconds": max(0, int((now - link.checked_at).total_seconds())),
        "connected_at": link.connected_at,
    }


def _line(told: dict[str, Any]) -> dict[str, Any]:
    """Return a connection as a row for people."""
    return {
        "visited": told["visited_title"],
        "citizens_of": told["home_title"],
        "state": told["state"],
        "ms": told["milliseconds"],
        "age": f"{told['age_seconds']} s",
    }


def _asked_at(entry: PartnerEntry) -> list[str]:
    """Where a partner is asked: what DNS has first."""
    looked_for = [f"dns {entry.discovery.service.text}"] if entry.discovery else []
    return looked_for + [server.address for server in entry.servers]


def _sends_from(nas: NasEntry | None) -> list[str]:
    """Where requests of a partner come from, and which certificates prove it."""
    if nas is None:
        return []
    # One name may be good under several roots.
    peers = dict.fromkeys(map(_shown_by, nas.radsec_peers))
    return ([f"udp {nas.network}"] if nas.network else []) + list(peers)


def _shown_by(peer: RadsecPeerEntry) -> str:
    of_policy = f" of policy {peer.policy}" if peer.policy else ""
    return f"tls {peer.name or peer.fingerprint}{of_policy}"


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose lists are text, for people, who read of connections below it."""
    return {
        key: (", ".join(value) or None) if isinstance(value, list) else value
        for key, value in row.items()
        if key != "connections"
    }
