"""Every dependency is used, every import is declared, and the lock file keeps to itself."""

import ast
import re
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.house.sources import ROOMS, ROOT, modules, project, tree

# Runtime dependencies that no import statement shows.
USED_UNSEEN = {
    "aiosqlite": "the SQLite driver that SQLAlchemy loads from the database URL",
    "asyncpg": "the PostgreSQL driver that SQLAlchemy loads from the database URL",
    "httptools": "the HTTP parser that uvicorn takes when it is there",
    "python-multipart": "reads the forms of FastAPI routes",
    "tzdata": "time zones for zoneinfo on machines without them",
    "uvloop": "the event loop that uvicorn and the RADIUS workers run on",
}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def _imported(folders: Iterable[str]) -> set[str]:
    """The distributions that the modules in these folders import from."""
    names: set[str] = set()
    for path in modules(*folders):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    foreign = names - set(sys.stdlib_module_names) - set(ROOMS) - {"tests"}
    distributions = packages_distributions()
    return {_name(distributions[name][0]).replace("_", "-") for name in foreign}


def _declared() -> set[str]:
    return {_name(requirement) for requirement in project()["project"]["dependencies"]}


def test_every_runtime_dependency_is_used() -> None:
    assert _declared() - _imported(ROOMS) - USED_UNSEEN.keys() == set()


def test_every_import_is_of_a_declared_dependency() -> None:
    assert _imported(ROOMS) - _declared() == set()


def test_what_is_used_unseen_is_declared() -> None:
    assert USED_UNSEEN.keys() - _declared() == set()


def test_the_lock_covers_every_declared_dependency() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", _lock(), flags=re.MULTILINE))
    development = project()["project"]["optional-dependencies"]["dev"]
    assert _declared() | {_name(requirement) for requirement in development} <= locked


def test_the_lock_pins_by_hash_and_names_no_host() -> None:
    lock = _lock()
    pinned = re.findall(r"^\S+==.*\\\n +--hash=sha256:[0-9a-f]{64}", lock, flags=re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z]", lock, flags=re.MULTILINE)) > 0
    assert "://" not in lock
    assert "index-url" not in lock


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")
