"""`python -m bot run`, with a watch on the time that its journal takes.

    python -m tests.benchmarks.metered_run FILE

FILE gets two numbers: the seconds that the journal's thread was at work, waiting for the disk and for the
interpreter included, and those of processor time. The watch costs a few looks at the clock for each call of
the journal, of which there are a few for every hundred taps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import cli
from bot.store.inbox.disk_journal import DiskJournal


def main() -> int:
    """Run until terminated; returns the exit status of the bot."""
    waited: list[float] = []
    worked: list[float] = []
    run = DiskJournal._run

    async def timed_run(self: DiskJournal, work: Callable[[], Any]) -> Any:
        def timed() -> Any:
            begun, begun_work = time.perf_counter(), time.thread_time()
            try:
                return work()
            finally:
                waited.append(time.perf_counter() - begun)
                worked.append(time.thread_time() - begun_work)

        return await run(self, timed)

    DiskJournal._run = timed_run  # type: ignore[method-assign]
    try:
        return cli.main(["run"])
    finally:
        Path(sys.argv[1]).write_text(f"{sum(waited)} {sum(worked)}")


if __name__ == "__main__":
    sys.exit(main())
