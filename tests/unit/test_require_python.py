"""A Python that is too old is told so by whoever builds the program, and the same as by pip."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from scripts.require_python import OLDEST, RequirePython, refusal

ROOT = Path(__file__).resolve().parents[2]


def test_which_is_too_old() -> None:
    """As pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"
    assert refusal(OLDEST) is None
    assert refusal((3, 14)) is None
    words = refusal((3, 10))
    assert words is not None
    assert words.startswith("feedback-bot needs Python 3.11 or newer, and this is 3.10: ")


def test_it_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one line; else it changes nothing."""
    hook = RequirePython(str(ROOT), {})
    metadata = {"name": "feedback-bot"}
    hook.update(metadata)
    assert metadata == {"name": "feedback-bot"}
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(SystemExit, match=r"this is 3\.9"):
        hook.update(metadata)
