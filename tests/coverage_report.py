"""What the tests of one run have executed of the bot: one total, and the modules with the least."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = Path(__file__).resolve().parent.parent / ".coverage.json"
OPTIONS = ("--cov=bot", f"--cov-report=json:{_FILE}")
"""For pytest. Lines in the processes of tests count; those of bots that tests start, and kill, do not."""
_LEAST = 10


def forget() -> None:
    """What an earlier run has measured is none of this one."""
    _FILE.unlink(missing_ok=True)


def show() -> None:
    """Print it."""
    if not _FILE.exists():
        print("== coverage: not measured, the tests did not come to their end")
        return
    measured = json.loads(_FILE.read_text(encoding="utf-8"))
    print(f"== coverage: {measured['totals']['percent_covered']:.1f} % of the lines of bot/; least of all:")
    share = {
        name: file["summary"]["percent_covered"]
        for name, file in measured["files"].items()
        if file["summary"]["num_statements"]
    }
    for name in sorted(share, key=share.__getitem__)[:_LEAST]:
        print(f"   {share[name]:5.1f} %  {name}")
