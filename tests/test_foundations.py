"""The tests' own tools do what they promise."""

import os
import select
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import text, update

from aaa.database import Database
from aaa.model import Citizen
from tests.counterparts import require
from tests.operator import ON_LOOPBACK, operate
from tests.ports import free_port
from tests.process import Process, ProgramFailed
from tests.village import PASSWORD, entered

SPEAKER = "import signal; print('hello 42', flush=True); signal.pause()"


def test_a_line_is_awaited_and_the_program_is_ended() -> None:
    with Process(sys.executable, "-c", SPEAKER) as process:
        assert process.await_line(r"hello (\d+)").group(1) == "42"
        pid = process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_ends_too_early_shows_its_output() -> None:
    with (
        pytest.raises(ProgramFailed) as failure,
        Process(sys.executable, "-c", "print('no such port')") as process,
    ):
        process.await_line("ready")
    assert "no such port" in failure.value.__notes__[0]


def test_a_line_that_never_comes_is_not_awaited_for_ever() -> None:
    with Process(sys.executable, "-c", SPEAKER) as process, pytest.raises(ProgramFailed):
        process.await_line("good bye", seconds=0.1)


def test_a_program_deaf_to_sigterm_is_killed_with_its_children() -> None:
    deaf = "import os, signal; signal.signal(15, signal.SIG_IGN); child = os.fork();"
    deaf += "print('child', os.getpid(), flush=True) if not child else None; signal.pause()"
    with Process(sys.executable, "-c", deaf) as process:
        child = os.pidfd_open(int(process.await_line(r"child (\d+)").group(1)))
        assert process.stop(seconds=0.1) == -signal.SIGKILL
        ended, _, _ = select.select([child], [], [], 10)
        os.close(child)
    assert ended


def test_a_condition_is_awaited(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    writer = f"import signal; open({str(mark)!r}, 'w').close(); signal.pause()"
    with Process(sys.executable, "-c", writer) as process:
        process.await_condition(mark.exists, "write its mark")
        assert mark.exists()


def test_a_missing_program_skips_the_test_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-program"):
        require("no-such-program")


def test_a_missing_program_is_a_failure_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-such-program"):
        require("no-such-program")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("version",), 0), (("version", "--twice"), 2), (("packet", "decode", "-"), 1)],
)
def test_a_forked_command_does_as_the_installed_one(
    tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    operator = operate(tmp_path, {})
    forked = operator.run(*arguments, given="0102")
    anew = operator.run(*arguments, given="0102", prefix=("env",))
    assert forked.returncode == anew.returncode == status
    assert (forked.stdout, forked.stderr) == (anew.stdout, anew.stderr)


def test_a_forked_command_is_ended_by_signals_and_with_the_block(tmp_path: Path) -> None:
    operator = operate(tmp_path, ON_LOOPBACK)
    operator.do("database", "upgrade")
    with operator.serve("housekeeping") as one, operator.serve("housekeeping") as other:
        one.process.send_signal(signal.SIGKILL)
        assert one.process.wait() == -signal.SIGKILL
        os.kill(other.process.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(other.process.pid, 0)
    assert "farandole has stopped" in other.process.output


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_every_test_has_an_empty_database(database_url: str, turn: str) -> None:
    database = Database(database_url)
    async with database.write("test") as session:
        await session.execute(text("CREATE TABLE village (name TEXT)"))
        await session.execute(text("INSERT INTO village VALUES (:turn)"), {"turn": turn})
        names = (await session.scalars(text("SELECT name FROM village"))).all()
    await database.close()
    assert names == [turn]


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_every_test_has_a_village_of_its_own(settled_url: str, turn: str) -> None:
    async with entered(settled_url) as village:
        async with village.database.write("test") as session:
            anna = await session.get_one(Citizen, village.anna)
            assert anna.language == "fr"
            assert await village.hashing.verify(anna.password_hash, PASSWORD)
            await session.execute(update(Citizen).values(language=turn[:2]))
        assert village.square.hotspot.slug == "square"
