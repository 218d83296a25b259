"""`run` on a machine whose clock is as wrong as a file says: `python -m tests.faults.clocked FILE`.

The file holds seconds. The bot's own guard against jumps stands behind this clock, as behind a real one.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

from bot.app import runtime
from bot.cli.shared import read_settings
from bot.core.shared import clock as clocks


async def main(offset: Path) -> None:
    """Run until SIGTERM."""
    right = clocks.system_clock

    def wrong() -> datetime:
        return right() + timedelta(seconds=float(offset.read_text() or 0))

    # Before the service takes the machine's clock, which it knows by this name.
    setattr(runtime, "system_clock", wrong)  # noqa: B010
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await runtime.serve(read_settings(), stop)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
