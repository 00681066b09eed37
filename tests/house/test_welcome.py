"""What a newcomer meets first tells the truth."""

import re
import subprocess

from tests.house.sources import ROOT, project

README = ROOT / "README.md"


def test_the_first_screen_of_the_readme_has_the_two_commands() -> None:
    first_screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:50])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):(?!=)", makefile, flags=re.MULTILINE))
    described = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True
    )
    assert targets == set(re.findall(r"^  make (\S+) +\S", described.stdout, flags=re.MULTILINE))


def test_the_licence_is_declared_by_its_identifier() -> None:
    licence = project()["project"]["license"]
    assert licence == "EUPL-1.2"
    assert f"SPDX-License-Identifier: {licence}" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_relative_links_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in ROOT.glob("*.md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (ROOT / target).exists()
    ]
    assert broken == []
