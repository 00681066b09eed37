"""Pure modules ask no clock and roll no dice, not even through the standard library.

The contract "pure" in .importlinter lists them and keeps the imports out that would let them.
`datetime` and `uuid` have to stay in, for their values; this rule keeps their hidden inputs out.
"""

import ast
import configparser
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import ROOT, modules, relative, tree

CLOCKS_AND_DICE = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("uuid.uuid1", "uuid.uuid4", "os.urandom", "os.environ", "os.getenv"),
}


def _pure_modules() -> Iterator[Path]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    for name in contracts["importlinter:contract:pure"]["source_modules"].split():
        path = ROOT / name.replace(".", "/")
        if path.is_dir():
            yield from modules(name.replace(".", "/"))
        else:
            yield path.with_suffix(".py")


def test_pure_modules_are_told_the_time() -> None:
    asked = [
        f"{relative(path)}:{node.lineno} {name}"
        for path in _pure_modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        for name in [".".join(ast.unparse(node).split(".")[-2:])]
        if name in CLOCKS_AND_DICE
    ]
    assert asked == []
