"""The pages: their links lead somewhere, and what they show is real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SUMMARY = ROOT / "tests/unit/core/summary/summary_example.md"


def _anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub forms them."""
    text = re.sub(r"^```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading in it."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    broken = []
    for target in (link or source for link, source in targets):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.is_file() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def test_the_readme_is_short() -> None:
    """What a newcomer reads fits on some screens; the rest has pages of its own."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_readme_s_summary_is_real() -> None:
    """Each line of its sample stands in the summary that the code is held against."""
    sample = (ROOT / "README.md").read_text(encoding="utf-8").split("```markdown\n")[1].split("```")[0]
    lines = [line for line in sample.splitlines() if line]
    assert len(lines) > 5
    assert set(lines) <= set(SUMMARY.read_text(encoding="utf-8").splitlines())


def test_commands_of_the_tests_are_those_of_the_readme() -> None:
    """CI runs the README's test command, word for word."""
    commands = re.findall(
        r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(commands) == 2
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == commands[-1]
