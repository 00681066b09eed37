"""Measure log-ins by ticket and by EAP, and accounting, beside FreeRADIUS on this machine; and what
a home that does not answer costs the others.

What counts is processor time per request, or per whole EAP log-in, of the whole server tree, as a
ratio within this run: how many a second also depend on what else the machine does, and on this
load generator.
"""

import asyncio
import itertools
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import Final

from aaa import citizens, tickets
from aaa.database import Database
from aaa.secret import load_keyring
from aaa.snapshot import load
from radius.wire import authenticator, hiding
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests import counterparts, postgres
from tests.bench import faults, servers
from tests.bench.eap import log_ins
from tests.bench.load import Exchange, Result, Work, run
from tests.bench.servers import SECRET, Server
from tests.interop.eapol import ANNA
from tests.interop.eapol import SECRET as EAP_SECRET
from tests.interop.freeradius import run_freeradius
from tests.operator import ON_LOOPBACK, Operator, operate
from tests.process import Process

REQUESTS: Final = 6000
OUTSTANDING: Final = (1, 64)
WORKS: Final = ("pap", "accounting", "eap")
FAULTS: Final = "faults"
# Whole conversations, and fewer at once: the supplicants' own work is done by this program.
CONVERSATIONS: Final = 300
OUTSTANDING_EAP: Final = (1, 16)
ROW: Final = "| {:<37} | {:<21} | {:>11} | {:>9} | {:>14} | {:>13} | {:>5} |"


