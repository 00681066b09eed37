"""Conversations that nobody ends: however many begin, their memory is that of those kept."""

import json
import subprocess
import sys
from pathlib import Path

COUNT, MOST = 50_000, 2_000
# Of all together, at any time; the dearest, with 64 KiB of a message half sent, take twice that.
MOST_KIB_EACH = 60
ROOT = Path(__file__).parents[3]


def test_memory_is_bounded_by_how_many_are_kept() -> None:
    program = [sys.executable, "-m", "tests.radius.eap.abandoned", str(COUNT), str(MOST)]
    run = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert (found["kept"], found["crowded_out"]) == (MOST, COUNT - MOST)
    of_a_full_table = found["filled"] - found["before"]
    assert 0 < of_a_full_table < MOST * MOST_KIB_EACH
    # The other 46,000 add nothing but what malloc could not put where something had been.
    assert found["after"] - found["filled"] < of_a_full_table / 4
