"""`python -m bot.charts`: JSON on standard input (see `bot.core.figures.chart`) -> PNG on standard output.

Exit status 3: the extra `charts` is not installed.
"""

import contextlib
import json
import os
import sys

try:
    from bot.charts.drawing import draw
except ImportError as exc:
    print(exc, file=sys.stderr)  # noqa: T201  # what the caller logs
    sys.exit(3)

with contextlib.suppress(OSError):
    os.nice(10)  # taps first
sys.stdout.buffer.write(draw(json.load(sys.stdin)))
