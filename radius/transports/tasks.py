"""What runs beside the others without ever ending them."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger()


async def contained(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, and let nothing but its being cancelled leave.

    An exception that leaves a task of a group ends all of the group: here, the whole server.
    """
    try:
        await work
    except Exception:
        # To tell of it may be the very thing that fails.
        with suppress(Exception):
            log.exception(
                "a task failed", remedy="this is a bug of ours: report it with the traceback"
            )
