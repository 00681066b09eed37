"""The dashboards as the tests read them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monitoring

ROOM = Path(monitoring.__file__).parent
DASHBOARDS = sorted((ROOM / "grafana" / "dashboards").glob("*.json"))
_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel, its variables replaced as Grafana would."""

    panel: str
    expression: str


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def queries(dashboard: dict[str, Any], *, span: str, values: dict[str, str]) -> list[Query]:
    """Every query of every panel; `span` is the period shown and the shortest one for a rate."""
    return [
        Query(panel["title"], substitute(target["expr"], span=span, values=values))
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def variables(dashboard: dict[str, Any], *, values: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The selector and the label whose values each variable offers."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert match, f"{variable['name']} asks for no label's values"
            selector = substitute(match["selector"], span="1m", values=values)
            found[variable["name"]] = (selector, match["label"])
    return found


def substitute(expression: str, *, span: str, values: dict[str, str]) -> str:
    expression = re.sub(r"\$(__range|__rate_interval)\b", span, expression)
    for name, value in values.items():
        expression = re.sub(rf"\${name}\b", value, expression)
    return expression
