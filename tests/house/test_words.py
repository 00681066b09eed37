"""Words that do not belong in the repository."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import ROOMS, modules, relative, texts, tree

# The hosts are spelled apart: this file is read like any other.
_HOSTS = ("pypi" + ".org", "python" + "hosted", "npm" + "js", "unpkg" + ".com", "jsdel" + "ivr")

FORBIDDEN = {
    "a package registry": re.compile("|".join(map(re.escape, _HOSTS))),
    "unfinished work": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b"),
    "a path of one machine": re.compile(r"(?<![\w.-])/(" + r"root|home/\w+|work|Users)/"),
    "a private key": re.compile("BEGIN [A-Z ]*PRIVATE" + " KEY"),
}

VAGUE_NAMES = {"base", "common", "helpers", "manager", "misc", "utils"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_no_module_has_a_vague_name() -> None:
    names = {relative(path) for path in modules(*ROOMS) if VAGUE_NAMES & set(_words(path))}
    assert names - {"aaa/model/base.py"} == set()  # what SQLAlchemy calls it, everywhere


def _words(path: Path) -> tuple[str, str]:
    return path.stem, path.parent.name


def test_every_package_says_what_it_owns() -> None:
    silent = [
        relative(path)
        for path in modules(*ROOMS)
        if path.name == "__init__.py" and not ast.get_docstring(tree(path))
    ]
    assert silent == []
