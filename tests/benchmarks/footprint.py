"""How long imports take, and how much an installation brings.

Beside this bot: python-telegram-bot, and pymongo for the size. What memory the running bots need shows in
`ingest`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from functools import partial
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.benchmarks.harness import Bench, Failed, take_turns
from tests.benchmarks.rows import Row

NAME = "footprint"

_IMPORTS = ("bot.cli", "bot.app.runtime", "telegram.ext")
_BASE = _IMPORTS[-1]
_OTHERS = ("python-telegram-bot", "pymongo")


async def measure(bench: Bench) -> list[Row]:
    """Imports round by round; sizes once."""
    # Short, and so quickly disturbed.
    rounds = 3 * bench.rounds
    times = await take_turns(rounds, {name: partial(imported, name) for name in _IMPORTS})
    ours = installed_mb(_requirements("feedback-bot"))
    return [
        *(
            Row(NAME, f"import {name}", "s", times[name], f"import {_BASE}", times[_BASE])
            for name in _IMPORTS
            if name != _BASE
        ),
        Row(NAME, "installed without extras", "MB", [ours], " and ".join(_OTHERS), [installed_mb(_OTHERS)]),
    ]


async def imported(name: str) -> float:
    """Seconds that a new interpreter takes for it, its own start included."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"import {name}")
    if await process.wait():
        raise Failed(f"{name} cannot be imported")
    return time.perf_counter() - begun


def installed_mb(names: Iterable[str]) -> float:
    """The files of some distributions and of all that they require, as they are installed here."""
    return sum(_bytes(name) for name in _closure(names)) / 1e6


def _closure(names: Iterable[str]) -> set[str]:
    todo, found = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _requirements(name)
    return found


def _requirements(name: str) -> list[str]:
    """What a distribution requires without any extra, by its normalized name."""
    wanted = map(Requirement, metadata.requires(name) or ())
    return [
        each.name.lower().replace("_", "-").replace(".", "-")
        for each in wanted
        if each.marker is None or each.marker.evaluate({"extra": ""})
    ]


def _bytes(name: str) -> int:
    files = [Path(str(path.locate())) for path in metadata.files(name) or ()]
    return sum(file.stat().st_size for file in files if file.is_file())
