"""The files of this repository, as the rules of the house see them."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("monitoring", "aaa", "radius", "federation", "portal", "deploy")

_NOT_WRITTEN_BY_HAND = {".gif", ".ico", ".jpg", ".lock", ".mo", ".png", ".pyc", ".webp", ".woff2"}


def modules(*folders: str) -> list[Path]:
    """The Python files in these folders of the repository."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def texts() -> Iterator[tuple[Path, str]]:
    """Every file that people write, with its text: neither images nor the lock file."""
    folders = [ROOT / name for name in (*ROOMS, "tests", ".ci", "docs")]
    paths = [path for folder in folders for path in folder.rglob("*")]
    for path in sorted([*paths, *ROOT.iterdir()]):
        if path.is_file() and path.suffix not in _NOT_WRITTEN_BY_HAND and path.name != ".git":
            yield path, path.read_text(encoding="utf-8")


def relative(path: Path) -> str:
    """The path as it is named within the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of one Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def project() -> dict[str, Any]:
    """What pyproject.toml declares."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
