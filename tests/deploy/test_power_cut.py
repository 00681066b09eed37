"""What was answered is kept, whatever happens to the process a moment later."""

import asyncio
import socket
from collections import Counter
from contextlib import suppress

import pytest
from sqlalchemy import select

from aaa.database import Database
from aaa.model import Session
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_accounting_request, verify_reply
from radius.wire.packet import Code, Packet, parse
from tests.operator import SECRET, Operator
from tests.village import NOON

PACKETS = 1000
_IDENTIFIERS = 250
_REPEAT_SECONDS = 2.0


class Gateway:
    """A NAS on which 1,000 sessions start at the same moment; it knows which were answered.

    What is not answered it repeats, as every NAS does: a burst may be more than a socket holds.
    """

    def __init__(self, port: int) -> None:
        self.answered: set[str] = set()
        self._requests: dict[str, bytes] = {}
        self._sockets: list[socket.socket] = []
        self._progress = asyncio.Event()
        for _ in range(PACKETS // _IDENTIFIERS):
            endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            endpoint.setblocking(False)
            endpoint.connect(("127.0.0.1", port))
            asyncio.get_running_loop().add_reader(endpoint, self._read, endpoint)
            self._sockets.append(endpoint)
        for number in range(PACKETS):
            attributes = Attributes.of(
                ("Acct-Status-Type", "Start"),
                ("Acct-Session-Id", f"s-{number}"),
                ("Event-Timestamp", NOON),
            )
            identifier = number % _IDENTIFIERS
            packet = Packet(Code.ACCOUNTING_REQUEST, identifier, bytes(16), attributes)
            self._requests[f"s-{number}"] = encode_accounting_request(packet, SECRET.encode())

    async def report(self, until_answered: int) -> None:
        """Send everything; return as soon as so many are answered."""
        async with asyncio.timeout(60):
            while len(self.answered) < until_answered:
                for number, (session, datagram) in enumerate(self._requests.items()):
                    if session not in self.answered:
                        self._sockets[number // _IDENTIFIERS].send(datagram)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REPEAT_SECONDS):
                        while len(self.answered) < until_answered:
                            self._progress.clear()
                            await self._progress.wait()

    def close(self) -> None:
        """Read what has arrived, which is all that the server has sent; then end."""
        for endpoint in self._sockets:
            asyncio.get_running_loop().remove_reader(endpoint)
            self._read(endpoint)
            endpoint.close()

    def _read(self, endpoint: socket.socket) -> None:
        first = self._sockets.index(endpoint) * _IDENTIFIERS
        while True:
            try:
                datagram = endpoint.recv(4096)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            answer = parse(datagram)
            session = f"s-{first + answer.identifier}"
            asked = self._requests[session][4:20]
            verify_reply(datagram, answer, asked, SECRET.encode())
            self.answered.add(session)
            self._progress.set()


async def stored(url: str) -> list[str]:
    """Return the Acct-Session-Id of every session in a database."""
    database = Database(url)
    try:
        async with database.read("test") as session:
            return list(await session.scalars(select(Session.acct_session_id)))
    finally:
        await database.close()


@pytest.mark.parametrize("answers_before", [1, 400])
async def test_every_packet_that_was_answered_survives_a_kill(
    operator: Operator, database_url: str, answers_before: int
) -> None:
    operator.found_village()
    with operator.serve("radius") as served:
        gateway = Gateway(served.port("accounting"))
        await gateway.report(until_answered=answers_before)
        served.process.kill()
        gateway.close()
    assert len(gateway.answered) >= answers_before
    assert gateway.answered - set(await stored(database_url)) == set()

    # The NAS asks again until it is answered: nothing is missing then, and nothing there twice.
    with operator.serve("radius") as served:
        gateway = Gateway(served.port("accounting"))
        await gateway.report(until_answered=PACKETS)
        gateway.close()
    assert Counter(await stored(database_url)) == Counter(f"s-{n}" for n in range(PACKETS))
