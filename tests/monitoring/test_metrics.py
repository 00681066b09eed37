"""Every metric is declared once, with bounded labels, and adds up over worker processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from monitoring import metrics, registry
from radius.eap.steps import Failure, Proof

PERSONAL = {"citizen", "device", "email", "identifier", "ip", "mac", "nai", "name", "user"}


def declared() -> list[Metric]:
    return [
        family for family in registry.REGISTRY.collect() if not family.name.startswith("process_")
    ]


def test_every_metric_has_our_prefix_and_a_sentence_of_help() -> None:
    assert len(declared()) > 25
    for family in declared():
        assert re.fullmatch(r"farandole_[a-z_]+[a-z]", family.name)
        assert family.documentation.endswith(".")


def test_no_label_is_about_a_person() -> None:
    labels = {
        label
        for collector in vars(metrics).values()
        for label in getattr(collector, "_labelnames", ())
    }
    assert {"code", "collectivity", "hotspot", "outcome", "reason", "vendor"} <= labels
    assert labels & PERSONAL == set()


def samples(exposition: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


def test_a_radius_exchange_is_counted_with_its_time() -> None:
    exchange = frozenset(
        {
            ("code", "Access-Request"),
            ("outcome", "reject"),
            ("reason", "banned"),
            ("vendor", "mikrotik"),
        }
    )
    request = frozenset({("code", "Access-Request")})
    before = samples(registry.exposition()[0])
    metrics.count_radius_exchange(
        "Access-Request", "reject", "mikrotik", seconds=0.0004, reason="banned"
    )
    body, content_type = registry.exposition()
    after = samples(body)

    def growth(name: str, labels: frozenset[tuple[str, str]]) -> float:
        return after[name, labels] - before.get((name, labels), 0)

    assert content_type.startswith("text/plain")
    assert growth("farandole_radius_requests_total", exchange) == 1
    assert growth("farandole_radius_request_seconds_count", request) == 1
    at_most_half_a_millisecond = request | {("le", "0.0005")}
    assert growth("farandole_radius_request_seconds_bucket", at_most_half_a_millisecond) == 1


def test_a_hotspot_begins_at_zero() -> None:
    metrics.announce_hotspot("saorge", "saorge-square")
    place = frozenset({("collectivity", "saorge"), ("hotspot", "saorge-square")})
    seen = samples(registry.exposition()[0])
    assert seen["farandole_sessions_started_total", place] == 0
    assert seen["farandole_session_octets_total", place | {("direction", "download")}] == 0
    requested = frozenset({("collectivity", "saorge"), ("step", "requested")})
    assert seen["farandole_sign_ups_total", requested] == 0


def test_the_words_of_eap_are_all_there_at_zero() -> None:
    assert tuple(Proof) == metrics.EAP_PROOFS
    assert tuple(Failure) == metrics.EAP_FAILURES
    seen = samples(registry.exposition()[0])
    assert ("farandole_eap_failures_total", frozenset({("reason", "tls_failed")})) in seen
    assert ("farandole_eap_conversations_total", frozenset({("proof", "peap-gtc")})) in seen


WORKER = """
from monitoring import metrics
metrics.radius_drops.labels(reason="wrong_secret").inc(2)
metrics.radius_in_progress.set(3)
"""
SUPERVISOR = f"""
import os, subprocess, sys
from monitoring import metrics, registry
workers = [subprocess.Popen([sys.executable, "-c", {WORKER!r}]) for _ in range(2)]
for worker in workers:
    assert worker.wait() == 0
registry.forget_process(workers[0].pid)
metrics.database_up.set(1)
sys.stdout.buffer.write(registry.exposition()[0])
"""


def test_worker_processes_are_added_up_and_the_dead_ones_forgotten(tmp_path: Path) -> None:
    exposition = subprocess.run(
        [sys.executable, "-c", SUPERVISOR],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        check=True,
        capture_output=True,
    ).stdout
    seen = samples(exposition)
    assert seen["farandole_radius_drops_total", frozenset({("reason", "wrong_secret")})] == 4
    assert seen["farandole_radius_in_progress", frozenset()] == 3
    assert seen["farandole_database_up", frozenset()] == 1
    assert ("process_resident_memory_bytes", frozenset()) in seen
