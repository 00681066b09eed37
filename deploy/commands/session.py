"""`farandole session`: who is online, who was, and how to end it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import ColumnElement, select

from aaa import mac, outbox, sessions
from aaa.errors import Invalid
from aaa.model import Instruction, InstructionState, Session
from aaa.reauthorization import reauthorize
from deploy.commands import noun
from deploy.commands.output import AsJson, show, show_rows
from deploy.commands.transaction import Transaction, change, look, within
from deploy.installation import Installation

app = noun("session")

ById = Annotated[int | None, typer.Option("--id", metavar="ID", help="The session’s number.")]
ByDevice = Annotated[str | None, typer.Option("--device", metavar="MAC", help="Of this device.")]
ByCitizen = Annotated[str | None, typer.Option("--citizen", metavar="NAI", help="Of this citizen.")]
Wait = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Wait so long for the NAS’ answer.")
]
_ASK_EVERY_SECONDS = 0.2
# Where a NAS has ended the session meanwhile there was nothing to ask.
_DONE = (InstructionState.ACKNOWLEDGED, InstructionState.NEEDLESS)


@app.command(
    "list", epilog="Example: farandole session list --open --citizen mireille@aups.example"
)
def list_(
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    device: ByDevice = None,
    citizen: ByCitizen = None,
    most: Annotated[int, typer.Option(min=1, help="No more than these, the newest first.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List sessions, the newest first."""

    async def work(transaction: Transaction) -> list[dict[str, Any]]:
        conditions = await _conditions(transaction, None, device, citizen)
        if only_open:
            conditions.append(Session.stopped_at.is_(None))
        return [
            asdict(found)
            for found in await sessions.listed(transaction.session, *conditions, most=most)
        ]

    columns = (
        *(
            "id",
            "citizen",
            "home",
            "realm",
            "device",
            "hotspot",
            "nas",
            "device_mac",
            "started_at",
            "stopped_at",
        ),
        *("terminate_cause", "session_seconds", "download_octets", "upload_octets"),
    )
    show_rows(look(context, work), columns, as_json)


@app.command("show")
def show_(
    context: typer.Context,
    id: Annotated[int, typer.Argument(metavar="ID", help="The session’s number.")],
    as_json: AsJson = False,
) -> None:
    """Show one session."""

    async def work(transaction: Transaction) -> dict[str, Any]:
        found = await sessions.listed(transaction.session, Session.id == id, most=1)
        if not found:
            raise Invalid(f"there is no session {id}; `farandole session list` shows the newest")
        return asdict(found[0])

    show(look(context, work), as_json)


@app.command(
    "disconnect",
    epilog="Example: farandole session disconnect --device 00-11-22-AA-BB-CC --wait 10",
)
def disconnect(
    context: typer.Context,
    id: ById = None,
    device: ByDevice = None,
    citizen: ByCitizen = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> None:
    """End open sessions: the server sends the NAS a Disconnect-Request for each.

    With --wait the exit status is 0 only where every NAS acknowledged or had ended the session.
    """

    async def work(transaction: Transaction) -> Sequence[int]:
        found = await _open(transaction, id, device, citizen)
        await outbox.disconnect(transaction.session, found, "operator", transaction.now)
        for session_id in found:
            transaction.note("session.disconnect", f"session:{session_id}")
        return found

    _tell(context, change(context, work), wait, as_json)


@app.command("refresh", epilog="Example: farandole session refresh --citizen mireille@aups.example")
def refresh(
    context: typer.Context,
    id: ById = None,
    device: ByDevice = None,
    citizen: ByCitizen = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> None:
    """Give open sessions the limits that hold now: the server sends the NAS a CoA-Request for each,
    or a Disconnect-Request where the citizen may not connect any more.

    With --wait the exit status is 0 only where every NAS acknowledged or had ended the session.
    """

    async def work(transaction: Transaction) -> Sequence[int]:
        found = await _open(transaction, id, device, citizen)
        asked = await reauthorize(
            transaction.session, transaction.snapshot, found, "operator", transaction.now
        )
        if not asked:
            raise Invalid("no session of our citizens: others keep the limits they began with")
        for session_id in asked:
            transaction.note("session.refresh", f"session:{session_id}")
        return list(asked)

    _tell(context, change(context, work), wait, as_json)


async def _open(
    transaction: Transaction, id: int | None, device: str | None, citizen: str | None
) -> Sequence[int]:
    """Return the open sessions that are meant; raise Invalid where there is none."""
    if [id, device, citizen].count(None) == 3:
        raise Invalid("say which sessions: --id ID, --device MAC or --citizen NAI")
    conditions = await _conditions(transaction, id, device, citizen)
    query = select(Session.id).where(Session.stopped_at.is_(None), *conditions)
    found = (await transaction.session.scalars(query)).all()
    if not found:
        raise Invalid("no such session is open; `farandole session list --open` shows all")
    return found


def _tell(context: typer.Context, asked: Sequence[int], wait: float, as_json: bool) -> None:
    """Show how what was asked of each NAS stands, after waiting for the answers."""
    rows = within(context, lambda installation: _answers(installation, asked, wait))
    show_rows(rows, ("session", "kind", "state", "error_cause", "attempts"), as_json)
    if wait and any(row["state"] not in _DONE for row in rows):
        raise typer.Exit(1)


async def _conditions(
    transaction: Transaction, id: int | None, device: str | None, citizen: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if id is not None:
        conditions.append(Session.id == id)
    if device is not None:
        address = mac.normalize(device)
        if address is None:
            raise Invalid(f"“{device}” is no MAC address: write it like 00-11-22-AA-BB-CC")
        conditions.append(Session.device_mac == address)
    if citizen is not None:
        conditions.append(Session.citizen_id == (await transaction.citizen(citizen)).id)
    return conditions


async def _answers(
    installation: Installation, session_ids: Sequence[int], wait_seconds: float
) -> list[dict[str, Any]]:
    """Return how the newest instruction of each session stands, after waiting for an answer."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        rows = await _instructions(installation, session_ids)
        pending = any(row["state"] is InstructionState.PENDING for row in rows)
        if not pending or loop.time() >= deadline:
            return rows
        await asyncio.sleep(_ASK_EVERY_SECONDS)


async def _instructions(
    installation: Installation, session_ids: Sequence[int]
) -> list[dict[str, Any]]:
    query = (
        select(Instruction).where(Instruction.session_id.in_(session_ids)).order_by(Instruction.id)
    )
    async with installation.database.read("command") as session:
        newest = {found.session_id: found for found in await session.scalars(query)}
    return [
        {
            "session": session_id,
            "kind": found.kind,
            "state": found.state,
            "error_cause": found.error_cause,
            "attempts": found.attempts,
            "asked_at": found.created_at,
            "answered_at": found.finished_at,
        }
        for session_id, found in newest.items()
    ]
