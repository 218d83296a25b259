"""Every fault, one table.

    python -m tests.faults [--quick] [--only CASE,...] [--seed N] [--soak-minutes N] [--json FILE]

Ends with status 1 if a case fails: a tap is lost, an older answer won, something came more often than the
contract allows, or a secret stands in a log. The quick set takes a few minutes, the whole one hours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from tests.faults.catalogue import CASES
from tests.faults.result import NotPossibleHere, Result, table
from tests.faults.stage import Stage
from tests.support.mongo import running_mongo


async def play(name: str, stage: Stage) -> Result:
    """One case; what goes wrong in it is its result."""
    try:
        result = await CASES[name](stage)
    except NotPossibleHere as exc:
        result = Result(skipped=str(exc))
    except Exception as exc:  # noqa: BLE001  # the other cases are to be played, too
        traceback.print_exc()
        result = Result(flaws=[f"it did not come to its end: {' '.join(str(exc).split())[:300]}"])
    result.flaws += stage.leaks()
    return result


def run(names: Iterable[str], given: argparse.Namespace) -> dict[str, Result]:
    """All of them, one after the other, each told as soon as it is done."""
    results: dict[str, Result] = {}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        running_mongo(Path(folder) / "mongo") as url,
    ):
        for name in names:
            begun = time.monotonic()
            rng = random.Random(f"{given.seed} {name}")
            stage = Stage(Path(folder) / name, url, rng, given.quick, given.soak_minutes)
            stage.folder.mkdir()
            results[name] = asyncio.run(play(name, stage))
            verdict = results[name].verdict
            print(f"{name}: {verdict} ({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
    return results


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"cases: {', '.join(CASES)}",
    )
    parser.add_argument("--quick", action="store_true", help="each case a few times only")
    parser.add_argument("--only", default=",".join(CASES), help="names of cases, with commas between")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="repeats random choices")
    parser.add_argument("--soak-minutes", type=float, default=60.0)
    parser.add_argument("--json", type=Path, help="also write the results there")
    given = parser.parse_args()
    given.names = given.only.split(",")
    if unknown := [name for name in given.names if name not in CASES]:
        parser.error(f"--only: there is no case {', '.join(unknown)}; choose from {', '.join(CASES)}")
    return given


def main() -> int:
    """Play, show, judge."""
    given = read_arguments()
    print(f"seed {given.seed}", file=sys.stderr)
    results = run(given.names, given)
    print(table(results))
    if given.json is not None:
        given.json.write_text(json.dumps({name: it.as_json() for name, it in results.items()}, indent=2))
    return int(any(result.verdict == "FAILS" for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
