"""The HTTP port where Prometheus and supervisors ask: /metrics, /health/live, /health/ready."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitoring import metrics
from monitoring.health import Health, Report


def create_application(health: Health) -> Starlette:
    """Return the ASGI application that answers the three questions."""

    async def show_metrics(_request: Request) -> Response:
        body, content_type = await asyncio.to_thread(metrics.exposition)
        return Response(body, headers={"Content-Type": content_type})

    async def show_live(_request: Request) -> Response:
        return _render(await health.live())

    async def show_ready(_request: Request) -> Response:
        return _render(await health.ready())

    return Starlette(
        routes=[
            Route("/metrics", show_metrics),
            Route("/health/live", show_live),
            Route("/health/ready", show_ready),
        ]
    )


class MonitoringServer:
    """Answers on one port from the moment it is made; :meth:`serve` does the answering.

    Raises OSError where ``address`` and ``port`` cannot be had. Port 0 takes a free one.
    """

    def __init__(self, address: str, port: int, health: Health) -> None:
        self._listener = _listen(address, port)
        self.port: int = self._listener.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                create_application(health),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    async def serve(self) -> None:
        """Answer until :meth:`stop` is called or the task is cancelled; then free the port."""
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            self._listener.close()

    def stop(self) -> None:
        """Let :meth:`serve` return once the answers under way are given."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """A server among others in one process: signals are for who started them all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _render(report: Report) -> Response:
    status = 200 if report.is_well else 503
    return JSONResponse(report.describe(), status, headers={"Cache-Control": "no-store"})


def _listen(address: str, port: int) -> socket.socket:
    family, *_ = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server((address, port), family=family)
