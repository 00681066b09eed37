"""Files and functions stay short enough to be read in one sitting."""

import ast
from pathlib import Path

import pytest

from tests.house.sources import ROOMS, modules, relative, tree

FILE_LINES = 400
TEST_FILE_LINES = 800
FUNCTION_LINES = 60


def _is_migration(path: Path) -> bool:
    """A migration is one long list, written by a program and read once."""
    return path.parent.name == "versions"


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("folders", "limit"), [(ROOMS, FILE_LINES), (["tests"], TEST_FILE_LINES)])
def test_no_file_is_long(folders: list[str], limit: int) -> None:
    lengths = {
        relative(path): _lines(path) for path in modules(*folders) if not _is_migration(path)
    }
    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_no_function_is_long() -> None:
    lengths = {
        f"{relative(path)}:{node.lineno} {node.name}": _body_lines(node)
        for path in modules(*ROOMS)
        if not _is_migration(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring, which may be as long as it needs to be."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1
