"""The program as it comes from an index: built, installed in an empty place, and run without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bot.cli.installation.files import find_files
from tests.support.processes import run_to_end

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, built of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command = [*pip, "-w", str(folder), str(ROOT)]
    done = subprocess.run(command, env=_environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "100", **more}


def test_it_holds_the_program_and_nothing_else(wheel: Path) -> None:
    """And each file that the documentation names."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"bot"}
    assert {f"bot/files/{name}" for name in find_files()} <= set(names)
    assert not [name for name in names if "__pycache__" in name or "tests" in name]


async def test_it_runs_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    """The demo, and what comes with the program."""
    place, home = tmp_path / "place", tmp_path / "home"
    home.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)]
    done = await run_to_end(pip, _environment(home), home, timeout=120)
    assert done.status == 0, done.err
    environment = _environment(home, PYTHONPATH=str(place))
    code = "import bot; print(bot.__file__)"
    done = await run_to_end([sys.executable, "-c", code], environment, home)
    assert done.out.startswith(str(place))
    done = await run_to_end([sys.executable, "-m", "bot", "files", "list"], environment, home)
    assert done.out.split() == list(find_files())
    environment["TMPDIR"] = str(home)
    done = await run_to_end([sys.executable, "-m", "bot", "demo", "--keep"], environment, home, timeout=120)
    assert (done.status, done.err) == (0, "")
    go, summary = done.out.splitlines()[-2:]
    done = await run_to_end(["/bin/sh", "-c", f"{go} && {summary}"], environment, home)
    assert (done.status, done.err) == (0, "")
    assert "7 sessions planned" in done.out


async def test_the_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither on the disk nor running."""
    environment = _environment(tmp_path, PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path))
    done = await run_to_end([sys.executable, "-m", "bot", "demo"], environment, tmp_path, timeout=120)
    assert (done.status, done.err) == (0, "")
    assert "Nothing is left running" in done.out
    assert os.listdir(tmp_path) == []  # noqa: PTH208  # no path is wanted
