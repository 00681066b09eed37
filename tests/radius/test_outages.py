"""The database locked, gone and back: no answer meanwhile, and a line that says what to do."""

import asyncio
import errno
import io
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from secrets import token_bytes
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from aaa.database import Database
from aaa.errors import Outage, Unavailable
from aaa.model import Session
from aaa.snapshot import Snapshot
from monitoring import metrics
from monitoring.logging import configure
from radius.request import Reply, Request, Unanswered
from radius.server import RadiusServer
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_access_request, encode_accounting_request
from radius.wire.packet import Code, Packet
from tests.radius.served import (
    NoCourier,
    Served,
    Socket,
    accounting,
    dropped,
    pap,
    sample,
    serve,
    until,
)
from tests.village import NAS_SECRET, PASSWORD, Village, settle

TEXT = PASSWORD.reveal().decode()


class Relay:
    """A TCP port that leads to another, until it is cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pair = {writer, there_writer}
        self._writers |= pair
        await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))
        self._writers -= pair

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while octets := await reader.read(65_536):
                writer.write(octets)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


NO_METHOD = {"collectivity": "village", "reason": "method_not_supported", "where": "radius"}


def nothing_proven(identifier: int) -> bytes:
    """A log-in without a password, which is refused at no cost."""
    attributes = Attributes.of(("User-Name", "anna"))
    packet = Packet(Code.ACCESS_REQUEST, identifier, token_bytes(16), attributes)
    return encode_access_request(packet, NAS_SECRET.reveal())


def start(session_id: str, identifier: int = 0) -> bytes:
    packet = replace(accounting("Start", session_id=session_id), identifier=identifier)
    return encode_accounting_request(packet, NAS_SECRET.reveal())


async def sessions(served: Served) -> set[str]:
    async with served.village.database.read("test") as session:
        return set((await session.scalars(select(Session.acct_session_id))).all())


@pytest.fixture
async def impatient(village: Village) -> AsyncIterator[Served]:
    """A server that waits for its database for a tenth of a second."""
    path = village.database.engine.url.database
    await village.database.close()
    village.database = Database(f"sqlite:///{path}", timeout_seconds=0.1)
    async with serve(village) as served:
        yield served


async def test_a_locked_database(impatient: Served) -> None:
    before = dropped("database_locked")
    other = sqlite3.connect(str(impatient.village.database.engine.url.database))
    other.execute("BEGIN EXCLUSIVE")
    socket = Socket()
    socket.send(start("s-1"), impatient.acct)
    await until(lambda: dropped("database_locked") == before + 1)
    assert socket.has_nothing()
    (line,) = impatient.logged("no answer: database locked")
    assert "another program holds the database file" in line["remedy"]
    other.rollback()
    other.close()
    # The NAS repeats itself: the very same octets are tried anew.
    socket.send(start("s-1"), impatient.acct)
    assert (await socket.receive())[0] == Code.ACCOUNTING_RESPONSE
    assert await sessions(impatient) == {"s-1"}
    socket.close()


async def test_a_database_that_is_gone_and_comes_back(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    relay = Relay(url.port or 0)
    await relay.open()
    village = await settle(url.set(port=relay.port).render_as_string(hide_password=False))
    async with serve(village) as served:
        await served.answer(accounting("Start", session_id="before"))
        before = dropped("database_unavailable")
        await relay.cut()
        socket = Socket()
        log_in = encode_access_request(pap("anna", TEXT), NAS_SECRET.reveal())
        socket.send(start("during"), served.acct)
        socket.send(log_in, served.auth)
        await until(lambda: dropped("database_unavailable") == before + 2)
        assert socket.has_nothing()
        (line,) = served.logged("no answer: database unavailable")
        assert "database.url" in line["remedy"]
        assert line["nas"] == "square"
        assert sample("farandole_database_up") == 0
        await relay.open()
        socket.send(start("during"), served.acct)
        assert (await socket.receive())[0] == Code.ACCOUNTING_RESPONSE
        socket.send(log_in, served.auth)
        assert (await socket.receive())[0] == Code.ACCESS_ACCEPT
        assert await sessions(served) == {"before", "during"}
        socket.close()
    village.hashing.close()
    await village.database.close()
    await relay.cut()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Unavailable("database", Outage.TIMEOUT), "database_timeout"),
        (Unavailable("password hashing", Outage.UNAVAILABLE), "overloaded"),
        (RuntimeError("a bug that knows anna@village.example"), "internal_error"),
    ],
)
async def test_what_a_handler_raises_is_counted(
    village: Village, failure: Exception, reason: str
) -> None:
    async def fail(_request: Request) -> Reply | Unanswered:
        raise failure

    async with serve(village, handler=fail) as served:
        before = dropped(reason)
        socket = Socket()
        datagram = start("s-1")
        for count in (1, 2):
            socket.send(datagram, served.acct)
            await until(lambda: dropped(reason) == before + count)  # noqa: B023
        assert socket.has_nothing()
        (line,) = served.logged(f"no answer: {reason.replace('_', ' ')}")
        assert line["remedy"]
        assert line.get("exc_info", False) is (reason == "internal_error")
        assert sample("farandole_radius_in_progress") == 0
        socket.close()


async def test_what_comes_beyond_the_limit_is_dropped(village: Village) -> None:
    release = asyncio.Event()

    async def wait(request: Request) -> Reply | Unanswered:
        await release.wait()
        return await answering(request)

    async with serve(village, handler=wait, max_in_progress=16) as served:
        answering = served.handler
        before = dropped("overloaded")
        socket = Socket()
        for number in range(20):
            socket.send(start(f"s-{number}", number), served.acct)
        await until(lambda: dropped("overloaded") == before + 4)
        assert sample("farandole_radius_in_progress") == 16
        release.set()
        answered = {(await socket.receive())[1] for _ in range(16)}
        assert answered == set(range(16))
        (line,) = served.logged("no answer: overloaded")
        assert "radius.max_in_progress" in line["remedy"]
        socket.close()


async def test_what_is_held_back_counts_towards_the_limit(village: Village) -> None:
    async with serve(village, reject_delay_seconds=10, max_in_progress=16) as served:
        socket = Socket()
        refused, denied = dropped("overloaded"), sample("farandole_denials_total", **NO_METHOD)
        for number in range(16):
            socket.send(nothing_proven(number), served.auth)
        await until(lambda: sample("farandole_denials_total", **NO_METHOD) == denied + 16)
        socket.send(start("s-1"), served.acct)
        await until(lambda: dropped("overloaded") == refused + 1)
        assert socket.has_nothing()
        socket.close()


async def test_strangers_do_not_shut_out_who_is_known(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = asyncio.Event(), asyncio.Event()
    refresh = village.directory.refresh

    async def wait() -> Snapshot:
        asked.set()
        await release.wait()
        return await refresh()

    monkeypatch.setattr(village.directory, "refresh", wait)
    async with serve(village, max_in_progress=16) as served:
        unknown = dropped("unknown_nas")
        stranger, known = Socket("127.0.0.3"), Socket()
        for number in range(20):
            stranger.send(start(f"s-{number}", number), served.acct)
        await asked.wait()
        known.send(start("s-1"), served.acct)
        assert (await known.receive())[0] == Code.ACCOUNTING_RESPONSE
        assert dropped("unknown_nas") == unknown
        release.set()
        await until(lambda: dropped("unknown_nas") == unknown + 20)
        stranger.close()
        known.close()


async def test_stopping_waits_for_what_is_in_progress(village: Village) -> None:
    release = asyncio.Event()

    async def wait(request: Request) -> Reply | Unanswered:
        await release.wait()
        return await answering(request)

    async with serve(village, handler=wait) as served:
        answering = served.handler
        socket = Socket()
        socket.send(start("s-1"), served.acct)
        await until(lambda: sample("farandole_radius_in_progress") == 1)
        stopping = asyncio.ensure_future(served.server.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        release.set()
        assert (await socket.receive())[0] == Code.ACCOUNTING_RESPONSE
        await stopping
        assert await sessions(served) == {"s-1"}
        socket.close()


async def test_a_port_that_is_taken(served: Served) -> None:
    village = served.village
    settings = served.settings.model_copy(update={"acct_port": served.server.acct_port})
    other = RadiusServer(
        settings,
        database=village.database,
        directory=village.directory,
        handler=served.handler,
        courier=NoCourier(),
        warnings=served.warnings,
        clock=village.clock,
    )
    with pytest.raises(OSError, match="in use"):
        other.start()
    await other.stop()


class Full(io.StringIO):
    """The log on a disk that is full while `is_full`."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


