"""Replay and histories, at length.

    python -m tests.checker [--seconds N | --examples N] [--seed S]

An example is either a hundred pairs of things that somebody does, each done in four ways, or a few histories
of twenty people each; they take turns. Without --seconds and --examples every pair comes once. What ends
wrongly is printed, each kind of it once, with the shortest history; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.checker.histories import kinds, live, make_example, shrink
from tests.checker.pairs import all_pairs, check
from tests.support.mongo import running_mongo

_PAIRS = 100
_HISTORIES = 4


def noon() -> datetime:
    """A time of day at which nothing else is due."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


class Report:
    """What is wrong, each kind of it told once."""

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}

    def is_new(self, found: str) -> bool:
        """Count it; whether it is the first of its kind."""
        (kind,) = kinds([found])
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return self.kinds[kind] == 1


async def _pairs(number: int, seed: int, folder: Path, url: str, report: Report) -> None:
    pairs = all_pairs()
    random.Random(seed).shuffle(pairs)
    start = number * _PAIRS % len(pairs)
    wrong = await check(pairs[start : start + _PAIRS], folder, url, noon())
    for told, found in wrong.items():
        for new in [it for it in found if report.is_new(it)]:
            print(f"{told}\n    {new}", flush=True)


async def _histories(number: int, seed: int, folder: Path, url: str, report: Report) -> None:
    examples = [
        make_example(seed + number * _HISTORIES + n, is_pushed=n == _HISTORIES - 1) for n in range(_HISTORIES)
    ]
    found = await asyncio.gather(
        *(live(example, folder / str(n), url, noon()) for n, example in enumerate(examples))
    )
    for example, wrongs in zip(examples, found, strict=True):
        for n, wrong in enumerate(wrongs):
            new = [it for it in wrong.found if report.is_new(it)]
            if new:
                short = await shrink(example, wrong, folder / f"{example.seed}-{n}", url, noon())
                print(f"history {example.seed}{', by webhook' if example.is_pushed else ''}")
                print(short.life.told(example.troubles))
                print("\n".join(f"    !! {it}" for it in short.found), flush=True)


async def work(given: argparse.Namespace, folder: Path, url: str) -> Report:
    """Examples until there are enough."""
    report, begun, number = Report(), time.monotonic(), 0
    enough = given.examples or 2 * -(-len(all_pairs()) // _PAIRS)
    while time.monotonic() - begun < given.seconds if given.seconds else number < enough:
        play = _pairs if number % 2 == 0 else _histories
        await play(number // 2, given.seed, folder / str(number), url, report)
        number += 1
        print(f"{number} examples, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return report


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.checker",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--seconds", type=float, help="begin no further example after so long")
    much.add_argument("--examples", type=int, help="so many")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="repeats random choices")
    return parser.parse_args()


def main() -> int:
    """Play, show, judge."""
    given = read_arguments()
    print(f"seed {given.seed}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        running_mongo(Path(folder) / "mongo") as url,
    ):
        report = asyncio.run(work(given, Path(folder), url))
    for kind, times in sorted(report.kinds.items(), key=lambda item: -item[1]):
        print(f"{times} times: {kind}")
    if not report.kinds:
        print("nothing")
    return int(bool(report.kinds))


if __name__ == "__main__":
    sys.exit(main())
