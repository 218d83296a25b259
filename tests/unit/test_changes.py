"""Facts that stand once: what a change touches, read from the tree.

Each section is about one kind of change: it fails when somebody writes its fact a second time elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import bot

ROOT = Path(bot.__file__).parent


# The late rule: bot/core/facts/answering_window.py.

_LATE_RULE = ROOT / "core/facts/answering_window.py"
_COMPUTES = ast.BinOp | ast.Compare | ast.UnaryOp
_BUILDS = {"timedelta", "min", "max", "range"}


def _names_the_setting(node: ast.AST) -> bool:
    return any(
        (isinstance(it, ast.Name) and it.id.endswith("late_after_days"))
        or (isinstance(it, ast.Attribute) and it.attr.endswith("late_after_days"))
        for it in ast.walk(node)
    )


def _uses_of_days(tree: ast.AST) -> Iterator[int]:
    """Lines that reckon with LATE_AFTER_DAYS themselves, rather than hand it on."""
    for node in ast.walk(tree):
        if isinstance(node, _COMPUTES):
            operands = [it for it in ast.iter_child_nodes(node) if isinstance(it, ast.Name | ast.Attribute)]
            if any(_names_the_setting(operand) for operand in operands):
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _BUILDS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(_names_the_setting(it) for it in values if isinstance(it, ast.Name | ast.Attribute)):
                yield node.lineno


def test_the_late_rule_stands_once() -> None:
    """Whoever wants to know whether an answer counts asks the one module; nobody reckons in days."""
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in ROOT.rglob("*.py")
        if path != _LATE_RULE
        for line in _uses_of_days(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
    assert list(_uses_of_days(ast.parse(_LATE_RULE.read_text(encoding="utf-8"))))  # the check can see
