"""Named checks: each says what it found, and what to do about it."""

import asyncio

from monitoring.health import Check, Health


async def fine() -> str | None:
    return None


async def away() -> str | None:
    return "the database does not answer"


async def broken() -> str | None:
    raise ConnectionError("postgresql://farandole:hunter2@database.example")


async def stuck() -> str | None:
    await asyncio.Event().wait()
    return None


LOOP = Check("loop", "Restart the process.", fine)
DATABASE = Check("database", "Start the database; what arrives meanwhile is spooled.", away)


async def test_with_no_check_a_process_that_answers_is_well() -> None:
    report = await Health().live()
    assert report.is_well
    assert report.describe() == {"state": "ok", "checks": []}


async def test_a_problem_comes_with_its_remedy() -> None:
    report = await Health(live=[LOOP], ready=[DATABASE]).ready()
    assert not report.is_well
    assert report.describe() == {
        "state": "failing",
        "checks": [
            {"name": "loop", "state": "ok"},
            {
                "name": "database",
                "state": "failing",
                "problem": "the database does not answer",
                "remedy": "Start the database; what arrives meanwhile is spooled.",
            },
        ],
    }


async def test_what_is_not_ready_may_well_live() -> None:
    assert (await Health(live=[LOOP], ready=[DATABASE]).live()).is_well


async def test_an_exception_is_a_problem_and_keeps_its_message_to_itself() -> None:
    (result,) = (await Health(ready=[Check("database", "Look.", broken)]).ready()).results
    assert result.problem == "failed: ConnectionError"


async def test_a_check_that_does_not_answer_is_a_problem() -> None:
    health = Health(ready=[Check("stuck", "Look.", stuck)], answer_seconds=0.01)
    (result,) = (await health.ready()).results
    assert result.problem == "no answer within 0.01 seconds"
