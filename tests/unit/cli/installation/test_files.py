"""What comes with the program: named, shown and copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.installation.files import find_files

ROOT = Path(__file__).resolve().parents[4]
# What `python -m tests` and pictures need, and nobody who runs the bot.
_FOR_DEVELOPERS = {"scripts/make_pictures", "scripts/chat_svg.py", "scripts/stage.py"}


def test_every_file_that_the_documentation_names_is_there() -> None:
    """By the name that stands there, or as what a folder of that name holds."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = {name.rstrip(".,/") for name in re.findall(r"\b(?:config|scripts)/[\w./-]+", text)}
    assert len(named) > 10
    known = find_files()
    assert [it for it in named if not any(f"{name}/".startswith(f"{it}/") for name in known)] == []


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    """Each name that is listed can be shown."""
    assert main(["files", "list"]) == 0
    names = capsys.readouterr().out.split()
    assert names == list(find_files())
    assert main(["files", "show", "config/env.example"]) == 0
    assert capsys.readouterr().out == (ROOT / "config/env.example").read_text(encoding="utf-8")


def test_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One or a folder of them; nothing that is there is overwritten, and nothing is copied then."""
    assert main(["files", "copy", "config/n8n", "scripts/create_roles.js", "--to", str(tmp_path)]) == 0
    copied = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert copied == {name for name in find_files() if name.startswith("config/n8n/")} | {
        "scripts/create_roles.js"
    }
    capsys.readouterr()
    arguments = ["files", "copy", "config/env.example", "scripts/create_roles.js", "--to", str(tmp_path)]
    assert main(arguments) == 1
    assert "create_roles.js is there already" in capsys.readouterr().err
    assert not (tmp_path / "config" / "env.example").exists()


def test_what_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A name that nobody knows, a place that cannot be written to."""
    assert main(["files", "show", "config/nothing"]) == 2
    assert "`files list` names all" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["files", "copy", "config/env.example", "--to", str(tmp_path / "file" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err
