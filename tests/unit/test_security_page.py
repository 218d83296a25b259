"""docs/security.md: each threat has a test, and what it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
THREATS = dict(
    section.split("\n", 1) for section in PAGE.split("\n## ")[1:]
)  # what stands under each heading, by it
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
# What must not be forgotten, each in one of the headings.
NAMED = (
    "token", "callbacks", "deliveries", "Strangers", "group", "notes", "HTML", "CSV", "Log", "Operator",
    "HTTP API", "logs and errors", "Dependencies", "journal", "second program", "accounts",
)  # fmt: skip


@cache
def functions_in(path: str) -> frozenset[str]:
    """The tests of a module, without running it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_is_shown_to_be_met(threat: str) -> None:
    """At least one test, each in a line of its own, and all of them exist."""
    named = TEST.findall(THREATS[threat])
    assert named
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert name in functions_in(path), f"{path}::{name}"
    assert len(named) == len(re.findall(r"^- `tests/[\w/]+\.py::\w+`$", THREATS[threat], re.M))


def test_the_defences_are_where_it_says() -> None:
    """Modules and names of the code that the page points to."""
    modules = set(re.findall(r"`(bot/[\w/]+\.py)`", PAGE))
    assert len(modules) > 8
    assert [path for path in modules if not (ROOT / path).is_file()] == []
    for name, path in re.findall(r"`(\w+)` in\s+`(bot/[\w/]+\.py)`", PAGE):
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), (name, path)


def test_no_threat_is_left_out() -> None:
    """The list that the page was written for."""
    assert [name for name in NAMED if not any(name in threat for threat in THREATS)] == []


def test_its_links_lead_somewhere() -> None:
    """Other pages, with the heading."""
    for page, anchor in re.findall(r"\]\(([\w.]+)#([\w-]+)\)", PAGE):
        headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.M)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
