"""The process that draws: what keeps it from being run is said by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.i18n.language import Language
from bot.core.shared.errors import PictureError
from bot.services.reports.chart_process import ChartProcess
from tests.unit.core.figures.test_stats import make_stats


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_python_that_cannot_be_run_is_named(tmp_path: Path, is_there: bool) -> None:
    """And not the folder in which it would have drawn."""
    python = tmp_path / "python"
    if is_there:
        python.write_text("#!/bin/sh\n")  # not executable
    painter = ChartProcess(tmp_path, (str(python), "-m", "bot.charts"))
    with pytest.raises(PictureError, match=rf"^{python}, which draws, cannot be run \("):
        await painter.draw(make_stats(), Language.EN)