async def test_a_log_that_cannot_be_written_ends_nothing(
    village: Village, logging_restored: None
) -> None:
    stream = Full()
    async with serve(village) as served:
        configure(key=b"k", stream=stream)
        lost = sample("farandole_log_lines_lost_total")
        answered = await served.answer(pap("anna", TEXT))
        assert answered.code is Code.ACCESS_ACCEPT
        await until(lambda: sample("farandole_radius_in_progress") == 0)
        assert sample("farandole_log_lines_lost_total") > lost
        stream.is_full = False
        again = await served.answer(pap("anna", TEXT))
        assert again.code is Code.ACCESS_ACCEPT
        assert stream.getvalue().count("request answered") == 1
        assert sample("farandole_radius_in_progress") == 0


async def test_what_fails_after_the_answer_ends_nothing(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: here, the very counting."""
    count = metrics.count_radius_exchange
    failed = asyncio.Event()

    def fail(*args: Any, **named: Any) -> None:
        monkeypatch.setattr(metrics, "count_radius_exchange", count)
        failed.set()
        raise RuntimeError("a bug")

    async with serve(village) as served:
        monkeypatch.setattr(metrics, "count_radius_exchange", fail)
        drops = dropped("internal_error")
        assert (await served.answer(pap("anna", TEXT))).code is Code.ACCESS_ACCEPT
        assert failed.is_set()
        assert (await served.answer(pap("anna", TEXT))).code is Code.ACCESS_ACCEPT
        assert dropped("internal_error") == drops
        assert sample("farandole_radius_in_progress") == 0
        (line,) = served.logged("a task failed")
        assert line["remedy"]
