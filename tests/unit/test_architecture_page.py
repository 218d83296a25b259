"""What docs/architecture.md and CONTRIBUTING.md say of the tree is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
_ROOM = re.compile(r"^\| `(bot[a-z0-9_/]*)` \|", re.MULTILINE)
_PATH = re.compile(r"`((?:bot|tests|docs|config|scripts|\.ci)/[\w./-]*|bot(?:/[\w-]+)+)`")
_NAME_IN_A_FILE = re.compile(r"`(\w+)`[^`|\n]* in `(bot/[\w/]+\.py)`")


def test_every_room_is_on_the_page() -> None:
    """One line for each folder with modules, and none for what is gone."""
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "bot").rglob("*.py")
        if path.name != "__init__.py"
    }
    listed = _ROOM.findall((ROOT / PAGES[0]).read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(rooms)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_is_there(page: str) -> None:
    """Files and folders, and the classes that are said to be in them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = set(_PATH.findall(text))
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    for name, path in _NAME_IN_A_FILE.findall(text):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), (name, path)
