"""What the documents name is there: commands with their options, settings, words of the log."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from aaa.policy import DenyReason
from aaa.settings import Settings
from deploy.cli import app
from radius.eap.steps import Failure
from tests.house.sources import ROOT

DOCUMENTS = (
    *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").glob("*.md")),
)
LINE = re.compile(r"`(farandole [^`]+)`|^(farandole [^#>\n]+)", re.MULTILINE)
NAMED = re.compile(r"`([a-z]+)\.([a-z_]+)`")
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)


def misread(line: str) -> str | None:
    """Why a command line names something that there is not; None where all is there."""
    try:
        words = shlex.split(line.replace("…", ""))[1:]
    except ValueError as error:
        return str(error)
    command: Any = get_command(app)
    while words and hasattr(command, "commands") and words[0][:1].islower():
        found = command.get_command(None, words.pop(0))
        if found is None:
            return "no such command"
        command = found
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [
        word for word in words if word.startswith("--") and word.partition("=")[0] not in options
    ]
    return f"no such option: {unknown}" if unknown else None


@documents
def test_every_command_is_there(document: Path) -> None:
    text = re.sub(r"\\\n\s*", "", document.read_text(encoding="utf-8"))
    lines = [quoted or typed for quoted, typed in LINE.findall(text)]
    assert {line: why for line in lines if (why := misread(line.strip()))} == {}


def test_a_command_that_is_not_there_would_be_seen() -> None:
    assert misread("farandole nas secret square-1") == "no such command"
    assert misread("farandole nas secure square-1 --from openwrt") == "no such option: ['--from']"


@documents
def test_every_link_leads_to_a_file_and_its_heading(document: Path) -> None:
    links = re.findall(r"\]\(([^):#]*)(?:#([^)]+))?\)", document.read_text(encoding="utf-8"))
    broken = []
    for target, anchor in links:
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append((target, anchor))
    assert broken == []


def anchors(path: Path) -> set[str]:
    """The names of a document's headings, as those who show Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@documents
def test_every_setting_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    settings = {
        (section, key)
        for section, field in Settings.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {})
    }
    sections = {section for section, _ in settings}
    named = {pair for pair in NAMED.findall(text) if pair[0] in sections}
    modules = {pair for pair in named if (ROOT / pair[0] / f"{pair[1]}.py").exists()}
    rooms = {pair for pair in named if (ROOT / pair[0] / pair[1]).is_dir()}
    assert named - modules - rooms - settings == set()


def test_every_way_in_which_eap_fails_has_a_remedy() -> None:
    guides = [ROOT / "docs" / f"{name}.md" for name in ("secure-network", "federation")]
    lines = [line for guide in guides for line in guide.read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line.startswith("| ")]
    told = {word for row in rows for word in re.findall(r"`(\w+)", row)}
    of_tickets_and_pages = {
        *(reason for reason in DenyReason if reason.value.startswith("ticket_")),
        DenyReason.UNKNOWN_DEVICE,
        DenyReason.DEVICE_EXPIRED,
        DenyReason.DAILY_TIME_SPENT,
        DenyReason.DAILY_VOLUME_SPENT,
    }
    assert {*Failure, *(set(DenyReason) - of_tickets_and_pages)} - told == set()
