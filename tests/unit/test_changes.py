"""Facts that stand once: what a change touches, read from the tree.

Each section is about one kind of change: it fails when somebody writes its fact a second time elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import bot
from bot.core.i18n import formats
from bot.core.i18n.language import Language
from bot.core.shared.tolerant import fold

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


# A language: bot/core/i18n, with a file of texts for each.

_I18N = ROOT / "core/i18n"
# English whatever the athlete reads: as it is stored, and as programs read it.
_STORED_WEEKDAYS = ROOT / "core/answers/rules.py"


def _is_language(node: ast.AST | None) -> bool:
    """Whether this names one language: `Language.ES`."""
    return isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] == "Language"


def _decisions_by_language(tree: ast.AST) -> Iterator[int]:
    """Lines that compare with a language, match one, or hold something for each."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                is_decision = any(map(_is_language, (node.left, *node.comparators)))
            case ast.MatchValue():
                is_decision = _is_language(node.value)
            case ast.Dict():
                is_decision = any(map(_is_language, node.keys))
            case ast.Subscript(slice=ast.Tuple(elts=[key, *_])):
                is_decision = ast.unparse(key) == "Language"  # Mapping[Language, ...]
            case _:
                continue
        if is_decision:
            yield node.lineno if not isinstance(node, ast.MatchValue) else node.value.lineno


def _lists_of_names(tree: ast.AST) -> Iterator[int]:
    """Lines with three names of weekdays or months side by side, in any language."""
    days = [date(2026, 1, 1) + timedelta(n) for n in range(365)]
    names = {fold(formats.weekday(day, language)) for day in days[:7] for language in Language}
    names |= {
        fold(str(name)) for language in Language for name in language.locale.months["format"]["wide"].values()
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            items = (*node.keys, *node.values) if isinstance(node, ast.Dict) else tuple(node.elts)
            pairs = (it for it in items if isinstance(it, ast.Tuple | ast.List | ast.Call))
            within = (item for pair in pairs for item in ast.iter_child_nodes(pair))
            texts = [it.value for it in (*items, *within) if isinstance(it, ast.Constant)]
            if sum(isinstance(text, str) and fold(text) in names for text in texts) >= 3:
                yield node.lineno


def test_a_language_stands_once() -> None:
    """All that depends on the language is in its file; nobody else asks which one it is."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(_I18N)
    }
    assert {path: [*_decisions_by_language(tree)] for path, tree in trees.items()} == {it: [] for it in trees}
    assert {path for path, tree in trees.items() if any(_lists_of_names(tree))} == {_STORED_WEEKDAYS}
    code = """
{Language.EN: 1}
x: Mapping[Language, str]
a = 1 if language is i18n.Language.ES else 2
match language:
    case Language.ES:
        pass
"""
    assert list(_decisions_by_language(ast.parse(code))) == [2, 3, 4, 6]  # the checks can see
    code = """
a = ("Montag", ("monday", "lunes"), ("martes", 2), 3)
b = {"enero": 1, "febrero": 2, "marzo": 3}
c = [Text("May", "mayo"), Text("June", "junio")]
d = [{"day": "Monday"}, {"day": "Tuesday"}, {"day": "Wednesday"}]
"""
    assert list(_lists_of_names(ast.parse(code))) == [2, 3, 4]


def test_each_language_is_a_file() -> None:
    """Named after it, beside what all of them share."""
    shared = {"__init__", "catalog", "formats", "language"}
    assert {path.stem for path in _I18N.glob("*.py")} == shared | {language.value for language in Language}
