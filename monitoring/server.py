"""The HTTP port where Prometheus and supervisors ask: /metrics, /health/live, /health/ready."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from monitoring import registry
from monitoring.health import Health, Report

_Message = dict[str, Any]
_Send = Callable[[_Message], Awaitable[None]]
_Receive = Callable[[], Awaitable[_Message]]
_Application = Callable[[Mapping[str, Any], _Receive, _Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


_NOT_FOUND: Final = _Answer(
    404, "text/plain", b"Ask for /metrics, /health/live or /health/ready.\n"
)
_NOT_ALLOWED: Final = _Answer(405, "text/plain", b"Only GET and HEAD are answered here.\n")


def create_application(health: Health) -> _Application:
    """Return the ASGI application that answers the three questions."""

    async def live() -> _Answer:
        return _render(await health.live())

    async def ready() -> _Answer:
        return _render(await health.ready())

    questions = {"/metrics": _show_metrics, "/health/live": live, "/health/ready": ready}

    async def application(scope: Mapping[str, Any], _receive: _Receive, send: _Send) -> None:
        question = questions.get(scope["path"])
        if question is None:
            answer = _NOT_FOUND
        elif scope["method"] not in ("GET", "HEAD"):
            answer = _NOT_ALLOWED
        else:
            answer = await question()
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return application


class WebServer:
    """Serves an ASGI application; holds its port from the moment it is made.

    Raises OSError where ``address`` and ``port`` cannot be had. Port 0 takes a free one.
    """

    def __init__(
        self, application: Callable[..., Any], address: str, port: int, *, finish_seconds: int
    ) -> None:
        self._listener = listen(address, port)
        self.port: int = self._listener.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                application,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=finish_seconds,
            )
        )

    async def serve(self) -> None:
        """Answer until :meth:`stop` is called or the task is cancelled; then free the port."""
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            self.close()

    def stop(self) -> None:
        """Let :meth:`serve` return once the answers under way are given."""
        self._server.should_exit = True

    def close(self) -> None:
        """Free the port of a server that never served."""
        self._listener.close()


class MonitoringServer(WebServer):
    """Answers for one process' health and metrics."""

    def __init__(self, address: str, port: int, health: Health) -> None:
        super().__init__(create_application(health), address, port, finish_seconds=1)


class _Server(uvicorn.Server):
    """A server among others in one process: signals are for who started them all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _show_metrics() -> _Answer:
    # In a thread: with many workers, their files are read and added up.
    body, content_type = await asyncio.to_thread(registry.exposition)
    return _Answer(200, content_type, body)


def _render(report: Report) -> _Answer:
    body = json.dumps(report.describe(), indent=2).encode() + b"\n"
    return _Answer(200 if report.is_well else 503, "application/json", body)


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that holds ``address`` and ``port`` (0: any). Raises OSError."""
    family, *_ = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server((address, port), family=family)
