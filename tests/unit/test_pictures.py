"""The picture of the figures: drawn elsewhere, in time, or not at all."""

from __future__ import annotations

import asyncio
import struct
import sys
from pathlib import Path

import pytest

from bot.api.examples import stats
from bot.core.errors import PictureError
from bot.core.language import Language
from bot.flows.pictures import Painter

FIGURES = stats()


def painter(folder: Path, program: str, timeout: float = 20) -> Painter:
    """One with a program of the test's own."""
    return Painter(folder, (sys.executable, "-c", program), timeout)


async def test_a_picture_is_drawn(tmp_path: Path) -> None:
    """By the real program: a PNG of the size that Telegram leaves alone."""
    png = await Painter(tmp_path).draw(FIGURES, Language.ES)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (1080, 1280)
    assert len(png) < 500_000


async def test_without_the_extra_the_cure_is_told(tmp_path: Path) -> None:
    """matplotlib is not there."""
    program = """
import runpy, sys
sys.modules["matplotlib"] = None
runpy.run_module("bot.charts", run_name="__main__")
"""
    with pytest.raises(PictureError, match="charts") as caught:
        await painter(tmp_path, program).draw(FIGURES, Language.EN)
    assert caught.value.is_missing_extra


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('no paint')", "status 1: no paint"),
        ("print('no picture')", "status 0"),
        ("import time; time.sleep(60)", "longer"),
    ],
)
async def test_a_failure_is_told(tmp_path: Path, program: str, reason: str) -> None:
    """In one line, and soon."""
    with pytest.raises(PictureError, match=reason) as caught:
        await painter(tmp_path, program, 1 if "sleep" in program else 20).draw(FIGURES, Language.EN)
    assert not caught.value.is_missing_extra


async def test_a_program_that_cannot_begin(tmp_path: Path) -> None:
    """It is not there."""
    with pytest.raises(PictureError, match="cannot begin"):
        await Painter(tmp_path, (str(tmp_path / "none"),)).draw(FIGURES, Language.EN)


async def test_secrets_stay_here_and_one_is_drawn_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program's environment has no settings; a second picture waits for the first."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:zebra")
    mark = tmp_path / "running"
    program = f"""
import os, pathlib, sys, time
mark = pathlib.Path({str(mark)!r})
mark.touch(exist_ok=False)
time.sleep(0.1)
mark.unlink()
sys.stdout.buffer.write(b"\\x89PNG" + repr(dict(os.environ)).encode())
"""
    ours = painter(tmp_path, program)
    for png in await asyncio.gather(*(ours.draw(FIGURES, Language.EN) for _ in range(3))):
        assert b"zebra" not in png
        assert b"MPLCONFIGDIR" in png
