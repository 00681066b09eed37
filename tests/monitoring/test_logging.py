"""One pipeline for every log line, and nothing in it that must not be."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
import structlog

from aaa.secret import Secret
from monitoring.logging import RepeatedWarnings, configure
from monitoring.occurrences import Occurrences

KEY = b"the key of this installation"
NOW = datetime(2025, 11, 22, 6, tzinfo=UTC)
PLANTED = {
    "secret": "xyzzy-42",
    "octets": "plugh",
    "mac": "0a:1b:2c:3d:4e:5f",
    "plain mac": "0a1b2c3d4e5f",
    "dashed mac": "0A-1B-2C-3D-4E-5F",
    "e-mail": "camille.durand@mail.example",
    "identifier": "camille@village.example",
    "name": "camille",
    "realm of a partner": "camille@liguria",
}


class Log:
    """What was written, as text and as the events of its lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


Configured = Callable[..., Log]


@pytest.fixture
def configured() -> Iterator[Configured]:
    """Configure logging for one test, and put everything back as it was."""
    root = logging.getLogger()
    before = root.handlers, root.level, sys.excepthook, threading.excepthook

    def configure_for_test(
        log_format: Literal["json", "console"] = "json",
        log_level: Literal["debug", "info", "warning", "error"] = "info",
    ) -> Log:
        log = Log()
        configure(key=KEY, log_format=log_format, log_level=log_level, stream=log.stream)
        return log

    yield configure_for_test
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level, sys.excepthook, threading.excepthook = before


def test_one_json_line_per_event_with_its_fields_in_order(configured: Configured) -> None:
    log = configured()
    structlog.contextvars.bind_contextvars(request="0123456789abcdef")
    structlog.get_logger().info(
        "answered", ms=1.5, outcome="reject", reason="banned", realm="village.example", nas="sq-1"
    )
    (event,) = log.events
    timestamp = datetime.fromisoformat(event.pop("timestamp"))
    assert timestamp.tzinfo == UTC
    assert list(event.items()) == [
        ("level", "info"),
        ("event", "answered"),
        ("nas", "sq-1"),
        ("realm", "village.example"),
        ("outcome", "reject"),
        ("reason", "banned"),
        ("ms", 1.5),
        ("request", "0123456789abcdef"),
    ]


def test_the_console_is_for_a_persons_eyes(configured: Configured) -> None:
    log = configured("console")
    structlog.get_logger().warning("no answer", nas="square-1")
    assert "[warning  ] no answer" in log.text
    assert "nas=square-1" in log.text


