"""The demo as it looks at a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.bot import ROOT
from tests.support.terminals import AtTerminal


@pytest.mark.parametrize("columns", [60, 120])
async def test_it_fits_the_terminal(tmp_path: Path, columns: int) -> None:
    """No line is longer, nothing is cut off, and what belongs to a day stands below it."""
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "bot", "demo"]
    async with AtTerminal(command, env, tmp_path, columns=columns) as person:
        assert await person.ended(120) == 0, person.text
        lines = person.text.splitlines()
    assert [line for line in lines if len(line) > columns] == []
    assert "…" not in person.text
    assert "┃ sessionDate ┃ type    ┃ what else was said " in person.text
    week = lines[next(n for n, line in enumerate(lines) if line.startswith("Mon ")) :]
    assert all(line.startswith(" " * 11) for line in week[1:3])
