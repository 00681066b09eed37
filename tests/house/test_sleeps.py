"""No test sleeps: it awaits the event that it is about, or is told the time."""

import ast

from tests.house.sources import modules, relative, tree


def _is_sleep(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    # sleep(0) lets others run and takes no time.
    gives_way = (
        len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and not node.args[0].value
    )
    return name == "sleep" and not gives_way


def test_no_test_sleeps() -> None:
    sleeps = [
        f"{relative(path)}:{node.lineno}"
        for path in modules("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _is_sleep(node)
    ]
    assert sleeps == []
