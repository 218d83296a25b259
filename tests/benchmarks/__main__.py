"""All benchmarks in one run, one table.

    python -m tests.benchmarks [--rounds 3] [--only NAME,...] [--quick] [--json FILE]

Every figure stands beside another one of the same rounds; what counts is the ratio, since absolute figures
depend on the machine. Contenders take turns, in alternating order. Ends with status 0 whether the aims are
met or not, and 1 if something could not be measured.

aiogram comes with the extra `benchmarks`; `--aiogram-python` names the interpreter of another environment
that has it, together with pymongo. Without it, the rows beside it are missing, and it says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pymongo import AsyncMongoClient

from bot.store.embedded.server import EmbeddedMongo
from bot.store.mongodb.client import Document
from tests.benchmarks import backlog, dispatch, footprint, growth, ingest, latency, picture, writers
from tests.benchmarks.harness import Bench, Failed, say
from tests.benchmarks.rows import Row, show

BENCHMARKS: dict[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    module.NAME: module.measure
    for module in (ingest, latency, backlog, growth, footprint, dispatch, writers, picture)
}
SIZES = {
    "taps": "given at once to each contender of `ingest`",
    "latency_taps": "given one by one in `latency`",
    "backlog": "taps that wait in `backlog`",
    "documents": "in each collection, at most, in `growth`",
    "write": "documents in the file of `writers`",
    "export": "documents that `writers` exports",
    "prompts": "sent in `dispatch`",
}


async def run(
    names: Sequence[str], given: argparse.Namespace
) -> tuple[list[Row], dict[str, float], str, list[str]]:
    """Measure; returns the rows, the seconds that each benchmark took, MongoDB's version, and what failed."""
    rows: list[Row] = []
    took: dict[str, float] = {}
    failures: list[str] = []
    sizes = {name: value for name in SIZES if (value := getattr(given, name)) is not None}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        async with (
            EmbeddedMongo(Path(directory)) as mongo,
            AsyncMongoClient[Document](mongo.url, w="majority", journal=True, tz_aware=True) as client,
        ):
            version = (await client.server_info())["version"]
            bench = Bench(
                mongo.url, client, given.rounds, given.quick, sizes, aiogram_of(given.aiogram_python)
            )
            for name in names:
                say(f"{name}:")
                begun = time.monotonic()
                try:
                    rows += await BENCHMARKS[name](bench)
                except Failed as exc:
                    failures.append(f"{name}: {exc}")
                took[name] = round(time.monotonic() - begun, 1)
    return rows, took, version, failures


def aiogram_of(python: str | None) -> str | None:
    """An interpreter that has aiogram, if there is one: the named one, else this one."""
    chosen = python or sys.executable
    tried = subprocess.run([chosen, "-c", "import aiogram, pymongo"], capture_output=True, check=False)
    if tried.returncode == 0:
        return chosen
    if python is not None:
        raise Failed(f"--aiogram-python: {python} cannot import aiogram and pymongo")
    say("aiogram is not installed, its rows are left out: pip install -e '.[benchmarks]'")
    return None


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def names(text: str) -> list[str]:
    """Benchmarks, in the order of the table."""
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        raise argparse.ArgumentTypeError(
            f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}"
        )
    return [name for name in BENCHMARKS if name in wanted]


def main() -> int:
    """Measure, print, and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--only", type=names, default=list(BENCHMARKS), metavar="NAME,...", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    parser.add_argument("--aiogram-python", metavar="FILE")
    for name, meaning in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=positive, metavar="N", help=meaning)
    given = parser.parse_args()
    try:
        rows, took, version, failures = asyncio.run(run(given.only, given))
    except Failed as exc:
        print(exc, file=sys.stderr)
        return 1
    show(rows)
    print("seconds:", ", ".join(f"{name} {seconds:.0f}" for name, seconds in took.items()))
    if given.json:
        machine = {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "mongodb": version,
        }
        document = {
            "machine": machine,
            "rounds": given.rounds,
            "quick": given.quick,
            "seconds": took,
            "rows": [row.as_dict() for row in rows],
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
