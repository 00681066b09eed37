"""The dashboards and the alert rules name only what is measured, and read well."""

import collections
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram

from aaa.authentication import Method
from aaa.policy import DenyReason
from monitoring import federation_metrics, registry
from radius.eap.steps import Failure
from tests.monitoring.dashboards import DASHBOARDS, ROOM, load, queries

RULES = ROOM / "prometheus" / "rules.yml"
GRID_WIDTH = 24

dashboards = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def declared_series() -> set[str]:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {
        family.name + ending
        for family in registry.REGISTRY.collect()
        for ending in endings[family.type]
    }


def named_series(text: str) -> set[str]:
    return set(re.findall(r"\b(?:farandole|process)_\w+", text))


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load(path)["panels"]
    return found


def test_there_is_a_dashboard() -> None:
    assert "overview" in {path.stem for path in DASHBOARDS}


@dashboards
def test_a_dashboard_names_only_what_is_declared(path: Path) -> None:
    expressions = "\n".join(query.expression for query in queries(load(path), span="1m", values={}))
    named = named_series(expressions)
    assert len(named) > 20
    assert named - declared_series() == set()


def test_the_rules_name_only_what_is_declared() -> None:
    named = named_series(RULES.read_text(encoding="utf-8"))
    assert len(named) > 8
    assert named - declared_series() == set()


def test_all_that_is_measured_of_partners_is_shown_or_warned_of() -> None:
    shown = RULES.read_text(encoding="utf-8") + "".join(
        path.read_text(encoding="utf-8") for path in DASHBOARDS
    )
    measured = [
        next(iter(value.describe())).name
        for value in vars(federation_metrics).values()
        if isinstance(value, Counter | Gauge | Histogram)
    ]
    assert len(measured) >= 5
    assert [name for name in measured if name not in shown] == []


@dashboards
def test_every_panel_has_a_title_a_description_and_an_identity(path: Path) -> None:
    shown = panels(path)
    identities = collections.Counter(panel["id"] for panel in shown)
    assert [identity for identity, count in identities.items() if count > 1] == []
    for panel in shown:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]
            assert panel["targets"], panel["title"]


@dashboards
def test_every_figure_has_a_unit(path: Path) -> None:
    for panel in panels(path):
        if panel["type"] == "row":
            continue
        configuration = panel["fieldConfig"]
        if panel["type"] == "table":
            with_unit = [
                override["matcher"]["options"]
                for override in configuration["overrides"]
                if any(item["id"] == "unit" for item in override["properties"])
            ]
            assert len(with_unit) == len(panel["targets"]), panel["title"]
        else:
            assert configuration["defaults"]["unit"], panel["title"]


@dashboards
def test_no_two_panels_overlap(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(path):
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= GRID_WIDTH, panel["title"]
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"]


@dashboards
def test_every_query_goes_to_the_source_that_was_chosen(path: Path) -> None:
    for panel in panels(path):
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Refusals by reason", DenyReason),
        # A partner's citizen proves themselves to their home, we do not see how.
        ("Log-ins by method", (*Method, "partner")),
        ("Secure log-ins that failed, by reason", Failure),
    ],
)
def test_every_word_of_a_label_is_told_plainly(title: str, words: Iterable[str]) -> None:
    (panel,) = (
        panel
        for panel in panels(ROOM / "grafana" / "dashboards" / "overview.json")
        if panel["title"] == title
    )
    told = {
        override["matcher"]["options"]: override["properties"][0]["value"]
        for override in panel["fieldConfig"]["overrides"]
    }
    assert told.keys() - {"abandoned"} == {str(word) for word in words}
    assert len(set(told.values())) == len(told)


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    alerts = re.split(r"^ +- alert: ", RULES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(alerts) > 10
    for alert in alerts:
        name = alert.splitlines()[0]
        for part in ("severity", "summary", "description", "remedy"):
            assert re.search(rf"^ +{part}: \S", alert, flags=re.MULTILINE), f"{name}: {part}"


def test_every_alert_is_tested() -> None:
    names = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    tested = (RULES.parent / "rules_test.yml").read_text(encoding="utf-8")
    assert [name for name in names if f'alertname="{name}"' not in tested] == []
