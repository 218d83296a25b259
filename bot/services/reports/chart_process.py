"""Draws the picture of the figures in a process of its own, so that taps never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

from bot.core.figures.chart import chart_of
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.shared.errors import PictureError

TIMEOUT = 30.0
"""Seconds for one picture, the wait for another one included. The first one ever makes a list of fonts."""

MISSING_EXTRA = 3
"""The exit status of `python -m bot.charts` without the extra `charts`."""

_PROGRAM = (sys.executable, "-m", "bot.charts")
# All that the process needs; it is no place for secrets.
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "HOME", "TMPDIR", "SYSTEMROOT")


class ChartProcess:
    """Draws one picture at a time.

    Args:
        folder: where the drawing program keeps its list of fonts.
        program: what draws: JSON comes in, PNG goes out.
    """

    def __init__(self, folder: Path, program: tuple[str, ...] = _PROGRAM, timeout: float = TIMEOUT) -> None:
        self._folder = folder
        self._program = program
        self._timeout = timeout
        self._turn = asyncio.Lock()

    async def draw(self, stats: Stats, language: Language) -> bytes:
        """The picture as PNG.

        Raises:
            PictureError: it cannot be drawn, or not in time.
        """
        try:
            async with asyncio.timeout(self._timeout), self._turn:
                return await self._draw(json.dumps(chart_of(stats, language)).encode())
        except TimeoutError:
            raise PictureError(f"drawing took longer than {self._timeout:.0f} s") from None
        except OSError as exc:
            raise PictureError(f"{self._program[0]}, which draws, cannot be run ({exc.strerror})") from None

    async def _draw(self, chart: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._program,
            env={
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                "MPLCONFIGDIR": str(self._folder.absolute()),
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            picture, errors = await process.communicate(chart)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode == MISSING_EXTRA:
            raise PictureError(
                "matplotlib is not installed; pip install -e '.[charts]'", is_missing_extra=True
            )
        if process.returncode != 0 or not picture.startswith(b"\x89PNG"):
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
            raise PictureError(f"drawing failed with status {process.returncode}: {last}")
        return picture
