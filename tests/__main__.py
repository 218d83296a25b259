"""Everything that must hold: lint, types, tests, and the unit tests on other Pythons.

python -m tests                   the whole
python -m tests --coverage        the whole, and what of bot/ the tests execute; slower on Python 3.11
python -m tests --quick           lint of what changed, types, unit tests: under a minute
python -m tests PYTEST-OPTION...  lint, types, and the tests that these options of pytest choose
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests import coverage_report
from tests.pythons import Python, to_test_on

ROOT = Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 1
# What must stay together, and what begins: see tests/conftest.py.
_GROUPED = ("--no-loadscope-reorder",)
# Real processes wait more than they compute.
SIDE_BY_SIDE = ("-n", str(2 * CORES), *_GROUPED)
_BESIDE = 10  # nice value of what runs beside the tests: they have bounds in time, and come first


@dataclass(frozen=True, slots=True)
class Step:
    """One command."""

    name: str
    command: Sequence[str]
    nice: int = 0

    def run(self, *, is_shown: bool = False) -> bool:
        """Run it and say how it went; what it prints is shown as it comes, or only if it fails."""
        begun = time.monotonic()
        # Test modules are kept as rewritten, even if the shell forbids it: else each worker rewrites each.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env |= {"COVERAGE_CORE": "sysmon"} if hasattr(sys, "monitoring") else {}
        kept = None if is_shown else subprocess.PIPE
        command = ["nice", "-n", str(self.nice), *self.command] if self.nice else self.command
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdout=kept, stderr=kept and subprocess.STDOUT, check=False
        )
        if done.stdout and done.returncode:
            print(done.stdout.decode(errors="replace"), flush=True)
        how = "failed" if done.returncode else "passed"
        print(f"== {self.name}: {how}, {time.monotonic() - begun:.0f} s", flush=True)
        return done.returncode == 0


def all_pass(steps: Iterable[Step]) -> bool:
    """Run them in turn, up to the first that fails."""
    return all(step.run() for step in steps)


def module(name: str, *command: str, nice: int = 0) -> Step:
    """A step that runs a module with this Python."""
    return Step(name, [sys.executable, "-m", *command], nice)


@contextmanager
def scratch() -> Iterator[str]:
    """The option of pytest for a directory of its own, which no other run of pytest cleans up."""
    with tempfile.TemporaryDirectory(prefix="feedback-bot-tests-", ignore_cleanup_errors=True) as folder:
        yield f"--basetemp={folder}/of-tests"


def lint(files: Sequence[str] = (".",)) -> list[Step]:
    """Of these files."""
    return [
        module("lint", "ruff", "check", *files),
        module("format", "ruff", "format", "--check", *files),
    ]


def pass_on(python: Python) -> bool:
    """Run the unit tests on another Python, in an environment that is made if need be."""
    with scratch() as own_directory:
        make = [Step(f"{python.name}, environment", command) for command in python.environment()]
        unit = Step(f"{python.name}, unit tests", [*python.unit_tests(CORES), own_directory])
        return all_pass([*make, unit])


def changed() -> list[str]:
    """Python files that differ from the branch `main`, here or at the origin; all, where git cannot say."""
    git = partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=False)
    bases = (git(["git", "merge-base", "HEAD", name]).stdout.strip() for name in ("origin/main", "main"))
    base = next(filter(None, bases), None)
    if base is None:
        return ["."]
    listed = [
        git(["git", *arguments])
        for arguments in (
            ("diff", "--name-only", "--diff-filter=d", base),
            ("ls-files", "--others", "--exclude-standard"),
        )
    ]
    if any(done.returncode for done in listed):
        return ["."]
    return sorted(name for done in listed for name in done.stdout.splitlines() if name.endswith(".py"))


def quick() -> bool:
    """What one wants to know after each change."""
    files = changed()
    print(f"== lint of {'everything' if files == ['.'] else f'{len(files)} changed files'}", flush=True)
    if files and not all_pass(lint(files)):
        return False
    slowest = ("--durations=5", "--durations-min=1")
    options = ("-q", "-n", str(CORES), *_GROUPED, *slowest)
    with scratch() as own_directory, ThreadPoolExecutor() as pool:
        types = pool.submit(module("types", "mypy").run)
        unit = module("unit tests", "pytest", *options, own_directory, "tests/unit")
        return unit.run(is_shown=True) & types.result()


def chosen(options: Sequence[str]) -> bool:
    """Lint, types and some tests."""
    with scratch() as own_directory:
        tests = module("tests", "pytest", *SIDE_BY_SIDE, own_directory, *options)
        return all_pass([*lint(), module("types", "mypy")]) and tests.run(is_shown=True)


def whole(*, with_coverage: bool) -> bool:
    """All there is. Types are checked beside the tests, which wait a lot; other Pythons come afterwards."""
    if not all_pass(lint()):
        return False
    others, missing = to_test_on()
    ran = ", ".join(f"{python.name} ({python.versions})" for python in others)
    print(f"== other Pythons: {ran}; not on this machine: {', '.join(missing) or 'none'}", flush=True)

    coverage_report.forget()
    with scratch() as own_directory, ThreadPoolExecutor() as pool:
        types = pool.submit(module("types", "mypy", nice=_BESIDE).run)
        measured = coverage_report.OPTIONS if with_coverage else ()
        tests = module("tests", "pytest", *SIDE_BY_SIDE, own_directory, *measured)
        passed = tests.run(is_shown=True)
        passed &= types.result()
    if with_coverage:
        coverage_report.show()
    return all([passed, *map(pass_on, others)])


def main() -> int:
    """Run what the command line asks for."""
    begun = time.monotonic()
    options = sys.argv[1:]
    match options:
        case ["--quick"]:
            passed = quick()
        case [] | ["--coverage"]:
            # A Python that tells what it executes itself needs no look at each line.
            passed = whole(with_coverage=bool(options) or hasattr(sys, "monitoring"))
        case _:
            passed = chosen(options)
    print(f"== {'all passed' if passed else 'FAILED'}, {time.monotonic() - begun:.0f} s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