def test_less_severe_events_are_not_written(configured: Configured) -> None:
    log = configured(log_level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("alembic.runtime").info("quiet")
    assert log.text == ""


def fail_with_everything() -> None:
    try:
        raise KeyError(PLANTED["mac"])
    except KeyError as error:
        error.add_note(f"identity: {PLANTED['name']}")
        raise ValueError(f"{PLANTED['e-mail']} used password={PLANTED['secret']}") from error


def say_everything(log: Any) -> None:
    """Log every planted value in every way that there is."""
    for value in PLANTED.values():
        log.warning("by field", password=value, name=value, user_name=value, User_Password=value)
        log.warning("nested", attributes={"User-Name": value, "CHAP-Password": [value]})
        log.warning("octets", packet=value.encode(), more=[bytearray(value.encode())])
        log.warning("typed", shared=Secret(value), shown=f"with {Secret(value)}")
        log.warning(f"text User-Name={value!r} ticket={value}")
        log.warning(f"octets {value.encode()!r}")
        log.warning("with %s and %r", f"password={value}", value.encode())
    for kind in ("mac", "plain mac", "dashed mac", "e-mail", "identifier", "realm of a partner"):
        log.warning(f"found {PLANTED[kind]}, again", seen=PLANTED[kind], all={PLANTED[kind]: 1})
        log.warning("found %s", PLANTED[kind])
    try:
        fail_with_everything()
    except ValueError as error:
        log.exception("failed", error=error)
        log.warning("failed", exc_info=True, stack_info=True)


def say_everything_by_the_standard_library(log: logging.Logger) -> None:
    """Log the planted values as libraries do: arguments, exceptions, values beside the message."""
    for value in PLANTED.values():
        log.warning("INSERT [parameters: (%r, 1)]", value)
        log.warning("connecting to %s", f"postgresql://farandole:{value}@database.example/x")
        log.warning("packet %r", value.encode(), extra={"citizen": value})
        log.error("%(User-Name)s", {"User-Name": f"User-Name={value}"})
    for kind in ("mac", "plain mac", "dashed mac", "e-mail", "identifier", "realm of a partner"):
        log.warning("found %s", PLANTED[kind])
    try:
        fail_with_everything()
    except ValueError:
        log.exception("failed")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_nothing_planted_is_ever_written(
    configured: Configured, log_format: Literal["json", "console"]
) -> None:
    log = configured(log_format)
    say_everything(structlog.get_logger())
    for name in ("uvicorn.error", "sqlalchemy.pool", "alembic", "asyncio"):
        say_everything_by_the_standard_library(logging.getLogger(name))
    # This file's own lines, which name the values' keys only, appear in the tracebacks.
    assert "fail_with_everything" in log.text
    assert "ValueError" in log.text
    leaked = [kind for kind, value in PLANTED.items() if value.lower() in log.text.lower()]
    assert leaked == []


def test_libraries_come_out_of_the_same_pipeline(configured: Configured) -> None:
    log = configured()
    logging.getLogger("uvicorn.error").warning("port %d of %s", 8080, PLANTED["mac"])
    (event,) = log.events
    assert event["logger"] == "uvicorn.error"
    assert event["level"] == "warning"
    assert event["event"].startswith("port 8080 of mac:")


def test_statements_and_access_lines_of_libraries_are_left_out(configured: Configured) -> None:
    log = configured(log_level="debug")
    logging.getLogger("sqlalchemy.engine").info("('camille',)")
    logging.getLogger("aiosqlite").debug("executing INSERT with ('camille',)")
    logging.getLogger("uvicorn.access").warning("GET /login?x=camille")
    assert log.text == ""


def test_warnings_of_python_are_logged(configured: Configured) -> None:
    log = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"of {PLANTED['e-mail']}", stacklevel=1)
        logging.captureWarnings(False)
    (event,) = log.events
    assert event["logger"] == "py.warnings"
    assert PLANTED["e-mail"] not in log.text


def test_a_crash_is_logged_and_redacted(configured: Configured) -> None:
    log = configured()
    try:
        fail_with_everything()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    (event,) = log.events
    assert event["level"] == "critical"
    assert "ValueError: nai:" in event["exception"]
    assert PLANTED["secret"] not in log.text


def test_a_crash_of_a_thread_is_logged_and_redacted(configured: Configured) -> None:
    log = configured()
    thread = threading.Thread(target=fail_with_everything)
    thread.start()
    thread.join()
    (event,) = log.events
    assert event["event"] == "thread ends by an error"
    assert PLANTED["secret"] not in log.text


def test_repeated_warnings_are_counted_and_summarised(configured: Configured) -> None:
    log = configured()
    repeated = RepeatedWarnings(Occurrences(), structlog.get_logger())
    for second in range(50):
        repeated.warn("wrong secret", "square-1", NOW + timedelta(seconds=second), remedy="check")
    repeated.summarise(NOW + timedelta(seconds=59))
    first, *more = log.events
    assert (first["event"], first["nas"], first["remedy"]) == ("wrong secret", "square-1", "check")
    assert more == []
    repeated.summarise(NOW + timedelta(seconds=60))
    summary = log.events[-1]
    assert (summary["event"], summary["nas"]) == ("wrong secret", "square-1")
    assert (summary["repeated"], summary["in_seconds"]) == (49, 60)
