"""The program as it comes from an index: built, installed in an empty place, and run without a checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bot import __version__
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


def test_what_it_says_of_itself(wheel: Path) -> None:
    """As an index checks it, and as pip goes by it: all of it from one place, and from no other host."""
    with zipfile.ZipFile(wheel) as opened:
        [folder] = {name.partition("/")[0] for name in opened.namelist() if ".dist-info/" in name}
        said = opened.read(f"{folder}/METADATA")
        entry_points = opened.read(f"{folder}/entry_points.txt").decode()
    read = Metadata.from_email(said, validate=True)
    assert (read.name, str(read.version)) == ("feedback-bot", __version__)
    assert wheel.name == f"feedback_bot-{__version__}-py3-none-any.whl"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert read.requires_python == SpecifierSet(project["requires-python"])
    assert read.summary == project["description"]
    assert read.description_content_type == "text/markdown"
    assert read.description == (ROOT / "README.md").read_text(encoding="utf-8")
    extras = project["optional-dependencies"]
    assert sorted(read.provides_extra or []) == sorted(extras)
    wanted = [Requirement(line) for line in project["dependencies"]]
    for extra, lines in extras.items():
        for each in map(Requirement, lines):
            condition = f"extra == '{extra}'"
            each.marker = Marker(f"({each.marker}) and {condition}" if each.marker else condition)
            wanted.append(each)
    found = read.requires_dist or []
    assert sorted(map(_plain, found)) == sorted(map(_plain, wanted))
    assert all(each.url is None for each in found)
    assert entry_points.split() == ["[console_scripts]", "feedback-bot", "=", "bot.cli:main"]


def _plain(requirement: Requirement) -> str:
    """However its marker is bracketed and quoted."""
    return re.sub(r"[()'\"\s]", "", str(requirement))


def test_a_wheel_of_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """What builds it is in the sdist, too."""
    code = f"from hatchling.build import build_sdist; build_sdist({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [sdist] = tmp_path.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command = [*pip, "-w", str(tmp_path), str(sdist)]
    done = subprocess.run(command, env=_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / wheel.name) as other:
        assert {it.filename: it.CRC for it in one.infolist()} == {
            it.filename: it.CRC for it in other.infolist()
        }


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
