"""The configuration, the alert rules and every query, in a real Prometheus."""

import asyncio
import math
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitoring import federation_metrics, metrics
from monitoring.health import Health
from monitoring.server import MonitoringServer
from tests.counterparts import require
from tests.monitoring.dashboards import DASHBOARDS, ROOM, load, queries, variables
from tests.ports import free_port
from tests.process import Process

pytestmark = pytest.mark.interop

CONFIGURATION = ROOM / "prometheus"
PLACES = (("saorge", "saorge-square"), ("saorge", "saorge-station"), ("breil", "breil-lake"))
# Rules that look back over more time than a test has.
NEED_HISTORY = {"FarandoleHotspotQuiet"}


class Prometheus:
    """A running Prometheus, asked over its HTTP API."""

    def __init__(self, process: Process, client: httpx.Client) -> None:
        self._process = process
        self._client = client

    def ask(self, path: str, **parameters: str) -> Any:
        response = self._client.get(f"/api/v1/{path}", params=parameters)
        answer = response.json()
        assert answer["status"] == "success", f"{parameters}: {answer.get('error')}"
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        result: list[Any] = self.ask("query", query=expression)["result"]
        return result

    def await_result(self, expression: str) -> None:
        """Return once `expression` gives anything."""
        self._process.await_condition(lambda: bool(self.query(expression)), f"see {expression}")


@contextmanager
def exposed() -> Iterator[int]:
    """Answer /metrics of this process on a free port."""
    server = MonitoringServer("127.0.0.1", 0, Health())
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        yield server.port
    finally:
        server.stop()
        thread.join()


