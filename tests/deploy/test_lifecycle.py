"""A service starts whole, says when it is ready, and finishes what is under way."""

import json
import signal
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncpg
import pytest

from deploy.assemble import Part
from tests.operator import FARANDOLE, Operator
from tests.process import Process


@pytest.mark.parametrize(
    ("part", "endpoints"),
    [
        (Part.RADIUS, {"authentication", "accounting", "radsec"}),
        (Part.PORTAL, {"portal"}),
        (Part.HOUSEKEEPING, set()),
    ],
)
def test_a_part_alone(local_operator: Operator, part: Part, endpoints: set[str]) -> None:
    local_operator.do("database", "upgrade")
    with local_operator.serve(part) as served:
        assert served.endpoints.keys() == endpoints | {"monitoring"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(local_operator: Operator, number: signal.Signals) -> None:
    local_operator.do("database", "upgrade")
    with Process(FARANDOLE, "serve", environment=local_operator.environment) as process:
        process.await_line("farandole is ready")
        process.send_signal(number)
        assert process.wait() == 0
        assert "farandole has stopped" in process.output
        assert "Traceback" not in process.output
        events = [json.loads(line)["event"] for line in process.output.splitlines()]
        assert events[-1] == "farandole has stopped"


async def turn_everybody_away(url: str) -> None:
    """Close a PostgreSQL database to all, and end the connections that there are."""
    server, _, name = url.rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await connection.close()


async def test_a_database_that_goes_away_makes_it_unready_and_not_dead(
    local_operator: Operator, postgresql_url: str
) -> None:
    """Seen by whom a load balancer or a supervisor asks."""
    environment = dict(local_operator.environment) | {"FARANDOLE_DATABASE__URL": postgresql_url}
    operator = Operator(local_operator.directory, environment)
    operator.do("database", "upgrade")
    with operator.serve() as served:
        monitoring = f"http://{served.endpoints['monitoring']}"
        with urlopen(f"{monitoring}/health/ready") as answer:
            assert json.load(answer)["state"] == "ok"
        await turn_everybody_away(postgresql_url)
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{monitoring}/health/ready")
        assert refused.value.code == 503
        checks = json.load(refused.value)["checks"]
        assert [check["name"] for check in checks if check["state"] != "ok"] == ["database"]
        with urlopen(f"{monitoring}/health/live") as answer:
            assert answer.status == 200

        def is_measured() -> bool:
            with urlopen(f"{monitoring}/metrics") as answer:
                return "\nfarandole_database_up 0.0\n" in answer.read().decode()

        # What had been read before may be measured after it.
        served.process.await_condition(is_measured, "measure that the database is away")
