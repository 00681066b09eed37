"""Structured logs on one stream: a line per finished exchange, redacted whoever wrote it.

Everyone logs with ``structlog.get_logger()`` and these fields, each only where it applies:
``event`` (a fixed phrase), ``nas``, ``collectivity``, ``hotspot``, ``realm``, ``outcome``,
``reason``, ``ms``, ``request`` (16 hex digits; bind it with ``structlog.contextvars``) and
``remedy`` (what the operator can do about it). Libraries that use the standard library's loggers
come out of the same pipeline.
"""

import json
import logging
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from monitoring import metrics
from monitoring.occurrences import Occurrences
from monitoring.redaction import Redactor

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# In this order at the start of a line; whatever else was said follows.
_LEADING_FIELDS: Final = ("timestamp", "level", "event", "nas", "realm", "outcome", "reason", "ms")

LogFormat = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


def configure(
    *,
    key: bytes,
    log_format: LogFormat = "json",
    log_level: LogLevel = "info",
    stream: TextIO | None = None,
) -> None:
    """Send every log of this process to ``stream`` (default: standard output), redacted.

    ``key`` is the installation's secret for the hashes that stand in for persons and devices.
    Uncaught exceptions and warnings go the same way. May be called again: the last call holds.
    A line that cannot be written is counted, and raises nothing.
    """
    stream = cast(TextIO, _Tolerant(stream or sys.stdout))
    level = _LEVELS[log_level]
    finish = _finish(Redactor(key), log_format)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_describe(), *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(finish, stream, level)
    sys.excepthook = _log_crash
    threading.excepthook = _log_thread_crash


class RepeatedWarnings:
    """Warns of the first trouble of a kind at once, and of its repeats once a minute, counted."""

    def __init__(self, occurrences: Occurrences, log: FilteringBoundLogger) -> None:
        self._occurrences = occurrences
        self._log = log

    def warn(self, event: str, nas: str, now: datetime, **fields: object) -> None:
        """Log ``event`` of ``nas``, or only count it where it repeats one just logged."""
        if self._occurrences.notice((event, nas), now):
            self._log.warning(event, nas=nas, **fields)

    def summarise(self, now: datetime) -> None:
        """Log how often what was held back has happened; call it every few seconds."""
        for repeated in self._occurrences.due(now):
            event, nas = repeated.kind
            seconds = round((now - repeated.since_at).total_seconds())
            self._log.warning(event, nas=nas, repeated=repeated.count, in_seconds=seconds)


class _Tolerant:
    """A stream to log to. Where it fails (a full disk, a reader that has gone) what was to be
    written is lost and counted: no log-in fails for want of its line in the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with self._counted():
            self._stream.write(text)

    def flush(self) -> None:
        with self._counted():
            self._stream.flush()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            metrics.log_lines_lost.inc()


def _describe() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _finish(redactor: Redactor, log_format: LogFormat) -> list[Processor]:
    """Return the end of every chain: redact, date, order, write as text."""

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return redactor.event(event)

    if log_format == "json":
        render: Processor = structlog.processors.JSONRenderer(json.dumps, ensure_ascii=False)
    else:
        render = structlog.dev.ConsoleRenderer(
            colors=False, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
        )
    return [redact, structlog.processors.TimeStamper(fmt="iso", utc=True), _order, render]


def _order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    ordered: MutableMapping[str, Any] = {
        name: event.pop(name) for name in _LEADING_FIELDS if name in event
    }
    ordered.update(event)
    return ordered


def _route_standard_library(finish: list[Processor], stream: TextIO, level: int) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_describe()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Below a warning, libraries tell of statements with their parameters, and of whole addresses.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("alembic").setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # An access log repeats the query string and the citizen's address; the portal logs its own.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().critical("process ends by an error", exc_info=(kind, error, trace))


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    error = crash.exc_value or crash.exc_type()
    structlog.get_logger().critical(
        "thread ends by an error", exc_info=(crash.exc_type, error, crash.exc_traceback)
    )