@contextmanager
def prometheus(target: int, directory: Path) -> Iterator[Prometheus]:
    """Run Prometheus with our configuration, in a hurry, on the metrics at port `target`."""
    port = free_port()
    configuration = (CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8")
    assert "127.0.0.1:9812" in configuration
    configuration = configuration.replace("127.0.0.1:9812", f"127.0.0.1:{target}")
    configuration = configuration.replace("_interval: 15s", "_interval: 250ms")
    (directory / "prometheus.yml").write_text(configuration, encoding="utf-8")
    (directory / "rules.yml").write_bytes((CONFIGURATION / "rules.yml").read_bytes())
    command = [
        require("prometheus"),
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Process(*command) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        process.await_line("Server is ready to receive web requests")
        yield Prometheus(process, client)


def live_a_day() -> None:
    """Count what a day brings: people who come, people who are refused, trouble of each kind."""
    for collectivity, hotspot in PLACES:
        metrics.sessions_open.labels(collectivity, hotspot).set(12)
        metrics.sessions_started.labels(collectivity, hotspot).inc(30)
        metrics.session_seconds.labels(collectivity, hotspot).inc(30 * 1800)
        for direction, octets in (("download", 4e9), ("upload", 3e8)):
            metrics.session_octets.labels(collectivity, hotspot, direction).inc(octets)
        for step, count in (("requested", 10), ("verified", 8), ("completed", 7)):
            metrics.sign_ups.labels(collectivity, step).inc(count)
        for method in ("password", "email_code", "ticket", "device"):
            metrics.log_ins.labels(collectivity, method, "accept").inc(9)
            metrics.log_ins.labels(collectivity, method, "reject").inc(2)
        metrics.denials.labels(collectivity, "wrong_password", "portal").inc(4)
        metrics.denials.labels(collectivity, "outside_hours", "radius").inc(2)
        metrics.denials.labels(collectivity, "unknown_device", "radius").inc(6)
    exchange_with_access_points()
    log_in_securely()
    join_partners()
    log_citizens_in_for_partners()
    work_behind()


def exchange_with_access_points() -> None:
    for seconds in (0.0002, 0.0008, 0.004, 0.03, 2.0):
        metrics.count_radius_exchange("Access-Request", "accept", "coovachilli", seconds)
        metrics.count_radius_exchange("Accounting-Request", "response", "mikrotik", seconds)
        for reason in ("wrong_password", "outside_hours", "banned"):
            metrics.count_radius_exchange(
                "Access-Request", "reject", "mikrotik", seconds, reason=reason
            )
    for reason in ("wrong_secret", "unknown_nas", "message_authenticator_missing", "overloaded"):
        metrics.radius_drops.labels(reason).inc(9)
    metrics.radius_duplicates.labels("resent").inc(3)
    metrics.radius_in_progress.set(2)
    metrics.nas_known.set(3)
    metrics.nas_silent.set(1)
    for state, count in (("learn", 1), ("required", 1), ("optional", 0), ("regressed", 1)):
        metrics.nas_message_authenticator.labels(state).set(count)
    metrics.nas_message_authenticator_regressions.labels("mikrotik").inc()
    for outcome in ("acknowledged", "refused", "unanswered", "retried"):
        metrics.dynamic_authorization.labels("disconnect", outcome, "mikrotik").inc(4)
    metrics.dynamic_authorization_pending.set(2)
    for kind in ("start", "interim", "stop"):
        metrics.accounting_events.labels(kind, "applied").inc(30)
        metrics.accounting_events.labels(kind, "repeated").inc(2)
    metrics.accounting_group_size.observe(12)


def log_in_securely() -> None:
    metrics.eap_under_way.set(12)
    metrics.eap_crowded_out.inc(3)
    metrics.eap_abandoned.inc(5)
    for proof in ("tls", "ttls-pap"):
        metrics.eap_conversations.labels(proof).inc(9)
    for reason in metrics.EAP_FAILURES:
        metrics.eap_failures.labels(reason).inc(9)
    metrics.eap_failures.labels("supplicant_refused").inc(90)
    metrics.eap_failures.labels("tls_failed").inc(90)
    metrics.eap_ignored.labels("wrong_identifier").inc(2)
    for certificate in ("server", "authority"):
        metrics.certificate_expires.labels(certificate).set_to_current_time()
    metrics.profiles.labels("mobileconfig").inc(4)


def join_partners() -> None:
    metrics.radsec_connections.labels("in", "1.1").set(2)
    metrics.radsec_refusals.labels("in", "untrusted_certificate").inc(2)
    for partner, up in (("liguria", (1, 0)), ("piemonte", (0, 0))):
        federation_metrics.announce_partner(partner)
        for outcome in ("accept", "reject", "timeout", "unreachable"):
            federation_metrics.requests.labels(partner, "out", outcome).inc(5)
        federation_metrics.requests.labels(partner, "in", "accept").inc(8)
        federation_metrics.web_log_ins.labels(partner, "openid", "unusable").inc(9)
        federation_metrics.seconds.labels(partner).observe(0.08)
        for number, state in enumerate(up):
            federation_metrics.server_up.labels(partner, f"udp://192.0.2.{number}:1812").set(state)
        federation_metrics.accounting_waiting.labels(partner).set(40)
        federation_metrics.described.labels(partner).set(1)
        federation_metrics.drift.labels(partner).set(2)
        federation_metrics.show_link(
            "https://wifi.saorge.example", partner, is_up=False, seconds=0.2, checked_at=1.0
        )
        federation_metrics.accounting_oldest_seconds.labels(partner).set(1200)
        federation_metrics.accounting_given_up.labels(partner).inc(64)
        for direction in ("in", "out"):
            federation_metrics.orders.labels(partner, direction, "acknowledged").inc(3)
            federation_metrics.orders.labels(partner, direction, "unanswered").inc(4)
        federation_metrics.announce_discovery(partner)
        federation_metrics.discoveries.labels(partner, "failed").inc(20)


def log_citizens_in_for_partners() -> None:
    for endpoint, outcome in (("authorize", "accepted"), ("token", "invalid_client")):
        federation_metrics.openid_requests.labels(endpoint, outcome).inc(7)


def work_behind() -> None:
    metrics.build_info.labels("1.0").set(1)
    metrics.database_up.set(0)
    for operation, seconds in (("accounting", 0.003), ("authorization", 0.001)):
        metrics.database_seconds.labels(operation).observe(seconds)
    metrics.database_errors.labels("locked").inc(20)
    metrics.mail.labels("sent").inc(2)
    metrics.mail.labels("failed").inc(8)
    for status in ("200", "404", "500"):
        metrics.portal_requests.labels("/log-in", status).inc(7)
        metrics.portal_request_seconds.labels("/log-in").observe(0.01)
    metrics.throttled.labels("email_code").inc(3)
    for flaw in ("incomplete", "wrong_checksum", "missing_checksum", "foreign_host"):
        metrics.redirects_refused.labels(flaw, "coovachilli").inc(9)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, with some scrapes of the beginning of a day and some of its end."""
    require("prometheus")
    live_a_day()
    with exposed() as port, prometheus(port, tmp_path_factory.mktemp("prometheus")) as server:
        server.await_result('count_over_time(up{job="farandole"}[5m]) >= 2')
        octets = 'sum(farandole_session_octets_total{direction="upload"})'
        (before,) = server.query(octets)
        live_a_day()
        server.await_result(f"{octets} > {before['value'][1]}")
        yield server


def test_prometheus_scrapes_us(server: Prometheus) -> None:
    (target,) = server.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def has_a_figure(result: list[Any]) -> bool:
    """Whether there is a number: 0 / 0 and a quantile of nothing are not."""
    return any(math.isfinite(float(sample["value"][1])) for sample in result)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "chosen",
    [
        {"collectivity": ".*", "hotspot": ".*"},
        {"collectivity": "(breil|saorge)", "hotspot": "saorge-square"},
    ],
    ids=["everything", "one hotspot"],
)
def test_every_query_of_a_dashboard_gives_something(
    server: Prometheus, path: Path, chosen: dict[str, str]
) -> None:
    asked = queries(load(path), span="5m", values=chosen)
    assert len(asked) > 40
    empty = [query for query in asked if not has_a_figure(server.query(query.expression))]
    assert empty == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_the_variables_offer_the_places_that_there_are(server: Prometheus, path: Path) -> None:
    offered = {
        name: set(server.ask(f"label/{label}/values", **{"match[]": selector}))
        for name, (selector, label) in variables(
            load(path), values={"collectivity": "saorge"}
        ).items()
    }
    assert {"breil", "saorge"} <= offered["collectivity"]
    assert {"saorge-square", "saorge-station"} <= offered["hotspot"]
    assert "breil-lake" not in offered["hotspot"]


def test_what_a_panel_shows_is_what_was_counted(server: Prometheus) -> None:
    hotspots = "|".join(hotspot for _, hotspot in PLACES)
    (people,) = server.query(f'sum(farandole_sessions_open{{hotspot=~"{hotspots}"}})')
    assert float(people["value"][1]) == 36
    (slow,) = server.query(
        'sum(farandole_radius_request_seconds_count{code="Access-Request"})'
        ' - sum(farandole_radius_request_seconds_bucket{code="Access-Request", le="1.0"})'
    )
    assert float(slow["value"][1]) >= 8


def test_every_alert_rule_is_evaluated(server: Prometheus) -> None:
    server.await_result('ALERTS{alertname="FarandoleMessageAuthenticatorRegressed"}')
    rules = [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 10
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}


def test_every_alert_sees_its_trouble(server: Prometheus) -> None:
    rules = [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
    unseen = {rule["name"] for rule in rules if not server.query(rule["query"])}
    assert unseen == NEED_HISTORY | {"FarandoleDown"}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [require("promtool"), *arguments]
    return subprocess.run(
        command, cwd=CONFIGURATION, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    result = promtool(*arguments)
    assert result.returncode == 0, result.stdout


def test_promtool_would_see_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    rules = (CONFIGURATION / "rules.yml").read_text(encoding="utf-8")
    (tmp_path / "rules.yml").write_text(
        rules.replace("farandole_database_up == 0", "farandole_database_up == 2"), encoding="utf-8"
    )
    tests = tmp_path / "rules_test.yml"
    tests.write_bytes((CONFIGURATION / "rules_test.yml").read_bytes())
    result = promtool("test", "rules", str(tests))
    assert result.returncode != 0
    assert "FarandoleDatabaseDown" in result.stdout
