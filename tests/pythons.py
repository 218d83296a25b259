"""The other supported Pythons of this machine, each with an environment for the unit tests.

One of them has the lowest versions that pyproject.toml allows of what the bot depends on; the others have the
newest, as a newcomer gets them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
MINORS = (11, 12, 13, 14)
# They read the tree with tools that only the default environment has, and say the same on every Python.
ONLY_BY_DEFAULT = ("tests/unit/test_no_secrets.py", "tests/unit/test_dependencies.py")


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter.

    Attributes:
        minor: 12 of Python 3.12.
        environments: the directory that its environment stands in.
    """

    minor: int
    executable: Path
    environments: Path = ROOT / ".ci" / "venv"
    is_lowest: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return f"Python 3.{self.minor}"

    @property
    def versions(self) -> str:
        """Which ones it has, for people."""
        return "lowest versions" if self.is_lowest else "newest versions"

    @property
    def _venv(self) -> Path:
        return self.environments / f"3.{self.minor}{'-lowest' if self.is_lowest else ''}"

    def environment(self) -> list[list[str]]:
        """Commands that make its environment in `.ci/venv`; none if that stands as pyproject.toml has it."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project["optional-dependencies"]
        needed = [*project["dependencies"], *extras["charts"], *extras["socks"]]
        wanted = [*(map(lowest, needed) if self.is_lowest else needed), *extras["unit"]]
        stamp = self._venv / hashlib.sha256("\n".join(wanted).encode()).hexdigest()
        if stamp.exists():
            return []
        pip = [str(self._venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        return [
            [str(self.executable), "-m", "venv", "--clear", str(self._venv)],
            [*pip, "--no-compile", *wanted],
            ["touch", str(stamp)],
        ]

    def unit_tests(self, workers: int) -> list[str]:
        """The command that runs them."""
        skipped = [f"--ignore={path}" for path in ONLY_BY_DEFAULT]
        options = ["-q", "-n", str(workers), "-p", "no:cacheprovider", "--hypothesis-profile=brief", *skipped]
        return [str(self._venv / "bin" / "python"), "-m", "pytest", *options, "tests/unit"]


def lowest(requirement: str) -> str:
    """The lowest version that a requirement allows, as a requirement."""
    read = Requirement(requirement)
    version = next(it.version for it in read.specifier if it.operator in (">=", "=="))
    extras = f"[{','.join(sorted(read.extras))}]" if read.extras else ""
    return f"{read.name}{extras}=={version}" + (f"; {read.marker}" if read.marker else "")


def to_test_on() -> tuple[list[Python], list[str]]:
    """The other Pythons, of which the first has the lowest versions, and the names of those that are not
    there. Where there is no other, this one has them, in an environment of its own."""
    found, missing = find_others()
    if not found:
        found = [Python(sys.version_info.minor, Path(sys.executable))]
    return [replace(found[0], is_lowest=True), *found[1:]], missing


def find_others() -> tuple[list[Python], list[str]]:
    """Those of `MINORS` that this machine has, and the names of those it has not; without this Python."""
    found, missing = [], []
    for minor in MINORS:
        if minor == sys.version_info.minor:
            continue
        executable = next((path for path in _candidates(minor) if _is(path, minor)), None)
        if executable is None:
            missing.append(f"3.{minor}")
        else:
            found.append(Python(minor, executable))
    return found, missing


def _candidates(minor: int) -> Iterator[Path]:
    if on_path := shutil.which(f"python3.{minor}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"), reverse=True)


def _is(executable: Path, minor: int) -> bool:
    """Whether it runs and is what it is called: a shim may stand for a Python that is not chosen."""
    code = "import sys, venv; print(*sys.version_info[:2])"
    done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.split() == ["3", str(minor)]
