import asyncio

import pytest

from aaa.errors import Invalid, Unavailable
from aaa.passwords import PasswordHashing, check_password
from aaa.secret import Secret


async def test_the_right_password_and_no_other() -> None:
    hashing = PasswordHashing()
    stored = await hashing.hash(Secret("lavender in july"))
    assert stored.startswith("$argon2id$")
    assert await hashing.verify(stored, Secret("lavender in july"))
    assert not await hashing.verify(stored, Secret("lavender in June"))
    assert not await hashing.verify(None, Secret("nobody has this password"))
    assert not await hashing.verify("no hash at all", Secret("x"))
    hashing.close()


async def test_work_beyond_the_queue_is_refused_at_once() -> None:
    hashing = PasswordHashing(threads=1, queue=1)
    stored = await hashing.hash(Secret("x"))
    outcomes = await asyncio.gather(
        *(hashing.verify(stored, Secret("x")) for _ in range(4)), return_exceptions=True
    )
    assert [outcome for outcome in outcomes if outcome is True] == [True, True]
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 2
    assert await hashing.verify(stored, Secret("x"))
    hashing.close()


@pytest.mark.parametrize("text", ["short", "x" * 129, "aaaaaaaaaaaa"])
def test_a_weak_password_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(Invalid, match="characters"):
        check_password(text)