def access_requests(proofs: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Yield a PAP Access-Request for each name and password."""
    for number, (name, password) in enumerate(proofs):
        request_authenticator = secrets.token_bytes(16)
        hidden = hiding.hide_password(password.encode(), SECRET, request_authenticator)
        attributes = Attributes.of(
            ("User-Name", name),
            ("User-Password", hidden),
            ("NAS-IP-Address", "127.0.0.1"),
            ("Calling-Station-Id", f"02-00-5E-{number >> 16:02X}-{number >> 8 & 255:02X}-01"),
            ("NAS-Port-Type", 19),
        )
        packet = Packet(Code.ACCESS_REQUEST, number & 255, request_authenticator, attributes)
        yield authenticator.encode_access_request(packet, SECRET)


def accounting_requests(count: int) -> Iterator[bytes]:
    """Yield Start, Interim and Stop of one session after the other."""
    run_name = secrets.token_hex(4)
    for number in range(count):
        session, step = divmod(number, 3)
        attributes = Attributes.of(
            ("Acct-Status-Type", ("Start", "Interim-Update", "Stop")[step]),
            ("Acct-Session-Id", f"{run_name}-{session}"),
            ("User-Name", "citizen-1@village.example"),
            ("Calling-Station-Id", "02-00-5E-00-53-01"),
            ("NAS-IP-Address", "127.0.0.1"),
            ("Acct-Session-Time", 300 * step),
            ("Acct-Input-Octets", 1000 * step),
            ("Acct-Output-Octets", 9000 * step),
        )
        packet = Packet(Code.ACCOUNTING_REQUEST, number & 255, bytes(16), attributes)
        yield authenticator.encode_accounting_request(packet, SECRET)


def prepare(operator: Operator) -> None:
    """Make the database and a village in it, with our own command."""
    operator.do("database", "upgrade")
    for words in (
        "collectivity add village --name Village --realm village.example",
        "hotspot add square --collectivity village --name Square",
        "nas add bench --hotspot square --vendor generic --address 127.0.0.1 --secret-file -",
    ):
        operator.do(*words.split(), given=SECRET.decode() if words.endswith("-") else "")


async def issue_tickets(operator: Operator, count: int) -> list[tuple[str, str]]:
    """Return identifiers with a fresh ticket each; the citizens are made at the first call."""
    keyring = load_keyring(operator.directory / "state" / "farandole.key")
    database = Database(operator.environment["FARANDOLE_DATABASE__URL"], timeout_seconds=60)
    now = datetime.now(UTC)
    proofs = []
    async with database.write("bench") as session:
        snapshot = await load(session, keyring)
        village, bench = snapshot.by_realm["village.example"], snapshot.nas_by_name["bench"]
        for number in range(count):
            citizen_id = await citizens.add(
                session,
                name=f"c-{secrets.token_hex(6)}",
                collectivity=village,
                email=None,
                password_hash=None,
                language=None,
                now=now,
            )
            citizen = await citizens.by_id(session, snapshot, citizen_id)
            ticket, _ = await tickets.issue(
                session,
                keyring,
                bearer=tickets.OfCitizen(citizen_id),
                nas_id=bench.id,
                device_mac=None,
                now=now,
            )
            if citizen is None:
                raise RuntimeError(f"citizen {number} of the bench is not there")
            proofs.append((citizen.nai, ticket.reveal().decode()))
    await database.close()
    return proofs


def measure(
    work: str,
    servers: list[tuple[Server, Callable[[], Iterator[Work]]]],
    port: Callable[[Server], int],
    outstanding: Iterable[int],
) -> None:
    """Run one kind of work on every server, the peer first, at each number outstanding, and print
    the rows."""
    for number in outstanding:
        reference = 0.0
        for server, works in servers:
            prepared = list(works())
            before = server.cpu_seconds()
            result = run(port(server), iter(prepared), outstanding=number)
            spent = 1000 * (server.cpu_seconds() - before) / max(1, result.answered)
            reference = reference or spent
            print_row(f"{work}, {number} outstanding", server, result, spent, reference)


def print_row(work: str, server: Server, result: Result, spent: float, reference: float) -> None:
    """Print one server's figures."""
    rate = f"{result.answered / result.seconds:,.0f}"
    delay = f"{result.quantile(0.5):.2f} / {result.quantile(0.99):.2f}"
    failed = f"{result.lost}/{result.wrong}"
    ratio = f"{spent / reference:.2f}"
    row = ROW.format(work, server.name, rate, f"{spent:.3f}", ratio, delay, failed)
    print(row, flush=True)  # noqa: T201 - the table is what this program is for


def bench(directory: Path, server: postgres.Server | None, works: Collection[str]) -> None:
    """Prepare every database, start every server, measure one of `works` after the other."""
    databases = {"Farandole, SQLite": f"sqlite:///{directory}/farandole.db"}
    database_pids = (server.process.pid,) if server else ()
    keeper = server.database() if server else nullcontext("")
    with keeper as postgresql_url:
        if postgresql_url:
            databases["Farandole, PostgreSQL"] = postgresql_url
        count = REQUESTS // 3
        peers = {f"citizen-{number}@village.example": "a password" for number in range(count)}
        with servers.freeradius(directory, peers) as peer:
            for name, url in databases.items():
                place = directory / name.rpartition(" ")[2]
                # Forked, it would share memory, whose copying would be charged to it.
                operator = operate(place, ON_LOOPBACK | {"database.url": url}, starts=Process)
                prepare(operator)
                pids = database_pids if url == postgresql_url else ()
                with servers.farandole(name, operator, pids) as own:
                    if "pap" in works:
                        measure_tickets(peer, own, operator, peers, count)
                    if "accounting" in works:
                        measure_accounting(peer, own)
                    if "eap" in works:
                        measure_eap(own, operator, place / "peer")


def measure_tickets(
    peer: Server, own: Server, operator: Operator, peers: dict[str, str], count: int
) -> None:
    """Measure log-ins by PAP: a ticket with us, a password in a file with the peer."""

    def logging_in(proofs: Iterable[tuple[str, str]]) -> Iterator[Work]:
        for datagram in access_requests(proofs):
            yield Exchange(datagram, Code.ACCESS_ACCEPT, SECRET)

    measure(
        "ticket by PAP",
        [
            (peer, lambda: logging_in(itertools.islice(peers.items(), count))),
            (own, lambda: logging_in(asyncio.run(issue_tickets(operator, count)))),
        ],
        lambda server: server.auth_port,
        OUTSTANDING,
    )


def measure_accounting(peer: Server, own: Server) -> None:
    """Measure accounting, which we answer when it is durable."""

    def accounted() -> Iterator[Work]:
        for datagram in accounting_requests(REQUESTS):
            yield Exchange(datagram, Code.ACCOUNTING_RESPONSE, SECRET)

    measure(
        "accounting, durable",
        [(peer, accounted), (own, accounted)],
        lambda server: server.acct_port,
        OUTSTANDING,
    )


def measure_eap(own: Server, operator: Operator, directory: Path) -> None:
    """Measure whole log-ins by EAP-TTLS with PAP, on each version of TLS, beside FreeRADIUS."""
    citizen = ("--collectivity", "village", "--email", "anna@mail.example")
    operator.do("citizen", "add", "anna", *citizen)
    device = operator.ask("device", "add", "--citizen", ANNA, "--name", "bench")
    anchor = PEM_cert_to_DER_cert(operator.do("ca", "export"))
    directory.mkdir()
    with run_freeradius(directory) as there:
        peer = Server("FreeRADIUS", there.port, 0, (there.process.pid,))
        peer_anchor = PEM_cert_to_DER_cert(there.anchor.read_text())
        for version in ("1.2", "1.3"):
            theirs = (peer_anchor, version, EAP_SECRET.encode(), ANNA, there.password)
            ours = (anchor, version, SECRET, ANNA, device["secret"])
            measure(
                f"EAP-TTLS/PAP, TLS {version}",
                [
                    (peer, partial(log_ins, CONVERSATIONS, *theirs)),
                    (own, partial(log_ins, CONVERSATIONS, *ours)),
                ],
                lambda server: server.auth_port,
                OUTSTANDING_EAP,
            )


def main() -> None:
    """Print the machine, and a table for each kind of work that was named, or all of them."""
    works = sys.argv[1:] or (*WORKS, FAULTS)
    print(f"{os.cpu_count()} cores; {datetime.now(UTC):%Y-%m-%d}\n")  # noqa: T201
    if set(works) & set(WORKS):
        compare(works)
    if FAULTS in works:
        with tempfile.TemporaryDirectory(prefix="farandole-bench-") as folder:
            faults.measure(Path(folder))


def compare(works: Collection[str]) -> None:
    """Print what each of `works` takes with us and with FreeRADIUS."""
    counterparts.require("freeradius")
    head = ("work", "server", "done/s", "CPU ms", "ratio to peer", "p50 / p99 ms", "bad")
    print(ROW.format(*head))  # noqa: T201
    print(ROW.format(*("---" for _ in head)))  # noqa: T201
    postgresql: AbstractContextManager[postgres.Server | None] = nullcontext(None)
    if counterparts.find("postgres"):
        postgresql = postgres.run_server()
    with tempfile.TemporaryDirectory(prefix="farandole-bench-") as folder, postgresql as server:
        bench(Path(folder), server, works)


if __name__ == "__main__":
    main()
