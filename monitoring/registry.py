"""The registry of all metrics, and what `/metrics` shows of it.

Counters that several worker processes feed are added up when ``PROMETHEUS_MULTIPROC_DIR`` names a
directory before this module is imported.
"""

import os
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# A second series per counter that tells when it began would double the size of each scrape.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
_SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"

ProcessCollector(registry=REGISTRY)


def exposition() -> tuple[bytes, str]:
    """Return what ``/metrics`` answers and its content type, all worker processes added up."""
    if _SHARED_DIRECTORY not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=merged)
    return generate_latest(merged), CONTENT_TYPE_LATEST


def forget_process(pid: int) -> None:
    """Take a worker process that ended out of the gauges that count the living only."""
    if _SHARED_DIRECTORY in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
