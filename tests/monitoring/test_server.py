"""The monitoring port, asked over HTTP."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from monitoring.health import Check, Health
from monitoring.server import MonitoringServer


async def away() -> str | None:
    return "the database does not answer"


HEALTH = Health(ready=[Check("database", "Start the database.", away)])


@asynccontextmanager
async def running(health: Health) -> AsyncIterator[httpx.AsyncClient]:
    server = MonitoringServer("127.0.0.1", 0, health)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            yield client
        server.stop()


async def test_metrics_are_shown() -> None:
    async with running(HEALTH) as client:
        response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert "\nfarandole_radius_drops_total{" in response.text


async def test_a_live_process_that_is_not_ready_says_why() -> None:
    async with running(HEALTH) as client:
        live = await client.get("/health/live")
        ready = await client.get("/health/ready")
    assert (live.status_code, live.json()["state"]) == (200, "ok")
    assert (ready.status_code, ready.json()["state"]) == (503, "failing")
    assert ready.json()["checks"][0]["remedy"] == "Start the database."


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/metrics", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/%00", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/health/live", 405),
    ],
)
async def test_anything_else_gets_a_plain_answer(method: str, path: str, status: int) -> None:
    async with running(HEALTH) as client:
        response = await client.request(method, path)
    assert response.status_code == status


def test_a_port_that_is_taken_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        MonitoringServer("127.0.0.1", taken.getsockname()[1], HEALTH)


def test_an_address_of_another_machine_is_an_oserror() -> None:
    with pytest.raises(OSError, match="assign"):
        MonitoringServer("192.0.2.1", 0, HEALTH)


async def test_signals_stay_with_who_started_the_servers() -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with running(HEALTH) as client:
        await client.get("/health/live")
        assert signal.getsignal(signal.SIGTERM) is before


async def test_the_port_is_free_again_afterwards() -> None:
    async with running(HEALTH) as client:
        port = client.base_url.port
    assert port is not None
    MonitoringServer("127.0.0.1", port, HEALTH)._listener.close()
