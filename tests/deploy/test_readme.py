"""What the README says to type works as it stands there."""

import re
import subprocess

from tests.house.sources import ROOT
from tests.operator import FARANDOLE, Operator

SERVE = "farandole serve\n"


def commands(heading: str) -> str:
    """Return the first block of commands below a heading of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(rf"^## {heading}\n+```\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


def test_setting_one_up_by_hand(local_operator: Operator) -> None:
    script = commands("Set one up by hand")
    assert script.endswith(SERVE)
    search_path = f"{FARANDOLE.parent}:{local_operator.environment['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script.removesuffix(SERVE)],
        cwd=local_operator.directory,
        env=dict(local_operator.environment) | {"PATH": search_path},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^radiussecret +\S{32}$", done.stdout, re.MULTILINE)
    (nas,) = local_operator.ask("nas", "list")
    assert (nas["name"], nas["hotspot"]) == ("square-1", "square")
    assert local_operator.ask("policy", "show", "--hotspot", "square") == {
        "session_seconds": "7200",
        "opening_hours": "mon-sun 06:00-23:00",
    }
    with local_operator.serve() as served:
        assert set(served.endpoints) >= {"authentication", "accounting", "portal"}
