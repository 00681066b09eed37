"""Account passwords: argon2id, hashed in a few threads so that no event loop waits for one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from aaa.errors import Invalid, Outage, Unavailable
from aaa.secret import Secret

T = TypeVar("T")

LEAST_LENGTH: Final = 10
MOST_LENGTH: Final = 128
# OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_password(text: str) -> Secret:
    """Return a new password worth keeping; raise Invalid with the rule where it is not."""
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        raise Invalid(f"a password has {LEAST_LENGTH} to {MOST_LENGTH} characters")
    if len(set(text)) < 5:
        raise Invalid("this password is too easy to guess: mix more different characters")
    return Secret(text)


class PasswordHashing:
    """Hashes and verifies in ``threads`` threads; refuses work beyond ``queue`` waiting.

    What is stored says by which parameters it was made: ``hasher`` decides about new ones alone.
    """

    def __init__(self, threads: int = 2, queue: int = 64, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._free = threads + queue
        # What an unknown citizen's password is verified against, so that time tells nothing.
        self._nobody = hasher.hash("nobody has this password")

    async def hash(self, password: Secret) -> str:
        """Return the PHC text of a password."""
        return await self._run(lambda: self._hasher.hash(password.reveal()))

    async def verify(self, stored: str | None, password: Secret) -> bool:
        """Return whether a password is the stored one; None takes as long and is never right."""
        return await self._run(lambda: _verify(stored or self._nobody, password)) and bool(stored)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._free <= 0:
            raise Unavailable("password hashing", Outage.UNAVAILABLE, "too many are waiting")
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._free += 1

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _verify(stored: str, password: Secret) -> bool:
    try:
        return _HASHER.verify(stored, password.reveal())
    except (VerificationError, InvalidHashError):
        return False
