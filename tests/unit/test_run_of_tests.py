"""What `python -m tests` goes by is so: files that it names, and what it installs for other Pythons."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import conftest, pythons
from tests.pythons import Python, find_others

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def test_what_begins_first_is_there() -> None:
    """Files and folders; of one that was moved nobody would notice."""
    named = (*conftest._FIRST, *pythons.ONLY_BY_DEFAULT)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_other_pythons_get_what_this_one_has() -> None:
    """The same packages within the same bounds, and fewer of them."""
    assert set(EXTRAS["unit"]) < set(EXTRAS["test"])


def test_other_pythons_are_what_they_are_called() -> None:
    """Each is found or missing, and this one is neither."""
    found, missing = find_others()
    minors = [python.minor for python in found] + [int(name.partition(".")[2]) for name in missing]
    assert sorted([*minors, sys.version_info.minor]) == sorted({*pythons.MINORS, sys.version_info.minor})
    for python in found:
        done = subprocess.run([python.executable, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"{python.name}.")


def test_one_python_has_the_lowest_versions() -> None:
    """Of everything that the bot depends on; of nothing that tests it."""
    [first, *others], _ = pythons.to_test_on()
    assert first.is_lowest
    assert not any(python.is_lowest for python in others)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    _, install, _ = Python(99, Path(sys.executable), Path("nowhere"), is_lowest=True).environment()
    installed = {line.partition("==")[0]: line for line in install if "==" in line}
    for line in project["dependencies"]:
        name, _, bounds = line.partition(">=")
        assert installed[name] == f"{name}=={bounds.partition(',')[0]}"
    assert set(EXTRAS["unit"]) <= set(install)


@pytest.mark.parametrize(
    ("requirement", "pinned"),
    [
        ("aiohttp>=3.11,<4", "aiohttp==3.11"),
        ("one==1.2.3", "one==1.2.3"),
        ("two[b,a]<3,>=2.1; sys_platform == 'linux'", 'two[a,b]==2.1; sys_platform == "linux"'),
    ],
)
def test_the_lowest_version(requirement: str, pinned: str) -> None:
    """With extras and markers as they are."""
    assert pythons.lowest(requirement) == pinned


def test_an_environment_that_stands_is_not_made_again(tmp_path: Path) -> None:
    """It is, once pyproject.toml asks for something else."""
    python = Python(99, Path(sys.executable), tmp_path)
    make, install, stamp = python.environment()
    assert make[-1] == str(tmp_path / "3.99")
    assert set(EXTRAS["unit"]) <= set(install)
    Path(stamp[-1]).parent.mkdir()
    Path(stamp[-1]).touch()
    assert python.environment() == []
