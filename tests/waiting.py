"""Waiting for what nothing announces."""

import asyncio
from typing import Final

_A_MOMENT_SECONDS: Final = 0.005


async def pause() -> None:
    """Let the others run, and the processor rest, before a condition is looked at once more."""
    is_over = asyncio.Event()
    asyncio.get_running_loop().call_later(_A_MOMENT_SECONDS, is_over.set)
    await is_over.wait()
